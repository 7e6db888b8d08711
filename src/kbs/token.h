/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * The attestation token: an ES256 JWT that /attest answers with (spec/kbs.md sections 6, 11, 18).
 *
 * Clients that know only the bearer token need it, and other parties can read it as an EAR. Header: alg, kid (thumbprint of the
 * signer, as in the JWKS), typ "JWT". Claims: eat_profile, iat, exp, iss, ear.verifier-id, `tee-pubkey`, submods.cpu0 (ear.status,
 * ear.veraison.annotated-evidence.runtime_data_claims.tee-pubkey), and our own `sevattest-state`: the sealed session, the same text
 * that the cookie carries, so that both are opened by one function. To us everything else in the token is decoration.
 */
#include <stdint.h>

#include "base/bytes.h"
#include "base/compiler.h"
#include "base/json.h"
#include "jose/jwk.h"

#define TOKEN_STATE_MAX 4096 /* the sealed session as text: DESIGN section 9 allows 3 KiB */
#define TOKEN_SKEW 60        /* seconds that replicas' clocks may differ: for iat only, exp is exact */
#define TOKEN_ISSUER "sevattest"

enum {
	TOKEN_E_FORGED = 1, /* malformed, another algorithm, not signed by this key */
	TOKEN_E_EXPIRED,
	TOKEN_E_NOT_YET,    /* issued in the future */
	TOKEN_E_CLAIMS,     /* signed by us and yet not a token of ours */
};

struct token_claims {
	int64_t issued;
	int64_t expiry;
	struct json_object *tee_pubkey; /* borrowed; as jwk_export_public() gives it */
	const char *tee;                /* "snp", "az-snp-vtpm" */
	struct bytes state;             /* sealed session, text */
};

/* Appends the token; a NUL that `size` does not count follows. 0, -EINVAL (not a signing key, no state, times), -ENOMEM, -EIO. */
int token_sign(struct buf *to, const struct jwk *key, const struct token_claims *claims) MUST_CHECK;

/* The sealed state of a token that `key` signed and that is valid at `now`, appended. 0, TOKEN_E_*, -EINVAL, -ENOMEM. */
int token_verify(struct buf *ret_state, const struct jwk *key, struct bytes token, int64_t now) MUST_CHECK;

/* {"keys": [{alg, crv, kid, kty, use, x, y}]}. Caller puts it. 0, -EINVAL, -ENOMEM. */
int token_jwks(struct json_object **ret, const struct jwk *key) MUST_CHECK;
