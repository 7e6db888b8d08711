/* SPDX-License-Identifier: Apache-2.0 */
/* The primitives of JWE, each over one OpenSSL call. */
#include <errno.h>
#include <limits.h>
#include <openssl/core_names.h>
#include <openssl/err.h>
#include <openssl/kdf.h>
#include <openssl/params.h>
#include <openssl/rsa.h>
#include <string.h>

#include "jose/jwe_internal.h"

static void cipher_freep(EVP_CIPHER_CTX **context)
{
	EVP_CIPHER_CTX_free(*context);
}

static void kdf_freep(EVP_KDF_CTX **context)
{
	EVP_KDF_CTX_free(*context);
}

#define CIPHER_AUTO CLEANUP(cipher_freep) EVP_CIPHER_CTX *

/* OpenSSL does not take NULL for an empty text everywhere. */
static const uint8_t *not_null(struct bytes bytes)
{
	static const uint8_t nothing[1];

	return bytes.size ? bytes.data : nothing;
}

/* Content */

int jwe_content_seal(const uint8_t key[static JWE_KEY_SIZE], const uint8_t iv[static JWE_IV_SIZE], struct bytes associated,
	struct bytes plain, uint8_t *cipher, uint8_t tag[static JWE_TAG_SIZE])
{
	CIPHER_AUTO context = EVP_CIPHER_CTX_new();
	int length;

	if (!context)
		return -ENOMEM;
	if (plain.size > SECRET_MAX || associated.size > INT_MAX)
		return -EINVAL;
	if (EVP_EncryptInit_ex2(context, EVP_aes_256_gcm(), key, iv, NULL) != 1 ||
		EVP_EncryptUpdate(context, NULL, &length, not_null(associated), (int)associated.size) != 1 ||
		EVP_EncryptUpdate(context, cipher, &length, not_null(plain), (int)plain.size) != 1 ||
		EVP_EncryptFinal_ex(context, cipher + plain.size, &length) != 1 ||
		EVP_CIPHER_CTX_ctrl(context, EVP_CTRL_AEAD_GET_TAG, JWE_TAG_SIZE, tag) != 1)
		return -EIO;
	return 0;
}

int jwe_content_open(const uint8_t key[static JWE_KEY_SIZE], const uint8_t iv[static JWE_IV_SIZE], struct bytes associated,
	struct bytes cipher, const uint8_t tag[static JWE_TAG_SIZE], uint8_t *plain)
{
	CIPHER_AUTO context = EVP_CIPHER_CTX_new();
	uint8_t expected[JWE_TAG_SIZE], last[16];
	int length;

	if (!context)
		return -ENOMEM;
	if (cipher.size > SECRET_MAX || associated.size > INT_MAX)
		return -EINVAL;
	memcpy(expected, tag, sizeof(expected));
	if (EVP_DecryptInit_ex2(context, EVP_aes_256_gcm(), key, iv, NULL) != 1 ||
		EVP_DecryptUpdate(context, NULL, &length, not_null(associated), (int)associated.size) != 1 ||
		EVP_DecryptUpdate(context, plain, &length, not_null(cipher), (int)cipher.size) != 1 ||
		EVP_CIPHER_CTX_ctrl(context, EVP_CTRL_AEAD_SET_TAG, JWE_TAG_SIZE, expected) != 1)
		return -EIO;
	if (EVP_DecryptFinal_ex(context, last, &length) != 1) {
		ERR_clear_error();
		return JWE_E_OPEN;
	}
	return 0;
}

/* Agreement */

static int derive_shared(struct secret *ret, EVP_PKEY *own, EVP_PKEY *peer)
{
	PKEY_CONTEXT_AUTO context = EVP_PKEY_CTX_new_from_pkey(NULL, own, NULL);
	CLEANUP(secret_deinit) struct secret shared = SECRET_NULL;
	size_t size = 0;
	int r;

	if (!context)
		return -ENOMEM;
	/* 0: the peer is not judged once more. Both callers hold a point that jwk_point_make() has judged, and a second look costs a third. */
	if (EVP_PKEY_derive_init(context) != 1 || EVP_PKEY_derive_set_peer_ex(context, peer, 0) != 1 ||
		EVP_PKEY_derive(context, NULL, &size) != 1)
		return -EIO;
	r = secret_alloc(&shared, size);
	if (r)
		return r;
	/* The x coordinate with all its leading zeros: 32 or 66 bytes. */
	if (EVP_PKEY_derive(context, shared.data, &size) != 1 || size != shared.size)
		return -EIO;
	*ret = secret_steal(&shared);
	return 0;
}

/* AlgorithmID, PartyUInfo and PartyVInfo (both empty), SuppPubInfo = 256 bits: RFC 7518 section 4.6.2. */
static const uint8_t other_info[] = {
	0, 0, 0, 14, 'E', 'C', 'D', 'H', '-', 'E', 'S', '+', 'A', '2', '5', '6', 'K', 'W', 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0,
};

