/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/ecdsa.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/params.h>
#include <string.h>

#include "snp/p384.h"

#define POINT_SIZE (1 + P384_KEY_SIZE)
#define DER_MAX 110 /* SEQUENCE of two INTEGERs of at most 49 bytes */

static void key_freep(EVP_PKEY **key)
{
	EVP_PKEY_free(*key);
}

static void context_freep(EVP_PKEY_CTX **context)
{
	EVP_PKEY_CTX_free(*context);
}

/* fromdata() refuses points that are not on the curve, coordinates above p and the point at infinity. */
static int make_key(const uint8_t key[static P384_KEY_SIZE], EVP_PKEY **ret)
{
	CLEANUP(context_freep) EVP_PKEY_CTX *context = EVP_PKEY_CTX_new_from_name(NULL, "EC", NULL);
	uint8_t point[POINT_SIZE] = {0x04};
	char group[] = "P-384";
	OSSL_PARAM params[] = {OSSL_PARAM_construct_utf8_string(OSSL_PKEY_PARAM_GROUP_NAME, group, 0),
		OSSL_PARAM_construct_octet_string(OSSL_PKEY_PARAM_PUB_KEY, point, sizeof(point)), OSSL_PARAM_construct_end()};

	if (!context)
		return -ENOMEM;
	memcpy(point + 1, key, P384_KEY_SIZE);
	if (EVP_PKEY_fromdata_init(context) != 1 || EVP_PKEY_fromdata(context, ret, EVP_PKEY_PUBLIC_KEY, params) != 1)
		return P384_E_BAD_KEY;
	return 0;
}

/* A DER INTEGER of a positive number; returns its size. */
static size_t put_integer(uint8_t *to, const uint8_t number[static P384_COORDINATE_SIZE])
{
	size_t skip = 0, pad;

	while (skip < P384_COORDINATE_SIZE - 1 && number[skip] == 0)
		skip++;
	pad = number[skip] >> 7;
	to[0] = 2;
	to[1] = (uint8_t)(P384_COORDINATE_SIZE - skip + pad);
	to[2] = 0;
	memcpy(to + 2 + pad, number + skip, P384_COORDINATE_SIZE - skip);
	return 2 + pad + P384_COORDINATE_SIZE - skip;
}

int p384_verify_openssl(const uint8_t key[static P384_KEY_SIZE], const uint8_t digest[static P384_DIGEST_SIZE],
	const uint8_t r[static P384_COORDINATE_SIZE], const uint8_t s[static P384_COORDINATE_SIZE])
{
	CLEANUP(key_freep) EVP_PKEY *pkey = NULL;
	CLEANUP(context_freep) EVP_PKEY_CTX *context = NULL;
	uint8_t der[DER_MAX];
	size_t size = 2;
	int result = make_key(key, &pkey);

	if (result != 0) {
		ERR_clear_error();
		return result;
	}
	size += put_integer(der + size, r);
	size += put_integer(der + size, s);
	der[0] = 0x30;
	der[1] = (uint8_t)(size - 2);
	context = EVP_PKEY_CTX_new(pkey, NULL);
	if (!context)
		return -ENOMEM;
	if (EVP_PKEY_verify_init(context) != 1)
		return -EIO;
	result = EVP_PKEY_verify(context, der, size, digest, P384_DIGEST_SIZE) == 1 ? 0 : P384_E_BAD_SIGNATURE;
	ERR_clear_error();
	return result;
}
