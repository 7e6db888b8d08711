/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The guest's engine on a broker's answers. Records of status (u16), size of Set-Cookie (u8), size of the body (u16), Set-Cookie, body. The first byte, when odd: a pinned
 * signer, with 2 besides: a disk is registered. What is asked after the last record is answered with a genuine JWE, and so is what a record of status 0 stands for;
 * for a disk it is a signed ticket.
 *
 * planted: scan kbs_client_response
 */
#include "fuzz.h"
#include "jose/jwe.h"
#include "jose/jwk.h"
#include "kbs/client.h"
#include "kbs/release.h"

#define PINNED 1
#define REGISTERS 2
#define RESOURCE "a/b/c"
#define ANSWERS 8
#define SECONDS_BETWEEN 100

static struct jwk *guest_key, *signer, *enrol_key;

static void set_up(void)
{
	if (guest_key)
		return;
	fuzz_secrets();
	if (jwk_generate(JWK_P256, 0, &guest_key) || jwk_generate_signer(&signer) || jwk_generate(JWK_P256, 0, &enrol_key))
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

/* What the broker would say to a disk's guest. */
static void genuine_ticket(struct kbs_client *client, int i)
{
	static const uint8_t ticket[KBS_TICKET_SIZE];
	struct kbs_http_response response = {.status = 200};
	struct buf text = BUF_NULL, signature = BUF_NULL, body = BUF_NULL;
	struct json_object *jwe = NULL;

	if (kbs_client_want(client) != KBS_CLIENT_SEND)
		return;
	if (kbs_ticket_write(&text, RESOURCE, 0, ticket, enrol_key) || jwe_encrypt(&jwe, guest_key, buf_view(&text)) ||
		release_sign(&signature, signer, kbs_client_nonce(client), KBS_TICKET_PREFIX RESOURCE, 0, jwe) ||
		kbs_response_write(&body, jwe, (const char *)signature.data))
		abort();
	response.body = buf_view(&body);
	(void)!kbs_client_response(client, &response, i * SECONDS_BETWEEN);
	buf_deinit(&text);
	buf_deinit(&signature);
	buf_deinit(&body);
	json_putp(&jwe);
}

static void begin(struct kbs_client *client, uint8_t mode)
{
	struct kbs_registration registration = {.volume = {"v", "0", "/v"}, .replaces = KBS_CLIENT_ANY_VERSION};

	if ((mode & (PINNED | REGISTERS)) != (PINNED | REGISTERS)) {
		if (kbs_client_get(client, RESOURCE))
			abort();
	} else if (secret_copy_in(&registration.disk, "{}", 2) || kbs_client_register(client, RESOURCE, &registration)) {
		abort();
	}
}

/* A disk that is registered is so by an answer that says how. */
static void end(struct kbs_client *client)
{
	uint8_t fingerprint[SHA256_SIZE];
	struct kbs_registered registered;
	struct secret secret = SECRET_NULL;

	if (kbs_client_want(client) == KBS_CLIENT_DONE && kbs_client_registered(client, &registered, fingerprint) == 0 &&
		kbs_client_take(client, &secret) == 0)
		abort();
	kbs_client_free(client);
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
	if (kbs_client_new(&config, &client))
		abort();
	begin(client, mode);
	for (; i < ANSWERS && input.size; i++) {
		struct kbs_http_response response = {.status = fuzz_u16(&input)};
		size_t cookie = fuzz_u8(&input), body = fuzz_u16(&input);

		response.set_cookie = fuzz_copy(fuzz_take(&input, cookie));
		response.body = fuzz_copy(fuzz_take(&input, body));
		if (response.status == 0)
			genuine_ticket(client, i);
		else
			send_and_get(client, &response, i);
		fuzz_free(response.set_cookie);
		fuzz_free(response.body);
	}
	genuine(client, i);
	end(client);
	return 0;
}
