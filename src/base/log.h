/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * Programs log; libraries do not. Lines go to standard error with sd-daemon(3) priority prefixes when journald reads them (JOURNAL_STREAM),
 * else as "name: text". A line is cut to printable text, so that a peer's bytes cannot drive a terminal.
 */
#include <syslog.h>

#include "base/compiler.h"

/* `name` is a static string. */
void log_init(const char *name, int max_priority);
void log_line(int priority, const char *format, ...) PRINTF_LIKE(2, 3);

#define log_error(...) log_line(LOG_ERR, __VA_ARGS__)
#define log_warning(...) log_line(LOG_WARNING, __VA_ARGS__)
#define log_notice(...) log_line(LOG_NOTICE, __VA_ARGS__)
#define log_info(...) log_line(LOG_INFO, __VA_ARGS__)
#define log_debug(...) log_line(LOG_DEBUG, __VA_ARGS__)
