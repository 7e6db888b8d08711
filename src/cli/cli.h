/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * The command `sevattest`: a table of verbs (verbs.c), one file per verb. A verb parses its options, calls the layers below and
 * prints; it decides nothing itself. Results go to standard output, messages to standard error; with --json exactly one object is printed.
 *
 * To add a verb: a file with NAME_main(), its prototype here, its row in verbs.c, its section in man/sevattest.1.
 */
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "base/bytes.h"
#include "base/error.h"
#include "base/finding.h"
#include "base/json.h"

/* Verbs: `argv[0]` is the verb's name. They return an exit code of enum exit_code. */
int show_main(int argc, char **argv);
int verify_main(int argc, char **argv);
int policy_main(int argc, char **argv);
int report_main(int argc, char **argv);
int attest_main(int argc, char **argv);
int get_main(int argc, char **argv);
int credential_main(int argc, char **argv);
int enroll_main(int argc, char **argv);
int recover_main(int argc, char **argv);
int certs_main(int argc, char **argv);
int doctor_main(int argc, char **argv);
int status_main(int argc, char **argv);

/*
 * options.c: one row per option. `help` and `value` make the usage text, so --help cannot disagree with what is parsed.
 * --help is understood in every table without a row of its own.
 */
enum option_kind {
	OPTION_FLAG,  /* bool * */
	OPTION_TEXT,  /* const char **; given twice is a usage error */
	OPTION_TEXTS, /* struct option_texts *; may be given OPTION_TEXTS_MAX times */
	OPTION_HEX64, /* struct option_hex64 *: exactly 64 bytes of hex */
	OPTION_TIME,  /* struct option_time *: RFC 3339 */
	OPTION_U64,   /* struct option_u64 *: decimal */
};

#define OPTION_TEXTS_MAX 64 /* --certs and --trust: a fleet's worth goes into a directory */

struct option_texts {
	const char *items[OPTION_TEXTS_MAX];
	size_t count;
};

struct option_hex64 {
	bool given;
	uint8_t data[64];
};

struct option_time {
	bool given;
	int64_t seconds;
};

struct option_u64 {
	bool given;
	uint64_t value;
};

struct cli_option {
	const char *name; /* long name, without dashes */
	char letter;      /* 0: none */
	enum option_kind kind;
	void *to;
	const char *value; /* what it takes, for --help; NULL for a flag */
	const char *help;
};

struct cli_usage {
	const char *usage;   /* "verify FILE [OPTIONS]", without the program's name */
	const char *summary; /* one or two lines */
	const struct cli_option *options;
	size_t option_count;
	int arguments_min;
	int arguments_max; /* -1: no limit */
};

#define OPTIONS_HELP 1 /* the help text was asked for and printed: exit 0 */

/*
 * Parses. *ret_arguments points at what follows the options (permuted to the end of argv), *ret_count tells how many.
 * 0, OPTIONS_HELP, or -EINVAL after a message on standard error (exit EXIT_USAGE).
 */
int options_parse(const struct cli_usage *usage, int argc, char **argv, char ***ret_arguments, int *ret_count) MUST_CHECK;

/* output.c: what every verb prints the same way. */

/* Colours only on a terminal and without NO_COLOR. */
bool output_colour(FILE *out);

/* Takes `object` and prints it as one line. EXIT_YES, or EXIT_INTERNAL when it is NULL or cannot be written: use as `return`. */
int output_json(struct json_object *object, int exit_code);

/* A message on standard error: "sevattest VERB: text". Returns `exit_code`. */
int output_error(int exit_code, const char *format, ...) PRINTF_LIKE(2, 3);

/* The exit code for a -errno of reading or parsing an input file. */
int output_exit_of(int error);

/* Prints a JSON object as an indented table of "name  value" lines, for people. */
void output_table(FILE *out, struct json_object *object, int indent);

/* Prints what advisories_to_json() made: a line for each bulletin, and below it what decides. */
void output_advisories(FILE *out, struct json_object *advisories);
