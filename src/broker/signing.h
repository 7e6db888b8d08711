/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* The three P-256 keys: of tokens, of releases (the pin of agents), and the one that enrolments are sealed to. */
#include "base/error.h"
#include "base/json.h"
#include "base/secret.h"
#include "broker/catalog.h"

struct jwk;

struct signing {
	struct jwk *token;
	struct jwk *release;
	struct jwk *enrol; /* it opens, and signs nothing */
};

#define SIGNING_NULL {NULL, NULL, NULL}
#define SIGNING_ENROL "enrol"

/* The plain bytes of a new key, as they are wrapped and stored: a catalog_make_key. */
int signing_make(const char *name, struct secret *ret) MUST_CHECK;
/* All keys out of the catalog. */
int signing_load(struct catalog *catalog, struct signing *ret, struct error *error) MUST_CHECK;
void signing_deinit(struct signing *signing);
/* Signed checkpoints of the audit, by the release key but of a type of their own: an audit_sign and an audit_check of `struct signing`. */
int signing_sign_checkpoint(void *signing, struct bytes payload, struct buf *ret) MUST_CHECK;
int signing_check_checkpoint(void *signing, struct bytes text, struct buf *ret_payload) MUST_CHECK;
/* Adds to `object`: "release", "token" and "enrol", each {"jwk": public key, "thumbprint": RFC 7638}. */
int signing_describe(const struct signing *signing, struct json_object *object) MUST_CHECK;
