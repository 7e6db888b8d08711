/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One state, one function for the answer in that state, one table for refusals. The broker's cookie is opaque: ours or Trustee's, it is
 * kept and sent back. What the network says never relaxes anything: with a release pin an answer must be signed whatever the challenge
 * announced.
 */
#include "kbs/client.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "jose/jwe.h"
#include "jose/jwk.h"
#include "kbs/release.h"
#include "kbs/session.h"

#define RESOURCE_PATH "/kbs/v0/resource/"

enum client_state {
	CLIENT_STATE_IDLE,
	CLIENT_STATE_AUTH,
	CLIENT_STATE_EVIDENCE,
	CLIENT_STATE_ATTEST,
	CLIENT_STATE_GET,
	CLIENT_STATE_DONE,
	CLIENT_STATE_FAILED,
};

struct kbs_client {
	struct kbs_client_config config;
	enum client_state state;
	char resource[KBS_RESOURCE_MAX + 1]; /* "" when only the handshake is asked for */
	struct json_object *public_key;
	bool attested;    /* the cookie or token of an /attest is there and was not refused */
	bool began_again; /* the one new handshake of this attempt is used up */
	unsigned handshakes;
	int64_t auth_time;
	struct kbs_challenge challenge;
	uint8_t report_data[KBS_REPORT_DATA_SIZE];
	struct buf cookie; /* "name=value" */
	char *token_text;
	struct buf body;
	char path[sizeof(RESOURCE_PATH) + KBS_RESOURCE_MAX];
	struct secret secret;
	bool has_secret;
	uint64_t version;
	enum kbs_client_outcome outcome;
	unsigned retry_after;
	struct error error;
	char error_type[KBS_ERROR_TYPE_MAX + 1];
};

int kbs_client_new(const struct kbs_client_config *config, struct kbs_client **ret)
{
	KBS_CLIENT_AUTO client = NULL;
	int r;

	if (config->tee == KBS_TEE_NONE || !config->guest_key)
		return -EINVAL;
	client = calloc(1, sizeof(*client));
	if (!client)
		return -ENOMEM;
	client->config = *config;
	r = jwk_export_public(config->guest_key, &client->public_key);
	if (r)
		return r;
	*ret = client;
	client = NULL;
	return 0;
}

struct kbs_client *kbs_client_free(struct kbs_client *client)
{
	if (!client)
		return NULL;
	json_putp(&client->public_key);
	buf_deinit(&client->cookie);
	buf_deinit(&client->body);
	secret_deinit(&client->secret);
	free(client->token_text);
	free(client);
	return NULL;
}

static void fail(struct kbs_client *client, enum kbs_client_outcome outcome)
{
	client->state = CLIENT_STATE_FAILED;
	client->outcome = outcome;
}

/* The outcome of a message that could not be read: KBS_E_* is the peer's fault, -errno is ours and forwarded. */
static int fail_unless_errno(struct kbs_client *client, int r, enum kbs_client_outcome outcome)
{
	if (r < 0)
		return r;
	fail(client, outcome);
	return 0;
}

/* Starting */

static int begin(struct kbs_client *client, const char *resource)
{
	if (client->state != CLIENT_STATE_IDLE && client->state != CLIENT_STATE_DONE && client->state != CLIENT_STATE_FAILED)
		return -EBUSY;
	memcpy(client->resource, resource, strlen(resource) + 1);
	secret_deinit(&client->secret);
	client->has_secret = false;
	client->version = 0;
	client->began_again = false;
	client->outcome = KBS_CLIENT_OK;
	client->retry_after = 0;
	client->error_type[0] = 0;
	error_clear(&client->error);
	client->state = client->attested && resource[0] ? CLIENT_STATE_GET : CLIENT_STATE_AUTH;
	return 0;
}

int kbs_client_get(struct kbs_client *client, const char *resource)
{
	char name[KBS_RESOURCE_MAX + 1];
	int r = kbs_resource_from_text(name, resource);

	return r ? r : begin(client, name);
}

int kbs_client_attest(struct kbs_client *client)
{
	return begin(client, "");
}

enum kbs_client_want kbs_client_want(const struct kbs_client *client)
{
	switch (client->state) {
	case CLIENT_STATE_IDLE:
		return KBS_CLIENT_IDLE;
	case CLIENT_STATE_AUTH:
	case CLIENT_STATE_ATTEST:
	case CLIENT_STATE_GET:
		return KBS_CLIENT_SEND;
	case CLIENT_STATE_EVIDENCE:
		return KBS_CLIENT_EVIDENCE;
	case CLIENT_STATE_DONE:
		return KBS_CLIENT_DONE;
	case CLIENT_STATE_FAILED:
		break;
	}
	return KBS_CLIENT_FAILED;
}

