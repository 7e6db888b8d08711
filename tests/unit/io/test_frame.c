/* SPDX-License-Identifier: Apache-2.0 */
/* Frames: what the codec refuses, and what a link in a poll loop makes of a peer that does not keep to the rules. */
#include <check.h>
#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "io/frame.h"
#include "io/http_frame.h"

#define ALL_TYPES (~UINT32_C(0))

static void put_head(struct buf *to, uint32_t size, uint16_t type, uint16_t zero, uint32_t id)
{
	ck_assert_int_eq(buf_u32le(to, size), 0);
	ck_assert_int_eq(buf_u16le(to, type), 0);
	ck_assert_int_eq(buf_u16le(to, zero), 0);
	ck_assert_int_eq(buf_u32le(to, id), 0);
}

/* What the header decoder says about one header. */
static int judge(uint32_t size, uint16_t type, uint16_t zero, uint32_t accept)
{
	CLEANUP(buf_deinit) struct buf head = BUF_NULL;
	struct frame_header header;

	put_head(&head, size, type, zero, 7);
	return frame_header_decode(buf_view(&head), accept, &header);
}

START_TEST(header_refusals)
{
	struct frame_header header;
	uint8_t zeros[FRAME_HEADER_SIZE] = {0};

	for (size_t size = 0; size < FRAME_HEADER_SIZE; size++)
		ck_assert_int_eq(frame_header_decode(bytes_of(zeros, size), ALL_TYPES, &header), FRAME_E_SHORT);
	for (unsigned type = 0; type <= UINT16_MAX; type++) {
		bool known = frame_cap(type) > 0;

		ck_assert_int_eq(judge(0, (uint16_t)type, 0, ALL_TYPES), known ? 0 : FRAME_E_TYPE);
		if (!known)
			continue;
		ck_assert_int_eq(judge(0, (uint16_t)type, 0, ALL_TYPES & ~FRAME_BIT(type)), FRAME_E_TYPE);
		ck_assert_int_eq(judge(frame_cap(type), (uint16_t)type, 0, FRAME_BIT(type)), 0);
		ck_assert_int_eq(judge(frame_cap(type) + 1, (uint16_t)type, 0, FRAME_BIT(type)), FRAME_E_SIZE);
		ck_assert_int_eq(judge(UINT32_MAX, (uint16_t)type, 0, FRAME_BIT(type)), FRAME_E_SIZE);
		ck_assert_int_eq(judge(0, (uint16_t)type, 1, FRAME_BIT(type)), FRAME_E_RESERVED);
		ck_assert_int_eq(judge(0, (uint16_t)type, 0x8000, FRAME_BIT(type)), FRAME_E_RESERVED);
	}
}
END_TEST

START_TEST(encode_and_decode)
{
	CLEANUP(buf_deinit) struct buf frame = BUF_NULL;
	struct frame_header header;
	size_t before;

	ck_assert_int_eq(frame_encode(&frame, FRAME_ADMIN_REQUEST, 0x01020304, bytes_of_text("{}")), 0);
	ck_assert_uint_eq(frame.size, FRAME_HEADER_SIZE + 2);
	ck_assert_int_eq(frame_header_decode(buf_view(&frame), FRAME_SET_ADMIN_SERVER, &header), 0);
	ck_assert_uint_eq(header.size, 2);
	ck_assert_uint_eq(header.id, 0x01020304);
	ck_assert_int_eq((int)header.type, FRAME_ADMIN_REQUEST);
	before = frame.size;
	ck_assert_int_eq(frame_encode(&frame, (enum frame_type)99, 1, bytes_of_text("")), -EINVAL);
	ck_assert_int_eq(frame_encode(&frame, FRAME_ADMIN_KEY, 1, bytes_of(frame.data, frame_cap(FRAME_ADMIN_KEY) + 1)), -EMSGSIZE);
	ck_assert_uint_eq(frame.size, before);
}
END_TEST

/* A link and the raw end that plays its peer. */
struct pair {
	struct frame_link *link;
	int peer;
};

static struct pair pair_new(uint32_t accept)
{
	struct pair pair;
	int ends[2];

	ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends), 0);
	ck_assert_int_eq(frame_link_new(&pair.link, ends[0], accept), 0);
	pair.peer = ends[1];
	return pair;
}

