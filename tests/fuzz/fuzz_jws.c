/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A signed text: token or release signature of a peer. With the first byte odd, the rest is a payload and header that we sign ourselves, and that must verify.
 *
 * planted: base64-exact jws_verify|jws_verify_detached
 */
#include "fuzz.h"
#include "jose/jws.h"

static struct jwk *signer;

static void peer_text(struct bytes text)
{
	struct error error = ERROR_NULL;
	struct buf payload = BUF_NULL;
	JSON_AUTO header = NULL;

	(void)!jws_header_read(text, "JWT", &header, &error);
	(void)!jws_verify(&payload, signer, text, NULL, &error);
	(void)!jws_verify_detached(signer, text, NULL, bytes_of("x", 1), &error);
	buf_deinit(&payload);
}

/* A payload that is a JSON object is taken for a header as well. */
static void own_text(struct bytes input)
{
	struct buf text = BUF_NULL, detached = BUF_NULL, payload = BUF_NULL;
	struct error error = ERROR_NULL;
	JSON_AUTO header = NULL;
	struct bytes exact;

	if (json_read(input, &header, &error) == 0 && !json_object_is_type(header, json_type_object)) {
		json_putp(&header);
		header = NULL;
	}
	if (jws_sign(&text, signer, JWS_COMPACT, NULL, input) || jws_sign(&detached, signer, JWS_DETACHED, NULL, input))
		abort();
	exact = fuzz_copy(buf_view(&text));
	if (exact.size <= JWS_TEXT_MAX && (jws_verify(&payload, signer, exact, NULL, &error) || !bytes_equal(buf_view(&payload), input)))
		abort();
	fuzz_free(exact);
	if (jws_verify_detached(signer, buf_view(&detached), NULL, input, &error))
		abort();
	buf_deinit(&payload);
	buf_deinit(&text);
	if (header && jws_sign(&text, signer, JWS_COMPACT, header, input) == 0)
		peer_text(buf_view(&text));
	buf_deinit(&text);
	buf_deinit(&detached);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (!signer) {
		fuzz_secrets();
		if (jwk_generate_signer(&signer))
			abort();
	}
	if (size && data[0] & 1)
		own_text(bytes_of(data + 1, size - 1));
	else if (size)
		peer_text(bytes_of(data + 1, size - 1));
	return 0;
}
