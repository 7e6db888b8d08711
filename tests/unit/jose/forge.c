/* SPDX-License-Identifier: Apache-2.0 */
#include "forge.h"

#include <check.h>
#include <openssl/evp.h>
#include <openssl/rsa.h>
#include <string.h>

#include "base/crypto.h"
#include "base/text.h"
#include "jose/jwe_internal.h"

static void append_base64(struct buf *to, const void *data, size_t size)
{
	ck_assert_int_eq(base64_encode(to, BASE64_URL, bytes_of(data, size)), 0);
}

static void add(struct json_object *object, const char *member, struct bytes bytes)
{
	CLEANUP(buf_deinit) struct buf text = BUF_NULL;

	append_base64(&text, bytes.data, bytes.size);
	ck_assert_int_eq(json_add_text_size(object, member, buf_view(&text)), 0);
}

static void append_epk(struct buf *to, EVP_PKEY *ephemeral, enum jwk_kind kind)
{
	uint8_t x[JWK_COORDINATE_MAX], y[JWK_COORDINATE_MAX];

	ck_assert_int_eq(jwk_point_export(ephemeral, kind, x, y), 0);
	ck_assert_int_eq(buf_printf(to, "{\"crv\":\"%s\",\"kty\":\"EC\",\"x\":\"", jwk_curve_name(kind)), 0);
	append_base64(to, x, jwk_coordinate_size(kind));
	ck_assert_int_eq(buf_append_text(to, "\",\"y\":\""), 0);
	append_base64(to, y, jwk_coordinate_size(kind));
	ck_assert_int_eq(buf_append_text(to, "\"}"), 0);
}

static void header_text(struct buf *to, const char *header, EVP_PKEY *ephemeral, enum jwk_kind kind)
{
	for (const char *at = header; *at; at++) {
		if (*at == '@' && ephemeral)
			append_epk(to, ephemeral, kind);
		else
			ck_assert_int_eq(buf_u8(to, *at == '\'' ? '"' : (uint8_t)*at), 0);
	}
}

/* The content under a header's text, with the wrapped key that belongs to it. */
static struct json_object *message(const struct secret *content_key, struct bytes header, struct bytes wrapped)
{
	struct json_object *object = json_object_new_object();
	CLEANUP(buf_deinit) struct buf protected = BUF_NULL;
	uint8_t iv[JWE_IV_SIZE], tag[JWE_TAG_SIZE], cipher[sizeof(FORGED_PLAIN)];
	struct bytes plain = bytes_of_text(FORGED_PLAIN);

	ck_assert_int_eq(base64_encode(&protected, BASE64_URL, header), 0);
	ck_assert_int_eq(random_bytes(iv, sizeof(iv)), 0);
	ck_assert_int_eq(jwe_content_seal(content_key->data, iv, buf_view(&protected), plain, cipher, tag), 0);
	ck_assert_int_eq(json_add_text_size(object, "protected", buf_view(&protected)), 0);
	add(object, "encrypted_key", wrapped);
	add(object, "iv", bytes_of(iv, sizeof(iv)));
	add(object, "ciphertext", bytes_of(cipher, plain.size));
	add(object, "tag", bytes_of(tag, sizeof(tag)));
	return object;
}

struct json_object *forge_by_agreement(const struct jwk *key, const char *header)
{
	PKEY_AUTO ephemeral = EVP_PKEY_Q_keygen(NULL, NULL, "EC", jwk_curve_name(key->kind));
	CLEANUP(secret_deinit) struct secret wrapping = SECRET_NULL;
	CLEANUP(secret_deinit) struct secret content_key = SECRET_NULL;
	CLEANUP(buf_deinit) struct buf text = BUF_NULL;
	uint8_t wrapped[JWE_WRAPPED_KEY_SIZE];

	header_text(&text, header, ephemeral, key->kind);
	ck_assert_int_eq(secret_random(&content_key, JWE_KEY_SIZE), 0);
	ck_assert_int_eq(jwe_agree(&wrapping, ephemeral, key->pkey), 0);
	ck_assert_int_eq(jwe_key_wrap(&wrapping, &content_key, wrapped), 0);
	return message(&content_key, buf_view(&text), bytes_of(wrapped, sizeof(wrapped)));
}

static void rsa_wrap(const struct jwk *key, enum forge_rsa how, struct bytes content_key, struct buf *to)
{
	PKEY_CONTEXT_AUTO context = EVP_PKEY_CTX_new_from_pkey(NULL, key->pkey, NULL);
	const EVP_MD *hash = how == FORGE_OAEP_SHA1 ? EVP_sha1() : EVP_sha256();
	const EVP_MD *mask = how == FORGE_OAEP_SHA1 || how == FORGE_OAEP_MGF1_SHA1 ? EVP_sha1() : EVP_sha256();
	size_t size = 512;

	ck_assert_int_eq(EVP_PKEY_encrypt_init(context), 1);
	if (how == FORGE_PKCS1) {
		ck_assert_int_eq(EVP_PKEY_CTX_set_rsa_padding(context, RSA_PKCS1_PADDING), 1);
	} else {
		ck_assert_int_eq(EVP_PKEY_CTX_set_rsa_padding(context, RSA_PKCS1_OAEP_PADDING), 1);
		ck_assert_int_eq(EVP_PKEY_CTX_set_rsa_oaep_md(context, hash), 1);
		ck_assert_int_eq(EVP_PKEY_CTX_set_rsa_mgf1_md(context, mask), 1);
	}
	if (how == FORGE_OAEP_LABEL)
		ck_assert_int_eq(EVP_PKEY_CTX_set0_rsa_oaep_label(context, OPENSSL_strdup("x"), 1), 1);
	ck_assert_int_eq(buf_reserve(to, size), 0);
	ck_assert_int_eq(EVP_PKEY_encrypt(context, to->data, &size, content_key.data, content_key.size), 1);
	to->size = size;
}

struct json_object *forge_by_rsa(const struct jwk *key, const char *header, enum forge_rsa how)
{
	CLEANUP(secret_deinit) struct secret content_key = SECRET_NULL;
	CLEANUP(buf_deinit) struct buf text = BUF_NULL;
	CLEANUP(buf_deinit) struct buf wrapped = BUF_NULL;
	size_t size = how == FORGE_SHORT_KEY ? JWE_KEY_SIZE - 1 : how == FORGE_LONG_KEY ? JWE_KEY_SIZE + 1 : JWE_KEY_SIZE;

	header_text(&text, header, NULL, key->kind);
	/* One byte more than is used, so that a content key cut or filled by mistake would be the same. */
	ck_assert_int_eq(secret_random(&content_key, JWE_KEY_SIZE + 1), 0);
	content_key.data[JWE_KEY_SIZE] = 0;
	if (how == FORGE_SHORT_KEY)
		content_key.data[JWE_KEY_SIZE - 1] = 0;
	rsa_wrap(key, how, bytes_of(content_key.data, size), &wrapped);
	return message(&content_key, buf_view(&text), buf_view(&wrapped));
}
