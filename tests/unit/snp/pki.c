/* SPDX-License-Identifier: Apache-2.0 */
#include "pki.h"

#include <check.h>
#include <openssl/bn.h>
#include <openssl/ec.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>
#include <openssl/x509v3.h>
#include <string.h>

#include "base/crypto.h"

EVP_PKEY *pki_key(const char *file)
{
	CLEANUP(buf_deinit) struct buf pem = BUF_NULL;
	EVP_PKEY *key;
	BIO *bio;

	vectors_read(file, &pem);
	bio = BIO_new_mem_buf(pem.data, (int)pem.size);
	key = PEM_read_bio_PrivateKey(bio, NULL, NULL, NULL);
	ck_assert_ptr_nonnull(key);
	BIO_free(bio);
	return key;
}

X509 *pki_certificate(const char *file)
{
	CLEANUP(buf_deinit) struct buf der = BUF_NULL;
	const unsigned char *at;
	X509 *x509;

	vectors_read(file, &der);
	at = der.data;
	x509 = d2i_X509(NULL, &at, (long)der.size);
	ck_assert_ptr_nonnull(x509);
	return x509;
}

EVP_MD_CTX *pki_pss(EVP_PKEY *key)
{
	EVP_MD_CTX *context = EVP_MD_CTX_new();
	EVP_PKEY_CTX *pkey = NULL;

	ck_assert_int_eq(EVP_DigestSignInit(context, &pkey, EVP_sha384(), NULL, key), 1);
	ck_assert_int_eq(EVP_PKEY_CTX_set_rsa_padding(pkey, RSA_PKCS1_PSS_PADDING), 1);
	ck_assert_int_eq(EVP_PKEY_CTX_set_rsa_pss_saltlen(pkey, 48), 1);
	ck_assert_int_eq(EVP_PKEY_CTX_set_rsa_mgf1_md(pkey, EVP_sha384()), 1);
	return context;
}

void pki_sign_certificate(X509 *x509, const char *key_file)
{
	EVP_PKEY *key = pki_key(key_file);
	EVP_MD_CTX *context = pki_pss(key);

	ck_assert_int_gt(X509_sign_ctx(x509, context), 0);
	EVP_MD_CTX_free(context);
	EVP_PKEY_free(key);
}

void pki_add_text(X509 *x509, int nid, const char *value)
{
	X509_EXTENSION *extension = X509V3_EXT_conf_nid(NULL, NULL, nid, value);

	ck_assert_ptr_nonnull(extension);
	ck_assert_int_eq(X509_add_ext(x509, extension, -1), 1);
	X509_EXTENSION_free(extension);
}

void pki_add_raw(X509 *x509, const char *oid, const char *value, size_t size, bool critical)
{
	ASN1_OBJECT *object = OBJ_txt2obj(oid, 1);
	ASN1_OCTET_STRING *octets = ASN1_OCTET_STRING_new();
	X509_EXTENSION *extension;

	ck_assert_int_eq(ASN1_OCTET_STRING_set(octets, (const unsigned char *)value, (int)size), 1);
	extension = X509_EXTENSION_create_by_OBJ(NULL, object, critical, octets);
	ck_assert_int_eq(X509_add_ext(x509, extension, -1), 1);
	X509_EXTENSION_free(extension);
	ASN1_OCTET_STRING_free(octets);
	ASN1_OBJECT_free(object);
}

void pki_drop(X509 *x509, const char *oid)
{
	ASN1_OBJECT *object = OBJ_txt2obj(oid, 1);
	int at = X509_get_ext_by_OBJ(x509, object, -1);

	if (at >= 0)
		X509_EXTENSION_free(X509_delete_ext(x509, at));
	ASN1_OBJECT_free(object);
}

void pki_add(struct snp_certs *certs, X509 *x509)
{
	unsigned char *der = NULL;
	int size = i2d_X509(x509, &der);

	ck_assert_int_gt(size, 0);
	ck_assert_int_eq(snp_certs_add(certs, bytes_of(der, (size_t)size), NULL), 0);
	OPENSSL_free(der);
	X509_free(x509);
}

static void put_number(uint8_t to[static 72], const BIGNUM *number)
{
	memset(to, 0, 72);
	ck_assert_int_eq(BN_bn2lebinpad(number, to, 48), 48);
}

void pki_sign_report(uint8_t *report, const char *key_file)
{
	EVP_PKEY *key = pki_key(key_file);
	EVP_PKEY_CTX *context = EVP_PKEY_CTX_new(key, NULL);
	uint8_t digest[SHA384_SIZE], der[128];
	const uint8_t *at = der;
	size_t size = sizeof(der);
	ECDSA_SIG *signature;

	ck_assert_int_eq(sha384(digest, bytes_of(report, SNP_SIGNED_SIZE)), 0);
	ck_assert_int_eq(EVP_PKEY_sign_init(context), 1);
	ck_assert_int_eq(EVP_PKEY_sign(context, der, &size, digest, sizeof(digest)), 1);
	signature = d2i_ECDSA_SIG(NULL, &at, (long)size);
	put_number(report + 0x2a0, ECDSA_SIG_get0_r(signature));
	put_number(report + 0x2e8, ECDSA_SIG_get0_s(signature));
	ECDSA_SIG_free(signature);
	EVP_PKEY_CTX_free(context);
	EVP_PKEY_free(key);
}