static void pair_free(struct pair *pair)
{
	(void)frame_link_free(pair->link);
	(void)close(pair->peer);
}

static void peer_sends(const struct pair *pair, const struct buf *bytes)
{
	ck_assert_int_eq((int)write(pair->peer, bytes->data, bytes->size), (int)bytes->size);
}

static int next(const struct pair *pair)
{
	struct frame_header header;
	struct bytes payload;
	int r = frame_link_work(pair->link, POLLIN);

	return r ? r : frame_link_next(pair->link, &header, &payload);
}

START_TEST(link_takes_bytes_one_by_one)
{
	CLEANUP(buf_deinit) struct buf frame = BUF_NULL;
	struct pair pair = pair_new(FRAME_SET_ADMIN_SERVER);
	struct frame_header header;
	struct bytes payload;

	ck_assert_int_eq(frame_encode(&frame, FRAME_ADMIN_REQUEST, 5, bytes_of_text("hello")), 0);
	for (size_t i = 0; i < frame.size; i++) {
		ck_assert_int_eq(next(&pair), -EAGAIN);
		ck_assert_int_eq((int)write(pair.peer, frame.data + i, 1), 1);
	}
	ck_assert_int_eq(frame_link_work(pair.link, POLLIN), 0);
	ck_assert_int_eq(frame_link_next(pair.link, &header, &payload), 0);
	ck_assert_uint_eq(header.id, 5);
	ck_assert(bytes_equal(payload, bytes_of_text("hello")));
	ck_assert_int_eq(frame_link_next(pair.link, &header, &payload), -EAGAIN);
	ck_assert_uint_eq(frame_link_in_flight(pair.link), 1);
	ck_assert_int_eq(frame_link_queue(pair.link, FRAME_ADMIN_RESPONSE, 5, bytes_of_text("hi")), 0);
	ck_assert_uint_eq(frame_link_in_flight(pair.link), 0);
	ck_assert_int_eq(frame_link_events(pair.link), POLLIN | POLLOUT);
	ck_assert_int_eq(frame_link_work(pair.link, POLLOUT), 0);
	ck_assert_int_eq(frame_link_events(pair.link), POLLIN);
	ck_assert_int_eq(frame_link_queue(pair.link, FRAME_ADMIN_RESPONSE, 5, bytes_of_text("hi")), -ENOENT);
	pair_free(&pair);
}
END_TEST

START_TEST(link_refuses_bad_peers)
{
	static const struct {
		uint32_t accept;
		uint32_t size;
		uint16_t type;
		uint16_t zero;
		int outcome;
	} cases[] = {
		{FRAME_SET_HTTP_CLIENT, 0, FRAME_HTTP_REQUEST, 0, FRAME_E_TYPE}, /* a request where answers are taken */
		{FRAME_SET_HTTP_CLIENT, 0, 0, 0, FRAME_E_TYPE},                  /* none of our types */
		{FRAME_SET_HTTP_CLIENT, 0, 77, 0, FRAME_E_TYPE}, {FRAME_SET_HTTP_CLIENT, 0, FRAME_HTTP_RESPONSE, 1, FRAME_E_RESERVED},
		{FRAME_SET_HTTP_CLIENT, 1u << 30, FRAME_HTTP_RESPONSE, 0, FRAME_E_SIZE},
		{FRAME_SET_HTTP_CLIENT, 0, FRAME_HTTP_RESPONSE, 0, FRAME_E_ID}, /* nobody asked */
		{FRAME_SET_ADMIN_SERVER, 0, FRAME_ADMIN_SECRET, 0, FRAME_E_ID}, /* a secret that no request announced */
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		CLEANUP(buf_deinit) struct buf frame = BUF_NULL;
		struct pair pair = pair_new(cases[i].accept);

		put_head(&frame, cases[i].size, cases[i].type, cases[i].zero, 3);
		peer_sends(&pair, &frame);
		ck_assert_int_eq(next(&pair), cases[i].outcome);
		pair_free(&pair);
	}
}
END_TEST

