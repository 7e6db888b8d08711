/* SPDX-License-Identifier: Apache-2.0 */
/* What brokerd says about itself: what is shown, what is not, and texts that try to be more than text. */
#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "broker/status.h"

#define NOW INT64_C(1780272000) /* 2026-06-01T00:00:00Z */
#define HOSTILE "<script>alert(1)</script> \"q\" 'a' &\n\xff\x1b[31m"

static void decide(struct recent *recent, enum kbs_audit_kind kind, const char *resource, const char *reason, int64_t ago)
{
	static const uint8_t chip[KBS_CHIP_ID_SIZE] = {0xc4, 0x91, 0x0d, 0x7e, 0x52, 0xb8, 0x66, 0x1a, 0xf3, 0x08};
	const struct kbs_audit audit = {.kind = kind,
		.resource = resource,
		.version = kind == KBS_AUDIT_RELEASE ? 7 : 0,
		.policy = kind == KBS_AUDIT_RELEASE ? "prod" : NULL,
		.reason = reason,
		.chip_id = chip,
		.now = NOW - ago};
	struct recent_decision *decision = recent_decision_new(&audit);

	ck_assert_ptr_nonnull(decision);
	recent_add(recent, decision);
	free(decision);
}

static struct broker_status *status_new(void)
{
	struct broker_status *status = calloc(1, sizeof(*status));
	const char *const checks[] = {"measurement", "tcb_min", "measurement"};

	ck_assert_ptr_nonnull(status);
	status->version = "0.1.0";
	status->started = NOW - 3600;
	status->initialised = true;
	status->epoch = 9;
	status->resources = 3;
	status->audit.records = 12;
	recent_init(&status->recent);
	refusals_init(&status->appraiser.refusals);
	refusals_count(&status->appraiser.refusals, REFUSALS_PASSED, NULL, NULL, NOW);
	refusals_count(&status->appraiser.refusals, REFUSALS_BY_POLICY, NULL, NULL, NOW);
	refusals_count_policy(&status->appraiser.refusals, checks, ARRAY_SIZE(checks));
	return status;
}

static struct broker_status *status_free(struct broker_status *status)
{
	recent_deinit(&status->recent);
	refusals_deinit(&status->appraiser.refusals);
	free(status);
	return NULL;
}

static char *page_of(const struct broker_status *status)
{
	struct buf text = BUF_NULL;

	ck_assert_int_eq(broker_status_page(status, NOW, &text), 0);
	return buf_steal_text(&text);
}

static char *metrics_of(const struct broker_status *status)
{
	struct buf text = BUF_NULL;

	ck_assert_int_eq(broker_status_metrics(status, METRICS_OPENMETRICS, &text), 0);
	return buf_steal_text(&text);
}

static struct json_object *json_of(const struct broker_status *status)
{
	struct buf text = BUF_NULL;
	struct error error = ERROR_NULL;
	struct json_object *object = NULL;

	ck_assert_int_eq(broker_status_json(status, NOW, &text), 0);
	text.size--; /* the newline */
	ck_assert_msg(json_read(buf_view(&text), &object, &error) == 0, "%s", error.text);
	buf_deinit(&text);
	return object;
}

static void expect_in(const char *text, const char *words)
{
	ck_assert_msg(strstr(text, words) != NULL, "\"%s\" is not in:\n%s", words, text);
}

static void expect_not_in(const char *text, const char *words)
{
	ck_assert_msg(strstr(text, words) == NULL, "\"%s\" is in:\n%s", words, text);
}

