/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One request. libmicrohttpd calls exchange_access() when the head is there, for each piece of the body, when the body has ended and, for
 * a connection that was suspended, once more after it was resumed. The answer may be given while the handler runs or later from another
 * thread; `state`, under the server's lock, tells the two apart, so that a connection is only ever resumed after it was suspended.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "io/httpserver_internal.h"

#define DROP_FACTOR 4 /* of a body that is too large so much is read, in order to say so; then the connection ends */

static int hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

bool httpserver_split_uri(char *uri, const char **ret_query)
{
	char *query = strchr(uri, '?');
	char *to = uri;

	if (query)
		*query++ = '\0';
	if (uri[0] != '/')
		return false;
	for (const char *at = uri; *at; at++) {
		int value = (unsigned char)*at;

		if (value == '%') {
			int high = hex_digit(at[1]);
			int low = high < 0 ? -1 : hex_digit(at[2]);

			if (low < 0)
				return false;
			value = high * 16 + low;
			at += 2;
			if (value == '/')
				return false;
		}
		if (value < 0x20 || value == 0x7f)
			return false;
		*to++ = (char)value;
	}
	*to = '\0';
	*ret_query = query;
	return true;
}

static void peer_text(struct MHD_Connection *connection, char *to, size_t size)
{
	const union MHD_ConnectionInfo *info = MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CLIENT_ADDRESS);
	struct sockaddr_in6 v6;
	struct sockaddr_in v4;

	(void)snprintf(to, size, "unknown");
	if (!info || !info->client_addr)
		return;
	if (info->client_addr->sa_family == AF_INET) {
		memcpy(&v4, info->client_addr, sizeof(v4));
		(void)inet_ntop(AF_INET, &v4.sin_addr, to, (socklen_t)size);
	} else if (info->client_addr->sa_family == AF_INET6) {
		memcpy(&v6, info->client_addr, sizeof(v6));
		if (IN6_IS_ADDR_V4MAPPED(&v6.sin6_addr))
			(void)inet_ntop(AF_INET, &v6.sin6_addr.s6_addr[12], to, (socklen_t)size);
		else
			(void)inet_ntop(AF_INET6, &v6.sin6_addr, to, (socklen_t)size);
	}
}

void *exchange_begin(void *context, const char *uri, struct MHD_Connection *connection)
{
	struct httpserver *server = context;
	struct httpserver_exchange *exchange = calloc(1, sizeof(*exchange));

	if (!exchange)
		return NULL;
	exchange->uri = strdup(uri);
	if (!exchange->uri) {
		free(exchange);
		return NULL;
	}
	exchange->target = uri;
	exchange->target_size = strlen(uri);
	exchange->server = server;
	exchange->connection = connection;
	peer_text(connection, exchange->peer, sizeof(exchange->peer));
	(void)pthread_mutex_lock(&server->lock);
	exchange->next = server->exchanges;
	if (exchange->next)
		exchange->next->previous = exchange;
	server->exchanges = exchange;
	(void)pthread_mutex_unlock(&server->lock);
	return exchange;
}

void exchange_end(void *context, struct MHD_Connection *connection, void **slot, enum MHD_RequestTerminationCode code)
{
	struct httpserver *server = context;
	struct httpserver_exchange *exchange = *slot;

	(void)code;
	*slot = NULL;
	connection_state_set(connection, server, CONNECTION_WAITS);
	if (!exchange)
		return;
	(void)pthread_mutex_lock(&server->lock);
	if (exchange->previous)
		exchange->previous->next = exchange->next;
	else
		server->exchanges = exchange->next;
	if (exchange->next)
		exchange->next->previous = exchange->previous;
	(void)pthread_mutex_unlock(&server->lock);
	if (exchange->answer)
		MHD_destroy_response(exchange->answer);
	buf_deinit(&exchange->body);
	free(exchange->uri);
	free(exchange);
}

static bool add_header(struct MHD_Response *answer, const char *name, const char *value)
{
	return !value || MHD_add_response_header(answer, name, value) == MHD_YES;
}

/* For a port that people look at: nothing is guessed, nothing is taken along, nobody else's page may hold it. */
static bool add_page_headers(struct MHD_Response *answer, const char *policy)
{
	if (!policy)
		return true;
	return add_header(answer, "Content-Security-Policy", policy) && add_header(answer, "X-Content-Type-Options", "nosniff") &&
	       add_header(answer, "Referrer-Policy", "no-referrer") && add_header(answer, "Cross-Origin-Resource-Policy", "same-origin");
}

static struct MHD_Response *make_answer(const struct httpserver_response *response, const char *page_policy)
{
	static const uint8_t nothing;
	const uint8_t *data = response->body.size ? response->body.data : &nothing;
	union {
		const void *in;
		void *out;
	} body = {.in = data}; /* copied, whatever the prototype says */
	struct MHD_Response *answer = MHD_create_response_from_buffer(response->body.size, body.out, MHD_RESPMEM_MUST_COPY);
	char seconds[16];
	bool good;

