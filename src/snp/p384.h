/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * ECDSA over P-384: the one expensive operation of each report. Two backends behind one call; the build option `p384` picks which of them
 * p384_verify() is. Numbers are big endian, 48 bytes each; the public key is x || y. A signature with r or s outside 1..n-1 is bad.
 */
#include <stdbool.h>
#include <stdint.h>

#include "base/compiler.h"

#define P384_SIZE 48

enum p384_error {
	P384_E_BAD_SIGNATURE = 1,
	P384_E_BAD_KEY, /* not a point of the curve */
};

typedef int p384_verify_fn(const uint8_t key[static 2 * P384_SIZE], const uint8_t digest[static P384_SIZE],
	const uint8_t r[static P384_SIZE], const uint8_t s[static P384_SIZE]);

/* 0 good; P384_E_*; -ENOMEM or -EIO: could not tell. */
p384_verify_fn p384_verify MUST_CHECK;
/* True when x || y is a point of the curve; false also without memory. p384_verify() finds that out for itself. */
bool p384_key_good(const uint8_t key[static 2 * P384_SIZE]);
const char *p384_backend(void); /* "nettle" or "openssl" */

p384_verify_fn p384_nettle_verify MUST_CHECK;
p384_verify_fn p384_openssl_verify MUST_CHECK;
bool p384_nettle_key_good(const uint8_t key[static 2 * P384_SIZE]);
bool p384_openssl_key_good(const uint8_t key[static 2 * P384_SIZE]);