START_TEST(link_counts_requests_received)
{
	struct pair pair = pair_new(FRAME_SET_HTTP_SERVER);

	for (uint32_t id = 0; id < 3; id++) {
		CLEANUP(buf_deinit) struct buf frame = BUF_NULL;

		put_head(&frame, 0, FRAME_HTTP_REQUEST, 0, id);
		peer_sends(&pair, &frame);
		ck_assert_int_eq(next(&pair), 0);
	}
	{
		CLEANUP(buf_deinit) struct buf frame = BUF_NULL;

		put_head(&frame, 0, FRAME_HTTP_REQUEST, 0, 0); /* 0 is in flight */
		peer_sends(&pair, &frame);
		ck_assert_int_eq(next(&pair), FRAME_E_ID);
	}
	pair_free(&pair);

	pair = pair_new(FRAME_SET_HTTP_SERVER);
	for (uint32_t id = 0; id <= FRAME_IN_FLIGHT_MAX; id++) {
		CLEANUP(buf_deinit) struct buf frame = BUF_NULL;

		put_head(&frame, 0, FRAME_HTTP_REQUEST, 0, id);
		peer_sends(&pair, &frame);
		ck_assert_int_eq(next(&pair), id < FRAME_IN_FLIGHT_MAX ? 0 : FRAME_E_FLOOD);
	}
	pair_free(&pair);
}
END_TEST

START_TEST(link_counts_requests_sent)
{
	struct pair pair = pair_new(FRAME_SET_HTTP_CLIENT);

	for (uint32_t id = 0; id < FRAME_IN_FLIGHT_MAX; id++)
		ck_assert_int_eq(frame_link_queue(pair.link, FRAME_HTTP_REQUEST, id, bytes_of_text("x")), 0);
	ck_assert_int_eq(frame_link_queue(pair.link, FRAME_HTTP_REQUEST, 1000, bytes_of_text("x")), -EBUSY);
	ck_assert_uint_eq(frame_link_in_flight(pair.link), FRAME_IN_FLIGHT_MAX);
	for (uint32_t round = 0; round < 2; round++) {
		CLEANUP(buf_deinit) struct buf frame = BUF_NULL;

		/* The first answer is good, the second to the same id answers nothing. */
		put_head(&frame, 0, FRAME_HTTP_RESPONSE, 0, 9);
		peer_sends(&pair, &frame);
		ck_assert_int_eq(next(&pair), round == 0 ? 0 : FRAME_E_ID);
	}
	pair_free(&pair);
}
END_TEST

START_TEST(link_sees_the_end)
{
	CLEANUP(buf_deinit) struct buf frame = BUF_NULL;
	struct pair pair = pair_new(FRAME_SET_HTTP_CLIENT);

	ck_assert_int_eq(frame_encode(&frame, FRAME_HTTP_RESPONSE, 1, bytes_of_text("cut")), 0);
	frame.size--;
	peer_sends(&pair, &frame);
	ck_assert_int_eq(shutdown(pair.peer, SHUT_WR), 0);
	ck_assert_int_eq(next(&pair), -EAGAIN); /* the bytes */
	ck_assert_int_eq(next(&pair), -EPIPE);  /* their end */
	pair_free(&pair);
}
END_TEST

/* Larger than any socket buffer, both ways, through a peer that reads in its own time. */
START_TEST(link_carries_large_frames)
{
	CLEANUP(buf_deinit) struct buf big = BUF_NULL;
	int ends[2];
	struct frame_link *a;
	struct frame_link *b;
	struct frame_header header;
	struct bytes payload;
	bool arrived = false;

	ck_assert_int_eq(buf_reserve(&big, HTTP_FRAME_REQUEST_BODY_MAX), 0);
	big.size = HTTP_FRAME_REQUEST_BODY_MAX;
	for (size_t i = 0; i < big.size; i++)
		big.data[i] = (uint8_t)(i * 31 + i / 257);
	ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends), 0);
	ck_assert_int_eq(frame_link_new(&a, ends[0], FRAME_SET_HTTP_CLIENT), 0);
	ck_assert_int_eq(frame_link_new(&b, ends[1], FRAME_SET_HTTP_SERVER), 0);
	ck_assert_int_eq(frame_link_queue(a, FRAME_HTTP_REQUEST, 1, buf_view(&big)), 0);
	for (int turn = 0; turn < 1000 && !arrived; turn++) {
		ck_assert_int_eq(frame_link_work(a, POLLOUT), 0);
		ck_assert_int_eq(frame_link_work(b, POLLIN), 0);
		arrived = frame_link_next(b, &header, &payload) == 0;
	}
	ck_assert(arrived);
	ck_assert(bytes_equal(payload, buf_view(&big)));
	(void)frame_link_free(a);
	(void)frame_link_free(b);
}
END_TEST

