/* SPDX-License-Identifier: Apache-2.0 */
#include "httpd/routes.h"

#include <inttypes.h>
#include <string.h>

#include "base/text.h"
#include "io/clock.h"

#define KBS_PREFIX "/kbs/v0/"
#define KBS_METHODS "GET, POST, PUT, DELETE" /* what the protocol registers, used or not: spec/kbs.md section 2 */

static bool find_method(const char *text, enum http_method *ret)
{
	for (enum http_method method = HTTP_GET; method <= HTTP_DELETE; method++) {
		if (strcmp(http_method_text(method), text) == 0) {
			*ret = method;
			return true;
		}
	}
	return false;
}

static struct bytes optional(const char *text)
{
	return text ? bytes_of_text(text) : bytes_of(NULL, 0);
}

static void refuse_method(struct httpserver_exchange *exchange, const char *allow)
{
	struct httpserver_response response = {
		.status = 405,
		.allow = allow,
		.content_type = "application/json",
		.body = bytes_of_text("{\"type\":\"https://github.com/confidential-containers/kbs/errors/"
				      "MethodNotAllowed\",\"detail\":\"no such method here\"}"),
	};

	httpserver_answer(exchange, &response);
}

void routes_kbs(void *context, struct httpserver_exchange *exchange, const struct httpserver_request *request)
{
	struct routes *routes = context;
	struct http_frame_request frame = {
		.path = bytes_of_text(request->path),
		.cookie = optional(request->cookie),
		.authorization = optional(request->authorization),
		.peer = bytes_of_text(request->peer),
		.body = request->body,
	};

	if (!limit_take(routes->limit, request->peer, clock_monotonic_ms()))
		httpserver_answer_error(exchange, 429, "TooManyRequests", "too many requests from this address", 1);
	else if (!text_starts_with(request->path, KBS_PREFIX))
		httpserver_answer_error(exchange, 404, "InvalidRequestPath", "nothing is here", 0);
	else if (!find_method(request->method, &frame.method))
		refuse_method(exchange, KBS_METHODS);
	else if (frame.path.size > HTTP_FRAME_PATH_MAX)
		httpserver_answer_error(exchange, 414, "InvalidRequestPath", "the path is too long", 0);
	else if (frame.cookie.size > HTTP_FRAME_HEADER_MAX || frame.authorization.size > HTTP_FRAME_HEADER_MAX)
		httpserver_answer_error(exchange, 431, "RequestHeaderTooLarge", "the cookie or the authorization is too large", 0);
	else
		broker_submit(routes->broker, exchange, &frame);
}

static void healthz(struct routes *routes, struct httpserver_exchange *exchange)
{
	struct httpserver_response response = {.status = 200, .content_type = "text/plain; charset=utf-8", .body = bytes_of_text("ok\n")};

	(void)routes;
	httpserver_answer(exchange, &response);
}

static void readyz(struct routes *routes, struct httpserver_exchange *exchange)
{
	broker_submit_status(routes->broker, exchange, "/readyz", NULL);
}

static void metrics(struct routes *routes, struct httpserver_exchange *exchange)
{
	CLEANUP(buf_deinit) struct buf text = BUF_NULL;
	struct httpserver_counts server;
	struct broker_counts broker;
	int r;

	httpserver_counts(routes->server, &server);
	broker_counts(routes->broker, &broker);
	r = buf_printf(&text,
		"# TYPE sevattest_httpd_connections gauge\nsevattest_httpd_connections %" PRIu64 "\n"
		"# TYPE sevattest_httpd_requests counter\nsevattest_httpd_requests_total %" PRIu64 "\n"
		"# TYPE sevattest_httpd_refused counter\nsevattest_httpd_refused_total %" PRIu64 "\n"
		"# TYPE sevattest_httpd_broker_answers counter\nsevattest_httpd_broker_answers_total %" PRIu64 "\n"
		"# TYPE sevattest_httpd_broker_unavailable counter\nsevattest_httpd_broker_unavailable_total %" PRIu64 "\n"
		"# TYPE sevattest_httpd_broker_connects counter\nsevattest_httpd_broker_connects_total %" PRIu64 "\n"
		"# TYPE sevattest_httpd_broker_connected gauge\nsevattest_httpd_broker_connected %d\n",
		server.connections, server.requests, server.refused, broker.answered, broker.unavailable, broker.connects,
		broker.connected);
	if (r)
		httpserver_answer_error(exchange, 503, "Unavailable", "no memory", 1);
	else
		broker_submit_status(routes->broker, exchange, "/metrics", &text);
}

static const struct {
	const char *path;
	void (*answer)(struct routes *routes, struct httpserver_exchange *exchange);
} status_routes[] = {
	{"/healthz", healthz},
	{"/readyz", readyz},
	{"/metrics", metrics},
};

void routes_status(void *context, struct httpserver_exchange *exchange, const struct httpserver_request *request)
{
	for (size_t i = 0; i < ARRAY_SIZE(status_routes); i++) {
		if (strcmp(status_routes[i].path, request->path) != 0)
			continue;
		if (strcmp(request->method, "GET") == 0)
			status_routes[i].answer(context, exchange);
		else
			refuse_method(exchange, "GET");
		return;
	}
	httpserver_answer_error(exchange, 404, "InvalidRequestPath", "nothing is here", 0);
}
