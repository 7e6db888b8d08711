/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <limits.h>
#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/ec.h>
#include <openssl/err.h>
#include <openssl/rsa.h>
#include <openssl/x509.h>
#include <stdlib.h>
#include <string.h>

#include "base/crypto.h"
#include "base/text.h"
#include "jose/jwk_internal.h"

struct jwk *jwk_free(struct jwk *key)
{
	if (key)
		EVP_PKEY_free(key->pkey);
	free(key);
	return NULL;
}

enum jwk_kind jwk_kind(const struct jwk *key)
{
	return key->kind;
}

enum jwk_alg jwk_alg(const struct jwk *key)
{
	return key->alg;
}

bool jwk_is_private(const struct jwk *key)
{
	return key->private;
}

const char *jwk_alg_name(enum jwk_alg alg)
{
	switch (alg) {
	case JWK_ECDH_ES_A256KW:
		return "ECDH-ES+A256KW";
	case JWK_RSA_OAEP_256:
		return "RSA-OAEP-256";
	case JWK_ES256:
		return "ES256";
	default:
		return "";
	}
}

bool jwk_alg_fits(enum jwk_alg alg, enum jwk_kind kind)
{
	switch (alg) {
	case JWK_ES256:
		return kind == JWK_P256;
	case JWK_RSA_OAEP_256:
		return kind == JWK_RSA;
	case JWK_ECDH_ES_A256KW:
		return kind == JWK_P256 || kind == JWK_P521;
	default:
		return false;
	}
}

const char *jwk_curve_name(enum jwk_kind kind)
{
	return kind == JWK_P521 ? "P-521" : "P-256";
}

size_t jwk_coordinate_size(enum jwk_kind kind)
{
	return kind == JWK_P521 ? 66 : 32;
}

/* Making */

static int wrap(EVP_PKEY *made, enum jwk_kind kind, enum jwk_alg alg, struct jwk **ret)
{
	struct jwk *key;
	int r;

	if (!made)
		return -EIO;
	key = calloc(1, sizeof(*key));
	if (!key) {
		EVP_PKEY_free(made);
		return -ENOMEM;
	}
	*key = (struct jwk){.pkey = made, .kind = kind, .alg = alg, .private = true};
	r = jwk_name(key);
	if (r) {
		jwk_free(key);
		return r;
	}
	*ret = key;
	return 0;
}

int jwk_generate(enum jwk_kind kind, unsigned bits, struct jwk **ret)
{
	if (kind == JWK_P256 || kind == JWK_P521)
		return wrap(EVP_PKEY_Q_keygen(NULL, NULL, "EC", jwk_curve_name(kind)), kind, JWK_ECDH_ES_A256KW, ret);
	if (kind == JWK_RSA && (bits == 2048 || bits == 3072 || bits == 4096))
		return wrap(EVP_PKEY_Q_keygen(NULL, NULL, "RSA", (size_t)bits), kind, JWK_RSA_OAEP_256, ret);
	return -EINVAL;
}

int jwk_generate_signer(struct jwk **ret)
{
	return wrap(EVP_PKEY_Q_keygen(NULL, NULL, "EC", "P-256"), JWK_P256, JWK_ES256, ret);
}

/* To JSON */

static void number_freep(BIGNUM **number)
{
	BN_clear_free(*number);
}

/* A public number, big endian: `width` bytes, or as few as it needs when that is 0. */
static int number_export(const EVP_PKEY *pkey, const char *name, size_t width, struct buf *to)
{
	CLEANUP(number_freep) BIGNUM *number = NULL;
	int r;

	if (EVP_PKEY_get_bn_param(pkey, name, &number) != 1)
		return -EIO;
	if (width == 0)
		width = (size_t)BN_num_bytes(number);
	r = buf_reserve(to, width);
	if (r)
		return r;
	if (BN_bn2binpad(number, to->data + to->size, (int)width) != (int)width)
		return -EIO;
	to->size += width;
	return 0;
}

int jwk_point_export(const EVP_PKEY *pkey, enum jwk_kind kind, uint8_t x[static JWK_COORDINATE_MAX],
	uint8_t y[static JWK_COORDINATE_MAX])
{
	CLEANUP(buf_deinit) struct buf point = BUF_NULL;
	size_t size = jwk_coordinate_size(kind);
	int r = number_export(pkey, OSSL_PKEY_PARAM_EC_PUB_X, size, &point);

	if (r == 0)
		r = number_export(pkey, OSSL_PKEY_PARAM_EC_PUB_Y, size, &point);
	if (r)
		return r;
	memcpy(x, point.data, size);
	memcpy(y, point.data + size, size);
	return 0;
}

static int add_number(struct json_object *object, const char *member, struct bytes number)
{
	CLEANUP(buf_deinit) struct buf text = BUF_NULL;
	int r = base64_encode(&text, BASE64_URL, number);

	return r ? r : json_add_text_size(object, member, buf_view(&text));
}

static int add_point(struct json_object *object, const struct jwk *key)
{
	uint8_t x[JWK_COORDINATE_MAX], y[JWK_COORDINATE_MAX];
	size_t size = jwk_coordinate_size(key->kind);
	int r = jwk_point_export(key->pkey, key->kind, x, y);

	if (r == 0)
		r = json_add_text(object, "crv", jwk_curve_name(key->kind));
	if (r == 0)
		r = json_add_text(object, "kty", "EC");
	if (r == 0)
		r = add_number(object, "x", bytes_of(x, size));
	return r ? r : add_number(object, "y", bytes_of(y, size));
}

