/* SPDX-License-Identifier: Apache-2.0 */
/* The HTTP client and the HTTP server against each other over TLS, and each against a peer that misbehaves. */
#include <arpa/inet.h>
#include <check.h>
#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/files.h"
#include "io/clock.h"
#include "io/fetch.h"
#include "io/httpserver.h"
#include "io/socket.h"

#define TOO_LARGE ((size_t)100 << 10)

static char directory[] = "/tmp/test_http.XXXXXX";

static const char make_certificates[] =
	"set -e; cd '%s'; exec >/dev/null 2>&1\n"
	"ca() { openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout $1.key -out $1.pem -days 2 -subj /CN=$1; }\n"
	"leaf() { # name, alternative name, authority, days\n"
	" openssl req -new -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout $1.key -out $1.csr -subj /CN=$1\n"
	" echo subjectAltName=$2 >$1.ext\n"
	" openssl x509 -req -in $1.csr -CA $3.pem -CAkey $3.key -days $4 -extfile $1.ext -out $1.pem; }\n"
	"ca ca; ca other; leaf good IP:127.0.0.1 ca 2; leaf expired IP:127.0.0.1 ca -1; leaf name DNS:elsewhere.example ca 2\n"
	"leaf foreign IP:127.0.0.1 other 2; echo nothing >empty.pem; chmod 600 *.key\n";

static const char *file_in(char *to, const char *name, const char *suffix)
{
	(void)snprintf(to, 128, "%s/%s%s", directory, name, suffix);
	return to;
}

/* ---- our server ---- */

struct server {
	struct httpserver *server;
	uint16_t port;
	pthread_t later; /* answers /later */
	bool has_later;
	struct httpserver_exchange *exchange;
};

static void *answer_later(void *context)
{
	struct server *server = context;
	struct httpserver_response response = {.status = 200, .body = bytes_of_text("later")};

	(void)usleep(400000);
	httpserver_answer(server->exchange, &response);
	return NULL;
}

static void handler(void *context, struct httpserver_exchange *exchange, const struct httpserver_request *request)
{
	struct server *server = context;
	struct httpserver_response response = {.status = 200, .content_type = "text/plain", .body = request->body};
	static uint8_t big[TOO_LARGE];

	if (strcmp(request->path, "/later") == 0) {
		server->exchange = exchange;
		server->has_later = pthread_create(&server->later, NULL, answer_later, server) == 0;
		return;
	}
	if (strcmp(request->path, "/never") == 0)
		return;
	if (strcmp(request->path, "/redirect") == 0) {
		response.status = 302;
		response.location = "/ok";
	} else if (strcmp(request->path, "/big") == 0) {
		response.body = bytes_of(big, sizeof(big));
	} else if (strcmp(request->path, "/busy") == 0) {
		httpserver_answer_error(exchange, 503, "Unavailable", "busy", 7);
		return;
	} else if (strcmp(request->path, "/headers") == 0) {
		response.set_cookie = "session=1; Path=/kbs/v0; Secure; HttpOnly";
		response.body = bytes_of_text(request->cookie && request->authorization && request->query ? "all" : "some");
	} else if (strcmp(request->path, "/echo") != 0 && strcmp(request->path, "/with space") != 0) {
		response.status = 404;
		response.body = bytes_of(NULL, 0);
	}
	httpserver_answer(exchange, &response);
}

static void server_start(struct server *server, const char *certificate)
{
	CLEANUP(secret_deinit) struct secret key = SECRET_NULL;
	CLEANUP(buf_deinit) struct buf pem = BUF_NULL;
	struct error error = ERROR_NULL;
	char path[128];
	struct httpserver_config config = {.private_key = &key,
		.connections_per_address = 4,
		.idle_timeout_s = 1,
		.request_timeout_s = 1,
		.handler = handler,
		.context = server};
	int r;

	memset(server, 0, sizeof(*server));
	ck_assert_int_eq(socket_listen_tcp("127.0.0.1:0", &config.listen_fd, &server->port, &error), 0);
	if (certificate) {
		ck_assert_int_eq(file_read(file_in(path, certificate, ".pem"), 65536, &pem, &error), 0);
		ck_assert_int_eq(file_read_secret(file_in(path, certificate, ".key"), 65536, false, &key, &error), 0);
		config.certificate = buf_view(&pem);
	}
	r = httpserver_new(&config, &server->server, &error);
	ck_assert_msg(r == 0, "%s", error_text(&error));
}

