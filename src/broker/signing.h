/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* The two P-256 signing keys: of tokens, and of releases (the pin of agents). */
#include "base/error.h"
#include "base/json.h"
#include "base/secret.h"
#include "broker/catalog.h"

struct jwk;

struct signing {
	struct jwk *token;
	struct jwk *release;
};

#define SIGNING_NULL {NULL, NULL}

/* The plain bytes of a new key, as they are wrapped and stored: a catalog_make_key. */
int signing_make(struct secret *ret) MUST_CHECK;
/* Both keys out of the catalog. */
int signing_load(struct catalog *catalog, struct signing *ret, struct error *error) MUST_CHECK;
void signing_deinit(struct signing *signing);
/* Adds to `object`: "release" and "token", each {"jwk": public key, "thumbprint": RFC 7638}. */
int signing_describe(const struct signing *signing, struct json_object *object) MUST_CHECK;
