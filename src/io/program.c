/* SPDX-License-Identifier: Apache-2.0 */
#include "io/program.h"

#include <errno.h>
#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/signalfd.h>

#include "io/socket.h"

#define OPTIONS_MAX 16
#define HELP_COLUMN 26
#define VALUE_HELP 1
#define VALUE_VERSION 2
#define VALUE_BASE 256

static void print_row(const char *name, const char *value, const char *help)
{
	char left[64];

	(void)snprintf(left, sizeof(left), "%s%s%s", name, value && value[0] != '[' ? " " : "", value ? value : "");
	(void)printf("  --%-*s%s\n", HELP_COLUMN - 2, left, help);
}

static void print_help(const struct program *program)
{
	(void)printf("%s: %s\n\n", program->name, program->summary);
	for (size_t i = 0; i < program->option_count; i++)
		print_row(program->options[i].name, program->options[i].value, program->options[i].help);
	print_row("help", NULL, "this text");
	print_row("version", NULL, "the version");
}

static int has_value(const struct program_option *option)
{
	if (!option->value)
		return no_argument;
	return option->value[0] == '[' ? optional_argument : required_argument;
}

static void make_table(const struct program *program, struct option *table)
{
	size_t n = program->option_count;

	for (size_t i = 0; i < n; i++) {
		const struct program_option *option = &program->options[i];

		table[i] = (struct option){option->name, has_value(option), NULL, VALUE_BASE + (int)i};
	}
	table[n] = (struct option){"help", no_argument, NULL, VALUE_HELP};
	table[n + 1] = (struct option){"version", no_argument, NULL, VALUE_VERSION};
	table[n + 2] = (struct option){0};
}

int program_options(const struct program *program, int argc, char **argv)
{
	struct option table[OPTIONS_MAX + 3];
	int c;

	if (program->option_count > OPTIONS_MAX)
		return EXIT_INTERNAL + 1;
	make_table(program, table);
	while ((c = getopt_long(argc, argv, "", table, NULL)) != -1) {
		if (c == VALUE_HELP) {
			print_help(program);
			return EXIT_YES + 1;
		}
		if (c == VALUE_VERSION) {
			(void)printf("%s %s\n", program->name, program->version);
			return EXIT_YES + 1;
		}
		if (c < VALUE_BASE)
			return EXIT_USAGE + 1; /* getopt has said why */
		*program->options[c - VALUE_BASE].to = optarg ? optarg : program->options[c - VALUE_BASE].name;
	}
	if (optind < argc) {
		(void)fprintf(stderr, "%s: unexpected argument: %s\n", program->name, argv[optind]);
		return EXIT_USAGE + 1;
	}
	return 0;
}

int program_signals(bool reload, int *ret_fd)
{
	sigset_t set;
	int fd;

	(void)sigemptyset(&set);
	(void)sigaddset(&set, SIGTERM);
	(void)sigaddset(&set, SIGINT);
	if (reload)
		(void)sigaddset(&set, SIGHUP);
	(void)signal(SIGPIPE, SIG_IGN);
	if (sigprocmask(SIG_BLOCK, &set, NULL) < 0)
		return -errno;
	fd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
	if (fd < 0)
		return -errno;
	*ret_fd = fd;
	return 0;
}

int program_listen_unix(const char *name, const char *path, int *ret_fd, bool *ret_own, struct error *error)
{
	int r = socket_inherited(name, ret_fd);

	*ret_own = r == -ENOENT;
	if (r != -ENOENT)
		return r ? error_set(error, r, "inherited socket %s: %s", name, strerror(-r)) : 0;
	return socket_listen_unix(path, 0660, ret_fd, error);
}
