/* SPDX-License-Identifier: Apache-2.0 */
/* sevattest certs: fetches, lists and imports the certificates and revocation lists that verification needs. */
#include "cli/certs.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/files.h"
#include "cli/collect.h"
#include "cli/fetch.h"
#include "cli/inputs.h"
#include "evidence/evidence.h"
#include "io/clock.h"

struct certs_options {
	struct fetch_options fetch;
	const char *out, *cache;
	bool json, fresh;
};

/* --cache and -o are two names of one directory. */
static const char *directory_of(const struct certs_options *options)
{
	return options->out ? options->out : options->cache ? options->cache : FETCH_CACHE_DIR;
}

static int read_evidence(const char *path, struct evidence *evidence, struct snp_report *report, struct error *error)
{
	CLEANUP(buf_deinit) struct buf data = BUF_NULL;
	int r = file_read(path, VERIFY_FILE_MAX, &data, error);

	if (r)
		return output_exit_of(r);
	r = evidence_read(evidence, buf_view(&data), error);
	if (r < 0)
		return error_set(error, EXIT_INTERNAL, "%s: %s", path, strerror(-r));
	if (r > 0 || snp_report_decode(buf_view(&evidence->report), report)) {
		error_prefix(error, "%s", path);
		return error_set(error, EXIT_EVIDENCE, "%s: no report in it", path);
	}
	return EXIT_YES;
}

/* What the evidence brings itself is kept too, and not asked for. A broken table is the host's doing: as if there were none. */
static int fetch_file(const struct fetch_job *common, const char *path, const char *directory, struct error *error)
{
	CLEANUP(evidence_deinit) struct evidence evidence = {.kind = EVIDENCE_NONE};
	CLEANUP(verdict_deinit) struct verdict verdict = VERDICT_NULL;
	CLEANUP(snp_certs_deinit) struct snp_certs certs;
	struct fetch_job job = *common;
	struct certs_stored stored;
	struct snp_report report;
	int r;

	snp_certs_init(&certs);
	r = read_evidence(path, &evidence, &report, error);
	if (r)
		return r;
	if (!snp_table_is_empty(buf_view(&evidence.cert_table)) && snp_certs_add_table(&certs, buf_view(&evidence.cert_table), &verdict))
		return error_set(error, EXIT_INTERNAL, "no memory");
	r = certs_store(directory, &certs, NULL, &stored, error);
	if (r)
		return output_exit_of(r);
	job.report = &report;
	r = fetch_report(&job, &certs, error);
	if (r)
		error_prefix(error, "%s", path);
	return r;
}

static int fetch_main(int argc, char **argv)
{
	struct certs_options options = {.json = false};
	const struct cli_option rows[] = {
		{"out", 'o', OPTION_TEXT, &options.out, "DIR", "where to put them: a cache (" FETCH_CACHE_DIR ")"},
		{"fresh", 0, OPTION_FLAG, &options.fresh, NULL, "ask even for what the directory has"},
		FETCH_OPTION_ROWS(options.fetch),
	};
	const struct cli_usage usage = {"certs fetch FILE... [-o DIR] [OPTIONS]",
		"Fetches what the reports or evidence in these files need to be verified: certificates and AMD's revocation list.", rows,
		ARRAY_SIZE(rows), 1, -1};
	CLEANUP(kds_freep) struct kds *kds = NULL;
	struct fetch_job job = {.now = clock_now(), .crl = true, .explain = true};
	int count, r, worst = EXIT_YES;
	char **files;
	struct error error = ERROR_NULL;

	r = options_parse(&usage, argc, argv, &files, &count);
	if (r)
		return r < 0 ? EXIT_USAGE : EXIT_YES;
	r = fetch_open(&options.fetch, directory_of(&options), "certs", &kds, &error);
	if (r)
		return output_error(r, "certs: %s", error_text(&error));
	job.kds = kds;
	job.fresh = options.fresh;
	/* One that cannot be had holds up no other: the next call goes on where this one stopped. */
	for (int i = 0; i < count; i++) {
		error_clear(&error);
		r = fetch_file(&job, files[i], directory_of(&options), &error);
		if (r)
			(void)output_error(r, "certs: %s", error_text(&error));
		else if (count > 1)
			(void)fprintf(stderr, "sevattest certs: %d of %d: %s\n", i + 1, count, files[i]);
		worst = worst ? worst : r;
	}
	return worst;
}

