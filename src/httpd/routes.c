/* SPDX-License-Identifier: Apache-2.0 */
#include "httpd/routes.h"

#include <string.h>

#include "base/metrics.h"
#include "base/text.h"
#include "httpd/host.h"
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

static void healthz(struct httpserver_exchange *exchange)
{
	struct httpserver_response response = {.status = 200, .content_type = "text/plain; charset=utf-8", .body = bytes_of_text("ok\n")};

	httpserver_answer(exchange, &response);
}

static void put_server(struct metrics *m, struct httpserver *server)
{
	struct httpserver_counts counts;

	if (!server)
		return;
	httpserver_counts(server, &counts);
	metrics_family(m, "sevattest_httpd_connections", METRICS_GAUGE, NULL, "Open connections of the KBS port.");
	metrics_u64(m, counts.connections);
	metrics_family(m, "sevattest_httpd_requests", METRICS_COUNTER, NULL, "Whole requests that arrived on the KBS port.");
	metrics_u64(m, counts.requests);
	metrics_family(
		m, "sevattest_httpd_refused", METRICS_COUNTER, NULL, "Requests refused before routing: malformed, too large, too slow.");
	metrics_u64(m, counts.refused);
}

static int write_metrics(struct routes *routes, enum metrics_format format, struct buf *to)
{
	struct broker_counts counts;
	struct metrics m;

	broker_counts(routes->broker, &counts);
	metrics_begin(&m, format, to);
	put_server(&m, routes->server);
	metrics_family(&m, "sevattest_httpd_daemon_answers", METRICS_COUNTER, NULL, "Answers of the daemon behind this front.");
	metrics_u64(&m, counts.answered);
	metrics_family(&m, "sevattest_httpd_daemon_unavailable", METRICS_COUNTER, NULL, "Requests that the daemon could not be asked.");
	metrics_u64(&m, counts.unavailable);
	metrics_family(&m, "sevattest_httpd_daemon_connects", METRICS_COUNTER, NULL, "Connections made to the daemon.");
	metrics_u64(&m, counts.connects);
	metrics_family(&m, "sevattest_httpd_daemon_connected", METRICS_GAUGE, NULL, "1 while the daemon is connected.");
	metrics_bool(&m, counts.connected);
	return metrics_error(&m);
}

/* Whoever does not ask for OpenMetrics gets the form that everybody reads. */
static enum metrics_format format_of(const struct httpserver_request *request)
{
	return request->accept && strstr(request->accept, "application/openmetrics-text") ? METRICS_OPENMETRICS : METRICS_TEXT;
}

static void metrics(struct routes *routes, struct httpserver_exchange *exchange, const struct httpserver_request *request)
{
	CLEANUP(buf_deinit) struct buf text = BUF_NULL;
	enum metrics_format format = format_of(request);

	if (write_metrics(routes, format, &text))
		httpserver_answer_error(exchange, 503, "Unavailable", "no memory", 1);
	else
		broker_submit_metrics(routes->broker, exchange, format, &text);
}

/* The daemon's own, by the names under which it knows them. */
static const char *find_page(const char *path)
{
	static const char *const pages[] = {"/", "/readyz", "/status"};

	for (size_t i = 0; i < ARRAY_SIZE(pages); i++)
		if (strcmp(pages[i], path) == 0)
			return pages[i];
	return NULL;
}

void routes_status(void *context, struct httpserver_exchange *exchange, const struct httpserver_request *request)
{
	struct routes *routes = context;
	const char *page = find_page(request->path);
	bool is_health = strcmp(request->path, "/healthz") == 0;
	bool is_metrics = strcmp(request->path, "/metrics") == 0;

	if (!host_allowed(request->host, routes->status_any_address, routes->status_hosts))
		httpserver_answer_error(exchange, 421, "MisdirectedRequest", "no such host here: ask localhost or a loopback address", 0);
	else if (!page && !is_health && !is_metrics)
		httpserver_answer_error(exchange, 404, "InvalidRequestPath", "nothing is here", 0);
	else if (strcmp(request->method, "GET") != 0 && strcmp(request->method, "HEAD") != 0)
		refuse_method(exchange, "GET, HEAD");
	else if (page)
		broker_submit_page(routes->broker, exchange, page);
	else if (is_metrics)
		metrics(routes, exchange, request);
	else
		healthz(exchange);
}
