/* SPDX-License-Identifier: Apache-2.0 */
/* Options by table: getopt_long(3) is fed from the rows, and so is the help text. */
#include <errno.h>
#include <getopt.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "cli/cli.h"

#define OPTION_ROWS_MAX 48 /* enroll has 36 */
#define VALUE_BASE 256     /* getopt's values above every letter */
#define VALUE_HELP 255

static void print_help(const struct cli_usage *usage)
{
	printf("Usage: sevattest %s\n\n%s\n", usage->usage, usage->summary);
	if (usage->option_count)
		printf("\nOptions:\n");
	for (size_t i = 0; i < usage->option_count; i++) {
		const struct cli_option *option = &usage->options[i];
		char left[64], letter[8] = "    ";

		if (option->letter)
			(void)snprintf(letter, sizeof(letter), "-%c, ", option->letter);
		(void)snprintf(left, sizeof(left), "%s--%s%s%s", letter, option->name, option->value ? " " : "",
			option->value ? option->value : "");
		printf("  %-34s %s\n", left, option->help);
	}
	printf("  %-34s %s\n", "    --help", "print this text");
	printf("\nSee sevattest(1).\n");
}

static int PRINTF_LIKE(2, 3) fail(const char *verb, const char *format, ...)
{
	va_list arguments;

	fprintf(stderr, "sevattest %s: ", verb);
	va_start(arguments, format);
	vfprintf(stderr, format, arguments);
	va_end(arguments);
	fprintf(stderr, "\n");
	return -EINVAL;
}

static int store_u64(const char *verb, const struct cli_option *option, const char *value)
{
	struct option_u64 *to = option->to;

	if (text_to_u64(value, UINT64_MAX, false, &to->value) < 0)
		return fail(verb, "--%s wants a number, not \"%s\"", option->name, value);
	to->given = true;
	return 0;
}

static int store_time(const char *verb, const struct cli_option *option, const char *value)
{
	struct option_time *to = option->to;

	if (time_parse(value, &to->seconds) < 0)
		return fail(verb, "--%s wants a time like 2026-06-01T00:00:00Z, not \"%s\"", option->name, value);
	to->given = true;
	return 0;
}

static int store_hex64(const char *verb, const struct cli_option *option, const char *value)
{
	struct option_hex64 *to = option->to;

	if (hex_decode(to->data, sizeof(to->data), value) < 0)
		return fail(verb, "--%s wants exactly 128 hex digits", option->name);
	to->given = true;
	return 0;
}

static int store(const char *verb, const struct cli_option *option, const char *value)
{
	struct option_texts *texts = option->to;
	const char **text = option->to;

	switch (option->kind) {
	case OPTION_FLAG:
		*(bool *)option->to = true;
		return 0;
	case OPTION_TEXT:
		if (*text)
			return fail(verb, "--%s is given twice", option->name);
		*text = value;
		return 0;
	case OPTION_TEXTS:
		if (texts->count == OPTION_TEXTS_MAX)
			return fail(verb, "--%s is given too often: use a directory", option->name);
		texts->items[texts->count++] = value;
		return 0;
	case OPTION_HEX64:
		return store_hex64(verb, option, value);
	case OPTION_TIME:
		return store_time(verb, option, value);
	case OPTION_U64:
		return store_u64(verb, option, value);
	}
	return -EINVAL;
}

/* getopt's two tables. The leading ':' of the letters lets us write the messages. */
static void make_tables(const struct cli_usage *usage, struct option *longs, char *letters)
{
	size_t used = 0;

	letters[used++] = ':';
	for (size_t i = 0; i < usage->option_count; i++) {
		const struct cli_option *option = &usage->options[i];

		longs[i] = (struct option){option->name, option->value ? required_argument : no_argument, NULL, VALUE_BASE + (int)i};
		if (!option->letter)
			continue;
		letters[used++] = option->letter;
		if (option->value)
			letters[used++] = ':';
	}
	longs[usage->option_count] = (struct option){"help", no_argument, NULL, VALUE_HELP};
	longs[usage->option_count + 1] = (struct option){0};
	letters[used] = '\0';
}

static const struct cli_option *find_option(const struct cli_usage *usage, int value)
{
	if (value >= VALUE_BASE)
		return &usage->options[value - VALUE_BASE];
	for (size_t i = 0; i < usage->option_count; i++) {
		if (usage->options[i].letter == value)
			return &usage->options[i];
	}
	return NULL;
}

int options_parse(const struct cli_usage *usage, int argc, char **argv, char ***ret_arguments, int *ret_count)
{
	struct option longs[OPTION_ROWS_MAX + 2];
	char letters[2 * OPTION_ROWS_MAX + 2];
	int value, left, r;

	if (usage->option_count > OPTION_ROWS_MAX)
		return -EINVAL;
	make_tables(usage, longs, letters);
	opterr = 0;
	optind = 0; /* glibc: start anew, also after another table */
	while ((value = getopt_long(argc, argv, letters, longs, NULL)) != -1) {
		const char *given = optind > 0 && optind <= argc ? argv[optind - 1] : "";

		if (value == VALUE_HELP) {
			print_help(usage);
			return OPTIONS_HELP;
		}
		if (value == ':')
			return fail(argv[0], "%s wants a value: see --help", given);
		if (value == '?')
			return fail(argv[0], "unknown option %s: see --help", given);
		r = store(argv[0], find_option(usage, value), optarg);
		if (r < 0)
			return r;
	}
	left = argc - optind;
	if (left < usage->arguments_min)
		return fail(argv[0], "something is missing. Usage: sevattest %s", usage->usage);
	if (usage->arguments_max >= 0 && left > usage->arguments_max)
		return fail(argv[0], "too many arguments: \"%s\". Usage: sevattest %s", argv[optind + usage->arguments_max], usage->usage);
	*ret_arguments = argv + optind;
	*ret_count = left;
	return 0;
}