	if (!answer)
		return NULL;
	(void)snprintf(seconds, sizeof(seconds), "%u", response->retry_after);
	good = add_header(answer, "Content-Type", response->content_type) && add_header(answer, "Set-Cookie", response->set_cookie) &&
	       add_header(answer, "Allow", response->allow) && add_header(answer, "Location", response->location) &&
	       add_header(answer, "Retry-After", response->retry_after ? seconds : NULL) && add_header(answer, "Cache-Control", "no-store") &&
	       add_page_headers(answer, page_policy);
	if (!good) {
		MHD_destroy_response(answer);
		return NULL;
	}
	return answer;
}

void httpserver_answer(struct httpserver_exchange *exchange, const struct httpserver_response *response)
{
	struct httpserver *server = exchange->server;
	struct MHD_Response *answer = make_answer(response, server->config.page_policy);
	struct MHD_Connection *resume = NULL;

	(void)pthread_mutex_lock(&server->lock);
	if (exchange->state == EXCHANGE_SUSPENDED)
		resume = exchange->connection;
	if (exchange->state == EXCHANGE_IN_HANDLER || exchange->state == EXCHANGE_SUSPENDS || exchange->state == EXCHANGE_SUSPENDED) {
		exchange->answer = answer; /* NULL, without memory, ends the connection */
		exchange->status = response->status;
		exchange->state = EXCHANGE_ANSWERED;
		answer = NULL;
	}
	(void)pthread_mutex_unlock(&server->lock);
	if (resume)
		MHD_resume_connection(resume);
	if (answer)
		MHD_destroy_response(answer);
}

/* {"type": ".../NAME", "detail": "..."}: both texts are our own and need no escapes. */
static int error_body(struct buf *to, const char *name, const char *detail)
{
	return buf_printf(to, "{\"type\":\"https://github.com/confidential-containers/kbs/errors/%s\",\"detail\":\"%s\"}", name, detail);
}

void httpserver_answer_error(
	struct httpserver_exchange *exchange, unsigned status, const char *name, const char *detail, uint32_t retry_after)
{
	CLEANUP(buf_deinit) struct buf body = BUF_NULL;
	struct httpserver_response response = {.status = status, .content_type = "application/json", .retry_after = retry_after};

	if (!error_body(&body, name, detail))
		response.body = buf_view(&body);
	httpserver_answer(exchange, &response);
}

static void set_state(struct httpserver_exchange *exchange, enum exchange_state state)
{
	(void)pthread_mutex_lock(&exchange->server->lock);
	exchange->state = state;
	(void)pthread_mutex_unlock(&exchange->server->lock);
}

static enum MHD_Result queue_answer(struct httpserver_exchange *exchange)
{
	enum MHD_Result r;

	set_state(exchange, EXCHANGE_QUEUED);
	if (!exchange->answer)
		return MHD_NO;
	connection_state_set(exchange->connection, exchange->server, CONNECTION_ANSWERS);
	r = MHD_queue_response(exchange->connection, exchange->status, exchange->answer);
	MHD_destroy_response(exchange->answer); /* libmicrohttpd holds its own reference */
	exchange->answer = NULL;
	return r;
}

/* An answer that needs no handler: this thread alone knows the exchange yet. */
static enum MHD_Result refuse(struct httpserver_exchange *exchange, unsigned status, const char *name, const char *detail)
{
	atomic_fetch_add(&exchange->server->refused, 1);
	set_state(exchange, EXCHANGE_IN_HANDLER);
	httpserver_answer_error(exchange, status, name, detail, 0);
	/* Where one reader sees the end of this request, another may see something else: nothing that follows is looked at. */
	if (exchange->answer && !add_header(exchange->answer, "Connection", "close"))
		return MHD_NO;
	return queue_answer(exchange);
}

/* Headers that a request has once: of two, different readers take different ones. */
static const char *const single_headers[] = {"Host", "Content-Length", "Transfer-Encoding", "Cookie", "Authorization"};

struct header_counts {
	unsigned count[ARRAY_SIZE(single_headers)];
};

static enum MHD_Result count_header(void *context, enum MHD_ValueKind kind, const char *key, const char *value)
{
	struct header_counts *counts = context;

	(void)kind;
	(void)value;
	for (size_t i = 0; i < ARRAY_SIZE(single_headers); i++)
		counts->count[i] += strcasecmp(key, single_headers[i]) == 0;
	return MHD_YES;
}

static bool headers_clear(struct MHD_Connection *connection)
{
	struct header_counts counts = {{0}};
	bool clear = true;

	(void)MHD_get_connection_values(connection, MHD_HEADER_KIND, count_header, &counts);
	for (size_t i = 0; i < ARRAY_SIZE(single_headers); i++)
		clear = clear && counts.count[i] <= 1;
	return clear && !(counts.count[1] && counts.count[2]);
}

/*
 * libmicrohttpd gives the target of the request as a C string, which a NUL ends early. The version stands right behind the target in the
 * same memory (where it does not, as another release may have it, nothing can be told).
 */
static bool target_whole(const struct httpserver_exchange *exchange, const char *version)
{
	uintptr_t from = (uintptr_t)exchange->target;
	uintptr_t to = (uintptr_t)version;

	return to <= from || to - from > POOL_SIZE || to - from == exchange->target_size + 1;
}

