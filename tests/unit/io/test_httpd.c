/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The program sevattest-httpd between our HTTP client and a broker made of one thread, which can be told by the path to keep silent, to hang
 * up, and to break the rules of the frames.
 */
#include <check.h>
#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/files.h"
#include "base/text.h"
#include "io/clock.h"
#include "io/fetch.h"
#include "io/frame.h"
#include "io/http_frame.h"
#include "io/socket.h"

#define CROWD 80 /* more than may be in flight */

static char directory[] = "/tmp/test_httpd.XXXXXX";

static const char *file_in(char *to, const char *name)
{
	(void)snprintf(to, 128, "%s/%s", directory, name);
	return to;
}

/* ---- the broker ---- */

struct broker {
	pthread_t thread;
	int listen_fd;
	int stop[2];
	atomic_uint peak; /* most requests in flight */
};

struct held {
	uint32_t ids[FRAME_IN_FLIGHT_MAX];
	size_t count;
	uint64_t since_ms;
};

static void send_raw(const struct frame_link *link, uint32_t size, uint16_t type, uint16_t zero, uint32_t id)
{
	CLEANUP(buf_deinit) struct buf head = BUF_NULL;

	if (!buf_u32le(&head, size) && !buf_u16le(&head, type) && !buf_u16le(&head, zero) && !buf_u32le(&head, id))
		(void)send(frame_link_fd(link), head.data, head.size, MSG_NOSIGNAL);
}

static int answer(struct frame_link *link, uint32_t id, const struct http_frame_request *request)
{
	CLEANUP(buf_deinit) struct buf payload = BUF_NULL;
	CLEANUP(buf_deinit) struct buf body = BUF_NULL;
	struct http_frame_response response = {.status = 200, .set_cookie = bytes_of_text("kbs-session-id=1; Path=/kbs/v0")};

	if (buf_printf(&body, "%s %.*s|%.*s|%.*s|%.*s|%zu", http_method_text(request->method), (int)request->path.size,
		    (const char *)request->path.data, (int)request->cookie.size, (const char *)request->cookie.data,
		    (int)request->authorization.size, (const char *)request->authorization.data, (int)request->peer.size,
		    (const char *)request->peer.data, request->body.size))
		return -ENOMEM;
	response.body = buf_view(&body);
	if (http_frame_response_encode(&payload, &response))
		return -ENOMEM;
	return frame_link_queue(link, FRAME_HTTP_RESPONSE, id, buf_view(&payload));
}

static int answer_status(struct frame_link *link, uint32_t id)
{
	CLEANUP(buf_deinit) struct buf payload = BUF_NULL;
	struct http_frame_response response = {.status = 200, .body = bytes_of_text("theirs 1\n# EOF\n")};

	if (http_frame_response_encode(&payload, &response))
		return -ENOMEM;
	return frame_link_queue(link, FRAME_STATUS_RESPONSE, id, buf_view(&payload));
}

static bool path_is(const struct http_frame_request *request, const char *path)
{
	return bytes_equal(request->path, bytes_of_text(path));
}

/* Non-zero ends the connection. */
static int act(struct frame_link *link, uint32_t id, const struct http_frame_request *request, struct held *held)
{
	if (path_is(request, "/kbs/v0/silence"))
		return 0;
	if (path_is(request, "/kbs/v0/slow")) {
		if (held->count == 0)
			held->since_ms = clock_monotonic_ms();
		held->ids[held->count++ % FRAME_IN_FLIGHT_MAX] = id;
		return 0;
	}
	if (path_is(request, "/kbs/v0/hang-up"))
		return -EPIPE;
	if (path_is(request, "/kbs/v0/unknown-id"))
		send_raw(link, 0, FRAME_HTTP_RESPONSE, 0, id + 1000);
	else if (path_is(request, "/kbs/v0/request"))
		send_raw(link, 0, FRAME_HTTP_REQUEST, 0, id);
	else if (path_is(request, "/kbs/v0/other-type"))
		send_raw(link, 0, FRAME_STATUS_RESPONSE, 0, id);
	else if (path_is(request, "/kbs/v0/oversize"))
		send_raw(link, frame_cap(FRAME_HTTP_RESPONSE) + 1, FRAME_HTTP_RESPONSE, 0, id);
	else if (path_is(request, "/kbs/v0/reserved"))
		send_raw(link, 0, FRAME_HTTP_RESPONSE, 1, id);
	else if (path_is(request, "/kbs/v0/empty"))
		send_raw(link, 0, FRAME_HTTP_RESPONSE, 0, id);
	else
		return answer(link, id, request);
	return 0;
}

