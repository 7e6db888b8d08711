/* SPDX-License-Identifier: Apache-2.0 */
/* What the agent says about itself: words, JSON, metrics and the answers to paths. */
#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "base/text.h"
#include "io/http_frame.h"
#include "model.h"

static struct json_object *json_of(enum model_kind kind, int64_t now)
{
	struct buf text = BUF_NULL;
	struct error error = ERROR_NULL;
	struct json_object *object = NULL;
	struct model model;

	model_init(&model, kind, MODEL_NOW);
	ck_assert_int_eq(agent_status_json(&model.status, now, &text), 0);
	text.size--; /* the newline */
	ck_assert_msg(json_read(buf_view(&text), &object, &error) == 0, "%s", error.text);
	buf_deinit(&text);
	model_deinit(&model);
	return object;
}

START_TEST(json_attested)
{
	JSON_AUTO root = json_of(MODEL_ATTESTED, MODEL_NOW);
	struct json_object *keys = json_get_array(root, "keys");
	uint64_t value = 0;
	bool flag = false;

	ck_assert_str_eq(json_get_text(root, "program", NULL), "sevattestd");
	ck_assert_str_eq(json_get_text(root, "state", NULL), "attested");
	ck_assert_str_eq(json_get_text(root, "time", NULL), MODEL_TIME);
	ck_assert(json_get_bool(root, "proven", &flag) && flag);
	ck_assert_str_eq(json_get_text(json_get_object(root, "platform"), "proves", NULL), "system");
	ck_assert(json_get_u64(json_get_object(json_get_object(root, "report"), "reported_tcb"), "microcode", 255, &value));
	ck_assert_uint_eq(value, 219);
	ck_assert(json_get_bool(json_get_object(root, "check"), "passed", &flag) && flag);
	ck_assert_uint_eq(json_object_array_length(keys), 3);
	ck_assert_str_eq(json_get_text(json_object_array_get_idx(keys, 0), "unit", NULL), "nginx.service");
	ck_assert_str_eq(json_get_text(json_object_array_get_idx(keys, 2), "kind", NULL), "disk");
	ck_assert_str_eq(json_get_text(json_object_array_get_idx(keys, 2), "state", NULL), "key given");
	ck_assert_ptr_nonnull(json_get_text(json_object_array_get_idx(keys, 2), "checked_at", NULL));
	ck_assert_ptr_null(json_get(json_object_array_get_idx(keys, 2), "check"));
	ck_assert_ptr_null(json_get(json_object_array_get_idx(keys, 0), "state"));
	ck_assert_ptr_null(json_get(root, "reason"));
}
END_TEST

/* The state alone proves nothing once its time is over. */
START_TEST(json_expired)
{
	JSON_AUTO before = json_of(MODEL_ATTESTED, MODEL_NOW + 2999);
	JSON_AUTO after = json_of(MODEL_ATTESTED, MODEL_NOW + 3000);
	bool flag = false;

	ck_assert(json_get_bool(before, "proven", &flag) && flag);
	ck_assert(json_get_bool(after, "proven", &flag) && !flag);
}
END_TEST

START_TEST(json_refused)
{
	JSON_AUTO root = json_of(MODEL_REFUSED, MODEL_NOW);
	struct json_object *check = json_get_object(root, "check");
	struct json_object *finding = json_object_array_get_idx(json_get_array(check, "findings"), 2);
	bool flag = true;

	ck_assert_str_eq(json_get_text(root, "state", NULL), "refused");
	ck_assert(json_get_bool(root, "proven", &flag) && !flag);
	ck_assert(json_get_bool(check, "passed", &flag) && !flag);
	ck_assert_str_eq(json_get_text(finding, "check", NULL), "measurement");
	ck_assert_ptr_nonnull(json_get_text(finding, "fix", NULL));
	ck_assert_str_eq(json_get_text(root, "reason", NULL), "the launch measurement is not in the policy");
	finding = json_object_array_get_idx(json_get_array(root, "keys"), 2);
	ck_assert_str_eq(json_get_text(finding, "state", NULL), "refused");
	ck_assert_str_eq(json_get_text(finding, "check", NULL), "luks.segment_cipher");
	ck_assert_str_eq(json_get_text(finding, "fix", NULL), "restore the header: sevattest recover");
	ck_assert_ptr_null(json_get(finding, "checked_at"));
}
END_TEST

/* Every text of a peer is escaped; the strict reader takes the whole. */
START_TEST(json_hostile)
{
	JSON_AUTO root = json_of(MODEL_HOSTILE, MODEL_NOW);
	const char *reason = json_get_text(root, "reason", NULL);

	ck_assert_ptr_nonnull(strstr(reason, "line\\x0afeed \\xff\\xfe"));
	ck_assert_ptr_null(strchr(reason, '\x1b'));
}
END_TEST

static char *metrics_of(enum model_kind kind, enum metrics_format format)
{
	struct buf text = BUF_NULL;
	struct model model;

	model_init(&model, kind, MODEL_NOW);
	ck_assert_int_eq(agent_status_metrics(&model.status, MODEL_NOW, format, &text), 0);
	model_deinit(&model);
	return buf_steal_text(&text);
}