bool kbs_client_at_handshake(const struct kbs_client *client)
{
	return client->state == CLIENT_STATE_AUTH;
}

int kbs_client_renew_key(struct kbs_client *client, const struct jwk *guest_key)
{
	struct json_object *public_key;
	int r;

	if (client->state != CLIENT_STATE_AUTH)
		return -EINVAL;
	r = jwk_export_public(guest_key, &public_key);
	if (r)
		return r;
	json_putp(&client->public_key);
	client->public_key = public_key;
	client->config.guest_key = guest_key;
	return 0;
}

/* Requests */

static int auth_request(struct kbs_client *client, struct kbs_http_request *ret)
{
	int r;

	buf_deinit(&client->body);
	r = kbs_request_write(&client->body, client->config.tee);
	if (r)
		return r;
	*ret = (struct kbs_http_request){
		.method = "POST",
		.path = "/kbs/v0/auth",
		.content_type = "application/json",
		.body = buf_view(&client->body),
		.answer_max = KBS_ERROR_BODY_MAX,
	};
	return 0;
}

int kbs_client_request(struct kbs_client *client, struct kbs_http_request *ret)
{
	switch (client->state) {
	case CLIENT_STATE_AUTH:
		return auth_request(client, ret);
	case CLIENT_STATE_ATTEST:
		*ret = (struct kbs_http_request){
			.method = "POST",
			.path = "/kbs/v0/attest",
			.content_type = "application/json",
			.body = buf_view(&client->body),
			.cookie = buf_view(&client->cookie),
			.answer_max = KBS_ERROR_BODY_MAX,
		};
		return 0;
	case CLIENT_STATE_GET:
		memcpy(client->path, RESOURCE_PATH, sizeof(RESOURCE_PATH));
		memcpy(client->path + sizeof(RESOURCE_PATH) - 1, client->resource, strlen(client->resource) + 1);
		*ret = (struct kbs_http_request){
			.method = "GET",
			.path = client->path,
			.cookie = buf_view(&client->cookie),
			.answer_max = KBS_RESPONSE_MAX,
		};
		return 0;
	case CLIENT_STATE_IDLE:
	case CLIENT_STATE_EVIDENCE:
	case CLIENT_STATE_DONE:
	case CLIENT_STATE_FAILED:
		break;
	}
	return -EINVAL;
}

/* Evidence */

const uint8_t *kbs_client_report_data(const struct kbs_client *client)
{
	return client->state == CLIENT_STATE_EVIDENCE ? client->report_data : NULL;
}

int kbs_client_evidence(struct kbs_client *client, struct bytes primary_evidence, struct bytes event_log)
{
	CLEANUP(kbs_attestation_deinit) struct kbs_attestation attestation = KBS_ATTESTATION_NULL;
	CLEANUP(buf_deinit) struct buf body = BUF_NULL;
	int r;

	if (client->state != CLIENT_STATE_EVIDENCE)
		return -EINVAL;
	r = json_read(primary_evidence, &attestation.primary_evidence, NULL);
	if (r)
		return r;
	memcpy(attestation.nonce, client->challenge.nonce, sizeof(attestation.nonce));
	attestation.tee_pubkey = json_object_get(client->public_key);
	r = buf_append(&attestation.event_log, event_log.data, event_log.size);
	if (r == 0)
		r = kbs_attestation_write(&body, &attestation, client->challenge.announced);
	if (r)
		return r;
	if (body.size > KBS_ATTESTATION_MAX)
		return KBS_E_TOO_LARGE;
	buf_deinit(&client->body);
	client->body = body;
	body = (struct buf)BUF_NULL;
	client->state = CLIENT_STATE_ATTEST;
	return 0;
}

/* Cookies */

/* RFC 6265 section 4.1.1, without the quotes that nobody sends. */
static bool cookie_octets(struct bytes value)
{
	for (size_t i = 0; i < value.size; i++) {
		uint8_t c = value.data[i];

		if (c <= 0x20 || c >= 0x7f || c == '"' || c == ',' || c == ';' || c == '\\')
			return false;
	}
	return value.size > 0;
}

/* Takes kbs-session-id from the Set-Cookie lines. 0 (also when there is none), -ENOMEM. */
static int take_cookie(struct kbs_client *client, struct bytes lines)
{
	static const char name[] = KBS_COOKIE_NAME "=";
	const size_t name_size = sizeof(name) - 1;

	while (lines.size) {
		const uint8_t *newline = memchr(lines.data, '\n', lines.size);
		struct bytes line = bytes_of(lines.data, newline ? (size_t)(newline - lines.data) : lines.size);
		const uint8_t *end = line.size ? memchr(line.data, ';', line.size) : NULL;
		struct bytes pair = bytes_of(line.data, end ? (size_t)(end - line.data) : line.size);

		if (pair.size > name_size && pair.size <= KBS_CLIENT_COOKIE_MAX && memcmp(pair.data, name, name_size) == 0 &&
			cookie_octets(bytes_of(pair.data + name_size, pair.size - name_size))) {
			buf_deinit(&client->cookie);
			return buf_append(&client->cookie, pair.data, pair.size);
		}
		if (!newline)
			break;
		lines = bytes_of(newline + 1, lines.size - line.size - 1);
	}
	return 0;
}

