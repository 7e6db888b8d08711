/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* The symmetric primitives, as thin calls over OpenSSL 3. Sizes are in bytes. */
#include <stddef.h>
#include <stdint.h>

#include "base/bytes.h"
#include "base/secret.h"

#define SHA256_SIZE 32
#define SHA384_SIZE 48
#define SHA512_SIZE 64

int sha256(uint8_t ret[static SHA256_SIZE], struct bytes data) MUST_CHECK;
int sha384(uint8_t ret[static SHA384_SIZE], struct bytes data) MUST_CHECK;
int sha512(uint8_t ret[static SHA512_SIZE], struct bytes data) MUST_CHECK;
int hmac_sha256(uint8_t ret[static SHA256_SIZE], struct bytes key, struct bytes data) MUST_CHECK;

/* HKDF-SHA-256 (RFC 5869) with an empty salt: `size` bytes (1..8160) of key for the purpose `info`. */
int hkdf_sha256(struct secret *ret, size_t size, struct bytes key, struct bytes info) MUST_CHECK;

/* AES-256-GCM. `key` is 32 bytes. Sealed form: 12 bytes random nonce || ciphertext || 16 bytes tag. */
#define AEAD_KEY_SIZE 32
#define AEAD_NONCE_SIZE 12
#define AEAD_TAG_SIZE 16
#define AEAD_OVERHEAD (AEAD_NONCE_SIZE + AEAD_TAG_SIZE)
enum { AEAD_E_FORGED = 1 }; /* too short, or the tag does not fit key, associated data and text */
int aead_seal(struct buf *to, struct bytes key, struct bytes associated, struct bytes plain) MUST_CHECK;
int aead_open(struct secret *ret, struct bytes key, struct bytes associated, struct bytes sealed) MUST_CHECK;

/* The one seam for randomness: OpenSSL's public DRBG. 0 or -EIO. */
int random_bytes(void *to, size_t size) MUST_CHECK;