static int add_rsa(struct json_object *object, const struct jwk *key)
{
	CLEANUP(buf_deinit) struct buf n = BUF_NULL;
	CLEANUP(buf_deinit) struct buf e = BUF_NULL;
	int r = number_export(key->pkey, OSSL_PKEY_PARAM_RSA_N, 0, &n);

	if (r == 0)
		r = number_export(key->pkey, OSSL_PKEY_PARAM_RSA_E, 0, &e);
	if (r == 0)
		r = add_number(object, "e", buf_view(&e));
	if (r == 0)
		r = json_add_text(object, "kty", "RSA");
	return r ? r : add_number(object, "n", buf_view(&n));
}

/* `with_alg` false gives the members that RFC 7638 hashes. */
static int export_members(const struct jwk *key, bool with_alg, struct json_object **ret)
{
	JSON_AUTO object = json_object_new_object();
	int r;

	if (!object)
		return -ENOMEM;
	r = with_alg ? json_add_text(object, "alg", jwk_alg_name(key->alg)) : 0;
	if (r == 0)
		r = key->kind == JWK_RSA ? add_rsa(object, key) : add_point(object, key);
	if (r)
		return r;
	*ret = object;
	object = NULL;
	return 0;
}

int jwk_export_public(const struct jwk *key, struct json_object **ret)
{
	return export_members(key, true, ret);
}

int jwk_thumbprint(const struct jwk *key, char ret[static JWK_THUMBPRINT_SIZE])
{
	CLEANUP(buf_deinit) struct buf text = BUF_NULL;
	CLEANUP(buf_deinit) struct buf encoded = BUF_NULL;
	JSON_AUTO object = NULL;
	uint8_t digest[SHA256_SIZE];
	int r = export_members(key, false, &object);

	if (r == 0)
		r = json_canonical(&text, object);
	if (r == 0)
		r = sha256(digest, buf_view(&text));
	if (r == 0)
		r = base64_encode(&encoded, BASE64_URL, bytes_of(digest, sizeof(digest)));
	if (r)
		return r;
	if (encoded.size != JWK_THUMBPRINT_SIZE - 1)
		return -EIO;
	memcpy(ret, encoded.data, encoded.size);
	ret[encoded.size] = 0;
	return 0;
}

int jwk_name(struct jwk *key)
{
	return key->private && key->alg == JWK_ES256 ? jwk_thumbprint(key, key->kid) : 0;
}

/* Private keys at rest */

static void info_freep(PKCS8_PRIV_KEY_INFO **info)
{
	PKCS8_PRIV_KEY_INFO_free(*info); /* cleanses the key */
}

int jwk_private_write(const struct jwk *key, struct secret *ret)
{
	CLEANUP(info_freep) PKCS8_PRIV_KEY_INFO *info = NULL;
	CLEANUP(secret_deinit) struct secret out = SECRET_NULL;
	unsigned char *at;
	int size, r;

	if (!key->private)
		return -EINVAL;
	info = EVP_PKEY2PKCS8(key->pkey);
	size = info ? i2d_PKCS8_PRIV_KEY_INFO(info, NULL) : -1;
	if (size <= 0)
		return -EIO;
	r = secret_alloc(&out, (size_t)size);
	if (r)
		return r;
	at = out.data;
	if (i2d_PKCS8_PRIV_KEY_INFO(info, &at) != size)
		return -EIO;
	*ret = secret_steal(&out);
	return 0;
}

/* 0 when it is none of the kinds. */
static enum jwk_kind pkey_kind(const EVP_PKEY *pkey)
{
	char group[32];
	int bits = EVP_PKEY_get_bits(pkey);

	if (EVP_PKEY_is_a(pkey, "RSA"))
		return bits >= JWK_RSA_BITS_MIN && bits <= JWK_RSA_BITS_MAX ? JWK_RSA : (enum jwk_kind)0;
	if (!EVP_PKEY_is_a(pkey, "EC") || EVP_PKEY_get_group_name(pkey, group, sizeof(group), NULL) != 1)
		return (enum jwk_kind)0;
	if (strcmp(group, "prime256v1") == 0)
		return JWK_P256;
	return strcmp(group, "secp521r1") == 0 ? JWK_P521 : (enum jwk_kind)0;
}

int jwk_private_read(struct bytes der, enum jwk_alg alg, struct jwk **ret)
{
	CLEANUP(info_freep) PKCS8_PRIV_KEY_INFO *info = NULL;
	PKEY_AUTO pkey = NULL;
	PKEY_CONTEXT_AUTO context = NULL;
	const unsigned char *at = der.data;
	EVP_PKEY *good;
	enum jwk_kind kind;

	if (der.size == 0 || der.size > JWK_TEXT_MAX)
		return -EINVAL;
	info = d2i_PKCS8_PRIV_KEY_INFO(NULL, &at, (long)der.size);
	if (info && at == der.data + der.size)
		pkey = EVP_PKCS82PKEY(info);
	if (pkey)
		context = EVP_PKEY_CTX_new_from_pkey(NULL, pkey, NULL);
	kind = pkey ? pkey_kind(pkey) : (enum jwk_kind)0;
	if (!context || !jwk_alg_fits(alg, kind) || EVP_PKEY_check(context) != 1) {
		ERR_clear_error();
		return -EINVAL;
	}
	good = pkey;
	pkey = NULL;
	return wrap(good, kind, alg, ret);
}