int jwe_agree(struct secret *ret, EVP_PKEY *own, EVP_PKEY *peer)
{
	CLEANUP(kdf_freep) EVP_KDF_CTX *context = NULL;
	CLEANUP(secret_deinit) struct secret shared = SECRET_NULL;
	CLEANUP(secret_deinit) struct secret out = SECRET_NULL;
	EVP_KDF *kdf = EVP_KDF_fetch(NULL, "SSKDF", NULL);
	char hash[] = "SHA256";
	uint8_t info[sizeof(other_info)];
	OSSL_PARAM params[4];
	int r;

	if (kdf)
		context = EVP_KDF_CTX_new(kdf);
	EVP_KDF_free(kdf);
	if (!context)
		return -ENOMEM;
	r = derive_shared(&shared, own, peer);
	if (r == 0)
		r = secret_alloc(&out, JWE_KEY_SIZE);
	if (r)
		return r;
	memcpy(info, other_info, sizeof(info));
	params[0] = OSSL_PARAM_construct_utf8_string(OSSL_KDF_PARAM_DIGEST, hash, 0);
	params[1] = OSSL_PARAM_construct_octet_string(OSSL_KDF_PARAM_KEY, shared.data, shared.size);
	params[2] = OSSL_PARAM_construct_octet_string(OSSL_KDF_PARAM_INFO, info, sizeof(info));
	params[3] = OSSL_PARAM_construct_end();
	if (EVP_KDF_derive(context, out.data, out.size, params) != 1)
		return -EIO;
	*ret = secret_steal(&out);
	return 0;
}

/* Wrapping */

int jwe_key_wrap(const struct secret *wrapping, const struct secret *key, uint8_t ret[static JWE_WRAPPED_KEY_SIZE])
{
	CIPHER_AUTO context = EVP_CIPHER_CTX_new();
	uint8_t wrapped[JWE_WRAPPED_KEY_SIZE + 16];
	int length = 0;

	if (!context)
		return -ENOMEM;
	if (wrapping->size != JWE_KEY_SIZE || key->size != JWE_KEY_SIZE)
		return -EINVAL;
	EVP_CIPHER_CTX_set_flags(context, EVP_CIPHER_CTX_FLAG_WRAP_ALLOW);
	if (EVP_EncryptInit_ex2(context, EVP_aes_256_wrap(), wrapping->data, NULL, NULL) != 1 ||
		EVP_EncryptUpdate(context, wrapped, &length, key->data, JWE_KEY_SIZE) != 1 || length != JWE_WRAPPED_KEY_SIZE)
		return -EIO;
	memcpy(ret, wrapped, JWE_WRAPPED_KEY_SIZE);
	return 0;
}

int jwe_key_unwrap(struct secret *ret, const struct secret *wrapping, const uint8_t wrapped[static JWE_WRAPPED_KEY_SIZE])
{
	CIPHER_AUTO context = EVP_CIPHER_CTX_new();
	CLEANUP(secret_deinit) struct secret out = SECRET_NULL;
	int length = 0;
	int r;

	if (!context)
		return -ENOMEM;
	if (wrapping->size != JWE_KEY_SIZE)
		return -EINVAL;
	/* The cipher writes its 8 bytes of check value first. */
	r = secret_alloc(&out, JWE_WRAPPED_KEY_SIZE + 16);
	if (r)
		return r;
	EVP_CIPHER_CTX_set_flags(context, EVP_CIPHER_CTX_FLAG_WRAP_ALLOW);
	if (EVP_DecryptInit_ex2(context, EVP_aes_256_wrap(), wrapping->data, NULL, NULL) != 1)
		return -EIO;
	if (EVP_DecryptUpdate(context, out.data, &length, wrapped, JWE_WRAPPED_KEY_SIZE) != 1 || length != JWE_KEY_SIZE) {
		ERR_clear_error();
		return JWE_E_OPEN;
	}
	secret_truncate(&out, JWE_KEY_SIZE);
	*ret = secret_steal(&out);
	return 0;
}

/* RSA */

static bool oaep_set_up(EVP_PKEY_CTX *context)
{
	return EVP_PKEY_CTX_set_rsa_padding(context, RSA_PKCS1_OAEP_PADDING) == 1 &&
		EVP_PKEY_CTX_set_rsa_oaep_md(context, EVP_sha256()) == 1 &&
		EVP_PKEY_CTX_set_rsa_mgf1_md(context, EVP_sha256()) == 1;
}

int jwe_oaep_seal(struct buf *to, EVP_PKEY *pkey, const struct secret *key)
{
	PKEY_CONTEXT_AUTO context = EVP_PKEY_CTX_new_from_pkey(NULL, pkey, NULL);
	size_t size = (size_t)EVP_PKEY_get_size(pkey);
	int r = buf_reserve(to, size);

	if (r || !context)
		return r ? r : -ENOMEM;
	if (EVP_PKEY_encrypt_init(context) != 1 || !oaep_set_up(context) ||
		EVP_PKEY_encrypt(context, to->data + to->size, &size, key->data, key->size) != 1)
		return -EIO;
	to->size += size;
	return 0;
}

int jwe_oaep_open(struct secret *ret, EVP_PKEY *pkey, struct bytes wrapped)
{
	PKEY_CONTEXT_AUTO context = EVP_PKEY_CTX_new_from_pkey(NULL, pkey, NULL);
	CLEANUP(secret_deinit) struct secret out = SECRET_NULL;
	size_t size = (size_t)EVP_PKEY_get_size(pkey);
	int r;

	if (!context)
		return -ENOMEM;
	if (wrapped.size != size)
		return JWE_E_OPEN;
	r = secret_alloc(&out, size);
	if (r)
		return r;
	if (EVP_PKEY_decrypt_init(context) != 1 || !oaep_set_up(context))
		return -EIO;
	if (EVP_PKEY_decrypt(context, out.data, &size, wrapped.data, wrapped.size) != 1 || size != JWE_KEY_SIZE) {
		ERR_clear_error();
		return JWE_E_OPEN;
	}
	secret_truncate(&out, size);
	*ret = secret_steal(&out);
	return 0;
}
