/* SPDX-License-Identifier: Apache-2.0 */
/* From JSON to a judged key. Order: kind, algorithm, lengths, and only then mathematics. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "jose/jwk_internal.h"

#define RSA_NUMBER_MAX (JWK_RSA_BITS_MAX / 8)
#define RSA_EXPONENT_MAX 4

static const char *const private_members[] = {"d", "p", "q", "dp", "dq", "qi", "oth", "k"};
static const char *const rsa_members[JWK_RSA_NUMBERS] = {"n", "e", "d", "p", "q", "dp", "dq", "qi"};

int jwk_member_decode(struct buf *to, struct json_object *object, const char *member, size_t max, struct error *error)
{
	size_t size;
	const char *text = json_get_text(object, member, &size);
	int r;

	if (!text || size > (max * 4 + 2) / 3)
		return error_set(error, JWK_E_MALFORMED, "key: \"%s\" %s", member, text ? "is too long" : "is not there as text");
	r = base64_decode(to, BASE64_URL, bytes_of(text, size));
	return r == -EINVAL ? error_set(error, JWK_E_MALFORMED, "key: \"%s\" is not base64url without padding", member) : r;
}

/* One coordinate or private value: all its leading zeros, nothing more. */
static int coordinate_decode(struct buf *to, struct json_object *object, const char *member, enum jwk_kind kind, struct error *error)
{
	size_t size = jwk_coordinate_size(kind);
	int r = jwk_member_decode(to, object, member, 2 * size, error);

	if (r == 0 && to->size != size)
		return error_set(error, JWK_E_LENGTH, "key: \"%s\" has %zu bytes instead of %zu", member, to->size, size);
	return r;
}

static bool member_is(struct json_object *object, const char *member, const char *expected)
{
	const char *text = json_get_text(object, member, NULL);

	return text && strcmp(text, expected) == 0;
}

static int point_import(struct json_object *object, enum jwk_kind kind, bool private, EVP_PKEY **ret, struct error *error)
{
	CLEANUP(buf_deinit) struct buf x = BUF_NULL;
	CLEANUP(buf_deinit) struct buf y = BUF_NULL;
	CLEANUP(buf_deinit) struct buf d = BUF_NULL;
	int r;

	r = coordinate_decode(&x, object, "x", kind, error);
	if (r == 0)
		r = coordinate_decode(&y, object, "y", kind, error);
	if (r == 0 && private)
		r = coordinate_decode(&d, object, "d", kind, error);
	if (r == 0)
		r = jwk_point_make(kind, buf_view(&x), buf_view(&y), buf_view(&d), ret);
	if (r > 0)
		return error_set(error, r, "key: not a point of %s%s", jwk_curve_name(kind), private ? ", or not of this private value" : "");
	return r;
}

int jwk_point_import(struct json_object *object, enum jwk_kind kind, EVP_PKEY **ret, struct error *error)
{
	if (!member_is(object, "kty", "EC") || !member_is(object, "crv", jwk_curve_name(kind)))
		return error_set(error, JWK_E_KIND, "key: not a point of %s", jwk_curve_name(kind));
	return point_import(object, kind, false, ret, error);
}

static unsigned bits_of(struct bytes number)
{
	unsigned bits = (unsigned)number.size * 8;

	for (uint8_t first = number.data[0]; first < 0x80; first = (uint8_t)(first << 1))
		bits--;
	return bits;
}

/* Sizes of modulus and exponent: mathematics come later. */
static int rsa_limits(struct bytes n, struct bytes e, struct error *error)
{
	uint32_t exponent = 0;

	for (size_t i = 0; i < e.size; i++)
		exponent = exponent << 8 | e.data[i];
	if (bits_of(n) < JWK_RSA_BITS_MIN || bits_of(n) > JWK_RSA_BITS_MAX)
		return error_set(error, JWK_E_LENGTH, "key: an RSA modulus of %u bits, served are %d to %d", bits_of(n),
			JWK_RSA_BITS_MIN, JWK_RSA_BITS_MAX);
	if (n.data[n.size - 1] % 2 == 0)
		return error_set(error, JWK_E_POINT, "key: an even RSA modulus");
	if (e.size > RSA_EXPONENT_MAX || exponent < JWK_RSA_EXPONENT_MIN || exponent % 2 == 0)
		return error_set(error, JWK_E_POINT, "key: an RSA exponent that is not odd, below 65537 or above 32 bits");
	return 0;
}

