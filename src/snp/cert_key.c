/* SPDX-License-Identifier: Apache-2.0 */
/* The keys of certificates and what they signed. The primitives are OpenSSL's; building a key from its modulus costs it a twentieth of decoding one. */
#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/err.h>
#include <openssl/params.h>
#include <openssl/rsa.h>
#include <string.h>

#include "base/crypto.h"
#include "snp/cert.h"
#include "snp/p384.h"

#define SALT_SIZE 48

static void pkey_freep(EVP_PKEY **key)
{
	EVP_PKEY_free(*key);
}

static void context_freep(EVP_PKEY_CTX **context)
{
	EVP_PKEY_CTX_free(*context);
}

static void number_freep(BIGNUM **number)
{
	BN_free(*number);
}

int snp_cert_spki(const struct snp_cert *cert, uint8_t ret[static 32])
{
	return sha256(ret, cert->spki);
}

EVP_PKEY *snp_cert_rsa(const struct snp_cert *cert)
{
	CLEANUP(context_freep) EVP_PKEY_CTX *context = NULL;
	CLEANUP(number_freep) BIGNUM *number = NULL;
	uint8_t modulus[SNP_RSA_SIZE];
	unsigned long exponent = 65537;
	OSSL_PARAM parameters[3];
	EVP_PKEY *key = NULL;

	if (cert->key_kind != SNP_KEY_RSA4096)
		return NULL;
	number = BN_bin2bn(cert->key.data, SNP_RSA_SIZE, NULL);
	if (!number || BN_bn2nativepad(number, modulus, sizeof(modulus)) != (int)sizeof(modulus))
		return NULL;
	parameters[0] = OSSL_PARAM_construct_BN(OSSL_PKEY_PARAM_RSA_N, modulus, sizeof(modulus));
	parameters[1] = OSSL_PARAM_construct_ulong(OSSL_PKEY_PARAM_RSA_E, &exponent);
	parameters[2] = OSSL_PARAM_construct_end();
	context = EVP_PKEY_CTX_new_from_name(NULL, "RSA", NULL);
	if (context && EVP_PKEY_fromdata_init(context) == 1)
		(void)EVP_PKEY_fromdata(context, &key, EVP_PKEY_PUBLIC_KEY, parameters);
	ERR_clear_error();
	return key;
}

static bool pss_good(EVP_PKEY *key, struct bytes signature, const uint8_t digest[static SHA384_SIZE])
{
	CLEANUP(context_freep) EVP_PKEY_CTX *context = EVP_PKEY_CTX_new_from_pkey(NULL, key, NULL);

	return context && EVP_PKEY_verify_init(context) == 1 && EVP_PKEY_CTX_set_rsa_padding(context, RSA_PKCS1_PSS_PADDING) == 1 &&
	       EVP_PKEY_CTX_set_signature_md(context, EVP_sha384()) == 1 && EVP_PKEY_CTX_set_rsa_mgf1_md(context, EVP_sha384()) == 1 &&
	       EVP_PKEY_CTX_set_rsa_pss_saltlen(context, SALT_SIZE) == 1 &&
	       EVP_PKEY_verify(context, signature.data, signature.size, digest, SHA384_SIZE) == 1;
}

/* A stranger's key may be of any kind and size: only the one that AMD's have is worth the time. */
bool snp_cert_signed_by(const struct snp_cert *cert, const struct snp_cert *issuer)
{
	CLEANUP(pkey_freep) EVP_PKEY *key = cert->signature.size == SNP_RSA_SIZE ? snp_cert_rsa(issuer) : NULL;
	uint8_t digest[SHA384_SIZE];
	bool good = key && sha384(digest, cert->tbs) == 0 && pss_good(key, cert->signature, digest);

	ERR_clear_error();
	return good;
}

bool snp_cert_key_p384(const struct snp_cert *cert, uint8_t ret[static 96])
{
	if (cert->key_kind != SNP_KEY_P384 || !p384_key_good(cert->key.data))
		return false;
	memcpy(ret, cert->key.data, 96);
	return true;
}
