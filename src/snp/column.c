/* SPDX-License-Identifier: Apache-2.0 */
#include "snp/column.h"

#include <stdarg.h>
#include <stdio.h>

#include "snp/hooks.h"

bool column_check(struct column *column, const char *check, bool good, const char *why_format, ...)
{
	char why[512];
	va_list args;

	if (column->stopped_by) {
		verdict_skip(column->verdict, check, FINDING_EVIDENCE, "not reached: %s failed", column->stopped_by);
		return false;
	}
	if (good || snp_hook_disabled(check)) {
		verdict_pass(column->verdict, check, FINDING_EVIDENCE);
		return true;
	}
	va_start(args, why_format);
	(void)vsnprintf(why, sizeof(why), why_format, args);
	va_end(args);
	verdict_fail(column->verdict, check, FINDING_EVIDENCE, "%s", why);
	column->stopped_by = check;
	return false;
}

void column_note(struct column *column, const char *check, const char *why)
{
	verdict_skip(column->verdict, check, FINDING_ADVICE, "%s", why);
}

struct finding *column_failed(struct column *column)
{
	struct finding *last = verdict_last(column->verdict);

	return last && last->state == FINDING_FAILED ? last : NULL;
}

bool column_going(const struct column *column)
{
	return !column->stopped_by;
}
