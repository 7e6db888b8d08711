/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Fuzzer for kbs/: messages both ways, session state, headers, names, the server engine and the client engine on a peer's bytes. The first byte picks the target.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/secret.h"
#include "fuzz.h"
#include "jose/jwk.h"
#include "kbs/client.h"
#include "kbs/server.h"

static struct jwk *guest_key;
static struct jwk *signer;
static struct kbs_server *server;
static uint8_t kek[32];

static int op_appraise(void *context, const struct kbs_appraise_input *input, struct kbs_appraised *ret)
{
	(void)context;
	(void)input;
	ret->genuine = true;
	ret->passed_count = 1;
	memcpy(ret->passed[0].name, "web", 4);
	return 0;
}
static int op_grant(void *context, const char *resource, struct kbs_grant *ret)
{
	(void)context;
	(void)resource;
	ret->policy_count = 1;
	memcpy(ret->policies[0].name, "web", 4);
	return 0;
}
static int op_fetch(void *context, const char *resource, struct kbs_resource_value *ret)
{
	(void)context;
	(void)resource;
	return secret_copy_in(&ret->secret, "x", 1);
}
static int op_audit(void *context, const struct kbs_audit *record)
{
	(void)context;
	(void)record;
	return 0;
}
static const struct kbs_server_ops ops = {op_appraise, op_grant, op_fetch, op_audit};

static void set_up(void)
{
	struct kbs_server_config config = {.ops = &ops, .kek = bytes_of(kek, sizeof(kek))};

	if (server)
		return;
	if (secret_process_init(1 << 22) || jwk_generate(JWK_P256, 0, &guest_key) || jwk_generate_signer(&signer))
		abort();
	config.token_key = signer;
	config.release_key = signer;
	if (kbs_server_new(&config, &server))
		abort();
}

static void fuzz_messages(struct bytes in)
{
	enum kbs_tee tee;
	struct kbs_challenge challenge;
	struct kbs_attestation attestation = KBS_ATTESTATION_NULL;
	struct buf token = BUF_NULL;
	struct buf again = BUF_NULL;
	struct kbs_response_message response = {.jwe = NULL};
	struct kbs_error_information information;
	struct error error = ERROR_NULL;

	(void)!kbs_request_read(in, &tee, &error);
	(void)!kbs_challenge_read(in, &challenge, &error);
	if (kbs_attestation_read(in, &attestation, &error) == 0)
		(void)!kbs_attestation_write(&again, &attestation, true);
	kbs_attestation_deinit(&attestation);
	(void)!kbs_token_answer_read(in, &token, &error);
	if (kbs_response_read(in, &response, &error) == 0)
		json_putp(&response.jwe);
	(void)!kbs_error_read(in, &information, &error);
	buf_deinit(&token);
	buf_deinit(&again);
}

static void fuzz_session(struct bytes in)
{
	struct kbs_session session;
	struct buf again = BUF_NULL;

	for (int kind = KBS_SESSION_AUTH; kind <= KBS_SESSION_ATTESTED; kind++) {
		if (kbs_session_decode(&session, (enum kbs_session_kind)kind, in))
			continue;
		if (kbs_session_encode(&again, &session) || again.size != in.size || memcmp(again.data, in.data, in.size) != 0)
			abort();
		buf_deinit(&again);
	}
	(void)!kbs_session_open(&session, bytes_of(kek, sizeof(kek)), KBS_SESSION_ATTESTED, in, 1000000);
}

static void fuzz_texts(struct bytes in)
{
	char name[KBS_RESOURCE_MAX + 1];
	char *text = strndup((const char *)in.data, in.size);

	(void)kbs_cookie_find(in);
	(void)kbs_bearer_find(in);
	(void)kbs_resource_pattern_valid(in);
	if (text && kbs_resource_from_text(name, text) == 0 && !kbs_resource_valid(bytes_of_text(name)))
		abort();
	free(text);
}

static void fuzz_server(struct bytes in)
{
	struct kbs_response response = KBS_RESPONSE_NULL;
	struct kbs_request request = {.method = in.data[0] % 4};
	size_t a, b, c;

	if (in.size < 4)
		return;
	a = in.data[1];
	b = in.data[2];
	c = in.data[3];
	in = bytes_of(in.data + 4, in.size - 4);
	if (a + b + c > in.size)
		return;
	request.path = bytes_of(in.data, a);
	request.cookie = bytes_of(in.data + a, b);
	request.authorization = bytes_of(in.data + a + b, c);
	request.body = bytes_of(in.data + a + b + c, in.size - a - b - c);
	if (kbs_server_handle(server, &request, 1000000, &response) == 0)
		kbs_response_deinit(&response);
}

/* Records of status (u16), cookie size (u8), body size (u16), cookie, body. */
static void fuzz_client(struct bytes in)
{
	const struct kbs_client_config config = {.tee = KBS_TEE_SNP, .guest_key = guest_key, .release_pin = in.size & 1 ? signer : NULL};
	struct kbs_client *client;
	struct reader reader;

	if (kbs_client_new(&config, &client) || kbs_client_get(client, "a/b/c"))
		abort();
	reader_init(&reader, in);
	for (int i = 0; i < 8 && reader_left(&reader); i++) {
		struct kbs_http_response response = {.status = reader_u16le(&reader)};
		size_t cookie = reader_u8(&reader);
		size_t body = reader_u16le(&reader);

		response.set_cookie = reader_bytes(&reader, cookie);
		response.body = reader_bytes(&reader, body);
		if (!reader_ok(&reader))
			break;
		if (kbs_client_want(client) == KBS_CLIENT_SEND)
			(void)!kbs_client_response(client, &response, i * 100);
		if (kbs_client_want(client) == KBS_CLIENT_EVIDENCE)
			(void)!kbs_client_evidence(client, bytes_of_text("{}"), bytes_of(NULL, 0));
	}
	kbs_client_free(client);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static void (*const targets[])(struct bytes in) = {fuzz_messages, fuzz_session, fuzz_texts, fuzz_server, fuzz_client};

	set_up();
	if (size < 2)
		return 0;
	targets[data[0] % 5](bytes_of(data + 1, size - 1));
	return 0;
}
