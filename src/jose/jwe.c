/* SPDX-License-Identifier: Apache-2.0 */
#include "jose/jwe.h"

#include <errno.h>
#include <string.h>

#include "base/crypto.h"
#include "base/text.h"
#include "jose/jwe_internal.h"

#define ENC "A256GCM"
#define RSA_WRAPPED_MAX (JWK_RSA_BITS_MAX / 8)

/* Members */

static const char *const member_names[] = {"protected", "encrypted_key", "iv", "ciphertext", "tag"};

int jwe_members_read(struct json_object *object, struct jwe_members *ret, struct error *error)
{
	/* Members of RFC 7516 that would change what is opened: more recipients, headers that nobody signed, more associated data. */
	static const char *const refused[] = {"recipients", "header", "unprotected", "aad"};
	struct bytes texts[ARRAY_SIZE(member_names)];

	for (size_t i = 0; i < ARRAY_SIZE(refused); i++) {
		if (json_object_is_type(object, json_type_object) && json_object_object_get_ex(object, refused[i], NULL))
			return error_set(error, JWE_E_MALFORMED, "JWE: \"%s\" is not served", refused[i]);
	}
	for (size_t i = 0; i < ARRAY_SIZE(member_names); i++) {
		size_t size;
		const char *text = json_get_text(object, member_names[i], &size);

		if (!text)
			return error_set(error, JWE_E_MALFORMED, "JWE: \"%s\" is not there as text", member_names[i]);
		texts[i] = bytes_of(text, size);
	}
	*ret = (struct jwe_members){texts[0], texts[1], texts[2], texts[3], texts[4]};
	return 0;
}

/* Encryption: the broker's side */

struct sealing {
	EVP_PKEY *ephemeral;     /* ECDH only */
	struct secret content_key;
	struct buf protected;    /* base64url, which is also the associated data */
	struct buf encrypted_key;
	struct buf ciphertext;
	uint8_t iv[JWE_IV_SIZE];
	uint8_t tag[JWE_TAG_SIZE];
};

static void sealing_deinit(struct sealing *sealing)
{
	EVP_PKEY_free(sealing->ephemeral);
	secret_deinit(&sealing->content_key);
	buf_deinit(&sealing->protected);
	buf_deinit(&sealing->encrypted_key);
	buf_deinit(&sealing->ciphertext);
}

/* Clients re-serialise the header instead of keeping its text (spec/kbs.md section 5): this order, no blanks, nothing else. */
static int seal_header(struct sealing *sealing, const struct jwk *key, const char *typ)
{
	CLEANUP(buf_deinit) struct buf text = BUF_NULL;
	uint8_t x[JWK_COORDINATE_MAX], y[JWK_COORDINATE_MAX];
	size_t size = jwk_coordinate_size(key->kind);
	int r;

	r = buf_printf(&text, "{\"alg\":\"%s\",\"enc\":\"" ENC "\"", jwk_alg_name(key->alg));
	if (r == 0 && sealing->ephemeral) {
		r = jwk_point_export(sealing->ephemeral, key->kind, x, y);
		if (r == 0)
			r = buf_printf(&text, ",\"epk\":{\"crv\":\"%s\",\"kty\":\"EC\",\"x\":\"", jwk_curve_name(key->kind));
		if (r == 0)
			r = base64_encode(&text, BASE64_URL, bytes_of(x, size));
		if (r == 0)
			r = buf_append_text(&text, "\",\"y\":\"");
		if (r == 0)
			r = base64_encode(&text, BASE64_URL, bytes_of(y, size));
		if (r == 0)
			r = buf_append_text(&text, "\"}");
	}
	if (r == 0 && typ)
		r = buf_printf(&text, ",\"typ\":\"%s\"", typ);
	if (r == 0)
		r = buf_append_text(&text, "}");
	return r ? r : base64_encode(&sealing->protected, BASE64_URL, buf_view(&text));
}

static int seal_key_by_agreement(struct sealing *sealing, const struct jwk *key)
{
	CLEANUP(secret_deinit) struct secret wrapping = SECRET_NULL;
	uint8_t wrapped[JWE_WRAPPED_KEY_SIZE];
	int r;

	sealing->ephemeral = EVP_PKEY_Q_keygen(NULL, NULL, "EC", jwk_curve_name(key->kind));
	if (!sealing->ephemeral)
		return -EIO;
	r = jwe_agree(&wrapping, sealing->ephemeral, key->pkey);
	if (r == 0)
		r = jwe_key_wrap(&wrapping, &sealing->content_key, wrapped);
	return r ? r : buf_append(&sealing->encrypted_key, wrapped, sizeof(wrapped));
}

