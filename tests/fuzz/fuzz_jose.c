/* SPDX-License-Identifier: Apache-2.0 */
/* Keys, encrypted messages and signatures of a peer. The first byte picks which. */
#include <stdlib.h>

#include "fuzz.h"
#include "jose/jwe.h"
#include "jose/jws.h"

static struct jwk *key, *signer;

static void fuzz_object(struct json_object *object, struct error *error)
{
	struct secret plain = {.size = 0};
	struct jwk *made = NULL;

	if (jwk_import_recipient(&made, object, error) == 0)
		made = jwk_free(made);
	if (jwk_import(object, JWK_PRIVATE, &made, error) == 0)
		made = jwk_free(made);
	if (jwe_decrypt(&plain, key, object, error) == 0)
		secret_deinit(&plain);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct error error = ERROR_NULL;
	struct buf payload = BUF_NULL;
	JSON_AUTO object = NULL;
	struct bytes input = size ? bytes_of(data + 1, size - 1) : bytes_of(NULL, 0);

	if (!key && (secret_process_init(1 << 22) || jwk_generate(JWK_P256, 0, &key) || jwk_generate_signer(&signer)))
		abort();
	if (size && data[0] % 2 == 0 && json_read(input, &object, &error) == 0)
		fuzz_object(object, &error);
	if (size && data[0] % 2) {
		(void)!jws_header_read(input, "JWT", &object, &error);
		(void)!jws_verify(&payload, signer, input, NULL, &error);
		(void)!jws_verify_detached(signer, input, NULL, bytes_of("x", 1), &error);
	}
	buf_deinit(&payload);
	return 0;
}