START_TEST(blocking_helpers)
{
	CLEANUP(secret_deinit) struct secret secret = SECRET_NULL;
	CLEANUP(buf_deinit) struct buf body = BUF_NULL;
	struct frame_header header;
	int ends[2];

	ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends), 0);
	ck_assert_int_eq(frame_send(ends[0], FRAME_ADMIN_REQUEST, 1, bytes_of_text("{}")), 0);
	ck_assert_int_eq(frame_send(ends[0], FRAME_ADMIN_SECRET, 1, bytes_of_text("shared")), 0);
	ck_assert_int_eq(frame_send(ends[0], FRAME_ADMIN_KEY, 1, bytes_of(body.data, (size_t)1 << 20)), -EMSGSIZE);
	ck_assert_int_eq(frame_receive(ends[1], FRAME_SET_ADMIN_SERVER, &header, &body), 0);
	ck_assert(bytes_equal(buf_view(&body), bytes_of_text("{}")));
	ck_assert_int_eq(frame_receive_header(ends[1], FRAME_SET_ADMIN_SERVER, &header), 0);
	ck_assert_int_eq(frame_receive_secret(ends[1], &header, &secret), 0);
	ck_assert(bytes_equal(secret_view(&secret), bytes_of_text("shared")));
	/* The end: clean between frames, not in the middle of one. */
	ck_assert_int_eq((int)write(ends[0], "\x01\0\0\0\x03\0\0\0\0\0\0\0", 12), 12);
	ck_assert_int_eq(close(ends[0]), 0);
	ck_assert_int_eq(frame_receive(ends[1], FRAME_SET_ADMIN_SERVER, &header, &body), -EPROTO);
	ck_assert_int_eq(frame_receive(ends[1], FRAME_SET_ADMIN_SERVER, &header, &body), -EPIPE);
	ck_assert_int_eq(close(ends[1]), 0);
}
END_TEST

static struct http_frame_request sample_request(void)
{
	return (struct http_frame_request){
		.method = HTTP_POST,
		.path = bytes_of_text("/kbs/v0/auth"),
		.cookie = bytes_of_text("kbs-session-id=x"),
		.authorization = bytes_of_text("Bearer y"),
		.peer = bytes_of_text("192.0.2.1"),
		.body = bytes_of_text("{\"version\":\"0.4.0\"}"),
	};
}

START_TEST(http_request_round_trip)
{
	CLEANUP(buf_deinit) struct buf payload = BUF_NULL;
	struct http_frame_request in = sample_request();
	struct http_frame_request out;

	ck_assert_int_eq(http_frame_request_encode(&payload, &in), 0);
	ck_assert_int_eq(http_frame_request_decode(buf_view(&payload), &out), 0);
	ck_assert_int_eq((int)out.method, HTTP_POST);
	ck_assert(bytes_equal(out.path, in.path) && bytes_equal(out.cookie, in.cookie) && bytes_equal(out.authorization, in.authorization));
	ck_assert(bytes_equal(out.peer, in.peer) && bytes_equal(out.body, in.body));
	for (size_t size = 0; size < payload.size; size++)
		ck_assert_int_eq(http_frame_request_decode(bytes_of(payload.data, size), &out), HTTP_FRAME_E_TRUNCATED);
	ck_assert_int_eq(buf_u8(&payload, 0), 0);
	ck_assert_int_eq(http_frame_request_decode(buf_view(&payload), &out), HTTP_FRAME_E_TRUNCATED);
}
END_TEST

