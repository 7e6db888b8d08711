/* SPDX-License-Identifier: Apache-2.0 */
/* Only in builds with -Dtest_hooks. SIGKILL to ourselves: no handler, no exit function, nothing flushed, as when the power goes. */
#include <inttypes.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "enroll/moments.h"

static uint64_t written;

static void trace(const char *when, const char *step)
{
	const char *path = getenv("SEVATTEST_ENROLL_TRACE");
	FILE *file = path ? fopen(path, "ae") : NULL;

	if (!file)
		return;
	(void)fprintf(file, "%s %s %" PRIu64 "\n", when, step, written);
	(void)fclose(file);
}

static const char *cut(const char *when)
{
	const char *text = getenv("SEVATTEST_ENROLL_CUT");
	size_t size = strlen(when);

	return text && text_starts_with(text, when) && text[size] == ':' ? text + size + 1 : NULL;
}

static void pass(const char *when, const char *step)
{
	const char *wanted = cut(when);

	trace(when, step);
	if (wanted && !strcmp(wanted, step))
		(void)raise(SIGKILL);
}

void moment_before(const char *step)
{
	pass("before", step);
}

void moment_after(const char *step)
{
	pass("after", step);
}

size_t moment_allowed(size_t size)
{
	const char *wanted = cut("byte");
	uint64_t limit;

	if (!wanted || text_to_u64(wanted, UINT64_MAX, false, &limit) || limit < written || limit - written >= size)
		return size;
	return (size_t)(limit - written);
}

void moment_written(size_t size)
{
	const char *wanted = cut("byte");
	uint64_t limit;

	written += size;
	if (wanted && !text_to_u64(wanted, UINT64_MAX, false, &limit) && written == limit)
		(void)raise(SIGKILL);
}
