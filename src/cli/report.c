/* SPDX-License-Identifier: Apache-2.0 */
/* `sevattest report`: a report of this guest, and the certificates that came with it. */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/crypto.h"
#include "base/files.h"
#include "cli/collect.h"

#define REPORT_DATA_SIZE 64

struct report_options {
	struct collect_options collect;
	struct option_hex64 report_data;
	const char *nonce_file;
	const char *out;
	const char *certs_out;
	bool json;
};

/* From --report-data, from a file of at most 64 bytes (zeros follow), or fresh random bytes. */
static int report_data_of(const struct report_options *options, uint8_t to[static REPORT_DATA_SIZE])
{
	CLEANUP(buf_deinit) struct buf nonce = BUF_NULL;
	struct error error = ERROR_NULL;
	int r;

	if (options->report_data.given && options->nonce_file)
		return output_error(EXIT_USAGE, "report: --report-data or --nonce-file, not both");
	memset(to, 0, REPORT_DATA_SIZE);
	if (options->report_data.given) {
		memcpy(to, options->report_data.data, REPORT_DATA_SIZE);
		return EXIT_YES;
	}
	if (!options->nonce_file)
		return random_bytes(to, REPORT_DATA_SIZE) ? output_error(EXIT_INTERNAL, "report: no random bytes") : EXIT_YES;
	r = file_read(options->nonce_file, REPORT_DATA_SIZE, &nonce, &error);
	if (r == -EFBIG)
		return output_error(EXIT_USAGE, "report: %s: a nonce has at most 64 bytes", options->nonce_file);
	if (r)
		return output_error(output_exit_of(r), "report: %s", error_text(&error));
	if (nonce.size)
		memcpy(to, nonce.data, nonce.size);
	return EXIT_YES;
}

static int write_all(const struct report_options *options, const struct evidence *evidence, struct error *error)
{
	CLEANUP(buf_deinit) struct buf certs = BUF_NULL;
	int r = 0;

	if (options->certs_out) {
		r = collect_certs_pem(evidence, &certs);
		if (!r && !certs.size)
			(void)output_error(EXIT_YES, "report: there are no certificates for %s: the host gave none (--kds fetches them)",
				options->certs_out);
		if (!r && certs.size)
			r = file_write(options->certs_out, buf_view(&certs), 0644, error);
	}
	if (!r && (options->out || !options->json))
		r = file_write(options->out ? options->out : "-", buf_view(&evidence->report), 0644, error);
	if (r)
		return output_error(EXIT_INTERNAL, "report: %s", *error->text ? error->text : strerror(-r));
	return options->json ? output_json(evidence_to_json(evidence), EXIT_YES) : EXIT_YES;
}

int report_main(int argc, char **argv)
{
	struct report_options options = {.out = NULL};
	const struct cli_option rows[] = {
		{"report-data", 0, OPTION_HEX64, &options.report_data, "HEX", "the 64 bytes to report (default: random)"},
		{"nonce-file", 0, OPTION_TEXT, &options.nonce_file, "FILE", "the same from a file of at most 64 bytes; zeros follow"},
		COLLECT_OPTION_ROWS(options.collect),
		{"out", 'o', OPTION_TEXT, &options.out, "FILE", "write the report here: 1184 bytes (default: standard output)"},
		{"certs-out", 0, OPTION_TEXT, &options.certs_out, "FILE", "write the certificates here, as PEM"},
		{"json", 0, OPTION_FLAG, &options.json, NULL, "print report and certificates as one JSON object"},
	};
	const struct cli_usage usage = {
		"report [OPTIONS]",
		"Takes a report of this guest, and the certificates that the host gives with it.",
		rows,
		ARRAY_SIZE(rows),
		0,
		0,
	};
	CLEANUP(evidence_deinit) struct evidence evidence = {.kind = EVIDENCE_NONE};
	uint8_t report_data[REPORT_DATA_SIZE];
	struct error error = ERROR_NULL;
	char **arguments;
	int count, r = options_parse(&usage, argc, argv, &arguments, &count);

	if (r)
		return r == OPTIONS_HELP ? EXIT_YES : EXIT_USAGE;
	if (!options.out && !options.json && isatty(STDOUT_FILENO))
		return output_error(EXIT_USAGE, "report: 1184 bytes of binary are not for a terminal: use -o FILE or --json");
	r = report_data_of(&options, report_data);
	if (r)
		return r;
	r = collect(&options.collect, "report", report_data, &evidence, &error);
	if (r)
		return output_error(r, "report: %s", error_text(&error));
	return write_all(&options, &evidence, &error);
}
