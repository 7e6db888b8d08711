/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/text.h"
#include "cli/cli.h"

#define NAME_WIDTH 30 /* of a table's left column */

bool output_colour(FILE *out)
{
	const char *no_colour = getenv("NO_COLOR");

	return (!no_colour || !*no_colour) && isatty(fileno(out));
}

int output_error(int exit_code, const char *format, ...)
{
	char text[2 * ERROR_TEXT_MAX], shown[2 * ERROR_TEXT_MAX];
	va_list arguments;

	va_start(arguments, format);
	(void)vsnprintf(text, sizeof(text), format, arguments);
	va_end(arguments);
	text_printable(shown, sizeof(shown), bytes_of_text(text));
	fprintf(stderr, "sevattest: %s\n", shown);
	return exit_code;
}

int output_json(struct json_object *object, int exit_code)
{
	JSON_AUTO owned = object;
	CLEANUP(buf_deinit) struct buf text = BUF_NULL;

	if (!owned || json_write(&text, owned) < 0 || buf_append_text(&text, "\n") < 0)
		return output_error(EXIT_INTERNAL, "out of memory");
	if (fwrite(text.data, 1, text.size, stdout) != text.size || fflush(stdout) != 0)
		return output_error(EXIT_INTERNAL, "cannot write to standard output: %s", strerror(errno));
	return exit_code;
}

int output_exit_of(int error)
{
	switch (error) {
	case -ENOMEM:
		return EXIT_INTERNAL;
	case -EBADMSG:
	case -EPROTO:
		return EXIT_EVIDENCE;
	default:
		return EXIT_USAGE;
	}
}

static void print_scalar(FILE *out, struct json_object *value)
{
	char shown[1024];

	if (!json_object_is_type(value, json_type_string)) {
		fprintf(out, "%s", value ? json_object_to_json_string_ext(value, JSON_C_TO_STRING_PLAIN) : "-");
		return;
	}
	text_printable(shown, sizeof(shown), bytes_of(json_object_get_string(value), (size_t)json_object_get_string_len(value)));
	fprintf(out, "%s", shown);
}

static bool is_compound(struct json_object *value)
{
	return json_object_is_type(value, json_type_object) || json_object_is_type(value, json_type_array);
}

static bool is_empty(struct json_object *value)
{
	if (json_object_is_type(value, json_type_array))
		return json_object_array_length(value) == 0;
	return json_object_object_length(value) == 0;
}

void output_table(FILE *out, struct json_object *object, int indent)
{
	if (json_object_is_type(object, json_type_array)) {
		for (size_t i = 0; i < json_object_array_length(object); i++) {
			struct json_object *item = json_object_array_get_idx(object, i);

			fprintf(out, "%*s- ", indent, "");
			if (is_compound(item)) {
				fprintf(out, "\n");
				output_table(out, item, indent + 2);
			} else {
				print_scalar(out, item);
				fprintf(out, "\n");
			}
		}
		return;
	}
	json_object_object_foreach (object, name, value) {
		char shown[128];

		text_printable(shown, sizeof(shown), bytes_of_text(name));
		if (is_compound(value) && !is_empty(value)) {
			fprintf(out, "%*s%s\n", indent, "", shown);
			output_table(out, value, indent + 2);
			continue;
		}
		fprintf(out, "%*s%-*s ", indent, "", NAME_WIDTH - indent > 0 ? NAME_WIDTH - indent : 1, shown);
		if (is_compound(value))
			fprintf(out, "none");
		else
			print_scalar(out, value);
		fprintf(out, "\n");
	}
}

void output_advisories(FILE *out, struct json_object *advisories)
{
	struct json_object *items = json_get_array(advisories, "items");

	fprintf(out, "AMD's bulletins (data of %s; * marks numbers that were not read in the bulletin itself):\n", json_get_text(advisories, "date", NULL));
	for (size_t i = 0; i < json_object_array_length(items); i++) {
		struct json_object *item = json_object_array_get_idx(items, i);
		const char *why = json_get_text(item, "why", NULL), *fix = json_get_text(item, "fix", NULL);
		bool second_hand = false;

		(void)json_get_bool(item, "second_hand", &second_hand);
		fprintf(out, "  %-12s %-13s%c %s\n", json_get_text(item, "advisory", NULL), json_get_text(item, "state", NULL), second_hand ? '*' : ' ',
			json_get_text(item, "title", NULL));
		if (why)
			fprintf(out, "%29s %s%s%s\n", "", why, fix ? ": " : "", fix ? fix : "");
	}
}