static int list_main(int argc, char **argv)
{
	struct certs_options options = {.json = false};
	const struct cli_option rows[] = {
		{"cache", 0, OPTION_TEXT, &options.cache, "DIR", "the cache (" FETCH_CACHE_DIR ")"},
		{"json", 0, OPTION_FLAG, &options.json, NULL, "print one JSON object"},
	};
	const struct cli_usage usage = {"certs list [OPTIONS]",
		"Lists the cache: chip, TCB, validity, and the age of revocation lists.", rows, ARRAY_SIZE(rows), 0, 0};
	struct error error = ERROR_NULL;
	int count, r;
	char **files;

	r = options_parse(&usage, argc, argv, &files, &count);
	if (r)
		return r < 0 ? EXIT_USAGE : EXIT_YES;
	r = certs_list(directory_of(&options), options.json, &error);
	return r && error.text[0] ? output_error(r, "certs: %s", error_text(&error)) : r;
}

/* Reports, evidence, tables, PEM, DER, directories: whatever holds certificates. */
static int import_file(const char *path, const char *directory, struct certs_stored *total, struct error *error)
{
	CLEANUP(verdict_deinit) struct verdict verdict = VERDICT_NULL;
	CLEANUP(snp_certs_deinit) struct snp_certs certs;
	struct certs_stored stored;
	const char *name = strrchr(path, '/');
	int r;

	snp_certs_init(&certs);
	r = inputs_add_certs(&certs, path, &verdict, error);
	if (r)
		return output_exit_of(r);
	if (certs.bad_certificate[0] || certs.bad_crl[0])
		return error_set(error, EXIT_EVIDENCE, "%s: %s", path, certs.bad_certificate[0] ? certs.bad_certificate : certs.bad_crl);
	if (verdict_first_failed(&verdict))
		return error_set(error, EXIT_EVIDENCE, "%s: %s", path,
			verdict_first_failed(&verdict)->why ? verdict_first_failed(&verdict)->why : "a malformed certificate table");
	r = certs_store(directory, &certs, name ? name + 1 : path, &stored, error);
	if (r)
		return output_exit_of(r);
	total->chips += stored.chips;
	total->chains += stored.chains;
	total->crls += stored.crls;
	total->others += stored.others;
	return EXIT_YES;
}

static int import_main(int argc, char **argv)
{
	struct certs_options options = {.json = false};
	const struct cli_option rows[] = {
		{"cache", 0, OPTION_TEXT, &options.cache, "DIR", "the cache (" FETCH_CACHE_DIR ")"},
	};
	const struct cli_usage usage = {"certs import FILE... [OPTIONS]",
		"Takes certificates and revocation lists into the cache, for machines without a way to the key service: PEM, DER, tables, directories.",
		rows, ARRAY_SIZE(rows), 1, -1};
	struct certs_stored total = {0};
	struct error error = ERROR_NULL;
	int count, r, worst = EXIT_YES;
	char **files;

	r = options_parse(&usage, argc, argv, &files, &count);
	if (r)
		return r < 0 ? EXIT_USAGE : EXIT_YES;
	for (int i = 0; i < count; i++) {
		error_clear(&error);
		r = import_file(files[i], directory_of(&options), &total, &error);
		if (r)
			(void)output_error(r, "certs: %s", error_text(&error));
		worst = worst ? worst : r;
	}
	printf("%s: %zu certificates of chips and clouds, %zu chains, %zu revocation lists", directory_of(&options), total.chips, total.chains,
		total.crls);
	if (total.others)
		printf("; %zu have no place here (a chain needs intermediate and root in one file or directory)", total.others);
	printf("\n");
	if (!worst && total.chips + total.chains + total.crls == 0)
		return output_error(EXIT_EVIDENCE, "certs: nothing that verification needs was found");
	return worst;
}

static const struct {
	const char *name;
	int (*run)(int argc, char **argv);
	const char *summary;
} certs_verbs[] = {
	{"fetch", fetch_main, "fetch FILE... -o DIR: what the reports or evidence in these files need, from AMD's key service"},
	{"list", list_main, "list: chip, TCB and validity of what the cache holds, and the age of revocation lists"},
	{"import", import_main, "import FILE...: into the cache, where there is no way to the key service"},
};

static void print_usage(FILE *out)
{
	(void)fprintf(out, "Usage: sevattest certs VERB [ARGUMENTS]\n\nVerbs:\n");
	for (size_t i = 0; i < ARRAY_SIZE(certs_verbs); i++)
		(void)fprintf(out, "  %s\n", certs_verbs[i].summary);
	(void)fprintf(out, "\n  sevattest certs VERB --help prints the options of a verb. See sevattest(1).\n");
}

int certs_main(int argc, char **argv)
{
	if (argc < 2) {
		print_usage(stderr);
		return EXIT_USAGE;
	}
	if (!strcmp(argv[1], "--help")) {
		print_usage(stdout);
		return EXIT_YES;
	}
	for (size_t i = 0; i < ARRAY_SIZE(certs_verbs); i++)
		if (!strcmp(certs_verbs[i].name, argv[1]))
			return certs_verbs[i].run(argc - 1, argv + 1);
	return output_error(EXIT_USAGE, "unknown verb \"certs %s\": see sevattest certs --help", argv[1]);
}
