/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* One row after the other of a format's checks, until one fails; private to tpm/. */
#include <stdbool.h>

#include "base/finding.h"

/* Why a row fails; `expected` and `actual` may be empty where `why` says all there is. */
struct row_fault {
	const char *why;
	char expected[160];
	char actual[160];
};

/* The checks of one format. */
struct rows {
	const char *const *names; /* NULL ends them */
	const char *const *fixes; /* what to do, in the order of the names */
	const char *subject;      /* "the quote" */
};

/* Fills `fault` and returns false, so that a judge can end with it. */
bool row_fails(struct row_fault *fault, const char *why);
/* The same, with what was expected and what was found. */
bool row_differs(struct row_fault *fault, const char *why, const char *expected, const char *actual_format, ...) PRINTF_LIKE(4, 5);

/* Adds row `index`: passed when `good` or disabled by the test-only switch; failed otherwise, with the rows behind it as not checked. True when it passed. */
bool rows_settle(const struct rows *rows, struct verdict *verdict, size_t index, bool good, const struct row_fault *fault);