START_TEST(decisions)
{
	struct broker_status *status = status_new();
	JSON_AUTO root = NULL;
	struct json_object *released;
	char *page, *metrics;

	decide(&status->recent, KBS_AUDIT_RELEASE, "prod/disk/data", "", 30);
	decide(&status->recent, KBS_AUDIT_DENIED, "prod/disk/other", "PolicyDeny", 20);
	decide(&status->recent, KBS_AUDIT_REFUSED, NULL, "measurement", 10);
	decide(&status->recent, KBS_AUDIT_ENROLLED, "prod/disk/enrolled", "", 9);
	decide(&status->recent, KBS_AUDIT_PENDING, "prod/disk/waiting", "", 8);
	decide(&status->recent, KBS_AUDIT_DENIED, "prod/disk/late", "EnrolmentConflict", 7);
	status->enrolments_waiting = 1;
	root = json_of(status);
	ck_assert_uint_eq(json_object_array_length(json_get_array(root, "last_enrolled")), 2);
	ck_assert_str_eq(json_get_text(json_object_array_get_idx(json_get_array(root, "last_enrolled"), 0), "outcome", NULL), "enrol_pending");
	released = json_object_array_get_idx(json_get_array(root, "last_released"), 0);
	ck_assert_str_eq(json_get_text(released, "resource", NULL), "prod/disk/data");
	ck_assert_str_eq(json_get_text(released, "chip_begins", NULL), "c4910d7e52b8661a");
	ck_assert_uint_eq(json_object_array_length(json_get_array(root, "last_refused")), 3);
	page = page_of(status);
	expect_in(page, "The broker serves");
	expect_in(page, "prod/disk/other");
	expect_in(page, "prod/disk/enrolled");
	expect_in(page, "prod/disk/waiting");
	expect_in(page, "Enrolments that wait");
	expect_in(page, "sevattest-broker pending list");
	expect_in(page, "measurement");
	metrics = metrics_of(status);
	expect_in(metrics, "\nsevattest_broker_decisions_total{outcome=\"released\"} 1\n");
	expect_in(metrics, "\nsevattest_broker_decisions_total{outcome=\"enrolled\"} 1\n");
	expect_in(metrics, "\nsevattest_broker_decisions_total{outcome=\"enrol_pending\"} 1\n");
	expect_in(metrics, "\nsevattest_broker_enrolments_waiting 1\n");
	/* A check counts once for each piece of evidence. */
	expect_in(metrics, "\nsevattest_broker_refused_total{check=\"measurement\"} 1\n");
	expect_in(metrics, "\nsevattest_broker_refused_total{check=\"tcb_min\"} 1\n");
	expect_not_in(metrics, "prod");
	expect_not_in(metrics, "c4910d7e");
	free(page);
	free(metrics);
	status = status_free(status);
}
END_TEST

/* The lists hold the newest RECENT_MAX, the counts all. */
START_TEST(ring)
{
	struct broker_status *status = status_new();
	char resource[32];
	JSON_AUTO root = NULL;
	struct json_object *list;

	for (int i = 0; i < 2 * RECENT_MAX + 3; i++) {
		(void)snprintf(resource, sizeof(resource), "r/t/%d", i);
		decide(&status->recent, KBS_AUDIT_RELEASE, resource, "", 100 - i);
	}
	root = json_of(status);
	list = json_get_array(root, "last_released");
	ck_assert_uint_eq(json_object_array_length(list), RECENT_MAX);
	(void)snprintf(resource, sizeof(resource), "r/t/%d", 2 * RECENT_MAX + 2);
	ck_assert_str_eq(json_get_text(json_object_array_get_idx(list, 0), "resource", NULL), resource);
	(void)snprintf(resource, sizeof(resource), "r/t/%d", RECENT_MAX + 3);
	ck_assert_str_eq(json_get_text(json_object_array_get_idx(list, RECENT_MAX - 1), "resource", NULL), resource);
	ck_assert_uint_eq(status->recent.counts[KBS_AUDIT_RELEASE], 2 * RECENT_MAX + 3);
	status = status_free(status);
}
END_TEST

START_TEST(hostile)
{
	struct broker_status *status = status_new();
	JSON_AUTO root = NULL;
	char *page;

	decide(&status->recent, KBS_AUDIT_DENIED, HOSTILE, HOSTILE, 1);
	page = page_of(status);
	expect_not_in(page, "<script");
	expect_in(page, "&lt;script&gt;alert(1)&lt;/script&gt; &quot;q&quot; &#39;a&#39; &amp;\\x0a\\xff\\x1b[31m");
	root = json_of(status);
	free(page);
	status = status_free(status);
}
END_TEST

START_TEST(trouble)
{
	struct broker_status *status = status_new();
	char *page, *metrics;

	ck_assert_ptr_null(broker_status_trouble(status));
	status->policies_broken = 1;
	page = page_of(status);
	expect_in(page, "The broker serves, with trouble");
	free(page);
	status->audit.last_failed = true;
	page = page_of(status);
	metrics = metrics_of(status);
	expect_in(page, "No key is released");
	expect_in(page, "cannot be written");
	expect_in(metrics, "\nsevattest_broker_audit_writable 0\n");
	expect_in(metrics, "\nsevattest_broker_trouble 1\n");
	free(page);
	free(metrics);
	status->initialised = false;
	page = page_of(status);
	metrics = metrics_of(status);
	expect_in(page, "The broker waits for its first setup");
	expect_in(page, "sevattest-broker init");
	expect_in(metrics, "\nsevattest_broker_initialised 0\n");
	expect_not_in(metrics, "audit");
	free(page);
	free(metrics);
	status = status_free(status);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("broker/status");
	TCase *tcase = tcase_create("all");
	SRunner *runner = srunner_create(suite);
	int failed;

	tcase_add_test(tcase, decisions);
	tcase_add_test(tcase, ring);
	tcase_add_test(tcase, hostile);
	tcase_add_test(tcase, trouble);
	suite_add_tcase(suite, tcase);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? 1 : 0;
}
