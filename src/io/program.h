/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* What the daemons do alike in their first lines: options, signals, sockets. */
#include <stdbool.h>
#include <stddef.h>

#include "base/compiler.h"
#include "base/error.h"

/* One row per option; --help and --version need none. */
struct program_option {
	const char *name;  /* long name, without dashes */
	const char *value; /* what it takes, for --help; "[=FILE]" when it may be left out; NULL: a flag */
	const char *help;
	const char **to; /* the value, without one `name`, this very pointer; untouched when not given */
};

struct program {
	const char *name; /* "sevattest-httpd" */
	const char *summary;
	const char *version;
	const struct program_option *options;
	size_t option_count;
};

/*
 * Parses; there are no other arguments. 0: go on; else the exit code plus one, and a message or the text that was asked for is printed.
 */
int program_options(const struct program *program, int argc, char **argv) MUST_CHECK;

/*
 * SIGTERM and SIGINT, with `reload` also SIGHUP, reach only the signalfd that is returned (non-blocking); threads inherit the mask. SIGPIPE
 * is ignored. 0 or -errno.
 */
int program_signals(bool reload, int *ret_fd) MUST_CHECK;

/* The socket that systemd hands over as `name`, else a new one at `path`; *ret_own says that the file is ours to remove. */
int program_listen_unix(const char *name, const char *path, int *ret_fd, bool *ret_own, struct error *error) MUST_CHECK;
