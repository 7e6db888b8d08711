/* SPDX-License-Identifier: Apache-2.0 */
#include "jose/jws.h"

#include <errno.h>
#include <openssl/bn.h>
#include <openssl/ecdsa.h>
#include <openssl/err.h>
#include <string.h>

#include "base/text.h"
#include "jose/jwk_internal.h"

#define DER_MAX 80 /* of a P-256 signature: 72 */

static void digest_freep(EVP_MD_CTX **context)
{
	EVP_MD_CTX_free(*context);
}

static void signature_freep(ECDSA_SIG **signature)
{
	ECDSA_SIG_free(*signature);
}

#define DIGEST_AUTO CLEANUP(digest_freep) EVP_MD_CTX *
#define SIGNATURE_AUTO CLEANUP(signature_freep) ECDSA_SIG *

/* ES256: OpenSSL speaks DER, JOSE r || s. */

static int sign(const struct jwk *key, struct bytes input, uint8_t ret[static JWS_SIGNATURE_SIZE])
{
	DIGEST_AUTO context = EVP_MD_CTX_new();
	SIGNATURE_AUTO signature = NULL;
	uint8_t der[DER_MAX];
	const unsigned char *at = der;
	size_t size = sizeof(der);

	if (!context)
		return -ENOMEM;
	if (EVP_DigestSignInit_ex(context, NULL, "SHA256", NULL, NULL, key->pkey, NULL) != 1 ||
		EVP_DigestSign(context, der, &size, input.data, input.size) != 1)
		return -EIO;
	signature = d2i_ECDSA_SIG(NULL, &at, (long)size);
	if (!signature || BN_bn2binpad(ECDSA_SIG_get0_r(signature), ret, JWS_SIGNATURE_SIZE / 2) < 0 ||
		BN_bn2binpad(ECDSA_SIG_get0_s(signature), ret + JWS_SIGNATURE_SIZE / 2, JWS_SIGNATURE_SIZE / 2) < 0)
		return -EIO;
	return 0;
}

static int signature_to_der(const uint8_t raw[static JWS_SIGNATURE_SIZE], uint8_t der[static DER_MAX], size_t *ret_size)
{
	SIGNATURE_AUTO signature = ECDSA_SIG_new();
	BIGNUM *r = BN_bin2bn(raw, JWS_SIGNATURE_SIZE / 2, NULL);
	BIGNUM *s = BN_bin2bn(raw + JWS_SIGNATURE_SIZE / 2, JWS_SIGNATURE_SIZE / 2, NULL);
	unsigned char *at = der;
	int size;

	if (!signature || !r || !s || ECDSA_SIG_set0(signature, r, s) != 1) {
		BN_free(r);
		BN_free(s);
		return -ENOMEM;
	}
	size = i2d_ECDSA_SIG(signature, NULL);
	if (size <= 0 || size > DER_MAX || i2d_ECDSA_SIG(signature, &at) != size)
		return -EIO;
	*ret_size = (size_t)size;
	return 0;
}

static int verify(const struct jwk *key, struct bytes input, const uint8_t raw[static JWS_SIGNATURE_SIZE])
{
	DIGEST_AUTO context = EVP_MD_CTX_new();
	uint8_t der[DER_MAX];
	size_t size;
	int r = signature_to_der(raw, der, &size);

	if (r || !context)
		return r ? r : -ENOMEM;
	if (EVP_DigestVerifyInit_ex(context, NULL, "SHA256", NULL, NULL, key->pkey, NULL) != 1)
		return -EIO;
	if (EVP_DigestVerify(context, der, size, input.data, input.size) != 1) {
		ERR_clear_error();
		return JWS_E_SIGNATURE;
	}
	return 0;
}

/* Writing */

static int header_write(struct buf *to, const struct jwk *key, struct json_object *more)
{
	JSON_AUTO header = json_object_new_object();
	CLEANUP(buf_deinit) struct buf text = BUF_NULL;
	int r = 0;

	if (!header)
		return -ENOMEM;
	if (more) {
		json_object_object_foreach (more, name, value) {
			if (r == 0)
				r = json_add(header, name, json_object_get(value));
		}
	}
	if (r == 0)
		r = json_add_text(header, "alg", jwk_alg_name(key->alg));
	if (r == 0)
		r = json_add_text(header, "kid", key->kid);
	if (r == 0)
		r = json_canonical(&text, header);
	return r ? r : base64_encode(to, BASE64_URL, buf_view(&text));
}

int jws_sign(struct buf *to, const struct jwk *key, enum jws_form form, struct json_object *header, struct bytes payload)
{
	CLEANUP(buf_deinit) struct buf text = BUF_NULL;
	uint8_t signature[JWS_SIGNATURE_SIZE];
	size_t header_size;
	int r;

	if (!key->private || key->alg != JWK_ES256)
		return -EINVAL;
	r = header_write(&text, key, header);
	if (r == 0)
		r = buf_append_text(&text, ".");
	header_size = text.size;
	if (r == 0)
		r = base64_encode(&text, BASE64_URL, payload);
	if (r == 0)
		r = sign(key, buf_view(&text), signature);
	if (r == 0 && form == JWS_DETACHED)
		text.size = header_size;
	if (r == 0)
		r = buf_append_text(&text, ".");
	if (r == 0)
		r = base64_encode(&text, BASE64_URL, bytes_of(signature, sizeof(signature)));
	if (r == 0)
		r = buf_reserve(to, text.size + 1);
	if (r == 0)
		r = buf_append(to, text.data, text.size);
	if (r)
		return r;
	to->data[to->size] = 0;
	return 0;
}