static void server_stop(struct server *server)
{
	if (server->has_later)
		ck_assert_int_eq(pthread_join(server->later, NULL), 0);
	server->server = httpserver_free(server->server);
}

/* ---- our client ---- */

struct ask {
	const char *path;
	const char *method;
	const char *ca; /* name, or NULL with http */
	struct bytes body;
};

static struct fetcher *fetcher_new(const char *ca)
{
	struct error error = ERROR_NULL;
	struct fetcher *fetcher = NULL;
	char path[128];
	struct fetch_config config = {
		.ca_file = ca ? file_in(path, ca, ".pem") : NULL,
		.allow_http = !ca,
		.connect_timeout_ms = 1000,
		.total_timeout_ms = 2000,
		.body_max = TOO_LARGE - 1,
	};
	int r = fetch_new(&config, &fetcher, &error);

	ck_assert_msg(r == 0, "%s", error_text(&error));
	return fetcher;
}

static int ask_with(struct fetcher *fetcher, const struct ask *ask, uint16_t port, struct fetch_response *ret, struct error *error)
{
	char url[256];
	struct fetch_request request = {.method = ask->method ? ask->method : "GET", .url = url, .body = ask->body};

	(void)snprintf(url, sizeof(url), "%s://127.0.0.1:%u%s", ask->ca ? "https" : "http", port, ask->path);
	if (strncmp(ask->path, "/headers", 8) == 0) {
		request.cookie = "session=1";
		request.authorization = "Bearer x";
	}
	return fetch(fetcher, &request, ret, error);
}

/* The outcome of one exchange of its own; the status in `ret_status` (may be NULL). */
static int ask_once(const struct ask *ask, uint16_t port, unsigned *ret_status, struct error *error)
{
	CLEANUP(fetch_response_deinit) struct fetch_response response = FETCH_RESPONSE_NULL;
	CLEANUP(fetch_freep) struct fetcher *fetcher = fetcher_new(ask->ca);
	int r = ask_with(fetcher, ask, port, &response, error);

	if (ret_status)
		*ret_status = response.status;
	return r;
}

START_TEST(exchange_over_tls)
{
	CLEANUP(fetch_freep) struct fetcher *fetcher = fetcher_new("ca");
	struct error error = ERROR_NULL;
	struct server server;

	server_start(&server, "good");
	for (int i = 0; i < 3; i++) {
		CLEANUP(fetch_response_deinit) struct fetch_response response = FETCH_RESPONSE_NULL;
		struct ask ask = {.path = "/echo?a=%20b", .method = "POST", .ca = "ca", .body = bytes_of_text("hello")};
		int r = ask_with(fetcher, &ask, server.port, &response, &error);

		ck_assert_msg(r == 0, "%s", error_text(&error));
		ck_assert_uint_eq(response.status, 200);
		ck_assert(bytes_equal(buf_view(&response.body), bytes_of_text("hello")));
		ck_assert_str_eq(response.content_type, "text/plain");
		ck_assert(response.reused == (i > 0)); /* one connection */
	}
	server_stop(&server);
}
END_TEST

START_TEST(headers_both_ways)
{
	CLEANUP(fetch_response_deinit) struct fetch_response response = FETCH_RESPONSE_NULL;
	CLEANUP(fetch_response_deinit) struct fetch_response busy = FETCH_RESPONSE_NULL;
	CLEANUP(fetch_freep) struct fetcher *fetcher = fetcher_new("ca");
	struct ask ask = {.path = "/headers?x=1", .ca = "ca"};
	struct server server;

	server_start(&server, "good");
	ck_assert_int_eq(ask_with(fetcher, &ask, server.port, &response, NULL), 0);
	ck_assert(bytes_equal(buf_view(&response.body), bytes_of_text("all")));
	ck_assert_str_eq(response.set_cookie, "session=1; Path=/kbs/v0; Secure; HttpOnly");
	ask.path = "/busy";
	ck_assert_int_eq(ask_with(fetcher, &ask, server.port, &busy, NULL), 0);
	ck_assert_uint_eq(busy.status, 503);
	ck_assert_uint_eq(busy.retry_after, 7);
	ck_assert_str_eq(busy.content_type, "application/json");
	ck_assert_str_eq(busy.set_cookie, "");
	server_stop(&server);
}
END_TEST

