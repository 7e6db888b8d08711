/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * JSON Web Encryption (RFC 7516), flattened, as the KBS protocol uses it (spec/kbs.md section 5): ECDH-ES+A256KW or RSA-OAEP-256 to
 * the guest's key, A256GCM for the content.
 *
 * The broker's side writes the header in the one form that unmodified clients can open: compact JSON, alg, enc, epk{crv,kty,x,y}.
 * The agent's side authenticates the text that it received and takes the algorithm from its own key, never from the header.
 */
#include "base/bytes.h"
#include "base/compiler.h"
#include "base/error.h"
#include "base/json.h"
#include "base/secret.h"
#include "jose/jwk.h"

#define JWE_PROTECTED_MAX 4096 /* base64url; ours have 330 at most, and a peer may add a few members */
#define JWE_IV_SIZE 12
#define JWE_TAG_SIZE 16
#define JWE_KEY_SIZE 32         /* content key, and the key that wraps it */
#define JWE_WRAPPED_KEY_SIZE 40 /* RFC 3394 adds 8 bytes */

enum {
	JWE_E_MALFORMED = 1, /* a member missing, of another type or size, not strict base64url; a member that would change the meaning */
	JWE_E_HEADER,        /* not JSON, alg other than the key's, enc other than A256GCM, another typ than asked for, or zip, crit, apu, apv */
	JWE_E_EPK,           /* no ephemeral key, or not a point of the key's curve */
	JWE_E_OPEN,          /* the key does not open it */
};

/* Views of the five members' texts (base64url), living in the JSON object. */
struct jwe_members {
	struct bytes protected;
	struct bytes encrypted_key;
	struct bytes iv;
	struct bytes ciphertext;
	struct bytes tag;
};

/*
 * The five members of a flattened JWE. All must be there; `recipients`, `header`, `unprotected` and `aad` must not; others are
 * ignored. 0 or JWE_E_MALFORMED.
 */
int jwe_members_read(struct json_object *object, struct jwe_members *ret, struct error *error) MUST_CHECK;

/*
 * Encrypts at most SECRET_MAX bytes to `key` (public part). The object has the five members in the order protected, encrypted_key,
 * iv, ciphertext, tag; the caller puts it. 0, -EINVAL (a signing key), -E2BIG, -ENOMEM, -EIO.
 */
int jwe_encrypt(struct json_object **ret, const struct jwk *key, struct bytes plain) MUST_CHECK;

/*
 * Opens a flattened JWE with our private key. `error` may be NULL; it never holds anything secret. 0, JWE_E_*, -EINVAL (not a
 * private key for encryption), -ENOMEM.
 */
int jwe_decrypt(struct secret *ret, const struct jwk *key, struct json_object *object, struct error *error) MUST_CHECK;

/*
 * The same for a message that is not a KBS release: the protected header also says `typ`, and one that says another is JWE_E_HEADER, so that
 * nothing made for one purpose is opened for another. `typ` is a constant of ours (written as it is); NULL: as above.
 */
int jwe_encrypt_typed(struct json_object **ret, const struct jwk *key, const char *typ, struct bytes plain) MUST_CHECK;
int jwe_decrypt_typed(
	struct secret *ret, const struct jwk *key, const char *typ, struct json_object *object, struct error *error) MUST_CHECK;