/* Refusals */

enum reaction { REACT_REFUSED, REACT_NOT_FOUND, REACT_NEW_HANDSHAKE, REACT_NEW_HANDSHAKE_IF_OLD };

static const struct {
	const char *type;
	enum reaction reaction;
} reactions[] = {
	/* A session or token that the broker does not know (any more): a new handshake may help. */
	{"TokenNotFound", REACT_NEW_HANDSHAKE},
	{"TokenVerifierError", REACT_NEW_HANDSHAKE},
	/* Trustee's one name for a forgotten session and for evidence that it refuses: only the first is worth another try. */
	{"AttestationError", REACT_NEW_HANDSHAKE_IF_OLD},
	{"PolicyDeny", REACT_REFUSED},
	{"PolicyEngineError", REACT_REFUSED},
	{"JweError", REACT_REFUSED},
	/* Trustee's name for an absent resource, and for a storage that failed. */
	{"PluginInternalError", REACT_NOT_FOUND},
	{"PluginNotFound", REACT_NOT_FOUND},
	{"InvalidRequestPath", REACT_NOT_FOUND},
};

static enum reaction react(const char *type, unsigned status)
{
	for (size_t i = 0; i < ARRAY_SIZE(reactions); i++) {
		if (strcmp(reactions[i].type, type) == 0)
			return reactions[i].reaction;
	}
	return status == 404 ? REACT_NOT_FOUND : REACT_REFUSED;
}

static void begin_again(struct kbs_client *client)
{
	client->began_again = true;
	client->attested = false;
	buf_deinit(&client->cookie);
	error_clear(&client->error);
	client->error_type[0] = 0;
	client->state = CLIENT_STATE_AUTH;
}

static const char *state_text(enum client_state state)
{
	return state == CLIENT_STATE_AUTH ? "auth" : state == CLIENT_STATE_ATTEST ? "attest" : "the resource";
}

static void on_refusal(struct kbs_client *client, const struct kbs_http_response *response, int64_t now)
{
	struct kbs_error_information information = {{0}, {0}};
	enum client_state state = client->state;
	enum reaction reaction;
	bool readable = kbs_error_read(response->body, &information, NULL) == 0;
	bool temporary = response->status >= 500 || response->status == 429;

	memcpy(client->error_type, information.type, sizeof(client->error_type));
	(void)error_set(&client->error, 0, "broker answered %u to %s%s%s%s%s", response->status, state_text(state), readable ? ": " : "",
		information.type, information.detail[0] ? ": " : "", information.detail);
	if (temporary) {
		client->retry_after = response->retry_after > KBS_CLIENT_RETRY_AFTER_MAX ? KBS_CLIENT_RETRY_AFTER_MAX : response->retry_after;
		fail(client, KBS_CLIENT_TEMPORARY);
		return;
	}
	if (!readable || response->status < 400) {
		fail(client, KBS_CLIENT_PROTOCOL);
		return;
	}
	reaction = react(information.type, response->status);
	if (reaction == REACT_NEW_HANDSHAKE_IF_OLD)
		reaction = now - client->auth_time > KBS_CLIENT_SESSION_SECONDS ? REACT_NEW_HANDSHAKE : REACT_REFUSED;
	if (reaction == REACT_NEW_HANDSHAKE && state != CLIENT_STATE_AUTH && !client->began_again)
		begin_again(client);
	else
		fail(client, reaction == REACT_NOT_FOUND ? KBS_CLIENT_NOT_FOUND : KBS_CLIENT_REFUSED);
}

/* Answers, one function per state */

static int on_challenge(struct kbs_client *client, const struct kbs_http_response *response, int64_t now)
{
	int r;

	r = kbs_challenge_read(response->body, &client->challenge, &client->error);
	if (r)
		return fail_unless_errno(client, r, KBS_CLIENT_PROTOCOL);
	buf_deinit(&client->cookie);
	r = take_cookie(client, response->set_cookie);
	if (r)
		return r;
	if (client->cookie.size == 0) {
		(void)error_set(&client->error, 0, "broker answered auth without a cookie " KBS_COOKIE_NAME);
		fail(client, KBS_CLIENT_PROTOCOL);
		return 0;
	}
	r = kbs_report_data(client->report_data, client->challenge.nonce, client->public_key, bytes_of(NULL, 0));
	if (r)
		return r;
	client->auth_time = now;
	client->handshakes++;
	client->state = CLIENT_STATE_EVIDENCE;
	return 0;
}