/* A certificate that is not the right one for this name, this time and this authority. */
START_TEST(certificates_refused)
{
	static const struct {
		const char *server;
		const char *ca;
		int outcome;
	} cases[] = {
		{"good", "ca", 0}, /* the control */
		{"good", "other", FETCH_E_CERTIFICATE},
		{"foreign", "ca", FETCH_E_CERTIFICATE},
		{"expired", "ca", FETCH_E_CERTIFICATE},
		{"name", "ca", FETCH_E_CERTIFICATE},
	};
	struct ask ask = {.path = "/echo", .ca = cases[_i].ca};
	struct error error = ERROR_NULL;
	struct server server;

	server_start(&server, cases[_i].server);
	ck_assert_int_eq(ask_once(&ask, server.port, NULL, &error), cases[_i].outcome);
	if (cases[_i].outcome)
		ck_assert_ptr_nonnull(strstr(error_text(&error), "certificate not accepted"));
	server_stop(&server);
}
END_TEST

START_TEST(bad_configuration)
{
	struct error error = ERROR_NULL;
	struct fetcher *fetcher = NULL;
	char path[128];
	struct fetch_config config = {.ca_file = file_in(path, "missing", ".pem")};
	struct fetch_request request = {.method = "GET", .url = "file:///etc/passwd"};
	struct fetch_response response = FETCH_RESPONSE_NULL;

	ck_assert_int_eq(fetch_new(&config, &fetcher, &error), -ENOENT);
	config.ca_file = file_in(path, "empty", ".pem");
	ck_assert_int_eq(fetch_new(&config, &fetcher, NULL), -EINVAL);
	config.ca_file = NULL;
	ck_assert_int_eq(fetch_new(&config, &fetcher, NULL), -EINVAL);
	fetcher = fetcher_new("ca");
	ck_assert_int_eq(fetch(fetcher, &request, &response, NULL), -EINVAL);
	request.url = "http://127.0.0.1:1/";
	ck_assert_int_eq(fetch(fetcher, &request, &response, NULL), -EINVAL);
	request.url = "https://127.0.0.1:1/";
	request.cookie = "a\r\nX: y";
	ck_assert_int_eq(fetch(fetcher, &request, &response, NULL), -EINVAL);
	request.cookie = NULL;
	error_clear(&error);
	ck_assert_int_eq(fetch(fetcher, &request, &response, &error), FETCH_E_UNREACHABLE);
	ck_assert_ptr_nonnull(strstr(error_text(&error), "unreachable"));
	(void)fetch_free(fetcher);
}
END_TEST

START_TEST(environment_does_not_count)
{
	struct ask ask = {.path = "/echo", .ca = "ca"};
	struct ask plain = {.path = "/echo"};
	struct server server;
	char path[128];

	(void)setenv("https_proxy", "http://127.0.0.1:1", 1);
	(void)setenv("http_proxy", "http://127.0.0.1:1", 1);
	(void)setenv("ALL_PROXY", "http://127.0.0.1:1", 1);
	(void)setenv("SSLKEYLOGFILE", file_in(path, "keylog", ""), 1);
	server_start(&server, "good");
	ck_assert_int_eq(ask_once(&ask, server.port, NULL, NULL), 0);
	server_stop(&server);
	server_start(&server, NULL);
	ck_assert_int_eq(ask_once(&plain, server.port, NULL, NULL), 0);
	server_stop(&server);
	ck_assert_int_ne(access(file_in(path, "keylog", ""), F_OK), 0);
	/* A server of the system store's kind is not accepted either: the file given is the only trust. */
	(void)setenv("SSL_CERT_FILE", file_in(path, "other", ".pem"), 1);
	server_start(&server, "foreign");
	ck_assert_int_eq(ask_once(&ask, server.port, NULL, NULL), FETCH_E_CERTIFICATE);
	server_stop(&server);
}
END_TEST

START_TEST(answers_refused)
{
	struct ask redirect = {.path = "/redirect", .ca = "ca"};
	struct ask big = {.path = "/big", .ca = "ca"};
	struct error error = ERROR_NULL;
	struct server server;

	server_start(&server, "good");
	ck_assert_int_eq(ask_once(&redirect, server.port, NULL, &error), FETCH_E_REDIRECT);
	ck_assert_ptr_nonnull(strstr(error_text(&error), "redirect"));
	error_clear(&error);
	ck_assert_int_eq(ask_once(&big, server.port, NULL, &error), FETCH_E_TOO_LARGE);
	ck_assert_ptr_nonnull(strstr(error_text(&error), "larger than"));
	server_stop(&server);
}
END_TEST

