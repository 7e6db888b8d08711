/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * Metrics as Prometheus reads them, in either of its two text forms: OpenMetrics 1.0, where a counter's family is `x` and its sample `x_total`,
 * and the classic text format 0.0.4, where both are `x_total`. Pure: appends to a buffer, keeps the first error.
 *
 *     metrics_family(&m, "sevattest_agent_releases", METRICS_COUNTER, NULL, "Keys handed out.");
 *     metrics_u64(&m, count);
 *
 * No resource, unit, volume or chip names in labels: whoever may scrape a machine need not know what its keys are called, and a name per
 * series is a series for ever.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/bytes.h"
#include "base/compiler.h"

enum metrics_format { METRICS_OPENMETRICS, METRICS_TEXT };
enum metrics_type { METRICS_COUNTER, METRICS_GAUGE, METRICS_INFO, METRICS_HISTOGRAM };

#define METRICS_NAME_MAX 96
#define METRICS_LABELS_MAX 4 /* in one sample */

struct metrics_label {
	const char *name;  /* [a-z_]+, ours */
	const char *value; /* any text; what is not UTF-8 is replaced by \xNN */
};

/* Fields are the writer's own. */
struct metrics {
	struct buf *to;
	enum metrics_format format;
	enum metrics_type type;
	char family[METRICS_NAME_MAX];
	int r;
};

/* Of the HTTP answer. */
const char *metrics_content_type(enum metrics_format format);

void metrics_begin(struct metrics *metrics, enum metrics_format format, struct buf *to);
/*
 * `name` without `_total` and `_info`; with `unit` ("seconds", "bytes"; NULL: none) it ends with "_UNIT". `help` is one sentence. A family's
 * samples follow it and are written once in a text.
 */
void metrics_family(struct metrics *metrics, const char *name, enum metrics_type type, const char *unit, const char *help);

/* One sample of the family. */
void metrics_u64(struct metrics *metrics, uint64_t value);
void metrics_bool(struct metrics *metrics, bool value);
void metrics_i64(struct metrics *metrics, int64_t value); /* gauges */
void metrics_u64_label(struct metrics *metrics, const char *label, const char *value, uint64_t count);
void metrics_u64_labels(struct metrics *metrics, const struct metrics_label *labels, size_t count, uint64_t value);
/* A family of one info sample: `name{labels} 1`. */
void metrics_info(struct metrics *metrics, const struct metrics_label *labels, size_t count);

/* Counts of durations. Bounds in milliseconds, ascending; written in seconds. Not thread-safe. */
#define METRICS_BUCKETS_MAX 16
struct metrics_histogram {
	const uint32_t *bounds_ms;
	size_t bound_count; /* at most METRICS_BUCKETS_MAX */
	uint64_t counts[METRICS_BUCKETS_MAX + 1]; /* the last: above every bound */
	uint64_t sum_ms;
};
void metrics_histogram_observe(struct metrics_histogram *histogram, uint64_t ms);
/* All samples of a family of METRICS_HISTOGRAM. */
void metrics_histogram_write(struct metrics *metrics, const struct metrics_histogram *histogram);

/* The first error, or 0. */
int metrics_error(const struct metrics *metrics) MUST_CHECK;
/* Ends the text ("# EOF" in OpenMetrics). 0 or -errno; then `to` holds a part and must not be sent. */
int metrics_end(struct metrics *metrics) MUST_CHECK;
