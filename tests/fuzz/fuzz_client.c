/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The guest's engine on a broker's answers. Records of status (u16), size of Set-Cookie (u8), size of the body (u16), Set-Cookie, body. The first byte, when odd: a pinned
 * signer. What is asked after the last record is answered with a genuine JWE.
 *
 * planted: scan kbs_client_response
 */
#include "fuzz.h"
#include "jose/jwe.h"
#include "jose/jwk.h"
#include "kbs/client.h"

#define PINNED 1
#define ANSWERS 8
#define SECONDS_BETWEEN 100

static struct jwk *guest_key, *signer;

static void set_up(void)
{
	if (guest_key)
		return;
	fuzz_secrets();
	if (jwk_generate(JWK_P256, 0, &guest_key) || jwk_generate_signer(&signer))
		abort();
}

static void send_and_get(struct kbs_client *client, const struct kbs_http_response *response, int i)
{
	struct kbs_http_request request;

	if (kbs_client_want(client) == KBS_CLIENT_SEND) {
		/* As the agent does before each handshake, here with the key that it had; not between handshakes. */
		if ((kbs_client_renew_key(client, guest_key) == 0) != kbs_client_at_handshake(client))
			abort();
		(void)!kbs_client_request(client, &request);
		(void)!kbs_client_response(client, response, i * SECONDS_BETWEEN);
	}
	if (kbs_client_want(client) == KBS_CLIENT_EVIDENCE)
		(void)!kbs_client_evidence(client, bytes_of_text("{}"), bytes_of(NULL, 0));
	if (kbs_client_want(client) == KBS_CLIENT_FAILED) {
		(void)kbs_client_exit(kbs_client_outcome(client));
		if (!kbs_client_error(client)[0])
			abort();
	}
}

/* Without a pin, a genuine JWE ends in the secret that was encrypted. */
static void genuine(struct kbs_client *client, int i)
{
	struct json_object *jwe = NULL;
	struct secret secret = SECRET_NULL;
	struct buf body = BUF_NULL;
	struct kbs_http_response response = {.status = 200};

	if (kbs_client_want(client) != KBS_CLIENT_SEND)
		return;
	if (jwe_encrypt(&jwe, guest_key, bytes_of_text("key")) || json_write(&body, jwe))
		abort();
	response.body = buf_view(&body);
	(void)!kbs_client_response(client, &response, i * SECONDS_BETWEEN);
	if (kbs_client_want(client) == KBS_CLIENT_DONE && kbs_client_take(client, &secret) == 0 &&
		!bytes_equal(secret_view(&secret), bytes_of_text("key")))
		abort();
	secret_deinit(&secret);
	buf_deinit(&body);
	json_putp(&jwe);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct kbs_client_config config = {.tee = KBS_TEE_SNP};
	struct kbs_client *client;
	struct bytes input = bytes_of(data, size);
	uint8_t mode = fuzz_u8(&input);
	int i = 0;

	set_up();
	config.guest_key = guest_key;
	config.release_pin = mode & PINNED ? signer : NULL;
	if (kbs_client_new(&config, &client) || kbs_client_get(client, "a/b/c"))
		abort();
	for (; i < ANSWERS && input.size; i++) {
		struct kbs_http_response response = {.status = fuzz_u16(&input)};
		size_t cookie = fuzz_u8(&input), body = fuzz_u16(&input);

		response.set_cookie = fuzz_copy(fuzz_take(&input, cookie));
		response.body = fuzz_copy(fuzz_take(&input, body));
		send_and_get(client, &response, i);
		fuzz_free(response.set_cookie);
		fuzz_free(response.body);
	}
	genuine(client, i);
	kbs_client_free(client);
	return 0;
}