static void numbers_deinit(struct buf (*numbers)[JWK_RSA_NUMBERS])
{
	for (size_t i = 0; i < JWK_RSA_NUMBERS; i++)
		buf_deinit(&(*numbers)[i]);
}

static int rsa_import(struct json_object *object, bool private, EVP_PKEY **ret, struct error *error)
{
	CLEANUP(numbers_deinit) struct buf numbers[JWK_RSA_NUMBERS] = {BUF_NULL};
	struct bytes views[JWK_RSA_NUMBERS] = {{NULL, 0}};
	int r = 0;

	for (size_t i = 0; r == 0 && i < (private ? JWK_RSA_NUMBERS : 2); i++) {
		/* One byte more than we serve, so that a larger modulus is called large and not malformed. */
		r = jwk_member_decode(&numbers[i], object, rsa_members[i], RSA_NUMBER_MAX + 1, error);
		if (r == 0 && (numbers[i].size == 0 || numbers[i].data[0] == 0))
			r = error_set(error, JWK_E_MALFORMED, "key: \"%s\" is empty or begins with a zero byte", rsa_members[i]);
		views[i] = buf_view(&numbers[i]);
	}
	if (r == 0)
		r = rsa_limits(views[0], views[1], error);
	if (r)
		return r;
	r = jwk_rsa_make(views, private, ret);
	return r > 0 ? error_set(error, r, "key: not a sound RSA key") : r;
}

static int kind_read(struct json_object *object, enum jwk_kind *ret, struct error *error)
{
	if (!json_object_is_type(object, json_type_object))
		return error_set(error, JWK_E_MALFORMED, "key: not a JSON object");
	if (member_is(object, "kty", "RSA"))
		*ret = JWK_RSA;
	else if (member_is(object, "kty", "EC") && member_is(object, "crv", "P-256"))
		*ret = JWK_P256;
	else if (member_is(object, "kty", "EC") && member_is(object, "crv", "P-521"))
		*ret = JWK_P521;
	else
		return error_set(error, JWK_E_KIND, "key: kty and crv are not EC with P-256 or P-521, nor RSA");
	return 0;
}

static int alg_read(struct json_object *object, enum jwk_kind kind, enum jwk_alg *ret, struct error *error)
{
	static const enum jwk_alg all[] = {JWK_ECDH_ES_A256KW, JWK_RSA_OAEP_256, JWK_ES256};

	for (size_t i = 0; i < ARRAY_SIZE(all); i++) {
		if (jwk_alg_fits(all[i], kind) && member_is(object, "alg", jwk_alg_name(all[i]))) {
			*ret = all[i];
			return 0;
		}
	}
	return error_set(error, JWK_E_ALG, "key: no \"alg\", or one that is not served with this kind of key");
}

/* A key with a private part may not stand where a public one belongs: it would leave the place where it is kept. */
static int part_check(struct json_object *object, enum jwk_part part, struct error *error)
{
	for (size_t i = 0; part == JWK_PUBLIC && i < ARRAY_SIZE(private_members); i++) {
		if (json_object_object_get_ex(object, private_members[i], NULL))
			return error_set(error, JWK_E_PRIVATE, "key: a private key where only the public one belongs");
	}
	return 0;
}

int jwk_import(struct json_object *object, enum jwk_part part, struct jwk **ret, struct error *error)
{
	JWK_AUTO key = calloc(1, sizeof(*key));
	int r;

	if (!key)
		return -ENOMEM;
	key->private = part == JWK_PRIVATE;
	r = kind_read(object, &key->kind, error);
	if (r == 0)
		r = alg_read(object, key->kind, &key->alg, error);
	if (r == 0)
		r = part_check(object, part, error);
	if (r == 0 && key->kind == JWK_RSA)
		r = rsa_import(object, key->private, &key->pkey, error);
	else if (r == 0)
		r = point_import(object, key->kind, key->private, &key->pkey, error);
	if (r == 0)
		r = jwk_name(key);
	if (r)
		return r;
	*ret = key;
	key = NULL;
	return 0;
}

int jwk_import_recipient(struct jwk **ret, struct json_object *object, struct error *error)
{
	JWK_AUTO key = NULL;
	int r = jwk_import(object, JWK_PUBLIC, &key, error);

	if (r)
		return r;
	if (key->alg == JWK_ES256)
		return error_set(error, JWK_E_ALG, "key: \"alg\" is of a signing key, nothing is encrypted to it");
	*ret = key;
	key = NULL;
	return 0;
}
