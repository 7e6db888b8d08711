/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* Between the message (jwe.c) and the primitives (jwe_keys.c). Sizes are exact. */
#include "jose/jwe.h"
#include "jose/jwk_internal.h"

/* A256GCM. `cipher` has room for `plain.size`, `plain` of jwe_content_open for `cipher.size`. 0, JWE_E_OPEN, -ENOMEM, -EIO. */
int jwe_content_seal(const uint8_t key[static JWE_KEY_SIZE], const uint8_t iv[static JWE_IV_SIZE], struct bytes associated,
	struct bytes plain, uint8_t *cipher, uint8_t tag[static JWE_TAG_SIZE]) MUST_CHECK;
int jwe_content_open(const uint8_t key[static JWE_KEY_SIZE], const uint8_t iv[static JWE_IV_SIZE], struct bytes associated,
	struct bytes cipher, const uint8_t tag[static JWE_TAG_SIZE], uint8_t *plain) MUST_CHECK;

/*
 * The key that ECDH-ES+A256KW wraps with: Concat KDF (RFC 7518 section 4.6.2) of the agreement between `own` (private) and `peer`.
 */
int jwe_agree(struct secret *ret, EVP_PKEY *own, EVP_PKEY *peer) MUST_CHECK;

/* RFC 3394 with a 256-bit key. `unwrap`: JWE_E_OPEN when it does not fit. */
int jwe_key_wrap(const struct secret *wrapping, const struct secret *key, uint8_t ret[static JWE_WRAPPED_KEY_SIZE]) MUST_CHECK;
int jwe_key_unwrap(struct secret *ret, const struct secret *wrapping, const uint8_t wrapped[static JWE_WRAPPED_KEY_SIZE]) MUST_CHECK;

/* RSA-OAEP-256: SHA-256 for hash and mask, empty label. `open`: JWE_E_OPEN for whatever does not give exactly 32 bytes. */
int jwe_oaep_seal(struct buf *to, EVP_PKEY *pkey, const struct secret *key) MUST_CHECK;
int jwe_oaep_open(struct secret *ret, EVP_PKEY *pkey, struct bytes wrapped) MUST_CHECK;