/* Answers what was held, 300 ms after its first. */
static int release(struct frame_link *link, struct held *held)
{
	struct http_frame_request request = {.method = HTTP_GET, .path = bytes_of_text("/kbs/v0/slow")};
	int r = 0;

	if (held->count == 0 || clock_monotonic_ms() - held->since_ms < 300)
		return 0;
	for (size_t i = 0; i < held->count && !r; i++)
		r = answer(link, held->ids[i], &request);
	held->count = 0;
	return r;
}

static int broker_turn(struct broker *broker, struct frame_link *link, struct held *held)
{
	struct pollfd fds[] = {{broker->stop[0], POLLIN, 0}, {frame_link_fd(link), frame_link_events(link), 0}};
	struct http_frame_request request;
	struct frame_header header;
	struct bytes payload;
	int r;

	(void)poll(fds, 2, 50);
	if (fds[0].revents)
		return -ECANCELED;
	r = frame_link_work(link, fds[1].revents);
	while (!r && !frame_link_next(link, &header, &payload)) {
		if (frame_link_in_flight(link) > atomic_load(&broker->peak))
			atomic_store(&broker->peak, (unsigned)frame_link_in_flight(link));
		if (header.type == FRAME_STATUS_REQUEST)
			r = answer_status(link, header.id);
		else
			r = http_frame_request_decode(payload, &request) ? -EPROTO : act(link, header.id, &request, held);
	}
	if (!r)
		r = release(link, held);
	return r ? r : frame_link_work(link, 0);
}

static void *broker_thread(void *context)
{
	struct broker *broker = context;
	int r = 0;

	while (r != -ECANCELED) {
		struct pollfd fds[] = {{broker->stop[0], POLLIN, 0}, {broker->listen_fd, POLLIN, 0}};
		struct held held = {.count = 0};
		struct frame_link *link;
		int fd;

		(void)poll(fds, 2, -1);
		if (fds[0].revents)
			break;
		fd = accept4(broker->listen_fd, NULL, NULL, SOCK_CLOEXEC);
		if (fd < 0 || frame_link_new(&link, fd, FRAME_SET_HTTP_SERVER))
			break;
		do {
			r = broker_turn(broker, link, &held);
		} while (!r);
		(void)frame_link_free(link);
	}
	return NULL;
}

static void broker_start(struct broker *broker)
{
	struct error error = ERROR_NULL;
	char path[128];
	int r = socket_listen_unix(file_in(path, "http.sock"), 0600, &broker->listen_fd, &error);

	ck_assert_msg(r == 0, "%s", error_text(&error));
	ck_assert_int_eq(pipe(broker->stop), 0);
	atomic_init(&broker->peak, 0);
	ck_assert_int_eq(pthread_create(&broker->thread, NULL, broker_thread, broker), 0);
}

/* As kill -9 would: the file of the socket stays. */
static void broker_stop(struct broker *broker)
{
	(void)close(broker->stop[1]);
	ck_assert_int_eq(pthread_join(broker->thread, NULL), 0);
	(void)close(broker->stop[0]);
	(void)close(broker->listen_fd);
}

/* ---- the program ---- */

struct httpd {
	pid_t pid;
	uint16_t port;
	uint16_t status_port;
};

static pid_t spawn(const char *config, const char *port_file, const char *status_file)
{
	const char *program = getenv("SEVATTEST_HTTPD");
	pid_t pid = fork();

	if (pid == 0) {
		(void)prctl(PR_SET_PDEATHSIG, SIGKILL);
		(void)execl(
			program, program, "--config", config, "--port-file", port_file, "--status-port-file", status_file, (char *)NULL);
		_exit(127);
	}
	return pid;
}

static uint16_t read_port(const char *file)
{
	CLEANUP(buf_deinit) struct buf text = BUF_NULL;

	for (int i = 0; i < 100 && file_read(file, 16, &text, NULL); i++)
		(void)usleep(50000);
	ck_assert_int_eq(buf_u8(&text, 0), 0);
	return (uint16_t)atoi((const char *)text.data);
}

