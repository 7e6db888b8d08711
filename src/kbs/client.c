/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One state, one function for the answer in that state, one table for refusals. The broker's cookie is opaque: ours or Trustee's, it is
 * kept and sent back. What the network says never relaxes anything: with a release pin an answer must be signed whatever the challenge
 * announced.
 */
#include "kbs/client_internal.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "jose/jwe.h"
#include "jose/jwk.h"
#include "kbs/release.h"
#include "kbs/session.h"

#define RESOURCE_PREFIX "resource/"

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
	secret_deinit(&client->registration.disk);
	free(client->token_text);
	free(client);
	return NULL;
}

void client_fail(struct kbs_client *client, enum kbs_client_outcome outcome)
{
	client->state = CLIENT_STATE_FAILED;
	client->outcome = outcome;
}

int client_fail_unless_errno(struct kbs_client *client, int r, enum kbs_client_outcome outcome)
{
	if (r < 0)
		return r;
	client_fail(client, outcome);
	return 0;
}

/* Starting */

/* What an attested client does next. */
static enum client_state after_handshake(const struct kbs_client *client)
{
	if (client->resource[0] == '\0')
		return CLIENT_STATE_DONE;
	return client->registering ? CLIENT_STATE_TICKET : CLIENT_STATE_GET;
}

int client_begin(struct kbs_client *client, const char *resource, struct kbs_registration *registration)
{
	if (client->state != CLIENT_STATE_IDLE && client->state != CLIENT_STATE_DONE && client->state != CLIENT_STATE_FAILED)
		return -EBUSY;
	memcpy(client->resource, resource, strlen(resource) + 1);
	secret_deinit(&client->registration.disk);
	client->registering = registration != NULL;
	if (registration) {
		client->registration = *registration;
		registration->disk = (struct secret)SECRET_NULL;
	}
	client->has_registered = false;
	secret_deinit(&client->secret);
	client->has_secret = false;
	client->version = 0;
	client->began_again = false;
	client->outcome = KBS_CLIENT_OK;
	client->retry_after = 0;
	client->error_type[0] = 0;
	error_clear(&client->error);
	client->state = client->attested && resource[0] ? after_handshake(client) : CLIENT_STATE_AUTH;
	return 0;
}

int kbs_client_get(struct kbs_client *client, const char *resource)
{
	char name[KBS_RESOURCE_MAX + 1];
	int r = kbs_resource_from_text(name, resource);

	return r ? r : client_begin(client, name, NULL);
}

int kbs_client_attest(struct kbs_client *client)
{
	return client_begin(client, "", NULL);
}

