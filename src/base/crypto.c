/* SPDX-License-Identifier: Apache-2.0 */
#include "base/crypto.h"

#include <errno.h>
#include <limits.h>
#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/kdf.h>
#include <openssl/params.h>
#include <openssl/rand.h>
#include <string.h>

static void cipher_freep(EVP_CIPHER_CTX **context)
{
	EVP_CIPHER_CTX_free(*context);
}

static void kdf_freep(EVP_KDF_CTX **context)
{
	EVP_KDF_CTX_free(*context);
}

static int digest(const EVP_MD *kind, uint8_t *ret, struct bytes data)
{
	return EVP_Digest(data.data, data.size, ret, NULL, kind, NULL) == 1 ? 0 : -EIO;
}

int sha256(uint8_t ret[static SHA256_SIZE], struct bytes data)
{
	return digest(EVP_sha256(), ret, data);
}

int sha384(uint8_t ret[static SHA384_SIZE], struct bytes data)
{
	return digest(EVP_sha384(), ret, data);
}

int sha512(uint8_t ret[static SHA512_SIZE], struct bytes data)
{
	return digest(EVP_sha512(), ret, data);
}

int hmac_sha256(uint8_t ret[static SHA256_SIZE], struct bytes key, struct bytes data)
{
	static const uint8_t nothing[1];

	if (key.size > INT_MAX)
		return -EINVAL;
	if (!HMAC(EVP_sha256(), key.data ? key.data : nothing, (int)key.size, data.data ? data.data : nothing, data.size, ret, NULL))
		return -EIO;
	return 0;
}

/* OpenSSL's parameters are not const, though it only reads them. */
static void *unconst(const void *data)
{
	return (void *)(uintptr_t)data;
}

int hkdf_sha256(struct secret *ret, size_t size, struct bytes key, struct bytes info)
{
	CLEANUP(kdf_freep) EVP_KDF_CTX *context = NULL;
	CLEANUP(secret_deinit) struct secret out = SECRET_NULL;
	EVP_KDF *kdf = EVP_KDF_fetch(NULL, "HKDF", NULL);
	char hash[] = "SHA256";
	OSSL_PARAM params[] = {OSSL_PARAM_construct_utf8_string(OSSL_KDF_PARAM_DIGEST, hash, 0),
		OSSL_PARAM_construct_octet_string(OSSL_KDF_PARAM_KEY, unconst(key.data), key.size),
		OSSL_PARAM_construct_octet_string(OSSL_KDF_PARAM_INFO, unconst(info.data), info.size), OSSL_PARAM_construct_end()};
	int r;

	if (kdf)
		context = EVP_KDF_CTX_new(kdf);
	EVP_KDF_free(kdf);
	if (!context)
		return -ENOMEM;
	r = secret_alloc(&out, size);
	if (r < 0)
		return r;
	if (EVP_KDF_derive(context, out.data, size, params) != 1)
		return -EIO;
	*ret = secret_steal(&out);
	return 0;
}

int aead_seal(struct buf *to, struct bytes key, struct bytes associated, struct bytes plain)
{
	CLEANUP(cipher_freep) EVP_CIPHER_CTX *context = EVP_CIPHER_CTX_new();
	static const uint8_t nothing[1];
	uint8_t *nonce, *text;
	int length, r;

	if (key.size != AEAD_KEY_SIZE || plain.size > INT_MAX - AEAD_OVERHEAD || associated.size > INT_MAX)
		return -EINVAL;
	if (!context)
		return -ENOMEM;
	r = buf_reserve(to, plain.size + AEAD_OVERHEAD);
	if (r < 0)
		return r;
	nonce = to->data + to->size;
	text = nonce + AEAD_NONCE_SIZE;
	r = random_bytes(nonce, AEAD_NONCE_SIZE);
	if (r < 0)
		return r;
	if (EVP_EncryptInit_ex2(context, EVP_aes_256_gcm(), key.data, nonce, NULL) != 1 ||
		EVP_EncryptUpdate(context, NULL, &length, associated.data ? associated.data : nothing, (int)associated.size) != 1 ||
		EVP_EncryptUpdate(context, text, &length, plain.data ? plain.data : nothing, (int)plain.size) != 1 ||
		EVP_EncryptFinal_ex(context, text + plain.size, &length) != 1 ||
		EVP_CIPHER_CTX_ctrl(context, EVP_CTRL_AEAD_GET_TAG, AEAD_TAG_SIZE, text + plain.size) != 1)
		return -EIO;
	to->size += plain.size + AEAD_OVERHEAD;
	return 0;
}

int aead_open(struct secret *ret, struct bytes key, struct bytes associated, struct bytes sealed)
{
	CLEANUP(cipher_freep) EVP_CIPHER_CTX *context = EVP_CIPHER_CTX_new();
	CLEANUP(secret_deinit) struct secret out = SECRET_NULL;
	static const uint8_t nothing[1];
	uint8_t tag[AEAD_TAG_SIZE], last[16];
	int length, r;

	if (key.size != AEAD_KEY_SIZE || associated.size > INT_MAX)
		return -EINVAL;
	if (sealed.size < AEAD_OVERHEAD || sealed.size - AEAD_OVERHEAD > SECRET_MAX)
		return AEAD_E_FORGED;
	if (!context)
		return -ENOMEM;
	r = secret_alloc(&out, sealed.size - AEAD_OVERHEAD);
	if (r < 0)
		return r;
	memcpy(tag, sealed.data + sealed.size - AEAD_TAG_SIZE, AEAD_TAG_SIZE);
	if (EVP_DecryptInit_ex2(context, EVP_aes_256_gcm(), key.data, sealed.data, NULL) != 1 ||
		EVP_DecryptUpdate(context, NULL, &length, associated.data ? associated.data : nothing, (int)associated.size) != 1 ||
		EVP_DecryptUpdate(context, out.data, &length, sealed.data + AEAD_NONCE_SIZE, (int)out.size) != 1 ||
		EVP_CIPHER_CTX_ctrl(context, EVP_CTRL_AEAD_SET_TAG, AEAD_TAG_SIZE, tag) != 1)
		return -EIO;
	if (EVP_DecryptFinal_ex(context, last, &length) != 1)
		return AEAD_E_FORGED;
	*ret = secret_steal(&out);
	return 0;
}

int random_bytes(void *to, size_t size)
{
	if (size > INT_MAX)
		return -EINVAL;
	return RAND_bytes(to, (int)size) == 1 ? 0 : -EIO;
}
