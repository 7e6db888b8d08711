/* SPDX-License-Identifier: Apache-2.0 */
/* The reference backend. */
#include <errno.h>
#include <openssl/core_names.h>
#include <openssl/ec.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/param_build.h>
#include <string.h>

#include "snp/p384.h"

/* The DER of two INTEGERs of 48 bytes: 2 + 2 * (2 + 1 + 48), with room for a long form that is not needed. */
#define SIGNATURE_MAX 120

static int key_new(const uint8_t key[static 2 * P384_SIZE], EVP_PKEY **ret)
{
	EVP_PKEY_CTX *context = EVP_PKEY_CTX_new_from_name(NULL, "EC", NULL);
	uint8_t point[1 + 2 * P384_SIZE];
	char group[] = "P-384";
	OSSL_PARAM parameters[3];
	int result = -ENOMEM;

	point[0] = 4; /* uncompressed */
	memcpy(point + 1, key, 2 * P384_SIZE);
	parameters[0] = OSSL_PARAM_construct_utf8_string(OSSL_PKEY_PARAM_GROUP_NAME, group, 0);
	parameters[1] = OSSL_PARAM_construct_octet_string(OSSL_PKEY_PARAM_PUB_KEY, point, sizeof(point));
	parameters[2] = OSSL_PARAM_construct_end();
	if (context && EVP_PKEY_fromdata_init(context) == 1)
		result = EVP_PKEY_fromdata(context, ret, EVP_PKEY_PUBLIC_KEY, parameters) == 1 ? 0 : P384_E_BAD_KEY;
	EVP_PKEY_CTX_free(context);
	return result;
}

bool p384_openssl_key_good(const uint8_t key[static 2 * P384_SIZE])
{
	EVP_PKEY *public = NULL;
	bool good = key_new(key, &public) == 0;

	EVP_PKEY_free(public);
	ERR_clear_error();
	return good;
}

static int signature_encode(
	const uint8_t r[static P384_SIZE], const uint8_t s[static P384_SIZE], uint8_t to[static SIGNATURE_MAX], size_t *ret_size)
{
	ECDSA_SIG *signature = ECDSA_SIG_new();
	BIGNUM *first = BN_bin2bn(r, P384_SIZE, NULL), *second = BN_bin2bn(s, P384_SIZE, NULL);
	uint8_t *at = to;
	int size;

	if (!signature || !first || !second || ECDSA_SIG_set0(signature, first, second) != 1) {
		ECDSA_SIG_free(signature);
		BN_free(first);
		BN_free(second);
		return -ENOMEM;
	}
	size = i2d_ECDSA_SIG(signature, NULL);
	if (size > 0 && size <= SIGNATURE_MAX)
		size = i2d_ECDSA_SIG(signature, &at);
	ECDSA_SIG_free(signature);
	if (size <= 0 || size > SIGNATURE_MAX)
		return -EIO;
	*ret_size = (size_t)size;
	return 0;
}

static int verify(EVP_PKEY *key, const uint8_t digest[static P384_SIZE], const uint8_t *signature, size_t size)
{
	EVP_PKEY_CTX *context = EVP_PKEY_CTX_new_from_pkey(NULL, key, NULL);
	int result = -ENOMEM;

	if (context && EVP_PKEY_verify_init(context) == 1) {
		int r = EVP_PKEY_verify(context, signature, size, digest, P384_SIZE);

		result = r == 1 ? 0 : P384_E_BAD_SIGNATURE;
	}
	EVP_PKEY_CTX_free(context);
	return result;
}

int p384_openssl_verify(const uint8_t key[static 2 * P384_SIZE], const uint8_t digest[static P384_SIZE], const uint8_t r[static P384_SIZE],
	const uint8_t s[static P384_SIZE])
{
	EVP_PKEY *public = NULL;
	uint8_t signature[SIGNATURE_MAX];
	size_t size;
	int result = key_new(key, &public);

	if (result == 0)
		result = signature_encode(r, s, signature, &size);
	if (result == 0)
		result = verify(public, digest, signature, size);
	EVP_PKEY_free(public);
	ERR_clear_error();
	return result;
}
