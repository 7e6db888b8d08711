/* SPDX-License-Identifier: Apache-2.0 */
#include "base/finding.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/json.h"
#include "base/text.h"

void verdict_deinit(struct verdict *verdict)
{
	for (size_t i = 0; i < verdict->count; i++) {
		free(verdict->items[i].expected);
		free(verdict->items[i].actual);
		free(verdict->items[i].why);
		free(verdict->items[i].fix);
	}
	free(verdict->items);
	*verdict = (struct verdict)VERDICT_NULL;
}

static int verdict_grow(struct verdict *verdict)
{
	size_t capacity = verdict->capacity ? verdict->capacity * 2 : 64;
	struct finding *items;

	if (verdict->count < verdict->capacity)
		return 0;
	items = capacity > VERDICT_MAX ? NULL : realloc(verdict->items, capacity * sizeof(*items));
	if (!items) {
		verdict->out_of_memory = true;
		return -1;
	}
	verdict->items = items;
	verdict->capacity = capacity;
	return 0;
}

struct finding *verdict_add(struct verdict *verdict, const char *check, enum finding_class class, enum finding_state state)
{
	if (verdict_grow(verdict) < 0)
		return NULL;
	verdict->items[verdict->count] = (struct finding){.check = check, .class = class, .state = state};
	return &verdict->items[verdict->count++];
}

/* What people read may carry bytes of the host, so it is made printable here, once for all. */
PRINTF_LIKE(2, 0) static void set_text(char **field, const char *format, va_list args)
{
	char raw[1024], clean[1024];

	(void)vsnprintf(raw, sizeof(raw), format, args);
	text_printable(clean, sizeof(clean), bytes_of_text(raw));
	free(*field);
	*field = strdup(clean);
}

#define FINDING_SETTER(field)                                                    \
	void finding_##field(struct finding *finding, const char *format, ...) \
	{                                                                      \
		va_list args;                                                  \
                                                                               \
		if (!finding)                                                  \
			return;                                                \
		va_start(args, format);                                        \
		set_text(&finding->field, format, args);                       \
		va_end(args);                                                  \
	}

FINDING_SETTER(expected)
FINDING_SETTER(actual)
FINDING_SETTER(why)
FINDING_SETTER(fix)

void verdict_pass(struct verdict *verdict, const char *check, enum finding_class class)
{
	(void)verdict_add(verdict, check, class, FINDING_PASSED);
}

void verdict_fail(struct verdict *verdict, const char *check, enum finding_class class, const char *why_format, ...)
{
	struct finding *finding = verdict_add(verdict, check, class, FINDING_FAILED);
	va_list args;

	if (!finding)
		return;
	va_start(args, why_format);
	set_text(&finding->why, why_format, args);
	va_end(args);
}

void verdict_skip(struct verdict *verdict, const char *check, enum finding_class class, const char *why_format, ...)
{
	struct finding *finding = verdict_add(verdict, check, class, FINDING_NOT_CHECKED);
	va_list args;

	if (!finding)
		return;
	va_start(args, why_format);
	set_text(&finding->why, why_format, args);
	va_end(args);
}

struct finding *verdict_last(struct verdict *verdict)
{
	return verdict->count ? &verdict->items[verdict->count - 1] : NULL;
}

const struct finding *verdict_find(const struct verdict *verdict, const char *check)
{
	for (size_t i = 0; i < verdict->count; i++)
		if (strcmp(verdict->items[i].check, check) == 0)
			return &verdict->items[i];
	return NULL;
}

const struct finding *verdict_first_failed(const struct verdict *verdict)
{
	for (size_t i = 0; i < verdict->count; i++)
		if (verdict->items[i].state == FINDING_FAILED && verdict->items[i].class != FINDING_ADVICE)
			return &verdict->items[i];
	return NULL;
}

bool verdict_ok(const struct verdict *verdict)
{
	return verdict_exit(verdict) == EXIT_YES;
}

int verdict_exit(const struct verdict *verdict)
{
	size_t mandatory = 0;
	bool policy_failed = false;

	if (verdict->out_of_memory)
		return EXIT_INTERNAL;
	for (size_t i = 0; i < verdict->count; i++) {
		const struct finding *finding = &verdict->items[i];

		if (finding->class == FINDING_ADVICE)
			continue;
		mandatory++;
		if (finding->state == FINDING_PASSED)
			continue;
		if (finding->class == FINDING_EVIDENCE)
			return EXIT_EVIDENCE;
		policy_failed = true;
	}
	/* A loop over nothing has failed. */
	if (mandatory == 0)
		return EXIT_INTERNAL;
	return policy_failed ? EXIT_POLICY : EXIT_YES;
}

const char *finding_state_text(enum finding_state state)
{
	static const char *const texts[] = {"not checked", "passed", "failed"};

	return (size_t)state < ARRAY_SIZE(texts) ? texts[state] : "unknown";
}

static const char *class_text(enum finding_class class)
{
	static const char *const texts[] = {"evidence", "policy", "advice"};

	return (size_t)class < ARRAY_SIZE(texts) ? texts[class] : "unknown";
}

static int finding_to_json(struct json_object *array, const struct finding *finding)
{
	struct json_object *row = json_object_new_object();
	int r = json_push(array, row);

	if (r == 0)
		r = json_add_text(row, "check", finding->check);
	if (r == 0)
		r = json_add_text(row, "state", finding_state_text(finding->state));
	if (r == 0)
		r = json_add_text(row, "class", class_text(finding->class));
	if (r == 0 && finding->expected)
		r = json_add_text(row, "expected", finding->expected);
	if (r == 0 && finding->actual)
		r = json_add_text(row, "actual", finding->actual);
	if (r == 0 && finding->why)
		r = json_add_text(row, "why", finding->why);
	if (r == 0 && finding->fix)
		r = json_add_text(row, "fix", finding->fix);
	return r;
}

struct json_object *verdict_to_json(const struct verdict *verdict)
{
	struct json_object *array = json_object_new_array();

	for (size_t i = 0; array && i < verdict->count; i++) {
		if (finding_to_json(array, &verdict->items[i]) < 0) {
			(void)json_object_put(array);
			return NULL;
		}
	}
	return array;
}

static void print_detail(FILE *out, const char *label, const char *text)
{
	if (text)
		(void)fprintf(out, "        %-9s %s\n", label, text);
}

void verdict_print(const struct verdict *verdict, FILE *out, bool all, bool colour)
{
	static const char *const marks[] = {"-", "ok", "FAILED"};
	static const char *const colours[] = {"\033[33m", "\033[32m", "\033[1;31m"};

	for (size_t i = 0; i < verdict->count; i++) {
		const struct finding *finding = &verdict->items[i];
		bool passed = finding->state == FINDING_PASSED, warning = finding->class == FINDING_ADVICE && !passed;

		if (passed && !all)
			continue;
		(void)fprintf(out, "%s%-7s%s %s%s%s\n", colour ? colours[warning ? 0 : finding->state] : "", warning ? "note" : marks[finding->state],
			colour ? "\033[0m" : "", finding->check, passed && finding->actual ? ": " : "", passed && finding->actual ? finding->actual : "");
		if (passed)
			continue;
		print_detail(out, "why:", finding->why);
		print_detail(out, "expected:", finding->expected);
		print_detail(out, "actual:", finding->actual);
		print_detail(out, "fix:", finding->fix);
	}
}
