/* SPDX-License-Identifier: Apache-2.0 */
/* Fetch frames: each field survives, each rule of the decoder is broken alone once. */
#include <check.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "io/fetch_frame.h"
#include "io/frame.h"

#define T(text) bytes_of_text(text)

static struct fetch_frame_request good_request(void)
{
	return (struct fetch_frame_request){T("broker-2"), HTTP_POST, T("/kbs/v0/attest?x=1"), T("kbs-session-id=1"), T("Bearer a.b.c"),
		T("application/json"), 65536, 30000, T("{}")};
}

static struct fetch_frame_response good_response(void)
{
	return (struct fetch_frame_response){0, 429, T("a=b; Path=/"), T("application/json"), 17, true, T(""), T("body")};
}

static void same(struct bytes a, struct bytes b)
{
	ck_assert_uint_eq(a.size, b.size);
	ck_assert(bytes_equal(a, b));
}

START_TEST(request_there_and_back)
{
	CLEANUP(buf_deinit) struct buf payload = BUF_NULL;
	struct fetch_frame_request in = good_request();
	struct fetch_frame_request out;

	ck_assert_int_eq(fetch_frame_request_encode(&payload, &in), 0);
	ck_assert_int_eq(fetch_frame_request_decode(buf_view(&payload), &out), 0);
	same(in.origin, out.origin);
	ck_assert_int_eq((int)in.method, (int)out.method);
	same(in.path, out.path);
	same(in.cookie, out.cookie);
	same(in.authorization, out.authorization);
	same(in.content_type, out.content_type);
	ck_assert_uint_eq(out.answer_max, 65536);
	ck_assert_uint_eq(out.timeout_ms, 30000);
	same(in.body, out.body);
	for (size_t size = 0; size < payload.size; size++)
		ck_assert_int_eq(fetch_frame_request_decode(bytes_of(payload.data, size), &out), FETCH_FRAME_E_TRUNCATED);
	ck_assert_int_eq(buf_u8(&payload, 0), 0);
	ck_assert_int_eq(fetch_frame_request_decode(buf_view(&payload), &out), FETCH_FRAME_E_TRUNCATED);
}
END_TEST

START_TEST(response_there_and_back)
{
	CLEANUP(buf_deinit) struct buf payload = BUF_NULL;
	struct fetch_frame_response in = good_response();
	struct fetch_frame_response out;

	ck_assert_int_eq(fetch_frame_response_encode(&payload, &in), 0);
	ck_assert_int_eq(fetch_frame_response_decode(buf_view(&payload), &out), 0);
	ck_assert_uint_eq(out.outcome, 0);
	ck_assert_uint_eq(out.status, 429);
	same(in.set_cookie, out.set_cookie);
	same(in.content_type, out.content_type);
	ck_assert_uint_eq(out.retry_after, 17);
	ck_assert(out.reused);
	same(in.error_text, out.error_text);
	same(in.body, out.body);
	for (size_t size = 0; size < payload.size; size++)
		ck_assert_int_eq(fetch_frame_response_decode(bytes_of(payload.data, size), &out), FETCH_FRAME_E_TRUNCATED);
}
END_TEST

START_TEST(failure_there_and_back)
{
	for (unsigned outcome = 1; outcome <= FETCH_E_LAST; outcome++) {
		CLEANUP(buf_deinit) struct buf payload = BUF_NULL;
		struct fetch_frame_response in = {.outcome = (uint8_t)outcome, .error_text = T("https://kds: unreachable")};
		struct fetch_frame_response out;

		ck_assert_int_eq(fetch_frame_response_encode(&payload, &in), 0);
		ck_assert_int_eq(fetch_frame_response_decode(buf_view(&payload), &out), 0);
		ck_assert_uint_eq(out.outcome, outcome);
		same(in.error_text, out.error_text);
		ck_assert(strlen(fetch_outcome_text((int)outcome)) > 0);
	}
}
END_TEST