/* A slow answer holds up nobody, and one that never comes is answered with 503 when the server goes. */
static void *ask_never(void *context)
{
	struct server *server = context;
	struct ask ask = {.path = "/never", .ca = "ca"};
	unsigned status = 0;

	return (void *)(intptr_t)(ask_once(&ask, server->port, &status, NULL) == 0 ? (int)status : -1);
}

START_TEST(answers_later)
{
	struct ask later = {.path = "/later", .ca = "ca"};
	struct server server;
	uint64_t start = clock_monotonic_ms();
	pthread_t thread;
	void *never = NULL;
	unsigned status;

	server_start(&server, "good");
	ck_assert_int_eq(pthread_create(&thread, NULL, ask_never, &server), 0);
	(void)usleep(200000);
	ck_assert_int_eq(ask_once(&later, server.port, &status, NULL), 0);
	ck_assert_uint_eq(status, 200);
	ck_assert_uint_ge(clock_monotonic_ms() - start, 400);
	server_stop(&server);
	ck_assert_int_eq(pthread_join(thread, &never), 0);
	ck_assert_int_eq((int)(intptr_t)never, 503);
}
END_TEST

START_TEST(requests_refused)
{
	static uint8_t body[HTTPSERVER_BODY_MAX + 1];
	static const struct {
		const char *path;
		size_t body;
		unsigned status;
	} cases[] = {
		{"/echo", 10, 200},
		{"/with%20space", 0, 200},
		{"/a%2Fb", 0, 400},
		{"/a%00b", 0, 400},
		{"/a%0Ab", 0, 400},
		{"/a%zz", 0, 400},
		{"/a%4", 0, 400},
		{"/nowhere", 0, 404},
		{"/nowhere", HTTPSERVER_BODY_MAX, 404}, /* just fits */
		{"/echo", HTTPSERVER_BODY_MAX + 1, 413},
	};
	struct ask ask = {
		.path = cases[_i].path, .method = cases[_i].body ? "POST" : "GET", .ca = "ca", .body = bytes_of(body, cases[_i].body)};
	struct error error = ERROR_NULL;
	struct server server;
	unsigned status = 0;
	int r;

	server_start(&server, "good");
	r = ask_once(&ask, server.port, &status, &error);
	ck_assert_msg(r == 0, "%s", error_text(&error));
	ck_assert_uint_eq(status, cases[_i].status);
	server_stop(&server);
}
END_TEST

/* ---- a peer that misbehaves towards our client: plain HTTP, one connection ---- */

struct evil {
	int listen_fd;
	const char *answer; /* NULL: stalls */
	bool reads;
};

static void *evil_run(void *context)
{
	struct evil *evil = context;
	struct pollfd wait = {.events = POLLIN};
	char ignored[4096];
	int fd;

	wait.fd = evil->listen_fd;
	if (poll(&wait, 1, 5000) != 1)
		return NULL;
	fd = accept(evil->listen_fd, NULL, NULL);
	if (evil->reads)
		(void)!read(fd, ignored, sizeof(ignored));
	if (evil->answer) {
		(void)!write(fd, evil->answer, strlen(evil->answer));
	} else {
		wait.fd = fd;
		while (poll(&wait, 1, 5000) == 1 && read(fd, ignored, sizeof(ignored)) > 0)
			;
	}
	(void)close(fd);
	return NULL;
}

