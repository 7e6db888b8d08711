/* SPDX-License-Identifier: Apache-2.0 */
/*
 * An encrypted message. The first byte says with which of our keys it is opened, and whether the members that it has are laid over those of a genuine message, so
 * that one wrong member alone is looked at.
 *
 * planted: base64-text jwe_decrypt_typed
 */
#include "fuzz.h"
#include "jose/jwe.h"

#define OVER_GENUINE 0x80
#define KEY_MASK 0x7f

static const char plain[] = "0123456789abcdef0123456789abcdef";
static struct jwk *keys[3];

static void set_up(void)
{
	if (keys[0])
		return;
	fuzz_secrets();
	if (jwk_generate(JWK_P256, 0, &keys[0]) || jwk_generate(JWK_P521, 0, &keys[1]) || jwk_generate(JWK_RSA, 2048, &keys[2]))
		abort();
}

/* A genuine message with the members of `object` instead of its own. */
static struct json_object *over_genuine(const struct jwk *key, struct json_object *object)
{
	struct json_object *genuine = NULL;

	if (jwe_encrypt(&genuine, key, bytes_of_text(plain)))
		abort();
	json_object_object_foreach (object, name, value) {
		if (json_object_object_add(genuine, name, json_object_get(value)) < 0)
			abort();
	}
	return genuine;
}

/* What is not exactly the message that was encrypted does not open as it. */
static void fuzz(const struct jwk *key, struct json_object *object, struct error *error)
{
	struct secret opened = SECRET_NULL;

	if (jwe_decrypt(&opened, key, object, error) == 0)
		secret_deinit(&opened);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct error error = ERROR_NULL;
	const struct jwk *key;
	JSON_AUTO object = NULL;

	set_up();
	if (size == 0 || json_read(bytes_of(data + 1, size - 1), &object, &error) || !json_object_is_type(object, json_type_object))
		return 0;
	key = keys[(data[0] & KEY_MASK) % ARRAY_SIZE(keys)];
	fuzz(key, object, &error);
	if (data[0] & OVER_GENUINE) {
		struct json_object *made = over_genuine(key, object);

		fuzz(key, made, &error);
		json_putp(&made);
	}
	return 0;
}
