/* SPDX-License-Identifier: Apache-2.0 */
#include "tpm/row.h"

#include <stdarg.h>
#include <stdio.h>

#include "base/hooks.h"

bool row_fails(struct row_fault *fault, const char *why)
{
	*fault = (struct row_fault){.why = why};
	return false;
}

bool row_differs(struct row_fault *fault, const char *why, const char *expected, const char *actual_format, ...)
{
	va_list args;

	*fault = (struct row_fault){.why = why};
	(void)snprintf(fault->expected, sizeof(fault->expected), "%s", expected);
	va_start(args, actual_format);
	(void)vsnprintf(fault->actual, sizeof(fault->actual), actual_format, args);
	va_end(args);
	return false;
}

bool rows_settle(const struct rows *rows, struct verdict *verdict, size_t index, bool good, const struct row_fault *fault)
{
	const char *name = rows->names[index];

	if (good || hook_disabled(name)) {
		verdict_pass(verdict, name, FINDING_EVIDENCE);
		return true;
	}
	verdict_fail(verdict, name, FINDING_EVIDENCE, "%s cannot be used: %s", rows->subject, fault->why);
	if (fault->expected[0])
		finding_expected(verdict_last(verdict), "%s", fault->expected);
	if (fault->actual[0])
		finding_actual(verdict_last(verdict), "%s", fault->actual);
	finding_fix(verdict_last(verdict), "%s", rows->fixes[index]);
	for (size_t i = index + 1; rows->names[i]; i++)
		verdict_skip(verdict, rows->names[i], FINDING_EVIDENCE, "not reached: %s failed", name);
	return false;
}