static void write_config(const char *extra)
{
	CLEANUP(buf_deinit) struct buf text = BUF_NULL;
	char path[128];

	ck_assert_int_eq(
		buf_printf(&text,
			"[broker]\nUnknown=passed over\n[http]\nListen=127.0.0.1:0\nStatusListen=127.0.0.1:0\nCertificate=%s/good.pem\n"
			"PrivateKey=%s/good.key\nBroker=%s/http.sock\nBrokerTimeout=2\nConnectionsPerAddress=200\n%s",
			directory, directory, directory, extra),
		0);
	ck_assert_int_eq(file_write(file_in(path, "broker.conf"), buf_view(&text), 0600, NULL), 0);
}

static void httpd_start(struct httpd *httpd, const char *extra)
{
	char config[128];
	char port[128];
	char status[128];

	write_config(extra);
	(void)unlink(file_in(port, "port"));
	(void)unlink(file_in(status, "status-port"));
	httpd->pid = spawn(file_in(config, "broker.conf"), port, status);
	httpd->port = read_port(port);
	httpd->status_port = read_port(status);
	ck_assert_uint_gt(httpd->port, 0);
}

static int httpd_stop(struct httpd *httpd)
{
	int status = 0;

	ck_assert_int_eq(kill(httpd->pid, SIGTERM), 0);
	ck_assert_int_eq(waitpid(httpd->pid, &status, 0), httpd->pid);
	return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

/* The status of one exchange, 0 when there was none. `body` may be NULL. */
static unsigned ask(const struct httpd *httpd, const char *method, const char *path, struct buf *body, uint32_t *ret_retry_after)
{
	CLEANUP(fetch_response_deinit) struct fetch_response response = FETCH_RESPONSE_NULL;
	CLEANUP(fetch_freep) struct fetcher *fetcher = NULL;
	char url[256];
	char ca[128];
	struct fetch_config config = {.ca_file = file_in(ca, "ca.pem"), .allow_http = true, .total_timeout_ms = 5000};
	struct fetch_request request = {.method = method, .url = url, .cookie = "kbs-session-id=1", .authorization = "Bearer x"};
	bool status_page = path[1] != 'k';

	if (strcmp(method, "POST") == 0)
		request.body = bytes_of_text("{\"a\":1}");
	(void)snprintf(url, sizeof(url), "%s://127.0.0.1:%u%s", status_page ? "http" : "https",
		status_page ? httpd->status_port : httpd->port, path);
	if (fetch_new(&config, &fetcher, NULL) || fetch(fetcher, &request, &response, NULL))
		return 0;
	if (ret_retry_after)
		*ret_retry_after = response.retry_after;
	if (body)
		ck_assert_int_eq(buf_append(body, response.body.data, response.body.size), 0);
	return response.status;
}

/* Asks until the status comes, two seconds at most. */
static bool becomes(const struct httpd *httpd, const char *path, unsigned status)
{
	uint64_t until = clock_monotonic_ms() + 2000;

	while (clock_monotonic_ms() < until) {
		if (ask(httpd, "GET", path, NULL, NULL) == status)
			return true;
		(void)usleep(20000);
	}
	return false;
}

START_TEST(carries_requests)
{
	CLEANUP(buf_deinit) struct buf body = BUF_NULL;
	CLEANUP(buf_deinit) struct buf page = BUF_NULL;
	struct broker broker;
	struct httpd httpd;

	broker_start(&broker);
	httpd_start(&httpd, "");
	ck_assert(becomes(&httpd, "/readyz", 200));
	ck_assert_uint_eq(ask(&httpd, "POST", "/kbs/v0/au%74h?q=1", &body, NULL), 200);
	ck_assert(bytes_equal(buf_view(&body), bytes_of_text("POST /kbs/v0/auth|kbs-session-id=1|Bearer x|127.0.0.1|7")));
	ck_assert_uint_eq(ask(&httpd, "PATCH", "/kbs/v0/auth", NULL, NULL), 405);
	ck_assert_uint_eq(ask(&httpd, "GET", "/kbs/v1/auth", NULL, NULL), 404);
	ck_assert_uint_eq(ask(&httpd, "GET", "/kbs/v0", NULL, NULL), 404);
	ck_assert_uint_eq(ask(&httpd, "GET", "/kbs/v0/%2e%2e%2fx", NULL, NULL), 400);
	ck_assert_uint_eq(ask(&httpd, "GET", "/healthz", NULL, NULL), 200);
	ck_assert_uint_eq(ask(&httpd, "GET", "/metrics", &page, NULL), 200);
	ck_assert_int_eq(buf_u8(&page, 0), 0);
	ck_assert_ptr_nonnull(strstr((const char *)page.data, "\nsevattest_httpd_daemon_connected 1\ntheirs 1\n# EOF\n"));
	ck_assert_uint_eq(ask(&httpd, "DELETE", "/metrics", NULL, NULL), 405);
	ck_assert_uint_eq(ask(&httpd, "GET", "/elsewhere", NULL, NULL), 404);
	ck_assert_int_eq(httpd_stop(&httpd), 0);
	broker_stop(&broker);
}
END_TEST

START_TEST(broker_comes_and_goes)
{
	struct broker broker;
	struct httpd httpd;
	uint32_t retry_after = 0;

	httpd_start(&httpd, "");
	ck_assert_uint_eq(ask(&httpd, "GET", "/kbs/v0/x", NULL, &retry_after), 503);
	ck_assert_uint_gt(retry_after, 0);
	ck_assert_uint_eq(ask(&httpd, "GET", "/readyz", NULL, NULL), 503);
	ck_assert_uint_eq(ask(&httpd, "GET", "/metrics", NULL, NULL), 200);
	for (int i = 0; i < 3; i++) {
		broker_start(&broker);
		ck_assert(becomes(&httpd, "/kbs/v0/x", 200));
		ck_assert_uint_eq(ask(&httpd, "GET", "/readyz", NULL, NULL), 200);
		broker_stop(&broker);
		ck_assert(becomes(&httpd, "/kbs/v0/x", 503));
		ck_assert(becomes(&httpd, "/readyz", 503));
	}
	ck_assert_int_eq(httpd_stop(&httpd), 0);
}
END_TEST

/* Each breach costs the request and the connection; the next request goes over a new one. */
START_TEST(broker_breaks_rules)
{
	static const char *const paths[] = {
		"/kbs/v0/hang-up",
		"/kbs/v0/unknown-id",
		"/kbs/v0/request",
		"/kbs/v0/other-type",
		"/kbs/v0/oversize",
		"/kbs/v0/reserved",
		"/kbs/v0/empty",
		"/kbs/v0/silence",
	};
	struct broker broker;
	struct httpd httpd;

	broker_start(&broker);
	httpd_start(&httpd, "");
	for (size_t i = 0; i < ARRAY_SIZE(paths); i++) {
		unsigned status;

		ck_assert(becomes(&httpd, "/kbs/v0/x", 200));
		status = ask(&httpd, "GET", paths[i], NULL, NULL);
		ck_assert_msg(status == 503, "%s: %u", paths[i], status);
	}
	ck_assert(becomes(&httpd, "/kbs/v0/x", 200));
	ck_assert_int_eq(httpd_stop(&httpd), 0);
	broker_stop(&broker);
}
END_TEST

struct member {
	const struct httpd *httpd;
	pthread_t thread;
	const char *path;
	unsigned status;
};

static void *member_run(void *context)
{
	struct member *member = context;

	member->status = ask(member->httpd, "GET", member->path, NULL, NULL);
	return NULL;
}

START_TEST(crowd_is_served)
{
	static struct member crowd[CROWD];
	struct broker broker;
	struct httpd httpd;

	broker_start(&broker);
	httpd_start(&httpd, "");
	ck_assert(becomes(&httpd, "/readyz", 200));
	for (size_t i = 0; i < CROWD; i++) {
		crowd[i] = (struct member){.httpd = &httpd, .path = "/kbs/v0/slow"};
		ck_assert_int_eq(pthread_create(&crowd[i].thread, NULL, member_run, &crowd[i]), 0);
	}
	for (size_t i = 0; i < CROWD; i++) {
		ck_assert_int_eq(pthread_join(crowd[i].thread, NULL), 0);
		ck_assert_uint_eq(crowd[i].status, 200);
	}
	ck_assert_uint_le(atomic_load(&broker.peak), FRAME_IN_FLIGHT_MAX);
	ck_assert_uint_ge(atomic_load(&broker.peak), 2);
	ck_assert_int_eq(httpd_stop(&httpd), 0);
	broker_stop(&broker);
}
END_TEST

START_TEST(silence_holds_up_nobody)
{
	struct member waits = {.path = "/kbs/v0/silence"};
	struct broker broker;
	struct httpd httpd;
	uint64_t start;

	broker_start(&broker);
	httpd_start(&httpd, "");
	ck_assert(becomes(&httpd, "/readyz", 200));
	waits.httpd = &httpd;
	ck_assert_int_eq(pthread_create(&waits.thread, NULL, member_run, &waits), 0);
	(void)usleep(100000);
	start = clock_monotonic_ms();
	ck_assert_uint_eq(ask(&httpd, "GET", "/kbs/v0/x", NULL, NULL), 200);
	ck_assert_uint_lt(clock_monotonic_ms() - start, 500);
	/* The end finds one request open: it is answered, not dropped. */
	ck_assert_int_eq(httpd_stop(&httpd), 0);
	ck_assert_int_eq(pthread_join(waits.thread, NULL), 0);
	ck_assert_uint_eq(waits.status, 503);
	broker_stop(&broker);
}
END_TEST

START_TEST(rate_is_limited)
{
	struct broker broker;
	struct httpd httpd;
	uint32_t retry_after = 0;

	broker_start(&broker);
	httpd_start(&httpd, "RequestsPerSecond=1\nRequestBurst=3\n");
	ck_assert(becomes(&httpd, "/readyz", 200));
	for (int i = 0; i < 3; i++)
		ck_assert_uint_eq(ask(&httpd, "GET", "/kbs/v0/x", NULL, NULL), 200);
	ck_assert_uint_eq(ask(&httpd, "GET", "/kbs/v0/x", NULL, &retry_after), 429);
	ck_assert_uint_eq(retry_after, 1);
	(void)usleep(1200000);
	ck_assert_uint_eq(ask(&httpd, "GET", "/kbs/v0/x", NULL, NULL), 200);
	ck_assert_int_eq(httpd_stop(&httpd), 0);
	broker_stop(&broker);
}
END_TEST

static int exit_code_with(const char *config)
{
	char port[128];
	int status = 0;
	pid_t pid = spawn(config, file_in(port, "port"), port);

	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

START_TEST(refuses_to_start)
{
	char path[128];
	char key[128];

	ck_assert_int_eq(exit_code_with(file_in(path, "missing.conf")), EXIT_USAGE);
	write_config("Colour=red\n");
	ck_assert_int_eq(exit_code_with(file_in(path, "broker.conf")), EXIT_USAGE);
	write_config("Threads=0\n");
	ck_assert_int_eq(exit_code_with(file_in(path, "broker.conf")), EXIT_USAGE);
	write_config("");
	ck_assert_int_eq(chmod(file_in(key, "good.key"), 0644), 0);
	ck_assert_int_eq(exit_code_with(file_in(path, "broker.conf")), EXIT_INTERNAL); /* a key that others may read */
	ck_assert_int_eq(chmod(file_in(key, "good.key"), 0600), 0);
}
END_TEST

static bool make_certificates(void)
{
	static const char script[] =
		"set -e; cd '%s'; exec >/dev/null 2>&1; K='-newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes'\n"
		"openssl req -x509 $K -keyout ca.key -out ca.pem -days 2 -subj /CN=ca\n"
		"openssl req -new $K -keyout good.key -out good.csr -subj /CN=good\n"
		"echo subjectAltName=IP:127.0.0.1 >good.ext\n"
		"openssl x509 -req -in good.csr -CA ca.pem -CAkey ca.key -days 2 -extfile good.ext -out good.pem; chmod 600 *.key\n";
	char command[1024];

	(void)snprintf(command, sizeof(command), script, directory);
	return system(command) == 0;
}

static int run(void)
{
	Suite *suite = suite_create("httpd");
	TCase *cases = tcase_create("httpd");
	SRunner *runner;
	int failed;

	tcase_set_timeout(cases, 30);
	tcase_add_test(cases, carries_requests);
	tcase_add_test(cases, broker_comes_and_goes);
	tcase_add_test(cases, broker_breaks_rules);
	tcase_add_test(cases, crowd_is_served);
	tcase_add_test(cases, silence_holds_up_nobody);
	tcase_add_test(cases, rate_is_limited);
	tcase_add_test(cases, refuses_to_start);
	suite_add_tcase(suite, cases);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed;
}

int main(void)
{
	char command[256];
	int failed;

	(void)signal(SIGPIPE, SIG_IGN);
	if (!getenv("SEVATTEST_HTTPD") || !mkdtemp(directory))
		return EXIT_FAILURE;
	if (!make_certificates()) {
		(void)fprintf(stderr, "SKIP: openssl(1) cannot make certificates here\n");
		return 77;
	}
	failed = run();
	(void)snprintf(command, sizeof(command), "rm -rf '%s'", directory);
	return system(command) != 0 || failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