enum kbs_client_want kbs_client_want(const struct kbs_client *client)
{
	switch (client->state) {
	case CLIENT_STATE_IDLE:
		return KBS_CLIENT_IDLE;
	case CLIENT_STATE_AUTH:
	case CLIENT_STATE_ATTEST:
	case CLIENT_STATE_GET:
	case CLIENT_STATE_TICKET:
	case CLIENT_STATE_ENROL:
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

/* "/kbs/v0/", a prefix, and the resource. */
static const char *write_path(struct kbs_client *client, const char *prefix)
{
	size_t size = strlen(prefix);

	memcpy(client->path, KBS_PATH, sizeof(KBS_PATH));
	memcpy(client->path + sizeof(KBS_PATH) - 1, prefix, size);
	memcpy(client->path + sizeof(KBS_PATH) - 1 + size, client->resource, strlen(client->resource) + 1);
	return client->path;
}

static struct kbs_http_request get_request(struct kbs_client *client, const char *prefix)
{
	return (struct kbs_http_request){
		.method = "GET",
		.path = write_path(client, prefix),
		.cookie = buf_view(&client->cookie),
		.answer_max = KBS_RESPONSE_MAX,
	};
}

static struct kbs_http_request post_request(const struct kbs_client *client, const char *path, const char *content_type)
{
	return (struct kbs_http_request){
		.method = "POST",
		.path = path,
		.content_type = content_type,
		.body = buf_view(&client->body),
		.cookie = buf_view(&client->cookie),
		.answer_max = KBS_ERROR_BODY_MAX,
	};
}

int kbs_client_request(struct kbs_client *client, struct kbs_http_request *ret)
{
	switch (client->state) {
	case CLIENT_STATE_AUTH:
		return auth_request(client, ret);
	case CLIENT_STATE_ATTEST:
		*ret = post_request(client, KBS_PATH "attest", "application/json");
		return 0;
	case CLIENT_STATE_GET:
		*ret = get_request(client, RESOURCE_PREFIX);
		return 0;
	case CLIENT_STATE_TICKET:
		*ret = get_request(client, KBS_TICKET_PREFIX);
		return 0;
	case CLIENT_STATE_ENROL:
		*ret = post_request(client, write_path(client, RESOURCE_PREFIX), KBS_ENROLMENT_CONTENT_TYPE);
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

enum reaction { REACT_REFUSED, REACT_NOT_FOUND, REACT_CONFLICT, REACT_NEW_HANDSHAKE, REACT_NEW_HANDSHAKE_IF_OLD };

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
	{"EnrolmentConflict", REACT_CONFLICT},
	{"EnrolmentInvalid", REACT_REFUSED},
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
	return state == CLIENT_STATE_AUTH     ? "auth"
	       : state == CLIENT_STATE_ATTEST ? "attest"
	       : state == CLIENT_STATE_GET    ? "the resource"
					      : "the enrolment";
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
		client_fail(client, KBS_CLIENT_TEMPORARY);
		return;
	}
	if (!readable || response->status < 400) {
		client_fail(client, KBS_CLIENT_PROTOCOL);
		return;
	}
	reaction = react(information.type, response->status);
	if (reaction == REACT_NEW_HANDSHAKE_IF_OLD)
		reaction = now - client->auth_time > KBS_CLIENT_SESSION_SECONDS ? REACT_NEW_HANDSHAKE : REACT_REFUSED;
	if (reaction == REACT_CONFLICT && state != CLIENT_STATE_ENROL)
		reaction = REACT_REFUSED;
	if (reaction == REACT_NEW_HANDSHAKE && state != CLIENT_STATE_AUTH && !client->began_again)
		begin_again(client);
	else
		client_fail(client, reaction == REACT_NOT_FOUND  ? KBS_CLIENT_NOT_FOUND
			     : reaction == REACT_CONFLICT ? KBS_CLIENT_CONFLICT
							  : KBS_CLIENT_REFUSED);
}

/* Answers, one function per state */

static int on_challenge(struct kbs_client *client, const struct kbs_http_response *response, int64_t now)
{
	int r;

	r = kbs_challenge_read(response->body, &client->challenge, &client->error);
	if (r)
		return client_fail_unless_errno(client, r, KBS_CLIENT_PROTOCOL);
	buf_deinit(&client->cookie);
	r = take_cookie(client, response->set_cookie);
	if (r)
		return r;
	if (client->cookie.size == 0) {
		(void)error_set(&client->error, 0, "broker answered auth without a cookie " KBS_COOKIE_NAME);
		client_fail(client, KBS_CLIENT_PROTOCOL);
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
		return client_fail_unless_errno(client, r, KBS_CLIENT_PROTOCOL);
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
	client->state = after_handshake(client);
	return 0;
}

/* The pin decides: without one the member is not even looked at. `name` is what must be signed. 0, an outcome, -errno. */
static int check_signature(struct kbs_client *client, const struct kbs_response_message *message, const char *name)
{
	int r;

	if (!client->config.release_pin)
		return KBS_CLIENT_OK;
	if (message->signature.size == 0)
		return error_set(&client->error, KBS_CLIENT_UNSIGNED, "the answer has no release signature, and a key is pinned");
	r = release_verify(client->config.release_pin, message->signature, client->challenge.nonce, name, message->jwe, &client->version);
	if (r > 0)
		return error_set(&client->error, KBS_CLIENT_BAD_SIGNATURE, "the release signature is not of the pinned key over this answer");
	return r;
}

int client_open_release(struct kbs_client *client, const struct kbs_http_response *response, const char *name, struct secret *ret)
{
	struct kbs_response_message message = {.jwe = NULL};
	JSON_AUTO jwe = NULL;
	int r;

	r = kbs_response_read(response->body, &message, &client->error);
	if (r)
		return client_fail_unless_errno(client, r, KBS_CLIENT_PROTOCOL);
	jwe = message.jwe;
	r = check_signature(client, &message, name);
	if (r)
		return client_fail_unless_errno(client, r, (enum kbs_client_outcome)r);
	r = jwe_decrypt(ret, client->config.guest_key, jwe, &client->error);
	if (r > 0)
		(void)error_set(&client->error, 0, "the answer does not open with our key");
	return r ? client_fail_unless_errno(client, r, KBS_CLIENT_BAD_JWE) : 0;
}

static int on_resource(struct kbs_client *client, const struct kbs_http_response *response)
{
	int r = client_open_release(client, response, client->resource, &client->secret);

	if (r || client->state == CLIENT_STATE_FAILED)
		return r;
	client->has_secret = true;
	client->state = CLIENT_STATE_DONE;
	return 0;
}

int kbs_client_response(struct kbs_client *client, const struct kbs_http_response *response, int64_t now)
{
	bool good = response->status == 200 || (response->status == 202 && client->state == CLIENT_STATE_ENROL);

	if (kbs_client_want(client) != KBS_CLIENT_SEND)
		return -EINVAL;
	if (!good)
		on_refusal(client, response, now);
	else if (client->state == CLIENT_STATE_AUTH)
		return on_challenge(client, response, now);
	else if (client->state == CLIENT_STATE_ATTEST)
		return on_token(client, response);
	else if (client->state == CLIENT_STATE_TICKET)
		return client_on_ticket(client, response);
	else if (client->state == CLIENT_STATE_ENROL)
		return client_on_enrolment(client, response);
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
	case KBS_CLIENT_CONFLICT:
		break;
	}
	return EXIT_REFUSED;
}
