/* SPDX-License-Identifier: Apache-2.0 */
#include "appraise/policy_place.h"

#include <string.h>

#include "base/json.h"

struct scan {
	const uint8_t *start, *at, *end;
};

static void skip_space(struct scan *scan)
{
	while (scan->at < scan->end && strchr(" \t\r\n", *scan->at) && *scan->at)
		scan->at++;
}

static bool take(struct scan *scan, char expected)
{
	skip_space(scan);
	if (scan->at == scan->end || *scan->at != (uint8_t)expected)
		return false;
	scan->at++;
	return true;
}

/* Past a string; gives the raw text between its quotes. */
static bool skip_string(struct scan *scan, struct bytes *ret_raw)
{
	const uint8_t *first;

	if (!take(scan, '"'))
		return false;
	first = scan->at;
	while (scan->at < scan->end && *scan->at != '"')
		scan->at += (*scan->at == '\\' && scan->at + 1 < scan->end) ? 2 : 1;
	*ret_raw = bytes_of(first, (size_t)(scan->at - first));
	return take(scan, '"');
}

/* Past any value: brackets are counted, strings are jumped over, so no recursion. */
static bool skip_value(struct scan *scan)
{
	size_t depth = 0;
	struct bytes raw;

	skip_space(scan);
	while (scan->at < scan->end) {
		uint8_t c = *scan->at;

		if (!depth && (c == ',' || c == '}' || c == ']'))
			return true;
		if (c == '"') {
			if (!skip_string(scan, &raw))
				return false;
			continue;
		}
		depth += (c == '{' || c == '[');
		depth -= (c == '}' || c == ']');
		scan->at++;
	}
	return depth == 0;
}

/* Stands behind '{'; leaves `key` at the wanted name and the scan before its value. */
static bool find_member(struct scan *scan, const char *name, const uint8_t **key)
{
	struct bytes raw;

	do {
		skip_space(scan);
		*key = scan->at;
		if (!skip_string(scan, &raw) || !take(scan, ':'))
			return false;
		if (bytes_equal(raw, bytes_of_text(name)))
			return true;
		if (!skip_value(scan))
			return false;
	} while (take(scan, ','));
	return false;
}

static bool find_element(struct scan *scan, size_t index)
{
	while (index--) {
		if (!skip_value(scan) || !take(scan, ','))
			return false;
	}
	skip_space(scan);
	return true;
}

bool policy_place(struct bytes text, const struct policy_path *path, size_t *ret_line, size_t *ret_column)
{
	struct scan scan = {text.data, text.data, text.data + text.size};
	const uint8_t *found = scan.at;
	size_t line = 1, column = 1;

	for (size_t i = 0; i < path->count; i++) {
		const struct policy_step *step = &path->steps[i];

		if (step->name) {
			if (!take(&scan, '{') || !find_member(&scan, step->name, &found))
				return false;
		} else {
			if (!take(&scan, '[') || !find_element(&scan, step->index))
				return false;
			found = scan.at;
		}
	}
	for (const uint8_t *at = scan.start; at < found; at++) {
		column = *at == '\n' ? 1 : column + 1;
		line += *at == '\n';
	}
	*ret_line = line;
	*ret_column = column;
	return true;
}