/* Reading */

struct jws_parts {
	struct bytes header;
	struct bytes payload;
	struct bytes signature;
	struct bytes input; /* header.payload, as received */
};

static int split(struct bytes text, struct jws_parts *ret, struct error *error)
{
	const uint8_t *dots[2] = {NULL, NULL};
	/* NULL, which an empty text may carry, takes no offset. */
	const uint8_t *end = text.size ? text.data + text.size : text.data;
	size_t count = 0;

	for (const uint8_t *at = text.data; text.size <= JWS_TEXT_MAX && at < end; at++) {
		if (*at != '.')
			continue;
		if (count < 2)
			dots[count] = at;
		count++;
	}
	if (count != 2)
		return error_set(error, JWS_E_MALFORMED, "JWS: not three parts of bounded size");
	*ret = (struct jws_parts){
		.header = bytes_of(text.data, (size_t)(dots[0] - text.data)),
		.payload = bytes_of(dots[0] + 1, (size_t)(dots[1] - dots[0] - 1)),
		.signature = bytes_of(dots[1] + 1, (size_t)(end - dots[1] - 1)),
		.input = bytes_of(text.data, (size_t)(dots[1] - text.data)),
	};
	return 0;
}

static int header_judge(struct json_object *header, const char *typ, struct error *error)
{
	const char *alg = json_get_text(header, "alg", NULL);
	const char *given = json_get_text(header, "typ", NULL);

	if (!json_object_is_type(header, json_type_object))
		return error_set(error, JWS_E_MALFORMED, "JWS: the header is not a JSON object");
	if (!alg || strcmp(alg, "ES256") != 0)
		return error_set(error, JWS_E_HEADER, "JWS: \"alg\" is not ES256");
	if (json_object_object_get_ex(header, "crit", NULL) || json_object_object_get_ex(header, "b64", NULL))
		return error_set(error, JWS_E_HEADER, "JWS: \"crit\" and \"b64\" are not served");
	if (typ && (!given || strcmp(given, typ) != 0))
		return error_set(error, JWS_E_HEADER, "JWS: \"typ\" is not %s", typ);
	return 0;
}

static int header_read(const struct jws_parts *parts, const char *typ, struct json_object **ret, struct error *error)
{
	CLEANUP(buf_deinit) struct buf text = BUF_NULL;
	JSON_AUTO header = NULL;
	int r;

	if (parts->header.size > JWS_HEADER_TEXT_MAX)
		return error_set(error, JWS_E_MALFORMED, "JWS: the header is too large");
	r = base64_decode(&text, BASE64_URL, parts->header);
	if (r == -EINVAL)
		return error_set(error, JWS_E_MALFORMED, "JWS: the header is not base64url");
	if (r == 0)
		r = json_read(buf_view(&text), &header, error);
	if (r)
		return r == -ENOMEM ? r : JWS_E_MALFORMED;
	r = header_judge(header, typ, error);
	if (r)
		return r;
	*ret = header;
	header = NULL;
	return 0;
}

int jws_header_read(struct bytes text, const char *typ, struct json_object **ret, struct error *error)
{
	struct jws_parts parts;
	int r = split(text, &parts, error);

	return r ? r : header_read(&parts, typ, ret, error);
}

/* The signature over `input`, which is either as received or rebuilt. */
static int parts_verify(const struct jwk *key, const struct jws_parts *parts, struct bytes input, const char *typ, struct error *error)
{
	JSON_AUTO header = NULL;
	uint8_t raw[JWS_SIGNATURE_SIZE];
	int r;

	if (key->alg != JWK_ES256)
		return -EINVAL;
	r = header_read(parts, typ, &header, error);
	if (r)
		return r;
	if (base64_decode_exact(raw, sizeof(raw), BASE64_URL, parts->signature))
		return error_set(error, JWS_E_SIGNATURE, "JWS: the signature does not have 64 bytes");
	r = verify(key, input, raw);
	return r > 0 ? error_set(error, r, "JWS: not signed by this key") : r;
}

int jws_verify(struct buf *ret_payload, const struct jwk *key, struct bytes text, const char *typ, struct error *error)
{
	CLEANUP(buf_deinit) struct buf payload = BUF_NULL;
	struct jws_parts parts;
	int r = split(text, &parts, error);

	if (r == 0)
		r = base64_decode(&payload, BASE64_URL, parts.payload);
	if (r == -EINVAL)
		return error_set(error, JWS_E_MALFORMED, "JWS: the payload is not base64url");
	if (r == 0)
		r = parts_verify(key, &parts, parts.input, typ, error);
	return r ? r : buf_append(ret_payload, payload.data, payload.size);
}

int jws_verify_detached(const struct jwk *key, struct bytes text, const char *typ, struct bytes payload, struct error *error)
{
	CLEANUP(buf_deinit) struct buf input = BUF_NULL;
	struct jws_parts parts;
	int r = split(text, &parts, error);

	if (r == 0 && parts.payload.size)
		return error_set(error, JWS_E_MALFORMED, "JWS: a payload where a detached signature belongs");
	if (r == 0)
		r = buf_append(&input, parts.input.data, parts.input.size);
	if (r == 0)
		r = base64_encode(&input, BASE64_URL, payload);
	return r ? r : parts_verify(key, &parts, buf_view(&input), typ, error);
}