START_TEST(evil_servers)
{
	static const struct {
		struct evil evil;
		bool tls;
		int outcome;
	} cases[] = {
		{{.answer = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok", .reads = true}, false, 0}, /* the control */
		{{.answer = "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nshort", .reads = true}, false, FETCH_E_PROTOCOL},
		{{.answer = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nffffffffffffffffffff\r\n", .reads = true}, false,
			FETCH_E_PROTOCOL},
		{{.answer = "no HTTP at all\n", .reads = true}, false, FETCH_E_PROTOCOL},
		{{.answer = "HTTP/1.1 999 ?\r\nContent-Length: 0\r\n\r\n", .reads = true}, false, FETCH_E_PROTOCOL},
		{{.answer = "HTTP/1.1 200 OK\r\nContent-Length: 99999999999\r\n\r\n", .reads = true}, false, FETCH_E_PROTOCOL},
		{{.answer = "", .reads = true}, false, FETCH_E_UNREACHABLE}, /* closes early */
		{{.answer = "", .reads = true}, true, FETCH_E_TLS},          /* the same in the handshake */
		{{.answer = "HTTP/1.1 400 Bad Request\r\n\r\n", .reads = true}, true, FETCH_E_TLS},
		{{.answer = NULL}, false, FETCH_E_TIMEOUT},
		{{.answer = NULL}, true, FETCH_E_TIMEOUT},
	};
	struct evil evil = cases[_i].evil;
	struct ask ask = {.path = "/", .ca = cases[_i].tls ? "ca" : NULL};
	struct error error = ERROR_NULL;
	uint64_t start = clock_monotonic_ms();
	pthread_t thread;
	uint16_t port;
	int r;

	ck_assert_int_eq(socket_listen_tcp("127.0.0.1:0", &evil.listen_fd, &port, NULL), 0);
	ck_assert_int_eq(pthread_create(&thread, NULL, evil_run, &evil), 0);
	r = ask_once(&ask, port, NULL, &error);
	ck_assert_msg(r == cases[_i].outcome, "case %d: %d: %s", _i, r, error_text(&error));
	ck_assert_int_eq(error.text[0] != '\0', r != 0);
	ck_assert_uint_le(clock_monotonic_ms() - start, 4000);
	ck_assert_int_eq(pthread_join(thread, NULL), 0);
	(void)close(evil.listen_fd);
}
END_TEST

/* ---- a client that misbehaves towards our server ---- */

static int plain_client(uint16_t port)
{
	struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(connect(fd, (struct sockaddr *)&address, sizeof(address)), 0);
	return fd;
}

/* Sends a byte every 100 ms; true when the server hung up within `limit_ms`. */
static bool drip(int fd, const char *start, unsigned limit_ms)
{
	uint64_t until = clock_monotonic_ms() + limit_ms;
	struct pollfd wait = {.fd = fd, .events = POLLIN};
	char ignored[256];

	(void)send(fd, start, strlen(start), MSG_NOSIGNAL);
	while (clock_monotonic_ms() < until) {
		if (poll(&wait, 1, 100) == 1 && recv(fd, ignored, sizeof(ignored), 0) <= 0)
			return true;
		if (send(fd, "a", 1, MSG_NOSIGNAL) < 0)
			return true;
	}
	return false;
}

START_TEST(slow_clients)
{
	static const char *const starts[] = {
		"",                                                               /* no request line for ever */
		"GET /echo HTTP/1.1\r\nHost: x\r\nX: ",                           /* a header without end */
		"POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 1000\r\n\r\n", /* a body without end */
	};
	struct server server;
	int fd;

	server_start(&server, NULL);
	fd = plain_client(server.port);
	ck_assert(drip(fd, starts[_i], 5000));
	(void)close(fd);
	server_stop(&server);
}
END_TEST

START_TEST(connections_per_address)
{
	struct server server;
	struct pollfd wait = {.events = POLLIN};
	int fds[5];
	char byte;

	server_start(&server, NULL);
	for (size_t i = 0; i < ARRAY_SIZE(fds); i++)
		fds[i] = plain_client(server.port);
	wait.fd = fds[4];
	/* Four may stay; the fifth is hung up on before any time-out. */
	ck_assert_int_eq(poll(&wait, 1, 500), 1);
	ck_assert_int_le((int)recv(fds[4], &byte, 1, 0), 0);
	wait.fd = fds[0];
	ck_assert_int_eq(poll(&wait, 1, 0), 0);
	for (size_t i = 0; i < ARRAY_SIZE(fds); i++)
		(void)close(fds[i]);
	server_stop(&server);
}
END_TEST

/* Bytes that are no HTTP: an answer or a hang-up, and the next client is served. */
/* What two readers may understand differently is refused, and nothing behind it is looked at. */
START_TEST(ambiguous_to_server)
{
#define HEAD "GET /echo HTTP/1.1\r\nHost: x\r\n"
#define NEXT "GET /echo HTTP/1.1\r\nHost: x\r\n\r\n"
	static const struct {
		const char *text;
		size_t size;
		const char *status;
	} rows[] = {
#define ROW(text, status) {text, sizeof(text) - 1, status}
		ROW(HEAD "Content-Length: 1\r\n\r\nx", " 200 "),
		ROW(HEAD "Cookie: a\r\nAuthorization: b\r\n\r\n", " 200 "),
		ROW(HEAD "Content-Length: 0\r\nContent-Length: 1\r\n\r\n" NEXT, " 400 "),
		ROW(HEAD "Content-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n" NEXT, " 400 "),
		ROW(HEAD "host: y\r\n\r\n" NEXT, " 400 "),
		ROW(HEAD "Cookie: a\r\ncookie: b\r\n\r\n" NEXT, " 400 "),
		ROW(HEAD "Authorization: a\r\nAuthorization: b\r\n\r\n" NEXT, " 400 "),
		ROW("GET /echo\0/x HTTP/1.1\r\nHost: x\r\n\r\n" NEXT, " 400 "),
		ROW("GET /echo\0 HTTP/1.1\r\nHost: x\r\n\r\n" NEXT, " 400 "),
#undef ROW
	};
	static const struct timeval limit = {.tv_sec = 5};
	struct server server;

	server_start(&server, NULL);
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		int fd = plain_client(server.port);
		char answer[4096] = "";
		size_t size = 0;
		ssize_t n;

		(void)setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit));
		ck_assert_int_eq((int)send(fd, rows[i].text, rows[i].size, MSG_NOSIGNAL), (int)rows[i].size);
		(void)shutdown(fd, SHUT_WR);
		while ((n = recv(fd, answer + size, sizeof(answer) - 1 - size, 0)) > 0)
			size += (size_t)n;
		answer[size] = '\0';
		(void)close(fd);
		ck_assert_msg(strstr(answer, rows[i].status), "row %zu: %s", i, answer);
		ck_assert_msg(!strstr(answer + 1, "HTTP/1.1 "), "row %zu: two answers", i);
	}
	server_stop(&server);
#undef HEAD
#undef NEXT
}
END_TEST

