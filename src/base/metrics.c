/* SPDX-License-Identifier: Apache-2.0 */
#include "base/metrics.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/text.h"

#define VALUE_TEXT_MAX 512 /* of a label, after bytes that are no text were replaced */

const char *metrics_content_type(enum metrics_format format)
{
	return format == METRICS_OPENMETRICS ? "application/openmetrics-text; version=1.0.0; charset=utf-8"
					     : "text/plain; version=0.0.4; charset=utf-8";
}

void metrics_begin(struct metrics *metrics, enum metrics_format format, struct buf *to)
{
	*metrics = (struct metrics){.to = to, .format = format};
}

static void put(struct metrics *metrics, const char *text)
{
	if (!metrics->r)
		metrics->r = buf_append_text(metrics->to, text);
}

/* What the sample of a family of this type is called beyond the family's name. */
static const char *suffix_of(enum metrics_type type)
{
	return type == METRICS_COUNTER ? "_total" : type == METRICS_INFO ? "_info" : "";
}

/* The classic format knows no info type, and names a family as its samples are named. */
static void put_head(struct metrics *metrics, const char *keyword, const char *text)
{
	bool open = metrics->format == METRICS_OPENMETRICS;

	if (!metrics->r)
		metrics->r =
			buf_printf(metrics->to, "# %s %s%s %s\n", keyword, metrics->family, open ? "" : suffix_of(metrics->type), text);
}

static const char *type_text(enum metrics_format format, enum metrics_type type)
{
	static const char *const texts[] = {
		[METRICS_COUNTER] = "counter", [METRICS_GAUGE] = "gauge", [METRICS_INFO] = "info", [METRICS_HISTOGRAM] = "histogram"};

	return format == METRICS_TEXT && type == METRICS_INFO ? "gauge" : texts[type];
}

/* In both formats a label's value escapes backslash, quote and newline. */
static void put_escaped(struct metrics *metrics, const char *text)
{
	for (const char *at = text; *at && !metrics->r; at++) {
		if (*at == '\\' || *at == '"')
			metrics->r = buf_append(metrics->to, "\\", 1);
		if (!metrics->r)
			metrics->r = *at == '\n' ? buf_append_text(metrics->to, "\\n") : buf_append(metrics->to, at, 1);
	}
}

void metrics_family(struct metrics *metrics, const char *name, enum metrics_type type, const char *unit, const char *help)
{
	if (strlen(name) >= sizeof(metrics->family) && !metrics->r)
		metrics->r = -EMSGSIZE;
	(void)snprintf(metrics->family, sizeof(metrics->family), "%s", name);
	metrics->type = type;
	put_head(metrics, "TYPE", type_text(metrics->format, type));
	if (unit && metrics->format == METRICS_OPENMETRICS)
		put_head(metrics, "UNIT", unit);
	put_head(metrics, "HELP", help);
}

static void put_label(struct metrics *metrics, const char *before, const struct metrics_label *label)
{
	char clean[VALUE_TEXT_MAX];

	text_printable(clean, sizeof(clean), bytes_of_text(label->value ? label->value : ""));
	put(metrics, before);
	put(metrics, label->name);
	put(metrics, "=\"");
	put_escaped(metrics, clean);
	put(metrics, "\"");
}

/* family + suffix + {labels}; the value follows. */
static void put_name(struct metrics *metrics, const char *suffix, const struct metrics_label *labels, size_t count)
{
	if (count > METRICS_LABELS_MAX && !metrics->r)
		metrics->r = -EINVAL;
	put(metrics, metrics->family);
	put(metrics, suffix);
	for (size_t i = 0; i < count; i++)
		put_label(metrics, i == 0 ? "{" : ",", &labels[i]);
	put(metrics, count ? "} " : " ");
}

void metrics_u64_labels(struct metrics *metrics, const struct metrics_label *labels, size_t count, uint64_t value)
{
	put_name(metrics, suffix_of(metrics->type), labels, count);
	if (!metrics->r)
		metrics->r = buf_printf(metrics->to, "%" PRIu64 "\n", value);
}

void metrics_u64(struct metrics *metrics, uint64_t value)
{
	metrics_u64_labels(metrics, NULL, 0, value);
}

void metrics_bool(struct metrics *metrics, bool value)
{
	metrics_u64(metrics, value);
}

void metrics_i64(struct metrics *metrics, int64_t value)
{
	put_name(metrics, suffix_of(metrics->type), NULL, 0);
	if (!metrics->r)
		metrics->r = buf_printf(metrics->to, "%" PRId64 "\n", value);
}

void metrics_u64_label(struct metrics *metrics, const char *label, const char *value, uint64_t count)
{
	const struct metrics_label labels[] = {{label, value}};

	metrics_u64_labels(metrics, labels, ARRAY_SIZE(labels), count);
}

void metrics_info(struct metrics *metrics, const struct metrics_label *labels, size_t count)
{
	metrics_u64_labels(metrics, labels, count, 1);
}

void metrics_histogram_observe(struct metrics_histogram *histogram, uint64_t ms)
{
	size_t i = 0;

	while (i < histogram->bound_count && i < METRICS_BUCKETS_MAX && ms > histogram->bounds_ms[i])
		i++;
	histogram->counts[i]++;
	histogram->sum_ms += ms;
}

static void put_bucket(struct metrics *metrics, const char *bound, uint64_t value)
{
	const struct metrics_label labels[] = {{"le", bound}};

	put_name(metrics, "_bucket", labels, ARRAY_SIZE(labels));
	if (!metrics->r)
		metrics->r = buf_printf(metrics->to, "%" PRIu64 "\n", value);
}

void metrics_histogram_write(struct metrics *metrics, const struct metrics_histogram *histogram)
{
	uint64_t below = 0;
	char bound[32];

	for (size_t i = 0; i < histogram->bound_count && i < METRICS_BUCKETS_MAX; i++) {
		uint32_t ms = histogram->bounds_ms[i];

		below += histogram->counts[i];
		(void)snprintf(bound, sizeof(bound), "%" PRIu32 ".%03" PRIu32, ms / 1000, ms % 1000);
		put_bucket(metrics, bound, below);
	}
	below += histogram->counts[histogram->bound_count];
	put_bucket(metrics, "+Inf", below);
	put_name(metrics, "_sum", NULL, 0);
	if (!metrics->r)
		metrics->r = buf_printf(metrics->to, "%" PRIu64 ".%03" PRIu64 "\n", histogram->sum_ms / 1000, histogram->sum_ms % 1000);
	put_name(metrics, "_count", NULL, 0);
	if (!metrics->r)
		metrics->r = buf_printf(metrics->to, "%" PRIu64 "\n", below);
}

int metrics_error(const struct metrics *metrics)
{
	return metrics->r;
}

int metrics_end(struct metrics *metrics)
{
	if (metrics->format == METRICS_OPENMETRICS)
		put(metrics, "# EOF\n");
	return metrics->r;
}
