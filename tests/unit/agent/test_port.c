/* SPDX-License-Identifier: Apache-2.0 */
/* sevattestd's side of net.sock against a peer that does what it should not: every request ends, with a reason, and the next one is made. */
#include <check.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "agent/port.h"
#include "base/log.h"
#include "io/socket.h"

#define MORE_THAN_IN_FLIGHT (FRAME_IN_FLIGHT_MAX + 10)

static char folder[32], path[64];
static sd_event *event;
static struct port *port;
static int listen_fd, peer = -1;

struct answer {
	unsigned count;
	int r;
	size_t size;
};

static void setup(void)
{
	(void)snprintf(folder, sizeof(folder), "/tmp/test_port.XXXXXX");
	ck_assert_ptr_nonnull(mkdtemp(folder));
	(void)snprintf(path, sizeof(path), "%s/sock", folder);
	ck_assert_int_eq(socket_listen_unix(path, 0600, &listen_fd, NULL), 0);
	ck_assert_int_ge(sd_event_new(&event), 0);
	ck_assert_int_eq(port_new(event, path, FRAME_SET_NET_CLIENT, false, &port), 0);
}

static void teardown(void)
{
	port = port_free(port);
	event = sd_event_unref(event);
	ck_assert_int_eq(close(listen_fd), 0);
	ck_assert_int_eq(unlink(path) | rmdir(folder), 0);
}

static void on_answer(void *context, int r, struct bytes payload)
{
	struct answer *answer = context;

	answer->count++;
	answer->r = r;
	answer->size = payload.size;
}

static int ask(unsigned timeout_ms, struct answer *answer)
{
	uint32_t id;

	return port_ask(port, FRAME_FETCH_REQUEST, bytes_of_text("x"), timeout_ms, on_answer, answer, &id);
}

static void run_until(const struct answer *answer, unsigned count)
{
	for (unsigned i = 0; i < 1000 && answer->count < count; i++)
		ck_assert_int_ge(sd_event_run(event, 5000), 0);
	ck_assert_uint_eq(answer->count, count);
}

/* The other end of the connection that the last request made. */
static void take_peer(void)
{
	if (peer >= 0)
		(void)close(peer);
	peer = accept(listen_fd, NULL, NULL);
	ck_assert_int_ge(peer, 0);
}

/* More requests than a connection may have unanswered, none of them ever answered: the one after them is asked all the same. */
START_TEST(silence)
{
	struct answer answer = {0};

	for (unsigned i = 0; i < MORE_THAN_IN_FLIGHT; i++) {
		ck_assert_int_eq(ask(1, &answer), 0);
		run_until(&answer, i + 1);
		ck_assert_int_eq(answer.r, -ETIMEDOUT);
		take_peer();
	}
	ck_assert_int_eq(ask(5000, &answer), 0);
	take_peer();
	ck_assert_int_eq(frame_send(peer, FRAME_FETCH_RESPONSE, MORE_THAN_IN_FLIGHT + 1, bytes_of_text("good")), 0);
	run_until(&answer, MORE_THAN_IN_FLIGHT + 1);
	ck_assert_int_eq(answer.r, 0);
	ck_assert_uint_eq(answer.size, 4);
}
END_TEST

/* What is under way beside one that was never answered ends with it. */
START_TEST(one_for_all)
{
	struct answer first = {0}, second = {0};

	ck_assert_int_eq(ask(5000, &second), 0);
	ck_assert_int_eq(ask(1, &first), 0);
	run_until(&first, 1);
	ck_assert_uint_eq(second.count, 1);
	ck_assert_int_eq(second.r, -ETIMEDOUT);
}
END_TEST

static const struct {
	const char *name;
	enum frame_type type;
	uint32_t id;
	int r;
} answers[] = {
	{"good", FRAME_FETCH_RESPONSE, 1, 0},
	{"of another request", FRAME_FETCH_RESPONSE, 2, -EPROTO},
	{"of another type", FRAME_HTTP_RESPONSE, 1, -EPROTO},
	{"a request", FRAME_FETCH_REQUEST, 1, -EPROTO},
};

START_TEST(first_answer)
{
	struct answer answer = {0};

	ck_assert_int_eq(ask(5000, &answer), 0);
	take_peer();
	ck_assert_int_eq(frame_send(peer, answers[_i].type, answers[_i].id, bytes_of_text("x")), 0);
	run_until(&answer, 1);
	ck_assert_msg(answer.r == answers[_i].r, "%s: %d", answers[_i].name, answer.r);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("port");
	TCase *tests = tcase_create("port");
	SRunner *runner;
	int failed;

	log_init("test_port", 0);
	suite_add_tcase(suite, tests);
	tcase_set_timeout(tests, 60);
	tcase_add_checked_fixture(tests, setup, teardown);
	tcase_add_test(tests, silence);
	tcase_add_test(tests, one_for_all);
	tcase_add_loop_test(tests, first_answer, 0, (int)ARRAY_SIZE(answers));
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
