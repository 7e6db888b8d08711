/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * JSON Web Keys (RFC 7517): the few kinds that the protocol knows, each bound to the one algorithm that its `alg` names
 * (spec/kbs.md section 5).
 *
 * A `struct jwk` exists only when it has been judged: exact coordinate lengths, a point on the curve, a modulus within the limits,
 * an algorithm that fits the kind. RSA1_5 does not exist here. Private keys live in OpenSSL's key objects, which cleanse them.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/bytes.h"
#include "base/compiler.h"
#include "base/error.h"
#include "base/json.h"
#include "base/secret.h"

#define JWK_RSA_BITS_MIN 2048
#define JWK_RSA_BITS_MAX 4096     /* a larger one only costs time: the content key has 256 bits */
#define JWK_RSA_EXPONENT_MIN 65537 /* odd, and at most 32 bits: a large exponent is a denial of service */
#define JWK_TEXT_MAX ((size_t)8 << 10) /* a private RSA-4096 key has 3.2 KiB */
#define JWK_THUMBPRINT_SIZE 44    /* base64url of a SHA-256 and a NUL */

enum jwk_kind { JWK_P256 = 1, JWK_P521, JWK_RSA };

enum jwk_alg {
	JWK_ECDH_ES_A256KW = 1, /* P-256, P-521 */
	JWK_RSA_OAEP_256,       /* RSA */
	JWK_ES256,              /* P-256 */
};

enum jwk_part { JWK_PUBLIC, JWK_PRIVATE };

enum {
	JWK_E_MALFORMED = 1, /* not an object, a member missing, of another type, not strict base64url, an integer with leading zeros */
	JWK_E_KIND,          /* kty or crv that is not served */
	JWK_E_ALG,           /* no alg, or one that does not fit the kind or the use */
	JWK_E_LENGTH,        /* coordinate, private value or modulus of another size */
	JWK_E_POINT,         /* not a point of the curve, not a sound RSA modulus or exponent, private and public part do not fit */
	JWK_E_PRIVATE,       /* a private key where only a public one may stand */
};

struct jwk;

/* NULL is allowed; returns NULL. The private part is cleansed. */
struct jwk *jwk_free(struct jwk *key);
DEFINE_CLEANUP(struct jwk *, jwk_free)
#define JWK_AUTO CLEANUP(jwk_freep) struct jwk *

/*
 * A fresh private key to which secrets are encrypted: ECDH-ES+A256KW for the curves, RSA-OAEP-256 for RSA. `bits` counts only for
 * RSA: 2048, 3072 or 4096. 0, -EINVAL, -ENOMEM, -EIO.
 */
int jwk_generate(enum jwk_kind kind, unsigned bits, struct jwk **ret) MUST_CHECK;
/* A fresh private P-256 key that signs (ES256). 0, -ENOMEM, -EIO. */
int jwk_generate_signer(struct jwk **ret) MUST_CHECK;

/*
 * Any kind, with its `alg`. JWK_PUBLIC refuses an object with private members, JWK_PRIVATE wants them. Members that we do not know
 * are ignored. json-c does not wipe: a private key comes this way only in tests and from files; the store uses jwk_private_read().
 * 0, JWK_E_* with a text, -ENOMEM.
 */
int jwk_import(struct json_object *object, enum jwk_part part, struct jwk **ret, struct error *error) MUST_CHECK;

/* The public key of a guest: only kinds to which a secret can be encrypted. `error` may be NULL. 0, JWK_E_*, -ENOMEM. */
int jwk_import_recipient(struct jwk **ret, struct json_object *object, struct error *error) MUST_CHECK;

/*
 * The public key with exactly the members of the protocol in canonical order: alg, crv, kty, x, y or alg, e, kty, n. json_write()
 * and json_canonical() give the same text. Caller puts it. 0, -ENOMEM, -EIO.
 */
int jwk_export_public(const struct jwk *key, struct json_object **ret) MUST_CHECK;

/* The private key as PKCS#8 DER, and back. 0; -EINVAL (not private; `read`: not such a key, or unfit for `alg`), -ENOMEM. */
int jwk_private_write(const struct jwk *key, struct secret *ret) MUST_CHECK;
int jwk_private_read(struct bytes der, enum jwk_alg alg, struct jwk **ret) MUST_CHECK;

/* RFC 7638 with SHA-256, base64url. 0, -ENOMEM, -EIO. */
int jwk_thumbprint(const struct jwk *key, char ret[static JWK_THUMBPRINT_SIZE]) MUST_CHECK;

enum jwk_kind jwk_kind(const struct jwk *key);
enum jwk_alg jwk_alg(const struct jwk *key);
const char *jwk_alg_name(enum jwk_alg alg); /* as in JSON: "ECDH-ES+A256KW" ... */
bool jwk_is_private(const struct jwk *key);
