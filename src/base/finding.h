/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * A finding is one named check and how it came out; a verdict is the list of them in fixed order. Overall yes needs every mandatory
 * finding passed: a check that could not run has not passed. JSON and the readable table print from the same list.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

#include "base/compiler.h"

struct json_object;

enum finding_state { FINDING_NOT_CHECKED, FINDING_PASSED, FINDING_FAILED };

/* What a failure of this check means for the whole. */
enum finding_class {
	FINDING_EVIDENCE, /* mandatory; failure: exit 3 */
	FINDING_POLICY,   /* mandatory; failure: exit 4 */
	FINDING_ADVICE,   /* shown, does not decide */
};

/* `check` is a static string. The other texts are owned and may be NULL. */
struct finding {
	const char *check;
	enum finding_state state;
	enum finding_class class;
	char *expected;
	char *actual;
	char *why;
	char *fix;
};

#define VERDICT_MAX 256 /* findings in one verdict: about 60 checks exist */

struct verdict {
	struct finding *items;
	size_t count;
	size_t capacity;
	bool out_of_memory; /* sticky; such a verdict is never a yes */
};

#define VERDICT_NULL {NULL, 0, 0, false}

void verdict_deinit(struct verdict *verdict);

/* Adds a finding; the text of the last one can then be filled in with finding_*(). Never fails loudly: see out_of_memory. */
struct finding *verdict_add(struct verdict *verdict, const char *check, enum finding_class class, enum finding_state state);

/* Shorthands. `verdict_pass` with NULL actual is cheap: no allocation besides the row. */
void verdict_pass(struct verdict *verdict, const char *check, enum finding_class class);
void verdict_fail(struct verdict *verdict, const char *check, enum finding_class class, const char *why_format, ...) PRINTF_LIKE(4, 5);
void verdict_skip(struct verdict *verdict, const char *check, enum finding_class class, const char *why_format, ...) PRINTF_LIKE(4, 5);

/* `finding` may be NULL (no memory): nothing happens. */
void finding_expected(struct finding *finding, const char *format, ...) PRINTF_LIKE(2, 3);
void finding_actual(struct finding *finding, const char *format, ...) PRINTF_LIKE(2, 3);
void finding_why(struct finding *finding, const char *format, ...) PRINTF_LIKE(2, 3);
void finding_fix(struct finding *finding, const char *format, ...) PRINTF_LIKE(2, 3);

/* The last finding added, or NULL. */
struct finding *verdict_last(struct verdict *verdict);
const struct finding *verdict_find(const struct verdict *verdict, const char *check);
const struct finding *verdict_first_failed(const struct verdict *verdict);

/* True only with at least one finding, memory for all of them, and every EVIDENCE and POLICY one passed. */
bool verdict_ok(const struct verdict *verdict);

/* EXIT_YES, EXIT_EVIDENCE when an EVIDENCE finding is not passed, else EXIT_POLICY; EXIT_INTERNAL when out of memory or empty. */
int verdict_exit(const struct verdict *verdict);

const char *finding_state_text(enum finding_state state); /* "passed", "failed", "not checked" */

/* A JSON array of {check, state, class, expected, actual, why, fix}; NULL members left out. Caller puts it. NULL without memory. */
struct json_object *verdict_to_json(const struct verdict *verdict);

/* The readable table. With `all` false only what did not pass. `colour` for a terminal. */
void verdict_print(const struct verdict *verdict, FILE *out, bool all, bool colour);