/* The encoder refuses what the decoder would; to see the decoder refuse, single bytes of a good payload are changed. */
static int after_change(struct bytes good, size_t at, uint8_t value, bool is_request)
{
	CLEANUP(buf_deinit) struct buf changed = BUF_NULL;
	struct fetch_frame_response response;
	struct fetch_frame_request request;

	ck_assert_int_eq(buf_append(&changed, good.data, good.size), 0);
	ck_assert_uint_lt(at, changed.size);
	changed.data[at] = value;
	return is_request ? fetch_frame_request_decode(buf_view(&changed), &request)
			  : fetch_frame_response_decode(buf_view(&changed), &response);
}

START_TEST(request_refusals)
{
	CLEANUP(buf_deinit) struct buf payload = BUF_NULL;
	struct fetch_frame_request in = good_request();
	const size_t method_at = 1 + in.origin.size;
	const size_t path_at = method_at + 1 + 2;
	const size_t cookie_at = path_at + in.path.size + 2;
	const size_t authorization_at = cookie_at + in.cookie.size + 2;
	const size_t type_at = authorization_at + in.authorization.size + 1;
	const size_t max_at = type_at + in.content_type.size;
	struct bytes good;

	ck_assert_int_eq(fetch_frame_request_encode(&payload, &in), 0);
	good = buf_view(&payload);
	ck_assert_int_eq(after_change(good, 1, 'B', true), FETCH_FRAME_E_ORIGIN);
	ck_assert_int_eq(after_change(good, 1, '.', true), FETCH_FRAME_E_ORIGIN);
	ck_assert_int_eq(after_change(good, method_at, 0, true), FETCH_FRAME_E_METHOD);
	ck_assert_int_eq(after_change(good, method_at, 5, true), FETCH_FRAME_E_METHOD);
	ck_assert_int_eq(after_change(good, path_at, '@', true), FETCH_FRAME_E_PATH);
	for (const char *c = " #\\\r\n\x7f\x80"; *c; c++)
		ck_assert_int_eq(after_change(good, path_at + 1, (uint8_t)*c, true), FETCH_FRAME_E_PATH);
	ck_assert_int_eq(after_change(good, cookie_at, '\n', true), FETCH_FRAME_E_TEXT);
	ck_assert_int_eq(after_change(good, authorization_at, '\r', true), FETCH_FRAME_E_TEXT);
	ck_assert_int_eq(after_change(good, type_at, 0x7f, true), FETCH_FRAME_E_TEXT);
	ck_assert_int_eq(after_change(good, max_at + 3, 0x80, true), FETCH_FRAME_E_LIMIT);
	ck_assert_int_eq(after_change(good, max_at + 7, 0x80, true), FETCH_FRAME_E_LIMIT);
}
END_TEST

static int encode_request(struct fetch_frame_request request)
{
	CLEANUP(buf_deinit) struct buf payload = BUF_NULL;

	return fetch_frame_request_encode(&payload, &request);
}

static int encode_response(struct fetch_frame_response response)
{
	CLEANUP(buf_deinit) struct buf payload = BUF_NULL;

	return fetch_frame_response_encode(&payload, &response);
}