static void expect_in(const char *text, const char *words)
{
	ck_assert_msg(strstr(text, words) != NULL, "\"%s\" is not in:\n%s", words, text);
}

static void expect_not_in(const char *text, const char *words)
{
	ck_assert_msg(strstr(text, words) == NULL, "\"%s\" is in:\n%s", words, text);
}

START_TEST(metrics_attested)
{
	char *text = metrics_of(MODEL_ATTESTED, METRICS_OPENMETRICS);

	expect_in(text, "\nsevattest_agent_proven 1\n");
	expect_in(text, "\nsevattest_agent_state{state=\"attested\"} 1\n");
	expect_in(text, "\nsevattest_agent_state{state=\"refused\"} 0\n");
	expect_in(text, "\nsevattest_agent_attested_until_seconds 1780275000\n");
	expect_in(text, "\nsevattest_agent_keys_total{outcome=\"served\"} 3\n");
	expect_in(text, "\nsevattest_agent_tcb{part=\"microcode\"} 219\n");
	expect_in(text, "\nsevattest_agent_brokers_good 1\n");
	expect_in(text, "\nsevattest_agent_attest_duration_seconds_bucket{le=\"0.250\"} 1\n");
	expect_in(text, "\nsevattest_agent_disks{state=\"key given\"} 1\n");
	expect_in(text, "\nsevattest_agent_disks{state=\"refused\"} 0\n");
	expect_not_in(text, "check_failed{");
	free(text);
}
END_TEST

START_TEST(metrics_refused)
{
	char *text = metrics_of(MODEL_REFUSED, METRICS_TEXT);

	expect_in(text, "\nsevattest_agent_proven 0\n");
	expect_in(text, "\nsevattest_agent_check_failed{check=\"measurement\"} 1\n");
	expect_in(text, "\nsevattest_agent_check_failed{check=\"tcb\"} 1\n");
	expect_in(text, "\nsevattest_agent_disks{state=\"refused\"} 2\n");
	expect_in(text, "\nsevattest_agent_disk_check_failed{check=\"luks.segment_cipher\"} 2\n");
	expect_in(text, "\n# TYPE sevattest_agent_attestations_total counter\n");
	expect_not_in(text, "# EOF");
	expect_not_in(text, "attest_duration");
	free(text);
}
END_TEST

/* No names of resources, units, volumes, brokers or chips, and no series twice. */
START_TEST(metrics_no_names)
{
	static const char *const names[] = {"nginx", "postgresql", "prod-web", "tls-key", "db-password", "kbs-1", "c4910d7e", "5a1c3b99",
		"<script>alert(1)</script> \"q"};
	static const enum model_kind kinds[] = {MODEL_STARTING, MODEL_ATTESTED, MODEL_TROUBLE, MODEL_REFUSED, MODEL_HOSTILE};

	for (size_t i = 0; i < ARRAY_SIZE(kinds); i++) {
		char *text = metrics_of(kinds[i], METRICS_OPENMETRICS);

		for (size_t j = 0; j < ARRAY_SIZE(names); j++)
			expect_not_in(text, names[j]);
		free(text);
	}
}
END_TEST

START_TEST(line)
{
	static const struct {
		enum model_kind kind;
		int64_t later;
		const char *text;
	} rows[] = {
		{MODEL_STARTING, 0, "starting"},
		{MODEL_ATTESTED, 0, "attested until 2026-06-01T00:50:00Z"},
		{MODEL_ATTESTED, 3000, "attestation has expired"},
		{MODEL_TROUBLE, 0,
			"temporary trouble, next attempt 2026-06-01T00:00:08Z: no broker answers: https://kbs-1.example.org:8080: "
			"connection refused"},
		{MODEL_REFUSED, 0, "refused: the launch measurement is not in the policy"},
	};
	char text[AGENT_STATUS_LINE_MAX];
	struct model model;

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		model_init(&model, rows[i].kind, MODEL_NOW);
		agent_status_line(&model.status, MODEL_NOW + rows[i].later, text);
		ck_assert_str_eq(text, rows[i].text);
		model_deinit(&model);
	}
	model_init(&model, MODEL_HOSTILE, MODEL_NOW);
	agent_status_line(&model.status, MODEL_NOW, text);
	ck_assert_ptr_null(strchr(text, '\n'));
	ck_assert(utf8_valid(bytes_of_text(text)));
	model_deinit(&model);
}
END_TEST

static void expect_answer(enum model_kind kind, const char *path, unsigned code, const char *type, const char *words)
{
	struct buf payload = BUF_NULL;
	struct http_frame_response response;
	struct model model;
	char *body;

	model_init(&model, kind, MODEL_NOW);
	ck_assert_int_eq(agent_status_answer(&model.status, bytes_of_text(path), MODEL_NOW, &payload), 0);
	model_deinit(&model);
	ck_assert_int_eq(http_frame_response_decode(buf_view(&payload), &response), 0);
	ck_assert_uint_eq(response.status, code);
	ck_assert_msg(bytes_equal(response.content_type, bytes_of_text(type)), "%.*s", (int)response.content_type.size,
		(const char *)response.content_type.data);
	body = strndup((const char *)response.body.data, response.body.size);
	expect_in(body, words);
	free(body);
	buf_deinit(&payload);
}