static int seal_content(struct sealing *sealing, struct bytes plain)
{
	int r = random_bytes(sealing->iv, sizeof(sealing->iv));

	if (r == 0)
		r = buf_reserve(&sealing->ciphertext, plain.size + 1);
	if (r == 0)
		r = jwe_content_seal(sealing->content_key.data, sealing->iv, buf_view(&sealing->protected), plain,
			sealing->ciphertext.data, sealing->tag);
	if (r == 0)
		sealing->ciphertext.size = plain.size;
	return r;
}

static int add_base64(struct json_object *object, const char *member, struct bytes bytes)
{
	CLEANUP(buf_deinit) struct buf text = BUF_NULL;
	int r = base64_encode(&text, BASE64_URL, bytes);

	return r ? r : json_add_text_size(object, member, buf_view(&text));
}

static int sealing_write(const struct sealing *sealing, struct json_object **ret)
{
	JSON_AUTO object = json_object_new_object();
	int r;

	if (!object)
		return -ENOMEM;
	r = json_add_text_size(object, "protected", buf_view(&sealing->protected));
	if (r == 0)
		r = add_base64(object, "encrypted_key", buf_view(&sealing->encrypted_key));
	if (r == 0)
		r = add_base64(object, "iv", bytes_of(sealing->iv, sizeof(sealing->iv)));
	if (r == 0)
		r = add_base64(object, "ciphertext", buf_view(&sealing->ciphertext));
	if (r == 0)
		r = add_base64(object, "tag", bytes_of(sealing->tag, sizeof(sealing->tag)));
	if (r)
		return r;
	*ret = object;
	object = NULL;
	return 0;
}

int jwe_encrypt_typed(struct json_object **ret, const struct jwk *key, const char *typ, struct bytes plain)
{
	CLEANUP(sealing_deinit) struct sealing sealing = {.ephemeral = NULL};
	int r;

	if (key->alg == JWK_ES256)
		return -EINVAL;
	if (plain.size > SECRET_MAX)
		return -E2BIG;
	r = secret_random(&sealing.content_key, JWE_KEY_SIZE);
	if (r == 0 && key->alg == JWK_RSA_OAEP_256)
		r = jwe_oaep_seal(&sealing.encrypted_key, key->pkey, &sealing.content_key);
	else if (r == 0)
		r = seal_key_by_agreement(&sealing, key);
	if (r == 0)
		r = seal_header(&sealing, key, typ);
	if (r == 0)
		r = seal_content(&sealing, plain);
	return r ? r : sealing_write(&sealing, ret);
}

int jwe_encrypt(struct json_object **ret, const struct jwk *key, struct bytes plain)
{
	return jwe_encrypt_typed(ret, key, NULL, plain);
}

/* Decryption: the agent's side */

/* A text of at most `max` bytes, decoded. */
static int decode(struct buf *to, struct bytes text, size_t max, const char *member, struct error *error)
{
	int r;

	if (text.size > (max * 4 + 2) / 3)
		return error_set(error, JWE_E_MALFORMED, "JWE: \"%s\" is too long", member);
	r = base64_decode(to, BASE64_URL, text);
	return r == -EINVAL ? error_set(error, JWE_E_MALFORMED, "JWE: \"%s\" is not base64url without padding", member) : r;
}

static int decode_exact(uint8_t *to, size_t size, struct bytes text, const char *member, struct error *error)
{
	if (base64_decode_exact(to, size, BASE64_URL, text))
		return error_set(error, JWE_E_MALFORMED, "JWE: \"%s\" is not the base64url of %zu bytes", member, size);
	return 0;
}

static bool text_is(struct json_object *object, const char *member, const char *expected)
{
	const char *text = json_get_text(object, member, NULL);

	return text && strcmp(text, expected) == 0;
}

/* The header may only confirm what we know: our key has one algorithm. */
static int header_check(struct json_object *header, const struct jwk *key, const char *typ, struct error *error)
{
	static const char *const refused[] = {"zip", "crit", "apu", "apv"};

	if (!json_object_is_type(header, json_type_object))
		return error_set(error, JWE_E_HEADER, "JWE: the header is not a JSON object");
	if (!text_is(header, "alg", jwk_alg_name(key->alg)))
		return error_set(error, JWE_E_HEADER, "JWE: \"alg\" is not %s, which is what our key is for", jwk_alg_name(key->alg));
	if (!text_is(header, "enc", ENC))
		return error_set(error, JWE_E_HEADER, "JWE: \"enc\" is not " ENC);
	if (typ && !text_is(header, "typ", typ))
		return error_set(error, JWE_E_HEADER, "JWE: \"typ\" is not %s", typ);
	for (size_t i = 0; i < ARRAY_SIZE(refused); i++) {
		if (json_object_object_get_ex(header, refused[i], NULL))
			return error_set(error, JWE_E_HEADER, "JWE: \"%s\" in the header is not served", refused[i]);
	}
	return 0;
}

