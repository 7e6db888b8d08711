/* SPDX-License-Identifier: Apache-2.0 *
 * A public RSA modulus gets no search for factors: it costs 6 ms, which anybody could make us spend, and a guest that sends a weak one
 * harms only itself. Its limits are in jwk_import.c.
 */
/*
 * OpenSSL's key objects from the numbers of a JWK.
 *
 * The curves have cofactor 1, so a point with coordinates below p that satisfies the equation is in the group: the quick check of
 * OpenSSL is the whole check, and the uncompressed form cannot express infinity.
 */
#include <errno.h>
#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/ec.h>
#include <openssl/err.h>
#include <openssl/param_build.h>
#include <openssl/params.h>
#include <string.h>

#include "jose/jwk_internal.h"

static void builder_freep(OSSL_PARAM_BLD **builder)
{
	OSSL_PARAM_BLD_free(*builder);
}

static void params_freep(OSSL_PARAM **params)
{
	OSSL_PARAM_free(*params);
}

static void number_freep(BIGNUM **number)
{
	BN_clear_free(*number);
}

/* `type` is "EC" or "RSA". NULL: OpenSSL does not take these numbers. */
static EVP_PKEY *from_params(const char *type, OSSL_PARAM_BLD *builder, bool private)
{
	PKEY_CONTEXT_AUTO context = EVP_PKEY_CTX_new_from_name(NULL, type, NULL);
	CLEANUP(params_freep) OSSL_PARAM *params = OSSL_PARAM_BLD_to_param(builder);
	EVP_PKEY *pkey = NULL;

	if (!context || !params || EVP_PKEY_fromdata_init(context) != 1)
		return NULL;
	if (EVP_PKEY_fromdata(context, &pkey, private ? EVP_PKEY_KEYPAIR : EVP_PKEY_PUBLIC_KEY, params) != 1)
		return NULL;
	return pkey;
}

static bool sound(EVP_PKEY *pkey, bool point, bool private)
{
	PKEY_CONTEXT_AUTO context = EVP_PKEY_CTX_new_from_pkey(NULL, pkey, NULL);

	if (!context || (point && EVP_PKEY_public_check_quick(context) != 1))
		return false;
	return !private || EVP_PKEY_check(context) == 1;
}

static int judged(EVP_PKEY *made, bool point, bool private, EVP_PKEY **ret)
{
	PKEY_AUTO pkey = made;
	bool good = pkey && sound(pkey, point, private);

	/* What OpenSSL has to say about a peer's key is no error of ours. */
	ERR_clear_error();
	if (!good)
		return JWK_E_POINT;
	*ret = pkey;
	pkey = NULL;
	return 0;
}

int jwk_point_make(enum jwk_kind kind, struct bytes x, struct bytes y, struct bytes private, EVP_PKEY **ret)
{
	CLEANUP(builder_freep) OSSL_PARAM_BLD *builder = OSSL_PARAM_BLD_new();
	CLEANUP(number_freep) BIGNUM *scalar = NULL;
	uint8_t point[1 + 2 * JWK_COORDINATE_MAX];
	size_t size = jwk_coordinate_size(kind);

	if (x.size != size || y.size != size || (private.size && private.size != size))
		return JWK_E_LENGTH;
	point[0] = POINT_CONVERSION_UNCOMPRESSED;
	memcpy(point + 1, x.data, size);
	memcpy(point + 1 + size, y.data, size);
	if (!builder || !OSSL_PARAM_BLD_push_utf8_string(builder, OSSL_PKEY_PARAM_GROUP_NAME, jwk_curve_name(kind), 0) ||
		!OSSL_PARAM_BLD_push_octet_string(builder, OSSL_PKEY_PARAM_PUB_KEY, point, 1 + 2 * size))
		return -ENOMEM;
	if (private.size) {
		/* A number of the secure heap makes the parameters live there too. */
		scalar = BN_secure_new();
		if (!scalar || !BN_bin2bn(private.data, (int)private.size, scalar) ||
			!OSSL_PARAM_BLD_push_BN(builder, OSSL_PKEY_PARAM_PRIV_KEY, scalar))
			return -ENOMEM;
	}
	return judged(from_params("EC", builder, private.size != 0), true, private.size != 0, ret);
}

int jwk_rsa_make(const struct bytes numbers[static JWK_RSA_NUMBERS], bool private, EVP_PKEY **ret)
{
	static const char *const names[JWK_RSA_NUMBERS] = {
		OSSL_PKEY_PARAM_RSA_N, OSSL_PKEY_PARAM_RSA_E, OSSL_PKEY_PARAM_RSA_D, OSSL_PKEY_PARAM_RSA_FACTOR1, OSSL_PKEY_PARAM_RSA_FACTOR2,
		OSSL_PKEY_PARAM_RSA_EXPONENT1, OSSL_PKEY_PARAM_RSA_EXPONENT2, OSSL_PKEY_PARAM_RSA_COEFFICIENT1,
	};
	CLEANUP(builder_freep) OSSL_PARAM_BLD *builder = OSSL_PARAM_BLD_new();
	BIGNUM *kept[JWK_RSA_NUMBERS] = {NULL};
	EVP_PKEY *made = NULL;
	bool good = builder;

	for (size_t i = 0; good && i < (private ? JWK_RSA_NUMBERS : 2); i++) {
		kept[i] = BN_secure_new();
		good = kept[i] && BN_bin2bn(numbers[i].data, (int)numbers[i].size, kept[i]) &&
			OSSL_PARAM_BLD_push_BN(builder, names[i], kept[i]);
	}
	if (good)
		made = from_params("RSA", builder, private);
	for (size_t i = 0; i < JWK_RSA_NUMBERS; i++)
		BN_clear_free(kept[i]);
	return good ? judged(made, false, private, ret) : -ENOMEM;
}
