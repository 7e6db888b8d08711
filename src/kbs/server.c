/* SPDX-License-Identifier: Apache-2.0 */
#include "kbs/server.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/crypto.h"
#include "base/text.h"
#include "kbs/server_internal.h"
#include "kbs/token.h"

#define NONCE_SIZE 32

int kbs_server_new(const struct kbs_server_config *config, struct kbs_server **ret)
{
	const struct kbs_server_ops *ops = config->ops;
	struct kbs_server *server;

	if (!ops || !ops->appraise || !ops->grant || !ops->fetch || !ops->audit || !config->token_key)
		return -EINVAL;
	if (config->enrol_key && (!ops->enrol_state || !ops->enrol))
		return -EINVAL;
	if (config->kek.size != AEAD_KEY_SIZE || (config->kek_previous.size && config->kek_previous.size != AEAD_KEY_SIZE))
		return -EINVAL;
	server = calloc(1, sizeof(*server));
	if (!server)
		return -ENOMEM;
	server->config = *config;
	*ret = server;
	return 0;
}

struct kbs_server *kbs_server_free(struct kbs_server *server)
{
	free(server);
	return NULL;
}

void kbs_response_deinit(struct kbs_response *response)
{
	buf_deinit(&response->set_cookie);
	buf_deinit(&response->body);
	*response = (struct kbs_response)KBS_RESPONSE_NULL;
}

/* Answers */

int answer_error(struct kbs_exchange *exchange, unsigned status, const char *type, const char *detail)
{
	CLEANUP(buf_deinit) struct buf body = BUF_NULL;
	int r = kbs_error_write(&body, type, detail);

	if (r)
		return r;
	kbs_response_deinit(exchange->response);
	exchange->response->status = status;
	exchange->response->content_type = "application/json";
	exchange->response->body = body;
	body = (struct buf)BUF_NULL;
	return 0;
}

int answer_later(struct kbs_exchange *exchange, unsigned seconds)
{
	int r = answer_error(exchange, 503, "Unavailable", "not now, try again later");

	if (r == 0)
		exchange->response->retry_after = seconds ? seconds : KBS_RETRY_AFTER_DEFAULT;
	return r;
}

int answer_json(struct kbs_exchange *exchange, struct buf *body)
{
	buf_deinit(&exchange->response->body);
	exchange->response->status = 200;
	exchange->response->content_type = "application/json";
	exchange->response->body = *body;
	*body = (struct buf)BUF_NULL;
	return 0;
}

int answer_trouble(struct kbs_exchange *exchange, int r, unsigned retry_after)
{
	if (r == -EAGAIN)
		return answer_later(exchange, retry_after);
	return r < 0 ? r : -EINVAL;
}

int answer_cookie(struct kbs_exchange *exchange, const struct kbs_session *session, struct buf *ret_text)
{
	CLEANUP(buf_deinit) struct buf text = BUF_NULL;
	struct buf *to = &exchange->response->set_cookie;
	int r;

	r = kbs_session_seal(&text, exchange->server->config.kek, session, exchange->now);
	if (r == 0)
		r = buf_append_text(to, KBS_COOKIE_NAME "=");
	if (r == 0)
		r = buf_append(to, text.data, text.size);
	if (r == 0)
		r = buf_append_text(to, KBS_COOKIE_ATTRIBUTES);
	if (r == 0 && ret_text)
		r = buf_append(ret_text, text.data, text.size);
	return r;
}

/* Sessions */

int session_open(const struct kbs_exchange *exchange, enum kbs_session_kind kind, struct bytes text, struct kbs_session *ret)
{
	const struct kbs_server_config *config = &exchange->server->config;
	int r = kbs_session_open(ret, config->kek, kind, text, exchange->now);

	if (r == SESSION_E_FORGED && config->kek_previous.size)
		r = kbs_session_open(ret, config->kek_previous, kind, text, exchange->now);
	return r;
}

int answer_no_session(struct kbs_exchange *exchange, const char *type, int r)
{
	if (r == SESSION_E_EXPIRED)
		return answer_error(exchange, 401, type, "the session has expired: begin a new handshake");
	if (r == SESSION_E_FORGED)
		return answer_error(exchange, 401, type, "no session of this broker: begin a new handshake");
	return answer_trouble(exchange, r, 0);
}