static int on_token(struct kbs_client *client, const struct kbs_http_response *response)
{
	CLEANUP(buf_deinit) struct buf token = BUF_NULL;
	char *text;
	int r;

	r = kbs_token_answer_read(response->body, &token, &client->error);
	if (r)
		return fail_unless_errno(client, r, KBS_CLIENT_PROTOCOL);
	r = take_cookie(client, response->set_cookie);
	if (r)
		return r;
	text = buf_steal_text(&token);
	if (!text)
		return -ENOMEM;
	free(client->token_text);
	client->token_text = text;
	buf_deinit(&client->body);
	client->attested = true;
	client->state = client->resource[0] ? CLIENT_STATE_GET : CLIENT_STATE_DONE;
	return 0;
}

/* The pin decides: without one the member is not even looked at. 0, an outcome, -errno. */
static int check_signature(struct kbs_client *client, const struct kbs_response_message *message)
{
	int r;

	if (!client->config.release_pin)
		return KBS_CLIENT_OK;
	if (message->signature.size == 0)
		return error_set(&client->error, KBS_CLIENT_UNSIGNED, "the answer has no release signature, and a key is pinned");
	r = release_verify(client->config.release_pin, message->signature, client->challenge.nonce, client->resource, message->jwe,
		&client->version);
	if (r > 0)
		return error_set(&client->error, KBS_CLIENT_BAD_SIGNATURE, "the release signature is not of the pinned key over this answer");
	return r;
}

static int on_resource(struct kbs_client *client, const struct kbs_http_response *response)
{
	struct kbs_response_message message = {.jwe = NULL};
	JSON_AUTO jwe = NULL;
	int r;

	r = kbs_response_read(response->body, &message, &client->error);
	if (r)
		return fail_unless_errno(client, r, KBS_CLIENT_PROTOCOL);
	jwe = message.jwe;
	r = check_signature(client, &message);
	if (r)
		return fail_unless_errno(client, r, (enum kbs_client_outcome)r);
	r = jwe_decrypt(&client->secret, client->config.guest_key, jwe, &client->error);
	if (r > 0)
		(void)error_set(&client->error, 0, "the answer does not open with our key");
	if (r)
		return fail_unless_errno(client, r, KBS_CLIENT_BAD_JWE);
	client->has_secret = true;
	client->state = CLIENT_STATE_DONE;
	return 0;
}

int kbs_client_response(struct kbs_client *client, const struct kbs_http_response *response, int64_t now)
{
	bool good = response->status == 200;

	if (kbs_client_want(client) != KBS_CLIENT_SEND)
		return -EINVAL;
	if (!good)
		on_refusal(client, response, now);
	else if (client->state == CLIENT_STATE_AUTH)
		return on_challenge(client, response, now);
	else if (client->state == CLIENT_STATE_ATTEST)
		return on_token(client, response);
	else
		return on_resource(client, response);
	return 0;
}

/* Results */

int kbs_client_take(struct kbs_client *client, struct secret *ret)
{
	if (client->state != CLIENT_STATE_DONE || !client->has_secret)
		return -ENODATA;
	*ret = secret_steal(&client->secret);
	client->has_secret = false;
	return 0;
}

const char *kbs_client_token(const struct kbs_client *client)
{
	return client->token_text ? client->token_text : "";
}

uint64_t kbs_client_version(const struct kbs_client *client)
{
	return client->version;
}

const char *kbs_client_nonce(const struct kbs_client *client)
{
	return client->challenge.nonce;
}

enum kbs_client_outcome kbs_client_outcome(const struct kbs_client *client)
{
	return client->outcome;
}

const char *kbs_client_error(const struct kbs_client *client)
{
	return error_text(&client->error);
}

const char *kbs_client_error_type(const struct kbs_client *client)
{
	return client->error_type;
}

unsigned kbs_client_retry_after(const struct kbs_client *client)
{
	return client->retry_after;
}

unsigned kbs_client_handshakes(const struct kbs_client *client)
{
	return client->handshakes;
}

int kbs_client_exit(enum kbs_client_outcome outcome)
{
	switch (outcome) {
	case KBS_CLIENT_OK:
		return EXIT_YES;
	case KBS_CLIENT_TEMPORARY:
		return EXIT_UNREACHABLE;
	case KBS_CLIENT_REFUSED:
	case KBS_CLIENT_NOT_FOUND:
	case KBS_CLIENT_PROTOCOL:
	case KBS_CLIENT_UNSIGNED:
	case KBS_CLIENT_BAD_SIGNATURE:
	case KBS_CLIENT_BAD_JWE:
		break;
	}
	return EXIT_REFUSED;
}
