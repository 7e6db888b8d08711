/* SPDX-License-Identifier: Apache-2.0 */
#include "snp/check.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/hooks.h"

bool snp_failed(struct snp_failure *failure, const char *check, const char *fix, const char *why, ...)
{
	va_list arguments;

	if (hook_disabled(check))
		return false;
	memset(failure, 0, sizeof(*failure));
	failure->check = check;
	(void)snprintf(failure->fix, sizeof(failure->fix), "%s", fix ? fix : "");
	va_start(arguments, why);
	(void)vsnprintf(failure->why, sizeof(failure->why), why, arguments);
	va_end(arguments);
	return true;
}

void snp_failure_values(struct snp_failure *failure, const char *actual, const char *expected_format, ...)
{
	va_list arguments;

	(void)snprintf(failure->actual, sizeof(failure->actual), "%s", actual);
	va_start(arguments, expected_format);
	(void)vsnprintf(failure->expected, sizeof(failure->expected), expected_format, arguments);
	va_end(arguments);
}

void snp_failure_add(const struct snp_failure *failure, enum finding_class class, struct verdict *verdict)
{
	struct finding *finding;

	verdict_fail(verdict, failure->check, class, "%s", failure->why);
	finding = verdict_last(verdict);
	if (failure->expected[0])
		finding_expected(finding, "%s", failure->expected);
	if (failure->actual[0])
		finding_actual(finding, "%s", failure->actual);
	if (failure->fix[0])
		finding_fix(finding, "%s", failure->fix);
}

bool snp_settle(struct verdict *verdict, const char *check, bool failed, const struct snp_failure *failure)
{
	if (failed)
		snp_failure_add(failure, FINDING_EVIDENCE, verdict);
	else
		verdict_pass(verdict, check, FINDING_EVIDENCE);
	return !failed;
}
