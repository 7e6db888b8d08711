/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * JSON Web Signature (RFC 7515), compact, ES256 and nothing else. The key is the caller's: `jwk`, `jku`, `x5c`, `x5u` and `kid` in
 * a header choose nothing. The detached form (RFC 7515 appendix F) leaves the payload out: "header..signature".
 */
#include "base/bytes.h"
#include "base/compiler.h"
#include "base/error.h"
#include "base/json.h"
#include "jose/jwk.h"

#define JWS_TEXT_MAX ((size_t)64 << 10)       /* our tokens have 8 KiB, Trustee's with a certificate chain 16 */
#define JWS_HEADER_TEXT_MAX ((size_t)16 << 10) /* base64url, again for a chain */
#define JWS_SIGNATURE_SIZE 64                  /* r || s */

enum jws_form { JWS_COMPACT, JWS_DETACHED };

enum {
	JWS_E_MALFORMED = 1, /* not three parts of strict base64url, a part too large, a header that is not JSON */
	JWS_E_HEADER,        /* alg other than ES256, crit, b64, or another typ than was asked for */
	JWS_E_SIGNATURE,     /* not 64 bytes, or not of this key over these bytes */
};

/*
 * Signs `payload` with a private ES256 key. `header` (may be NULL, stays the caller's) gives more protected members; alg and kid
 * (the thumbprint) are added, the whole is written canonically. The text is appended to `to`; a NUL that `size` does not count
 * follows it. 0, -EINVAL (not such a key), -ENOMEM, -EIO.
 */
int jws_sign(struct buf *to, const struct jwk *key, enum jws_form form, struct json_object *header, struct bytes payload) MUST_CHECK;

/*
 * The protected header of a JWS, judged but NOT authenticated: alg must be ES256, crit and b64 absent, typ as asked (NULL:
 * whatever). Its values may be used only after a verification of the same text. Caller puts it. 0, JWS_E_MALFORMED, JWS_E_HEADER,
 * -ENOMEM.
 */
int jws_header_read(struct bytes text, const char *typ, struct json_object **ret, struct error *error) MUST_CHECK;

/*
 * Verifies a compact JWS; *ret_payload gets the payload appended, only when it is good. `error` may be NULL. 0, JWS_E_*, -EINVAL,
 * -ENOMEM.
 */
int jws_verify(struct buf *ret_payload, const struct jwk *key, struct bytes text, const char *typ, struct error *error) MUST_CHECK;

/* Verifies a detached JWS over `payload`; a text that carries a payload of its own is malformed. */
int jws_verify_detached(const struct jwk *key, struct bytes text, const char *typ, struct bytes payload,
	struct error *error) MUST_CHECK;