static char *page_of(enum model_kind kind, int64_t now)
{
	struct buf text = BUF_NULL;
	struct model model;

	model_init(&model, kind, MODEL_NOW);
	ck_assert_int_eq(agent_status_page(&model.status, now, &text), 0);
	model_deinit(&model);
	return buf_steal_text(&text);
}

START_TEST(page_headlines)
{
	static const struct {
		enum model_kind kind;
		int64_t later;
		const char *text;
	} rows[] = {
		{MODEL_STARTING, 0, "<h1>Not proven yet: the agent is starting</h1>"},
		{MODEL_ATTESTED, 0, "<h1>This machine is proven</h1>"},
		{MODEL_ATTESTED, 3000, "<h1>The proof has expired</h1>"},
		{MODEL_TROUBLE, 0, "<h1>Not proven now: temporary trouble</h1>"},
		{MODEL_REFUSED, 0, "<h1>Not proven: refused</h1>"},
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		char *text = page_of(rows[i].kind, MODEL_NOW + rows[i].later);

		expect_in(text, rows[i].text);
		free(text);
	}
}
END_TEST

/* Who got what, by what, until when; each failed check with what to do. */
START_TEST(page_content)
{
	char *text = page_of(MODEL_ATTESTED, MODEL_NOW);

	expect_in(text, "Accepted by https://kbs-1.example.org:8080, until 2026-06-01 00:50 UTC.");
	expect_in(text, "<time datetime=\"2026-06-01T00:50:00Z\">");
	expect_in(text, "(in 50 min)");
	expect_in(text, "postgresql@15-main.service");
	expect_in(text, "prod-web/disk/data");
	expect_not_in(text, "Failed checks");
	free(text);
	text = page_of(MODEL_REFUSED, MODEL_NOW);
	expect_in(text, "Failed checks");
	expect_in(text, "What to do:</span> ask the host&#39;s owner for a firmware update");
	expect_not_in(text, "This machine is proven");
	free(text);
	text = page_of(MODEL_TROUBLE, MODEL_NOW);
	expect_in(text, "proves the chip and the firmware only");
	free(text);
}
END_TEST

START_TEST(page_hostile)
{
	char *text = page_of(MODEL_HOSTILE, MODEL_NOW);

	expect_not_in(text, "<script");
	expect_in(text, "&lt;script&gt;alert(1)&lt;/script&gt; &quot;quoted&quot; &#39;single&#39; &amp; line\\x0afeed");
	ck_assert(utf8_valid(bytes_of_text(text)));
	ck_assert_ptr_null(strchr(text, '\x1b'));
	ck_assert_ptr_eq(strstr(text, "</style>"), strstr(text, "</style>\n</head>"));
	free(text);
}
END_TEST

#define PLAIN "text/plain; charset=utf-8"

START_TEST(answers)
{
	expect_answer(MODEL_STARTING, "/healthz", 200, PLAIN, "ok\n");
	expect_answer(MODEL_REFUSED, "/healthz", 200, PLAIN, "ok\n");
	expect_answer(MODEL_STARTING, "/readyz", 503, PLAIN, "starting\n");
	expect_answer(MODEL_TROUBLE, "/readyz", 503, PLAIN, "temporary trouble");
	expect_answer(MODEL_REFUSED, "/readyz", 503, PLAIN, "refused");
	expect_answer(MODEL_ATTESTED, "/readyz", 200, PLAIN, "ok\n");
	expect_answer(MODEL_ATTESTED, "/status", 200, "application/json", "\"proven\":true");
	expect_answer(MODEL_ATTESTED, "/metrics", 200, "application/openmetrics-text; version=1.0.0; charset=utf-8", "# EOF\n");
	expect_answer(MODEL_ATTESTED, "/metrics.txt", 200, "text/plain; version=0.0.4; charset=utf-8", "sevattest_agent_proven 1");
	expect_answer(MODEL_REFUSED, "/", 200, "text/html; charset=utf-8", "<!DOCTYPE html>");
	expect_answer(MODEL_ATTESTED, "/statusx", 404, PLAIN, "nothing is here");
	expect_answer(MODEL_ATTESTED, "", 404, PLAIN, "nothing is here");
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("agent/status");
	TCase *tcase = tcase_create("all");
	SRunner *runner = srunner_create(suite);
	int failed;

	tcase_add_test(tcase, json_attested);
	tcase_add_test(tcase, json_expired);
	tcase_add_test(tcase, json_refused);
	tcase_add_test(tcase, json_hostile);
	tcase_add_test(tcase, metrics_attested);
	tcase_add_test(tcase, metrics_refused);
	tcase_add_test(tcase, metrics_no_names);
	tcase_add_test(tcase, line);
	tcase_add_test(tcase, page_headlines);
	tcase_add_test(tcase, page_content);
	tcase_add_test(tcase, page_hostile);
	tcase_add_test(tcase, answers);
	suite_add_tcase(suite, tcase);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? 1 : 0;
}