static int header_read(
	struct bytes protected, const struct jwk *key, const char *typ, struct json_object **ret, struct error *error)
{
	CLEANUP(buf_deinit) struct buf text = BUF_NULL;
	JSON_AUTO header = NULL;
	int r;

	if (protected.size > JWE_PROTECTED_MAX)
		return error_set(error, JWE_E_MALFORMED, "JWE: \"protected\" is too long");
	r = decode(&text, protected, JWE_PROTECTED_MAX, "protected", error);
	if (r)
		return r;
	r = json_read(buf_view(&text), &header, error);
	if (r == -ENOMEM)
		return r;
	if (r) {
		error_prefix(error, "JWE: header");
		return JWE_E_HEADER;
	}
	r = header_check(header, key, typ, error);
	if (r)
		return r;
	*ret = header;
	header = NULL;
	return 0;
}

static int open_key_by_agreement(struct secret *ret, const struct jwk *key, struct json_object *header, struct bytes wrapped,
	struct error *error)
{
	CLEANUP(secret_deinit) struct secret wrapping = SECRET_NULL;
	PKEY_AUTO ephemeral = NULL;
	int r;

	if (wrapped.size != JWE_WRAPPED_KEY_SIZE)
		return error_set(error, JWE_E_MALFORMED, "JWE: \"encrypted_key\" has %zu bytes instead of %d", wrapped.size,
			JWE_WRAPPED_KEY_SIZE);
	r = jwk_point_import(json_get_object(header, "epk"), key->kind, &ephemeral, error);
	if (r > 0) {
		error_prefix(error, "JWE: epk");
		return JWE_E_EPK;
	}
	if (r == 0)
		r = jwe_agree(&wrapping, key->pkey, ephemeral);
	return r ? r : jwe_key_unwrap(ret, &wrapping, wrapped.data);
}

static int open_key(struct secret *ret, const struct jwk *key, struct json_object *header, struct bytes text, struct error *error)
{
	CLEANUP(buf_deinit) struct buf wrapped = BUF_NULL;
	size_t size = (size_t)EVP_PKEY_get_size(key->pkey);
	int r = decode(&wrapped, text, RSA_WRAPPED_MAX, "encrypted_key", error);

	if (r)
		return r;
	if (key->alg == JWK_ECDH_ES_A256KW)
		return open_key_by_agreement(ret, key, header, buf_view(&wrapped), error);
	if (wrapped.size != size)
		return error_set(error, JWE_E_MALFORMED, "JWE: \"encrypted_key\" has %zu bytes instead of %zu", wrapped.size, size);
	return jwe_oaep_open(ret, key->pkey, buf_view(&wrapped));
}

static int open_content(struct secret *ret, const struct secret *content_key, const struct jwe_members *members, struct error *error)
{
	CLEANUP(buf_deinit) struct buf cipher = BUF_NULL;
	CLEANUP(secret_deinit) struct secret plain = SECRET_NULL;
	uint8_t iv[JWE_IV_SIZE], tag[JWE_TAG_SIZE];
	int r;

	r = decode_exact(iv, sizeof(iv), members->iv, "iv", error);
	if (r == 0)
		r = decode_exact(tag, sizeof(tag), members->tag, "tag", error);
	if (r == 0)
		r = decode(&cipher, members->ciphertext, SECRET_MAX, "ciphertext", error);
	if (r == 0)
		r = secret_alloc(&plain, cipher.size);
	if (r == 0)
		r = jwe_content_open(content_key->data, iv, members->protected, buf_view(&cipher), tag, plain.data);
	if (r)
		return r;
	*ret = secret_steal(&plain);
	return 0;
}

int jwe_decrypt_typed(
	struct secret *ret, const struct jwk *key, const char *typ, struct json_object *object, struct error *error)
{
	CLEANUP(secret_deinit) struct secret content_key = SECRET_NULL;
	JSON_AUTO header = NULL;
	struct jwe_members members;
	int r;

	if (!key->private || key->alg == JWK_ES256)
		return -EINVAL;
	r = jwe_members_read(object, &members, error);
	if (r == 0)
		r = header_read(members.protected, key, typ, &header, error);
	if (r == 0)
		r = open_key(&content_key, key, header, members.encrypted_key, error);
	if (r == 0)
		r = open_content(ret, &content_key, &members, error);
	if (r == JWE_E_OPEN)
		return error_set(error, r, "JWE: it is not encrypted to our key, or was changed");
	return r;
}

int jwe_decrypt(struct secret *ret, const struct jwk *key, struct json_object *object, struct error *error)
{
	return jwe_decrypt_typed(ret, key, NULL, object, error);
}