START_TEST(http_response_round_trip)
{
	CLEANUP(buf_deinit) struct buf payload = BUF_NULL;
	struct http_frame_response in = {
		.status = 503,
		.set_cookie = bytes_of_text("a=b; Path=/kbs/v0"),
		.content_type = bytes_of_text("application/json"),
		.retry_after = 70000,
		.body = bytes_of_text("{}"),
	};
	struct http_frame_response out;

	ck_assert_int_eq(http_frame_response_encode(&payload, &in), 0);
	ck_assert_int_eq(http_frame_response_decode(buf_view(&payload), &out), 0);
	ck_assert_uint_eq(out.status, 503);
	ck_assert_uint_eq(out.retry_after, 70000);
	ck_assert(bytes_equal(out.set_cookie, in.set_cookie) && bytes_equal(out.content_type, in.content_type) &&
		  bytes_equal(out.body, in.body));
	for (size_t size = 0; size < payload.size; size++)
		ck_assert_int_eq(http_frame_response_decode(bytes_of(payload.data, size), &out), HTTP_FRAME_E_TRUNCATED);
	payload.data[0] = 99;
	payload.data[1] = 0;
	ck_assert_int_eq(http_frame_response_decode(buf_view(&payload), &out), HTTP_FRAME_E_STATUS);
	in.set_cookie = bytes_of_text("a=b\r\nX: y");
	ck_assert_int_eq(http_frame_response_encode(&payload, &in), -EINVAL);
}
END_TEST

/* Each refusal of the request decoder: the encoder would not write these, so its output is patched. */
START_TEST(http_request_refusals)
{
	CLEANUP(buf_deinit) struct buf payload = BUF_NULL;
	struct http_frame_request in = sample_request();
	struct http_frame_request out;
	static char long_path[HTTP_FRAME_PATH_MAX + 2];

	ck_assert_int_eq(http_frame_request_encode(&payload, &in), 0);
	payload.data[0] = 0;
	ck_assert_int_eq(http_frame_request_decode(buf_view(&payload), &out), HTTP_FRAME_E_METHOD);
	payload.data[0] = 5;
	ck_assert_int_eq(http_frame_request_decode(buf_view(&payload), &out), HTTP_FRAME_E_METHOD);
	payload.data[0] = HTTP_GET;
	payload.data[3] = 'k'; /* the leading slash */
	ck_assert_int_eq(http_frame_request_decode(buf_view(&payload), &out), HTTP_FRAME_E_PATH);
	payload.data[3] = '/';
	payload.data[5] = '\0';
	ck_assert_int_eq(http_frame_request_decode(buf_view(&payload), &out), HTTP_FRAME_E_PATH);
	payload.data[5] = 'b';
	payload.data[3 + in.path.size + 2] = '\n'; /* first byte of the cookie */
	ck_assert_int_eq(http_frame_request_decode(buf_view(&payload), &out), HTTP_FRAME_E_TEXT);

	memset(long_path, '/', sizeof(long_path) - 1);
	in.path = bytes_of_text(long_path);
	ck_assert_int_eq(http_frame_request_encode(&payload, &in), -EINVAL);
	in.path = bytes_of(NULL, 0);
	ck_assert_int_eq(http_frame_request_encode(&payload, &in), -EINVAL);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("frame");
	TCase *cases = tcase_create("frame");
	SRunner *runner;
	int failed;

	if (secret_process_init((size_t)1 << 20))
		return EXIT_FAILURE;
	tcase_add_test(cases, header_refusals);
	tcase_add_test(cases, encode_and_decode);
	tcase_add_test(cases, link_takes_bytes_one_by_one);
	tcase_add_test(cases, link_refuses_bad_peers);
	tcase_add_test(cases, link_counts_requests_received);
	tcase_add_test(cases, link_counts_requests_sent);
	tcase_add_test(cases, link_sees_the_end);
	tcase_add_test(cases, link_carries_large_frames);
	tcase_add_test(cases, blocking_helpers);
	tcase_add_test(cases, http_request_round_trip);
	tcase_add_test(cases, http_response_round_trip);
	tcase_add_test(cases, http_request_refusals);
	suite_add_tcase(suite, cases);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
