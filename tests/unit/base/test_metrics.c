/* SPDX-License-Identifier: Apache-2.0 */
/* The two forms of metrics, byte for byte. */
#include <check.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/metrics.h"

static const uint32_t bounds[] = {50, 1000};

static int write_all(enum metrics_format format, struct buf *to)
{
	const struct metrics_label labels[] = {{"version", "0.1"}, {"note", "a \"b\" \\ c"}};
	struct metrics_histogram histogram = {.bounds_ms = bounds, .bound_count = ARRAY_SIZE(bounds)};
	struct metrics m;

	metrics_begin(&m, format, to);
	metrics_family(&m, "x_keys", METRICS_COUNTER, NULL, "Keys.");
	metrics_u64_label(&m, "outcome", "good", 3);
	metrics_family(&m, "x_time_seconds", METRICS_GAUGE, "seconds", "A time.");
	metrics_i64(&m, -7);
	metrics_family(&m, "x", METRICS_INFO, NULL, "The program.");
	metrics_info(&m, labels, ARRAY_SIZE(labels));
	metrics_family(&m, "x_wait_seconds", METRICS_HISTOGRAM, "seconds", "Waits.");
	metrics_histogram_observe(&histogram, 50);
	metrics_histogram_observe(&histogram, 51);
	metrics_histogram_observe(&histogram, 1001);
	metrics_histogram_write(&m, &histogram);
	return metrics_end(&m);
}

static void expect(enum metrics_format format, const char *text)
{
	struct buf to = BUF_NULL;
	char *got;

	ck_assert_int_eq(write_all(format, &to), 0);
	got = buf_steal_text(&to);
	ck_assert_str_eq(got, text);
	free(got);
}

#define HISTOGRAM                                                                                                                          \
	"x_wait_seconds_bucket{le=\"0.050\"} 1\nx_wait_seconds_bucket{le=\"1.000\"} 2\nx_wait_seconds_bucket{le=\"+Inf\"} 3\n"             \
	"x_wait_seconds_sum 1.102\nx_wait_seconds_count 3\n"

START_TEST(open_metrics)
{
	expect(METRICS_OPENMETRICS,
		"# TYPE x_keys counter\n# HELP x_keys Keys.\nx_keys_total{outcome=\"good\"} 3\n"
		"# TYPE x_time_seconds gauge\n# UNIT x_time_seconds seconds\n# HELP x_time_seconds A time.\nx_time_seconds -7\n"
		"# TYPE x info\n# HELP x The program.\nx_info{version=\"0.1\",note=\"a \\\"b\\\" \\\\ c\"} 1\n"
		"# TYPE x_wait_seconds histogram\n# UNIT x_wait_seconds seconds\n# HELP x_wait_seconds Waits.\n" HISTOGRAM "# EOF\n");
}
END_TEST

START_TEST(classic_text)
{
	expect(METRICS_TEXT, "# TYPE x_keys_total counter\n# HELP x_keys_total Keys.\nx_keys_total{outcome=\"good\"} 3\n"
			     "# TYPE x_time_seconds gauge\n# HELP x_time_seconds A time.\nx_time_seconds -7\n"
			     "# TYPE x_info gauge\n# HELP x_info The program.\nx_info{version=\"0.1\",note=\"a \\\"b\\\" \\\\ c\"} 1\n"
			     "# TYPE x_wait_seconds histogram\n# HELP x_wait_seconds Waits.\n" HISTOGRAM);
}
END_TEST

/* A label cannot end its quotes, its line or the text. */
START_TEST(hostile_labels)
{
	struct buf to = BUF_NULL;
	struct metrics m;
	char *got;

	metrics_begin(&m, METRICS_OPENMETRICS, &to);
	metrics_family(&m, "x", METRICS_GAUGE, NULL, "X.");
	metrics_u64_label(&m, "why", "a\nb\"} 9\n# EOF\n\xff\x01", 1);
	metrics_u64_label(&m, "why", NULL, 2);
	ck_assert_int_eq(metrics_end(&m), 0);
	got = buf_steal_text(&to);
	ck_assert_str_eq(
		got, "# TYPE x gauge\n# HELP x X.\nx{why=\"a\\\\x0ab\\\"} 9\\\\x0a# EOF\\\\x0a\\\\xff\\\\x01\"} 1\nx{why=\"\"} 2\n# EOF\n");
	free(got);
}
END_TEST

START_TEST(limits)
{
	const struct metrics_label labels[METRICS_LABELS_MAX + 1] = {{"a", ""}, {"b", ""}, {"c", ""}, {"d", ""}, {"e", ""}};
	char name[METRICS_NAME_MAX + 1];
	struct buf to = BUF_NULL;
	struct metrics m;

	metrics_begin(&m, METRICS_TEXT, &to);
	metrics_family(&m, "x", METRICS_GAUGE, NULL, "X.");
	metrics_u64_labels(&m, labels, ARRAY_SIZE(labels), 1);
	ck_assert_int_eq(metrics_error(&m), -EINVAL);
	memset(name, 'x', sizeof(name) - 1);
	name[sizeof(name) - 1] = '\0';
	metrics_begin(&m, METRICS_TEXT, &to);
	metrics_family(&m, name, METRICS_GAUGE, NULL, "X.");
	ck_assert_int_eq(metrics_end(&m), -EMSGSIZE);
	buf_deinit(&to);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("base/metrics");
	TCase *tcase = tcase_create("all");
	SRunner *runner = srunner_create(suite);
	int failed;

	tcase_add_test(tcase, open_metrics);
	tcase_add_test(tcase, classic_text);
	tcase_add_test(tcase, hostile_labels);
	tcase_add_test(tcase, limits);
	suite_add_tcase(suite, tcase);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? 1 : 0;
}
