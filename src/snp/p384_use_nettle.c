/* SPDX-License-Identifier: Apache-2.0 */
#include "snp/p384.h"

int p384_verify(const uint8_t key[static 2 * P384_SIZE], const uint8_t digest[static P384_SIZE], const uint8_t r[static P384_SIZE],
	const uint8_t s[static P384_SIZE])
{
	return p384_nettle_verify(key, digest, r, s);
}

const char *p384_backend(void)
{
	return "nettle";
}

bool p384_key_good(const uint8_t key[static 2 * P384_SIZE])
{
	return p384_nettle_key_good(key);
}