/* The largest request and answer fit into their frames, and one byte more into none. */
START_TEST(limits)
{
	uint8_t *much = malloc(FETCH_BODY_MAX + 1);
	struct fetch_frame_request request = good_request();
	struct fetch_frame_response response = good_response();
	CLEANUP(buf_deinit) struct buf payload = BUF_NULL;
	CLEANUP(buf_deinit) struct buf frame = BUF_NULL;

	ck_assert_ptr_nonnull(much);
	memset(much, 'a', FETCH_BODY_MAX + 1);
	much[0] = '/';
	request.origin = bytes_of(much + 1, FETCH_FRAME_ORIGIN_MAX);
	request.path = bytes_of(much, FETCH_FRAME_PATH_MAX);
	request.cookie = request.authorization = bytes_of(much, HTTP_FRAME_HEADER_MAX);
	request.content_type = bytes_of(much, FETCH_FRAME_TYPE_MAX);
	request.body = bytes_of(much, HTTP_FRAME_REQUEST_BODY_MAX);
	request.answer_max = FETCH_BODY_MAX;
	request.timeout_ms = FETCH_FRAME_TIMEOUT_MAX_MS;
	ck_assert_int_eq(fetch_frame_request_encode(&payload, &request), 0);
	ck_assert_int_eq(frame_encode(&frame, FRAME_FETCH_REQUEST, 1, buf_view(&payload)), 0);
	request.body.size++;
	ck_assert_int_eq(encode_request(request), -EINVAL);
	request = good_request();
	request.answer_max = 0;
	ck_assert_int_eq(encode_request(request), -EINVAL);
	request = good_request();
	request.timeout_ms = 0;
	ck_assert_int_eq(encode_request(request), -EINVAL);
	request = good_request();
	request.origin.size = 0;
	ck_assert_int_eq(encode_request(request), -EINVAL);
	request = good_request();
	request.path = bytes_of(much, FETCH_FRAME_PATH_MAX + 1);
	ck_assert_int_eq(encode_request(request), -EINVAL);

	buf_deinit(&payload);
	buf_deinit(&frame);
	response.set_cookie = bytes_of(much, FETCH_COOKIE_MAX);
	response.content_type = bytes_of(much, FETCH_FRAME_TYPE_MAX);
	response.error_text = bytes_of(much, FETCH_FRAME_ERROR_MAX);
	response.body = bytes_of(much, FETCH_BODY_MAX);
	ck_assert_int_eq(fetch_frame_response_encode(&payload, &response), 0);
	ck_assert_int_eq(frame_encode(&frame, FRAME_FETCH_RESPONSE, 1, buf_view(&payload)), 0);
	response.body.size++;
	ck_assert_int_eq(encode_response(response), -EINVAL);
	free(much);
}
END_TEST

START_TEST(response_refusals)
{
	CLEANUP(buf_deinit) struct buf payload = BUF_NULL;
	struct fetch_frame_response in = good_response();
	const size_t cookie_at = 1 + 2 + 2;
	const size_t reused_at = cookie_at + in.set_cookie.size + 1 + in.content_type.size + 4;
	struct bytes good;

	ck_assert_int_eq(fetch_frame_response_encode(&payload, &in), 0);
	good = buf_view(&payload);
	ck_assert_int_eq(after_change(good, 0, FETCH_E_LAST + 1, false), FETCH_FRAME_E_OUTCOME);
	ck_assert_int_eq(after_change(good, 0, FETCH_E_UNREACHABLE, false), FETCH_FRAME_E_OUTCOME);
	ck_assert_int_eq(after_change(good, 2, 0, false), FETCH_FRAME_E_STATUS);
	ck_assert_int_eq(after_change(good, 2, 3, false), FETCH_FRAME_E_STATUS);
	ck_assert_int_eq(after_change(good, cookie_at, '\n', false), FETCH_FRAME_E_TEXT);
	ck_assert_int_eq(after_change(good, reused_at, 2, false), FETCH_FRAME_E_TRUNCATED);
}
END_TEST

/* A failure with anything but a text beside it is not believed. */
START_TEST(failures_carry_nothing)
{
	static const struct fetch_frame_response bad[] = {
		{.outcome = FETCH_E_TIMEOUT, .status = 200},
		{.outcome = FETCH_E_TIMEOUT, .retry_after = 1},
		{.outcome = FETCH_E_TIMEOUT, .reused = true},
		{.outcome = FETCH_E_TIMEOUT, .body = {(const uint8_t *)"x", 1}},
		{.outcome = FETCH_E_TIMEOUT, .set_cookie = {(const uint8_t *)"x", 1}},
		{.outcome = FETCH_E_TIMEOUT, .content_type = {(const uint8_t *)"x", 1}},
	};

	for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
		ck_assert_int_eq(encode_response(bad[i]), -EINVAL);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("fetch_frame");
	TCase *tcase = tcase_create("all");
	SRunner *runner = srunner_create(suite);
	int failed;

	tcase_add_test(tcase, request_there_and_back);
	tcase_add_test(tcase, response_there_and_back);
	tcase_add_test(tcase, failure_there_and_back);
	tcase_add_test(tcase, request_refusals);
	tcase_add_test(tcase, limits);
	tcase_add_test(tcase, response_refusals);
	tcase_add_test(tcase, failures_carry_nothing);
	suite_add_tcase(suite, tcase);
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
