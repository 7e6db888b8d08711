/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* What the files of this folder share about keys: OpenSSL's object behind a struct jwk, and points without an `alg` (epk). */
#include <openssl/evp.h>
#include <openssl/types.h>

#include "jose/jwk.h"

#define JWK_COORDINATE_MAX 66 /* P-521 */

struct jwk {
	EVP_PKEY *pkey;
	enum jwk_kind kind;
	enum jwk_alg alg;
	bool private;
	char kid[JWK_THUMBPRINT_SIZE]; /* of keys that sign: each signature names it */
};

static inline void pkey_freep(EVP_PKEY **pkey)
{
	EVP_PKEY_free(*pkey);
}

static inline void pkey_context_freep(EVP_PKEY_CTX **context)
{
	EVP_PKEY_CTX_free(*context);
}

#define PKEY_AUTO CLEANUP(pkey_freep) EVP_PKEY *
#define PKEY_CONTEXT_AUTO CLEANUP(pkey_context_freep) EVP_PKEY_CTX *

/* "P-256", and 32; "P-521", and 66. */
const char *jwk_curve_name(enum jwk_kind kind);
size_t jwk_coordinate_size(enum jwk_kind kind);

/* Fills `kid` of a private key that signs, nothing of another. 0, -ENOMEM, -EIO. */
int jwk_name(struct jwk *key) MUST_CHECK;

/* One algorithm per key: which can go with a kind. */
bool jwk_alg_fits(enum jwk_alg alg, enum jwk_kind kind);

/* An EC public key object {kty, crv, x, y} of exactly this curve; its `alg` is not looked at. 0, JWK_E_*, -ENOMEM. */
int jwk_point_import(struct json_object *object, enum jwk_kind kind, EVP_PKEY **ret, struct error *error) MUST_CHECK;

/* The coordinates of an EC key, padded to the curve's size. 0, -EIO. */
int jwk_point_export(const EVP_PKEY *pkey, enum jwk_kind kind, uint8_t x[static JWK_COORDINATE_MAX],
	uint8_t y[static JWK_COORDINATE_MAX]) MUST_CHECK;

/* The strict base64url of one member, appended; `max` bytes at most. 0, JWK_E_MALFORMED, -ENOMEM. */
int jwk_member_decode(struct buf *to, struct json_object *object, const char *member, size_t max, struct error *error) MUST_CHECK;

/*
 * OpenSSL's objects from numbers, judged; `private` (may be empty) makes it a key pair that must fit. jwk_numbers.c. 0,
 * JWK_E_POINT, -ENOMEM.
 */
int jwk_point_make(enum jwk_kind kind, struct bytes x, struct bytes y, struct bytes private, EVP_PKEY **ret) MUST_CHECK;

/* Numbers of an RSA key, big endian, in the order of JWK: n e, and for a private key d p q dp dq qi. */
#define JWK_RSA_NUMBERS 8
int jwk_rsa_make(const struct bytes numbers[static JWK_RSA_NUMBERS], bool private, EVP_PKEY **ret) MUST_CHECK;
