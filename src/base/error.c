/* SPDX-License-Identifier: Apache-2.0 */
#include "base/error.h"

#include <stdarg.h>
#include <stdio.h>

#include "base/text.h"

int error_set(struct error *error, int code, const char *format, ...)
{
	char text[ERROR_TEXT_MAX];
	va_list args;

	if (!error || error->text[0])
		return code;
	va_start(args, format);
	(void)vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	text_printable(error->text, sizeof(error->text), bytes_of_text(text));
	return code;
}

void error_prefix(struct error *error, const char *format, ...)
{
	char text[2 * ERROR_TEXT_MAX + 4], prefix[ERROR_TEXT_MAX];
	va_list args;

	if (!error)
		return;
	va_start(args, format);
	(void)vsnprintf(prefix, sizeof(prefix), format, args);
	va_end(args);
	(void)snprintf(text, sizeof(text), "%s: %s", prefix, error->text);
	text_printable(error->text, sizeof(error->text), bytes_of_text(text));
}

void error_clear(struct error *error)
{
	if (error)
		error->text[0] = 0;
}

const char *error_text(const struct error *error)
{
	return error && error->text[0] ? error->text : "no further details";
}
