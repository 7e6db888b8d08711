/* SPDX-License-Identifier: Apache-2.0 */
/* `sevattest get`: proves this guest to a broker and takes one secret. */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/files.h"
#include "cli/session.h"

#define SECURE_HEAP ((size_t)4 << 20)

struct get_options {
	struct session_options session;
	const char *out;
	bool json;
};

/* A secret goes into a file of mode 0600, a pipe or a file that was opened by whoever calls us; never onto a terminal. */
static int check_output(const char *out)
{
	struct stat st;

	if (out && strcmp(out, "-") != 0)
		return EXIT_YES;
	if (isatty(STDOUT_FILENO))
		return output_error(EXIT_USAGE, "get: a secret is not printed on a terminal: use -o FILE or a pipe");
	if (!fstat(STDOUT_FILENO, &st) && S_ISREG(st.st_mode) && (st.st_mode & 0077))
		(void)output_error(EXIT_YES, "get: warning: standard output is a file that others may read");
	return EXIT_YES;
}

/* With --json: everything but the secret. */
static int print_json(const struct session *session, const char *resource, size_t size)
{
	struct json_object *object = json_object_new_object();
	int r = object ? json_add_text(object, "resource", resource) : -ENOMEM;

	if (!r)
		r = json_add_u64(object, "size", size);
	if (!r && session->pin)
		r = json_add_u64(object, "version", kbs_client_version(session->client));
	if (!r)
		r = json_add_text(object, "nonce", kbs_client_nonce(session->client));
	if (!r)
		r = json_add_bool(object, "signed", session->pin != NULL);
	if (r) {
		(void)json_object_put(object);
		object = NULL;
	}
	return output_json(object, EXIT_YES);
}

static int hand_over(struct session *session, const struct get_options *options, const char *resource, struct error *error)
{
	CLEANUP(secret_deinit) struct secret secret = SECRET_NULL;
	size_t size;
	int r = kbs_client_take(session->client, &secret);

	if (r)
		return error_set(error, EXIT_INTERNAL, "the secret is gone");
	size = secret.size;
	if (options->out && strcmp(options->out, "-") != 0)
		r = file_write(options->out, secret_view(&secret), 0600, error);
	else
		r = fd_write_all(STDOUT_FILENO, secret_view(&secret));
	if (r)
		return error_set(error, EXIT_INTERNAL, "cannot write the secret: %s", strerror(-r));
	return options->json ? print_json(session, resource, size) : EXIT_YES;
}

static int run(const struct get_options *options, const char *resource)
{
	CLEANUP(session_close) struct session session = {.options = NULL};
	struct error error = ERROR_NULL;
	int r = session_open(&session, &options->session, "get", &error);

	if (!r)
		r = session_run(&session, resource, &error);
	if (!r)
		r = hand_over(&session, options, resource, &error);
	return r ? output_error(r, "get: %s", error_text(&error)) : EXIT_YES;
}

int get_main(int argc, char **argv)
{
	struct get_options options = {.out = NULL};
	const struct cli_option rows[] = {
		SESSION_OPTION_ROWS(options.session),
		COLLECT_OPTION_ROWS(options.session.collect),
		{"out", 'o', OPTION_TEXT, &options.out, "FILE", "write the secret here, mode 0600 (default: standard output)"},
		{"json", 0, OPTION_FLAG, &options.json, NULL, "print what was received, without the secret, as JSON; needs -o"},
	};
	const struct cli_usage usage = {
		"get RESOURCE --broker URL --ca FILE [OPTIONS]",
		"Proves this guest to a key broker and gets one secret: REPOSITORY/TYPE/TAG.",
		rows,
		ARRAY_SIZE(rows),
		1,
		1,
	};
	char **arguments;
	int count, r = options_parse(&usage, argc, argv, &arguments, &count);

	if (r)
		return r == OPTIONS_HELP ? EXIT_YES : EXIT_USAGE;
	if (options.json && (!options.out || !strcmp(options.out, "-")))
		return output_error(EXIT_USAGE, "get: --json needs -o FILE for the secret");
	r = check_output(options.out);
	if (r)
		return r;
	if (secret_process_init(SECURE_HEAP))
		return output_error(EXIT_INTERNAL, "get: no locked memory for secrets (RLIMIT_MEMLOCK?)");
	return run(&options, arguments[0]);
}
