/* SPDX-License-Identifier: Apache-2.0 */
/* options_parse(): conversations of a command line. */
#include <check.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "cli/cli.h"

struct values {
	bool flag;
	const char *text;
	struct option_texts texts;
	struct option_hex64 hex;
	struct option_time time;
	struct option_u64 number;
};

static int parse(struct values *to, const char *const *words, char ***ret_rest, int *ret_count)
{
	const struct cli_option options[] = {
		{"flag", 'f', OPTION_FLAG, &to->flag, NULL, "a flag"},
		{"text", 't', OPTION_TEXT, &to->text, "TEXT", "a text"},
		{"texts", 0, OPTION_TEXTS, &to->texts, "TEXT", "texts"},
		{"hex", 0, OPTION_HEX64, &to->hex, "HEX", "64 bytes"},
		{"time", 0, OPTION_TIME, &to->time, "RFC3339", "a time"},
		{"number", 0, OPTION_U64, &to->number, "N", "a number"},
	};
	const struct cli_usage usage = {"test [FILE]...", "A test.", options, ARRAY_SIZE(options), 1, 2};
	static char *argv[80];
	static char copies[80][256];
	int argc = 0;

	memset(to, 0, sizeof(*to));
	for (; words[argc]; argc++) {
		ck_assert_int_lt(argc, 79);
		strncpy(copies[argc], words[argc], sizeof(copies[argc]) - 1);
		argv[argc] = copies[argc];
	}
	argv[argc] = NULL;
	return options_parse(&usage, argc, argv, ret_rest, ret_count);
}

#define WORDS(...) ((const char *const[]){"test", __VA_ARGS__, NULL})

START_TEST(good)
{
	struct values values;
	char **rest;
	int count;

	ck_assert_int_eq(parse(&values,
				 WORDS("a", "--flag", "--text", "x", "--texts=1", "b", "--texts", "2", "--number", "18446744073709551615",
					 "--time", "2026-06-01T00:00:00Z"),
				 &rest, &count),
		0);
	ck_assert_int_eq(count, 2);
	ck_assert_str_eq(rest[0], "a");
	ck_assert_str_eq(rest[1], "b");
	ck_assert(values.flag && values.time.given && values.number.given);
	ck_assert_str_eq(values.text, "x");
	ck_assert_uint_eq(values.texts.count, 2);
	ck_assert_int_eq(values.time.seconds, 1780272000);
	ck_assert_uint_eq(values.number.value, UINT64_MAX);
	ck_assert_int_eq(parse(&values, WORDS("-f", "-tx", "--", "--flag"), &rest, &count), 0);
	ck_assert_str_eq(rest[0], "--flag");
	ck_assert_str_eq(values.text, "x");
	ck_assert_int_eq(parse(&values, WORDS("-"), &rest, &count), 0);
	ck_assert_str_eq(rest[0], "-");
}
END_TEST

START_TEST(help)
{
	struct values values;
	char **rest;
	int count;

	ck_assert_int_eq(parse(&values, WORDS("--help"), &rest, &count), OPTIONS_HELP);
}
END_TEST

START_TEST(bad)
{
	static const char *const lines[][5] = {
		{"test", NULL},
		{"test", "a", "b", "c", NULL},
		{"test", "a", "--unknown", NULL},
		{"test", "a", "--text", NULL},
		{"test", "a", "--flag=x", NULL},
		{"test", "a", "-x", NULL},
		{"test", "a", "--text=1", "--text=2", NULL},
		{"test", "a", "--number=-1", NULL},
		{"test", "a", "--number=", NULL},
		{"test", "a", "--number=18446744073709551616", NULL},
		{"test", "a", "--time=yesterday", NULL},
		{"test", "a", "--hex=00", NULL},
		{"test", "a", "--hex=", NULL},
	};
	struct values values;
	char **rest;
	int count;

	for (size_t i = 0; i < ARRAY_SIZE(lines); i++)
		ck_assert_msg(parse(&values, lines[i], &rest, &count) == -EINVAL, "line %zu is accepted", i);
}
END_TEST

START_TEST(too_many)
{
	const char *words[OPTION_TEXTS_MAX + 4] = {"test", "a"};
	struct values values;
	char **rest;
	int count;

	for (size_t i = 0; i < OPTION_TEXTS_MAX; i++)
		words[2 + i] = "--texts=x";
	ck_assert_int_eq(parse(&values, words, &rest, &count), 0);
	words[2 + OPTION_TEXTS_MAX] = "--texts=x";
	ck_assert_int_eq(parse(&values, words, &rest, &count), -EINVAL);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("options");
	TCase *tcase = tcase_create("options");
	SRunner *runner;
	int failed;

	tcase_add_test(tcase, good);
	tcase_add_test(tcase, help);
	tcase_add_test(tcase, bad);
	tcase_add_test(tcase, too_many);
	suite_add_tcase(suite, tcase);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? 1 : 0;
}