/* POST /kbs/v0/auth */

static int handle_auth(struct kbs_exchange *exchange)
{
	CLEANUP(buf_deinit) struct buf body = BUF_NULL;
	struct kbs_session session = {.kind = KBS_SESSION_AUTH, .expiry = exchange->now + KBS_SESSION_SECONDS};
	struct kbs_challenge challenge = {.announced = true};
	struct error error = ERROR_NULL;
	uint8_t nonce[NONCE_SIZE];
	char *text;
	int r;

	r = kbs_request_read(exchange->request->body, &session.tee, &error);
	if (r == KBS_E_TOO_LARGE)
		return answer_error(exchange, 413, "AttestationError", error_text(&error));
	if (r > 0)
		return answer_error(exchange, 400, "AttestationError", error_text(&error));
	if (r == 0)
		r = random_bytes(nonce, sizeof(nonce));
	if (r)
		return r;
	text = base64_new(BASE64_STD, bytes_of(nonce, sizeof(nonce)));
	if (!text)
		return -ENOMEM;
	memcpy(session.nonce, text, strlen(text) + 1);
	memcpy(challenge.nonce, session.nonce, sizeof(challenge.nonce));
	free(text);
	r = kbs_challenge_write(&body, &challenge);
	if (r == 0)
		r = answer_cookie(exchange, &session, NULL);
	return r ? r : answer_json(exchange, &body);
}

/* GET /kbs/v0/jwks */

static int handle_jwks(struct kbs_exchange *exchange)
{
	CLEANUP(buf_deinit) struct buf body = BUF_NULL;
	JSON_AUTO set = NULL;
	int r;

	r = token_jwks(&set, exchange->server->config.token_key);
	if (r == 0)
		r = json_write(&body, set);
	return r ? r : answer_json(exchange, &body);
}

/* Routes. A prefix route gets the rest of the path, which its handler judges. */

static const struct {
	enum kbs_method method;
	const char *path;
	bool prefix;
	int (*handle)(struct kbs_exchange *exchange);
} routes[] = {
	{KBS_POST, "/kbs/v0/auth", false, handle_auth},
	{KBS_POST, "/kbs/v0/attest", false, handle_attest},
	{KBS_GET, "/kbs/v0/resource/", true, handle_resource},
	{KBS_POST, "/kbs/v0/resource/", true, handle_enrolment},
	{KBS_GET, "/kbs/v0/" KBS_TICKET_PREFIX, true, handle_ticket},
	{KBS_GET, KBS_ENROL_KEY_PATH, false, handle_enrol_key},
	{KBS_GET, KBS_JWKS_PATH, false, handle_jwks},
};

int answer_nothing(struct kbs_exchange *exchange)
{
	return answer_error(exchange, 404, "PluginNotFound", "nothing is here");
}

static int dispatch(struct kbs_exchange *exchange)
{
	const struct bytes path = exchange->request->path;

	for (size_t i = 0; i < ARRAY_SIZE(routes); i++) {
		struct bytes route = bytes_of_text(routes[i].path);

		if (exchange->request->method != routes[i].method || path.size < route.size ||
			memcmp(path.data, route.data, route.size) != 0 || (!routes[i].prefix && path.size != route.size))
			continue;
		exchange->rest = bytes_of(path.data + route.size, path.size - route.size);
		return routes[i].handle(exchange);
	}
	return answer_nothing(exchange);
}

int kbs_server_handle(const struct kbs_server *server, const struct kbs_request *request, int64_t now, struct kbs_response *ret)
{
	CLEANUP(kbs_response_deinit) struct kbs_response response = KBS_RESPONSE_NULL;
	struct kbs_exchange exchange = {.server = server, .request = request, .now = now, .response = &response};
	int r;

	r = now < 0 ? -EINVAL : dispatch(&exchange);
	/* We could not tell: nothing that a handler may have begun to say goes out. */
	if (r)
		r = answer_error(&exchange, 500, "InternalError", "the broker's log has the reason");
	if (r)
		return r;
	*ret = response;
	response = (struct kbs_response)KBS_RESPONSE_NULL;
	return 0;
}