static enum MHD_Result check_head(struct httpserver_exchange *exchange, const char *method, const char *version)
{
	const union MHD_ConnectionInfo *size = MHD_get_connection_info(exchange->connection, MHD_CONNECTION_INFO_REQUEST_HEADER_SIZE);
	const char *length = MHD_lookup_connection_value(exchange->connection, MHD_HEADER_KIND, "Content-Length");
	unsigned long long size_of_body = length ? strtoull(length, NULL, 10) : 0;
	size_t max = exchange->server->config.body_max;

	if (size && size->header_size > HTTPSERVER_HEAD_MAX)
		return refuse(exchange, 431, "RequestHeaderTooLarge", "the head of the request is too large");
	if (!headers_clear(exchange->connection))
		return refuse(exchange, 400, "BadRequest", "a header that may come once came twice, or two lengths of the body");
	if (strlen(method) > HTTPSERVER_METHOD_MAX || !target_whole(exchange, version) || !httpserver_split_uri(exchange->uri, &exchange->query))
		return refuse(exchange, 400, "BadRequest", "malformed path");
	/* libmicrohttpd has checked that it is a number. An answer before the body has ended may be lost: the connection is reset. */
	if (size_of_body > DROP_FACTOR * max)
		return refuse(exchange, 413, "RequestTooLarge", "the body of the request is too large");
	exchange->body_dropped = size_of_body > max;
	connection_state_set(exchange->connection, exchange->server, CONNECTION_BODY);
	return MHD_YES;
}

static enum MHD_Result take_body(struct httpserver_exchange *exchange, const char *upload, size_t *upload_size)
{
	size_t max = exchange->server->config.body_max;
	size_t size = *upload_size;

	*upload_size = 0;
	if (exchange->body_dropped || size > max - exchange->body.size) {
		/* No answer can be queued in the middle of a body. */
		exchange->body_dropped += size;
		return exchange->body_dropped > DROP_FACTOR * max ? MHD_NO : MHD_YES;
	}
	return buf_append(&exchange->body, upload, size) ? MHD_NO : MHD_YES;
}

/* The handler has not answered yet. libmicrohttpd's functions are never called with our lock held: it has locks of its own. */
static enum MHD_Result suspend(struct httpserver_exchange *exchange)
{
	struct httpserver *server = exchange->server;
	struct MHD_Connection *connection = exchange->connection;
	bool answered;

	MHD_suspend_connection(connection);
	(void)pthread_mutex_lock(&server->lock);
	answered = exchange->state == EXCHANGE_ANSWERED;
	if (!answered)
		exchange->state = EXCHANGE_SUSPENDED;
	(void)pthread_mutex_unlock(&server->lock);
	if (answered)
		MHD_resume_connection(connection);
	return MHD_YES;
}

static enum MHD_Result call_handler(struct httpserver_exchange *exchange, const char *method)
{
	struct httpserver *server = exchange->server;
	struct httpserver_request request = {
		.method = method,
		.path = exchange->uri,
		.query = exchange->query,
		.cookie = MHD_lookup_connection_value(exchange->connection, MHD_HEADER_KIND, "Cookie"),
		.authorization = MHD_lookup_connection_value(exchange->connection, MHD_HEADER_KIND, "Authorization"),
		.host = MHD_lookup_connection_value(exchange->connection, MHD_HEADER_KIND, "Host"),
		.accept = MHD_lookup_connection_value(exchange->connection, MHD_HEADER_KIND, "Accept"),
		.peer = exchange->peer,
		.body = buf_view(&exchange->body),
	};
	bool answered;

	connection_state_set(exchange->connection, server, CONNECTION_BUSY);
	atomic_fetch_add(&server->requests, 1);
	set_state(exchange, EXCHANGE_IN_HANDLER);
	server->config.handler(server->config.context, exchange, &request);
	(void)pthread_mutex_lock(&server->lock);
	answered = exchange->state == EXCHANGE_ANSWERED;
	if (!answered)
		exchange->state = EXCHANGE_SUSPENDS;
	(void)pthread_mutex_unlock(&server->lock);
	return answered ? queue_answer(exchange) : suspend(exchange);
}

enum MHD_Result exchange_access(void *context, struct MHD_Connection *connection, const char *url, const char *method, const char *version,
	const char *upload, size_t *upload_size, void **slot)
{
	struct httpserver_exchange *exchange = *slot;

	(void)context;
	(void)connection;
	(void)url;
	if (!exchange)
		return MHD_NO;
	if (exchange->state == EXCHANGE_ANSWERED) /* resumed */
		return queue_answer(exchange);
	if (exchange->state != EXCHANGE_ARRIVES)
		return MHD_YES;
	if (*upload_size > 0)
		return take_body(exchange, upload, upload_size);
	if (!exchange->head_seen) {
		exchange->head_seen = true;
		return check_head(exchange, method, version);
	}
	if (exchange->body_dropped > 0)
		return refuse(exchange, 413, "RequestTooLarge", "the body of the request is too large");
	return call_handler(exchange, method);
}
