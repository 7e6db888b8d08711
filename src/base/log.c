/* SPDX-License-Identifier: Apache-2.0 */
#include "base/log.h"

#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/files.h"
#include "base/text.h"

/* Set once by main() before any thread starts; a program's log is its one piece of global state. */
static const char *log_name = "sevattest";
static int log_max = LOG_INFO;
static bool log_to_journal;

void log_init(const char *name, int max_priority)
{
	log_name = name;
	log_max = max_priority;
	log_to_journal = getenv("JOURNAL_STREAM") != NULL;
}

void log_line(int priority, const char *format, ...)
{
	char raw[2048], clean[2048], line[2200];
	va_list args;
	int length;

	if (priority > log_max)
		return;
	va_start(args, format);
	(void)vsnprintf(raw, sizeof(raw), format, args);
	va_end(args);
	text_printable(clean, sizeof(clean), bytes_of_text(raw));
	if (log_to_journal)
		length = snprintf(line, sizeof(line), "<%d>%s\n", priority, clean);
	else
		length = snprintf(line, sizeof(line), "%s: %s\n", log_name, clean);
	/* One write per line, so that lines of threads and processes do not mix. */
	if (length > 0 && fd_write_all(STDERR_FILENO, bytes_of(line, (size_t)length < sizeof(line) ? (size_t)length : sizeof(line) - 1)) < 0)
		return; /* nobody is left to tell */
}
