/* SPDX-License-Identifier: Apache-2.0 */
#include "talk.h"

#include <check.h>
#include <stdlib.h>
#include <string.h>

void talk_init(struct talk *talk, enum jwk_kind kind, unsigned bits, bool signs, enum talk_pin pin)
{
	struct kbs_client_config config = {.tee = KBS_TEE_SNP};

	memset(talk, 0, sizeof(*talk));
	ck_assert_int_eq(secret_process_init(1 << 22), 0);
	fake_broker_init(&talk->broker, signs);
	talk->now = TALK_NOW;
	ck_assert_int_eq(jwk_generate(kind, bits, &talk->guest_key), 0);
	config.guest_key = talk->guest_key;
	if (pin == TALK_PIN)
		config.release_pin = talk->broker.release_key;
	if (pin == TALK_OTHER_PIN) {
		ck_assert_int_eq(jwk_generate_signer(&talk->pin), 0);
		config.release_pin = talk->pin;
	}
	ck_assert_int_eq(kbs_client_new(&config, &talk->client), 0);
}

void talk_deinit(struct talk *talk)
{
	talk->client = kbs_client_free(talk->client);
	fake_broker_deinit(&talk->broker);
	talk->guest_key = jwk_free(talk->guest_key);
	talk->pin = jwk_free(talk->pin);
	buf_deinit(&talk->spare);
	buf_deinit(&talk->event_log);
}

static void step_send(struct talk *talk)
{
	CLEANUP(kbs_response_deinit) struct kbs_response response = KBS_RESPONSE_NULL;
	struct kbs_http_request sent;
	struct kbs_request request;

	ck_assert_int_eq(kbs_client_request(talk->client, &sent), 0);
	request = (struct kbs_request){
		.method = strcmp(sent.method, "GET") == 0 ? KBS_GET : KBS_POST,
		.path = bytes_of_text(sent.path),
		.cookie = sent.cookie,
		.body = sent.body,
	};
	talk->requests++;
	if (talk->on_request)
		talk->on_request(talk, talk->requests, &request);
	ck_assert_int_eq(kbs_server_handle(talk->broker.server, &request, talk->now, &response), 0);
	if (talk->on_response)
		talk->on_response(talk, talk->requests, &response);
	ck_assert_uint_le(response.body.size, sent.answer_max);
	ck_assert_int_eq(kbs_client_response(talk->client,
				 &(struct kbs_http_response){
					 .status = response.status,
					 .set_cookie = buf_view(&response.set_cookie),
					 .retry_after = response.retry_after,
					 .body = buf_view(&response.body),
				 },
				 talk->now),
		0);
}

static void step_evidence(struct talk *talk)
{
	CLEANUP(buf_deinit) struct buf evidence = BUF_NULL;

	fake_evidence(&evidence, kbs_client_report_data(talk->client));
	if (talk->on_evidence)
		talk->on_evidence(talk, &evidence);
	ck_assert_int_eq(kbs_client_evidence(talk->client, buf_view(&evidence), buf_view(&talk->event_log)), 0);
}

enum kbs_client_want talk_run(struct talk *talk, const char *resource)
{
	ck_assert_int_eq(resource ? kbs_client_get(talk->client, resource) : kbs_client_attest(talk->client), 0);
	return talk_on(talk);
}

enum kbs_client_want talk_on(struct talk *talk)
{
	for (unsigned steps = 0; steps < 20; steps++) {
		enum kbs_client_want want = kbs_client_want(talk->client);

		if (want == KBS_CLIENT_SEND)
			step_send(talk);
		else if (want == KBS_CLIENT_EVIDENCE)
			step_evidence(talk);
		else
			return want;
	}
	ck_abort_msg("the client goes on for ever");
	return KBS_CLIENT_FAILED;
}

void talk_expect_secret(struct talk *talk, const char *secret)
{
	CLEANUP(secret_deinit) struct secret taken = SECRET_NULL;

	ck_assert_msg(kbs_client_want(talk->client) == KBS_CLIENT_DONE, "%s", kbs_client_error(talk->client));
	ck_assert_int_eq(kbs_client_take(talk->client, &taken), 0);
	ck_assert(bytes_equal(secret_view(&taken), bytes_of_text(secret)));
}

void talk_expect_failure(struct talk *talk, enum kbs_client_outcome outcome, const char *type)
{
	struct secret taken = SECRET_NULL;

	ck_assert_int_eq(kbs_client_want(talk->client), KBS_CLIENT_FAILED);
	ck_assert_msg(kbs_client_outcome(talk->client) == outcome, "outcome %d, %s", kbs_client_outcome(talk->client),
		kbs_client_error(talk->client));
	ck_assert_str_eq(kbs_client_error_type(talk->client), type);
	ck_assert_str_ne(kbs_client_error(talk->client), "");
	ck_assert_int_lt(kbs_client_take(talk->client, &taken), 0);
	ck_assert_ptr_null(taken.data);
}

struct kbs_response talk_call(struct talk *talk, enum kbs_method method, const char *path, struct bytes cookie, const char *authorization,
	struct bytes body)
{
	struct kbs_response response = KBS_RESPONSE_NULL;
	const struct kbs_request request = {
		.method = method,
		.path = bytes_of_text(path),
		.cookie = cookie,
		.authorization = bytes_of_text(authorization ? authorization : ""),
		.body = body,
	};

	ck_assert_int_eq(kbs_server_handle(talk->broker.server, &request, talk->now, &response), 0);
	return response;
}

void talk_expect(struct kbs_response response, unsigned status, const char *type)
{
	struct kbs_error_information information = {{0}, {0}};

	if (response.status >= 400)
		ck_assert_int_eq(kbs_error_read(buf_view(&response.body), &information, NULL), 0);
	ck_assert_msg(response.status == status && strcmp(information.type, type) == 0, "%u %s: %s", response.status, information.type,
		information.detail);
	ck_assert_int_eq(response.status == 503, response.retry_after != 0);
	ck_assert_str_eq(response.content_type, "application/json");
	kbs_response_deinit(&response);
}

void talk_cookie(const struct kbs_response *response, struct buf *to)
{
	const uint8_t *end = memchr(response->set_cookie.data, ';', response->set_cookie.size);

	ck_assert_ptr_nonnull(end);
	buf_deinit(to);
	ck_assert_int_eq(buf_append(to, response->set_cookie.data, (size_t)(end - response->set_cookie.data)), 0);
}
