/* SPDX-License-Identifier: Apache-2.0 */
/* nettle has assembly for the field of P-384; OpenSSL 3.0 computes it with its generic big numbers. Public values only: nothing here needs
 * constant time. */
#include <nettle/bignum.h>
#include <nettle/dsa.h>
#include <nettle/ecc-curve.h>
#include <nettle/ecc.h>
#include <nettle/ecdsa.h>

#include "snp/p384.h"

static void import(mpz_t to, const uint8_t from[static P384_SIZE])
{
	mpz_init2(to, 8 * P384_SIZE);
	mpz_import(to, P384_SIZE, 1, 1, 1, 0, from);
}

/* ecc_point_set() refuses coordinates of p and above and points off the curve; infinity has no x || y form. */
static int point_set(struct ecc_point *point, const uint8_t key[static 2 * P384_SIZE])
{
	mpz_t x, y;
	int good;

	import(x, key);
	import(y, key + P384_SIZE);
	good = ecc_point_set(point, x, y);
	mpz_clear(x);
	mpz_clear(y);
	return good ? 0 : P384_E_BAD_KEY;
}

bool p384_nettle_key_good(const uint8_t key[static 2 * P384_SIZE])
{
	struct ecc_point point;
	bool good;

	ecc_point_init(&point, nettle_get_secp_384r1());
	good = point_set(&point, key) == 0;
	ecc_point_clear(&point);
	return good;
}

/* ecdsa_verify() refuses r and s outside 1..n-1. */
static int verify(const struct ecc_point *point, const uint8_t digest[static P384_SIZE], const uint8_t r[static P384_SIZE],
	const uint8_t s[static P384_SIZE])
{
	struct dsa_signature signature;
	int good;

	import(signature.r, r);
	import(signature.s, s);
	good = ecdsa_verify(point, P384_SIZE, digest, &signature);
	dsa_signature_clear(&signature);
	return good ? 0 : P384_E_BAD_SIGNATURE;
}

int p384_nettle_verify(const uint8_t key[static 2 * P384_SIZE], const uint8_t digest[static P384_SIZE], const uint8_t r[static P384_SIZE],
	const uint8_t s[static P384_SIZE])
{
	struct ecc_point point;
	int result;

	ecc_point_init(&point, nettle_get_secp_384r1());
	result = point_set(&point, key);
	if (result == 0)
		result = verify(&point, digest, r, s);
	ecc_point_clear(&point);
	return result;
}
