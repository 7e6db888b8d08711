/* SPDX-License-Identifier: Apache-2.0 */
#include <nettle/dsa.h>
#include <nettle/ecc-curve.h>
#include <nettle/ecc.h>
#include <nettle/ecdsa.h>

#include "snp/p384.h"

static void import(mpz_t to, const uint8_t number[static P384_COORDINATE_SIZE])
{
	mpz_import(to, P384_COORDINATE_SIZE, 1, 1, 0, 0, number);
}

/* nettle itself refuses coordinates above p, points off the curve, and r or s outside 1..n-1. */
int p384_verify_nettle(const uint8_t key[static P384_KEY_SIZE], const uint8_t digest[static P384_DIGEST_SIZE],
	const uint8_t r[static P384_COORDINATE_SIZE], const uint8_t s[static P384_COORDINATE_SIZE])
{
	struct ecc_point point;
	struct dsa_signature signature;
	int result = P384_E_BAD_KEY;
	mpz_t x, y;

	mpz_init(x);
	mpz_init(y);
	dsa_signature_init(&signature);
	ecc_point_init(&point, nettle_get_secp_384r1());
	import(x, key);
	import(y, key + P384_COORDINATE_SIZE);
	import(signature.r, r);
	import(signature.s, s);
	if (ecc_point_set(&point, x, y) == 1)
		result = ecdsa_verify(&point, P384_DIGEST_SIZE, digest, &signature) == 1 ? 0 : P384_E_BAD_SIGNATURE;
	ecc_point_clear(&point);
	dsa_signature_clear(&signature);
	mpz_clear(y);
	mpz_clear(x);
	return result;
}