START_TEST(garbage_to_server)
{
	static const char *const garbage[] = {
		"\r\n\r\n\r\n",
		"GET\r\n\r\n",
		"GET /echo HTTP/9.9\r\n\r\n",
		"POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: -1\r\n\r\n",
		"POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 18446744073709551616\r\n\r\n",
		"POST /echo HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
		"\x16\x03\x01\x02\x00\x01\x00",
		"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA /echo HTTP/1.1\r\nHost: x\r\n\r\n",
	};
	struct ask ask = {.path = "/echo"};
	struct server server;
	unsigned status;

	server_start(&server, NULL);
	for (size_t i = 0; i < ARRAY_SIZE(garbage); i++) {
		int fd = plain_client(server.port);

		ck_assert_int_gt((int)send(fd, garbage[i], strlen(garbage[i]), MSG_NOSIGNAL), 0);
		(void)usleep(20000);
		(void)close(fd);
		ck_assert_int_eq(ask_once(&ask, server.port, &status, NULL), 0);
		ck_assert_uint_eq(status, 200);
	}
	server_stop(&server);
}
END_TEST


static TCase *make_cases(void)
{
	TCase *cases = tcase_create("http");

	tcase_set_timeout(cases, 30);
	tcase_add_test(cases, exchange_over_tls);
	tcase_add_test(cases, headers_both_ways);
	tcase_add_loop_test(cases, certificates_refused, 0, 5);
	tcase_add_test(cases, bad_configuration);
	tcase_add_test(cases, environment_does_not_count);
	tcase_add_test(cases, answers_refused);
	tcase_add_test(cases, answers_later);
	tcase_add_loop_test(cases, requests_refused, 0, 10);
	tcase_add_loop_test(cases, evil_servers, 0, 11);
	tcase_add_loop_test(cases, slow_clients, 0, 3);
	tcase_add_test(cases, connections_per_address);
	tcase_add_test(cases, garbage_to_server);
	tcase_add_test(cases, ambiguous_to_server);
	return cases;
}

int main(void)
{
	Suite *suite = suite_create("http");
	char command[2048];
	SRunner *runner;
	int failed;

	(void)signal(SIGPIPE, SIG_IGN);
	if (secret_process_init((size_t)1 << 20) || !mkdtemp(directory))
		return EXIT_FAILURE;
	(void)snprintf(command, sizeof(command), make_certificates, directory);
	if (system(command) != 0) {
		(void)fprintf(stderr, "SKIP: openssl(1) cannot make certificates here\n");
		return 77;
	}
	suite_add_tcase(suite, make_cases());
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	(void)snprintf(command, sizeof(command), "rm -rf '%s'", directory);
	return system(command) != 0 || failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
