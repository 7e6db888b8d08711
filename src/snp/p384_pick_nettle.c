/* SPDX-License-Identifier: Apache-2.0 */
/* The build picks this backend. */
#include "snp/p384.h"

const char p384_backend[] = "nettle";

int p384_verify(const uint8_t key[static P384_KEY_SIZE], const uint8_t digest[static P384_DIGEST_SIZE],
	const uint8_t r[static P384_COORDINATE_SIZE], const uint8_t s[static P384_COORDINATE_SIZE])
{
	return p384_verify_nettle(key, digest, r, s);
}
