/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * Makes JWEs whose cryptography is right and of which one thing is wrong: the header's text is the caller's, and everything else fits it. Were
 * the check of that one thing missing, they would open.
 */
#include "base/bytes.h"
#include "base/json.h"
#include "jose/jwk.h"

#define FORGED_PLAIN "a secret for the guest"

/*
 * ECDH-ES+A256KW to `key` (P-256 or P-521). `header` is JSON with ' for "; its first @ becomes the epk object {crv,kty,x,y}. The caller puts the
 * result.
 */
struct json_object *forge_by_agreement(const struct jwk *key, const char *header);

enum forge_rsa { FORGE_OAEP_256, FORGE_OAEP_SHA1, FORGE_OAEP_MGF1_SHA1, FORGE_OAEP_LABEL, FORGE_PKCS1, FORGE_SHORT_KEY, FORGE_LONG_KEY };

/* The same to an RSA key. */
struct json_object *forge_by_rsa(const struct jwk *key, const char *header, enum forge_rsa how);
