/* SPDX-License-Identifier: Apache-2.0 */
/* `sevattest attest`: proves this guest to a broker and takes its attestation token. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/files.h"
#include "cli/session.h"

#define SECURE_HEAP ((size_t)4 << 20)

static int write_token(const struct session *session, const char *out, bool json, struct error *error)
{
	CLEANUP(buf_deinit) struct buf text = BUF_NULL;
	const char *token = kbs_client_token(session->client);
	struct json_object *object;
	int r;

	if (json) {
		object = json_object_new_object();
		if (object && json_add_text(object, "token", token)) {
			(void)json_object_put(object);
			object = NULL;
		}
		return output_json(object, EXIT_YES);
	}
	r = buf_append_text(&text, token);
	if (!r)
		r = buf_append_text(&text, "\n");
	/* A bearer token opens resources for as long as it lives. */
	if (!r)
		r = file_write(out ? out : "-", buf_view(&text), 0600, error);
	return r ? error_set(error, EXIT_INTERNAL, "cannot write the token: %s", strerror(-r)) : EXIT_YES;
}

int attest_main(int argc, char **argv)
{
	struct session_options options = {.broker = NULL};
	const char *out = NULL;
	bool json = false;
	const struct cli_option rows[] = {
		SESSION_OPTION_ROWS(options),
		COLLECT_OPTION_ROWS(options.collect),
		{"out", 'o', OPTION_TEXT, &out, "FILE", "write the token here, mode 0600 (default: standard output)"},
		{"json", 0, OPTION_FLAG, &json, NULL, "print {\"token\": ...}"},
	};
	const struct cli_usage usage = {
		"attest --broker URL --ca FILE [OPTIONS]",
		"Proves this guest to a key broker and prints the attestation token that it gives.",
		rows,
		ARRAY_SIZE(rows),
		0,
		0,
	};
	CLEANUP(session_close) struct session session = {.options = NULL};
	struct error error = ERROR_NULL;
	char **arguments;
	int count, r = options_parse(&usage, argc, argv, &arguments, &count);

	if (r)
		return r == OPTIONS_HELP ? EXIT_YES : EXIT_USAGE;
	if (secret_process_init(SECURE_HEAP))
		return output_error(EXIT_INTERNAL, "attest: no locked memory for secrets (RLIMIT_MEMLOCK?)");
	r = session_open(&session, &options, "attest", &error);
	if (!r)
		r = session_run(&session, NULL, &error);
	if (!r)
		r = write_token(&session, out, json, &error);
	return r ? output_error(r, "attest: %s", error_text(&error)) : EXIT_YES;
}
