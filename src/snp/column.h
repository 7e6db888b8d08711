/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* The fail-closed column of snp_verify(): checks are written one below the other, and a failure stops the ones after it. Private to snp/. */
#include "base/finding.h"

struct column {
	struct verdict *verdict;
	const char *stopped_by; /* the check that failed, or NULL */
};

/* Settles one check. Returns true when it passed (or is disabled by the test-only switch); after a failure it only adds `not checked`. */
bool column_check(struct column *column, const char *check, bool good, const char *why_format, ...) PRINTF_LIKE(4, 5);
/* The same for something that does not decide. */
void column_note(struct column *column, const char *check, const char *why);
/* The finding of the check just settled, for expected/actual/fix; NULL when it passed or was not checked. */
struct finding *column_failed(struct column *column);
bool column_going(const struct column *column);
