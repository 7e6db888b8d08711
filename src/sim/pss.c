/* SPDX-License-Identifier: Apache-2.0 */
/*
 * RSASSA-PSS as AMD signs: SHA-384, MGF1 with SHA-384, salt of 48. The parameters occur in two encodings (spec section 5): AMD's CA
 * certificates spell the default trailer field out, newer VEKs and CRLs omit it, as OpenSSL does. A verifier must take both, so the
 * simulated CA uses both.
 */
#include <errno.h>
#include <openssl/rsa.h>
#include <string.h>

#include "sim/pki.h"

static const uint8_t spelled_out[] = {
	0x30, 0x39, 0xa0, 0x0f, 0x30, 0x0d, 0x06, 0x09, 0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x02, 0x02, 0x05, 0x00, /* [0] SHA-384 */
	0xa1, 0x1c, 0x30, 0x1a, 0x06, 0x09, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x08, 0x30, 0x0d, 0x06, 0x09, 0x60, 0x86, 0x48,
	0x01, 0x65, 0x03, 0x04, 0x02, 0x02, 0x05, 0x00,             /* [1] MGF1 with SHA-384 */
	0xa2, 0x03, 0x02, 0x01, 0x30, 0xa3, 0x03, 0x02, 0x01, 0x01, /* [2] 48, [3] 1 */
};

int sim_pss_context(EVP_MD_CTX *context, EVP_PKEY *key)
{
	EVP_PKEY_CTX *pkey = NULL;

	if (EVP_DigestSignInit(context, &pkey, EVP_sha384(), NULL, key) != 1 ||
		EVP_PKEY_CTX_set_rsa_padding(pkey, RSA_PKCS1_PSS_PADDING) != 1 || EVP_PKEY_CTX_set_rsa_pss_saltlen(pkey, 48) != 1 ||
		EVP_PKEY_CTX_set_rsa_mgf1_md(pkey, EVP_sha384()) != 1)
		return -EIO;
	return 0;
}

/* OpenSSL offers these parts for reading only; there is no call that signs under an algorithm identifier of our own encoding. */
static X509_ALGOR *writable_algorithm(const X509_ALGOR *algorithm)
{
	return (X509_ALGOR *)(uintptr_t)algorithm;
}

static int algorithm_set(const X509_ALGOR *algorithm)
{
	ASN1_STRING *parameters = ASN1_STRING_new();

	if (!parameters || !ASN1_STRING_set(parameters, spelled_out, sizeof(spelled_out)) ||
		!X509_ALGOR_set0(writable_algorithm(algorithm), OBJ_nid2obj(NID_rsassaPss), V_ASN1_SEQUENCE, parameters)) {
		ASN1_STRING_free(parameters);
		return -EIO;
	}
	return 0;
}

static int signature_set(X509 *certificate, const uint8_t *data, size_t size)
{
	const ASN1_BIT_STRING *signature;
	ASN1_BIT_STRING *writable;

	X509_get0_signature(&signature, NULL, certificate);
	writable = (ASN1_BIT_STRING *)(uintptr_t)signature;
	writable->flags = (writable->flags & ~0x07L) | ASN1_STRING_FLAG_BITS_LEFT;
	return ASN1_STRING_set(writable, data, (int)size) ? 0 : -EIO;
}

int sim_pss_sign_spelled_out(X509 *certificate, EVP_PKEY *key)
{
	EVP_MD_CTX *context = EVP_MD_CTX_new();
	const X509_ALGOR *outer;
	uint8_t signature[1024], *tbs = NULL;
	size_t size = sizeof(signature);
	int tbs_size = 0, r;

	X509_get0_signature(NULL, &outer, certificate);
	r = context ? algorithm_set(outer) : -ENOMEM;
	if (!r)
		r = algorithm_set(X509_get0_tbs_sigalg(certificate));
	if (!r)
		tbs_size = i2d_re_X509_tbs(certificate, &tbs);
	if (!r)
		r = tbs_size > 0 ? sim_pss_context(context, key) : -EIO;
	if (!r && EVP_DigestSign(context, signature, &size, tbs, (size_t)tbs_size) != 1)
		r = -EIO;
	if (!r)
		r = signature_set(certificate, signature, size);
	OPENSSL_free(tbs);
	EVP_MD_CTX_free(context);
	return r;
}
