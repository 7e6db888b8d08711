/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A peer's key, and one from a file. What is taken is written, and read to the same key again.
 *
 * planted: base64-text jwk_import
 * planted: scan json_read
 */
#include "fuzz.h"
#include "jose/jwk.h"

static void again(const struct jwk *key)
{
	char first[JWK_THUMBPRINT_SIZE], second[JWK_THUMBPRINT_SIZE];
	struct json_object *object = NULL;
	struct jwk *read = NULL;

	if (jwk_export_public(key, &object) || jwk_import(object, JWK_PUBLIC, &read, NULL) || jwk_thumbprint(key, first) ||
		jwk_thumbprint(read, second) || strcmp(first, second) != 0)
		abort();
	json_putp(&object);
	(void)jwk_free(read);
}

static void again_private(const struct jwk *key)
{
	struct secret der = SECRET_NULL;
	struct jwk *read = NULL;

	if (jwk_private_write(key, &der) || jwk_private_read(secret_view(&der), jwk_alg(key), &read))
		abort();
	secret_deinit(&der);
	(void)jwk_free(read);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct error error = ERROR_NULL;
	JSON_AUTO object = NULL;
	struct jwk *key = NULL;
	static bool ready;

	if (!ready)
		fuzz_secrets();
	ready = true;
	if (json_read(bytes_of(data, size), &object, &error))
		return 0;
	if (jwk_import_recipient(&key, object, &error) == 0) {
		again(key);
		key = jwk_free(key);
	}
	if (jwk_import(object, JWK_PUBLIC, &key, &error) == 0) {
		again(key);
		key = jwk_free(key);
	}
	if (jwk_import(object, JWK_PRIVATE, &key, &error) == 0) {
		again_private(key);
		key = jwk_free(key);
	}
	return 0;
}
