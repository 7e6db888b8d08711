/* SPDX-License-Identifier: Apache-2.0 */
/* sevattest verify: is it genuine, and does it match the policy. */
#include <errno.h>
#include <openssl/crypto.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "appraise/advisories.h"
#include "appraise/answer.h"
#include "appraise/appraise.h"
#include "base/files.h"
#include "base/text.h"
#include "cli/cli.h"
#include "cli/fetch.h"
#include "cli/inputs.h"
#include "cli/policy.h"
#include "evidence/evidence.h"

struct verify_options {
	struct option_texts certs, trust;
	const char *crl, *revocation, *policy, *cache;
	struct fetch_options fetching;
	bool fetch;
	struct option_hex64 report_data;
	struct option_time time;
	bool advisories, strict, json;
	const char *file;
};

struct verify_run {
	struct verify_options options;
	struct buf data;
	struct snp_certs certs;
	struct snp_pins pins; /* of --trust and of the policy */
	struct policy *policy;
	enum snp_revocation revocation;
	int64_t now;
	struct verdict verdict;
	struct snp_verified verified;
	struct claims claims;
	bool appraised;
};

static void run_deinit(struct verify_run *run)
{
	buf_deinit(&run->data);
	snp_certs_deinit(&run->certs);
	policy_free(run->policy);
	verdict_deinit(&run->verdict);
}

static void run_deinit_p(struct verify_run **run)
{
	run_deinit(*run);
}

static int parse(int argc, char **argv, struct verify_options *to)
{
	const struct cli_option options[] = {
		{"certs", 0, OPTION_TEXTS, &to->certs, "PATH", "certificates: PEM, DER, a certificate table, or a directory"},
		{"crl", 0, OPTION_TEXT, &to->crl, "PATH", "AMD's revocation list"},
		{"revocation", 0, OPTION_TEXT, &to->revocation, "MODE",
			"require, if-present or off (default: the policy's, else if-present)"},
		{"policy", 0, OPTION_TEXT, &to->policy, "FILE", "appraise with this policy"},
		{"fetch", 0, OPTION_FLAG, &to->fetch, NULL, "get what is missing from the cache, else from AMD's key service"},
		{"cache", 0, OPTION_TEXT, &to->cache, "DIR", "the cache, with --fetch (" FETCH_CACHE_DIR ")"},
		FETCH_OPTION_ROWS(to->fetching),
		{"report-data", 0, OPTION_HEX64, &to->report_data, "HEX", "the 64 bytes that REPORT_DATA must have"},
		{"trust", 0, OPTION_TEXTS, &to->trust, "PEM", "another root, for this call"},
		{"time", 0, OPTION_TIME, &to->time, "RFC3339", "judge certificates at this time instead of now"},
		{"advisories", 0, OPTION_FLAG, &to->advisories, NULL, "say of each AMD bulletin whether it is fixed there"},
		{"strict", 0, OPTION_FLAG, &to->strict, NULL, "warnings are errors (exit 4)"},
		{"json", 0, OPTION_FLAG, &to->json, NULL, "print one JSON object"},
	};
	const struct cli_usage usage = {"verify FILE [OPTIONS]",
		"Verifies a report or evidence down to AMD's root key. Without --policy nothing is appraised.", options,
		ARRAY_SIZE(options), 1, 1};
	char **files;
	int count, r;

	r = options_parse(&usage, argc, argv, &files, &count);
	if (r == 0)
		to->file = files[0];
	return r;
}

static int read_revocation(struct verify_run *run, struct error *error)
{
	static const char *const names[] = {"off", "if-present", "require"};
	static const enum snp_revocation values[] = {SNP_REVOCATION_OFF, SNP_REVOCATION_IF_PRESENT, SNP_REVOCATION_REQUIRE};

	run->revocation = run->policy ? policy_revocation(run->policy, SNP_REVOCATION_IF_PRESENT) : SNP_REVOCATION_IF_PRESENT;
	if (!run->options.revocation)
		return 0;
	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		if (!strcmp(names[i], run->options.revocation)) {
			run->revocation = values[i];
			return 0;
		}
	}
	return error_set(error, -EINVAL, "--revocation is require, if-present or off, not \"%s\"", run->options.revocation);
}

static int read_trust(struct verify_run *run, struct error *error)
{
	const struct snp_pins *policy_pin = run->policy ? policy_pins(run->policy) : NULL;
	int r;

	for (size_t i = 0; policy_pin && i < policy_pin->count; i++)
		run->pins.items[run->pins.count++] = policy_pin->items[i];
	for (size_t i = 0; i < run->options.trust.count; i++) {
		r = inputs_add_trust(&run->pins, run->options.trust.items[i], error);
		if (r < 0)
			return r;
	}
	return 0;
}

/* What a certificate file holds is evidence: if it is bad, the verdict says so, not the usage. */
static int read_certs(struct verify_run *run, struct error *error)
{
	const struct verify_options *options = &run->options;
	int r = 0;

	for (size_t i = 0; r == 0 && i < options->certs.count; i++)
		r = inputs_add_certs(&run->certs, options->certs.items[i], &run->verdict, error);
	if (r == 0 && options->crl)
		r = inputs_add_crl(&run->certs, options->crl, error);
	return r;
}

/* Everything that the command line names. */
static int read_inputs(struct verify_run *run, struct error *error)
{
	const struct verify_options *options = &run->options;
	int r;

	run->now = options->time.given ? options->time.seconds : time(NULL);
	r = file_read(options->file, VERIFY_FILE_MAX, &run->data, error);
	if (r == 0 && options->policy)
		r = policy_file_read(options->policy, &run->policy, error);
	if (r == 0)
		r = read_revocation(run, error);
	if (r == 0)
		r = read_trust(run, error);
	return r ? r : read_certs(run, error);
}

/*
 * Adds what is missing, the evidence's own certificates counted as there. Evidence that cannot be read is left for the verification to name.
 * enum exit_code with a text.
 */
static int fetch_missing(struct verify_run *run, bool fresh, bool *ret_used_cache, struct error *error)
{
	CLEANUP(evidence_deinit) struct evidence evidence = {.kind = EVIDENCE_NONE};
	CLEANUP(verdict_deinit) struct verdict ignored = VERDICT_NULL;
	CLEANUP(kds_freep) struct kds *kds = NULL;
	struct fetch_job job = {.now = run->now, .fresh = fresh, .explain = true};
	struct snp_report report;
	int r;

	if (evidence_read(&evidence, buf_view(&run->data), NULL) || snp_report_decode(buf_view(&evidence.report), &report))
		return EXIT_YES;
	if (!snp_table_is_empty(buf_view(&evidence.cert_table)) && snp_certs_add_table(&run->certs, buf_view(&evidence.cert_table), &ignored))
		return error_set(error, EXIT_INTERNAL, "no memory");
	job.report = &report;
	job.crl = run->revocation != SNP_REVOCATION_OFF && !run->options.crl;
	r = fetch_open(&run->options.fetching, run->options.cache ? run->options.cache : FETCH_CACHE_DIR, "verify", &kds, error);
	job.kds = kds;
	if (!r)
		r = fetch_report(&job, &run->certs, error);
	*ret_used_cache = job.used_cache;
	return r;
}

/* Unless --report-data is given this is not a failure, but never silent: a replayed report looks the same. */
static void check_report_data(struct verify_run *run)
{
	const uint8_t *have = run->verified.report.report_data;
	char hex[2 * 64 + 1];

	if (!run->options.report_data.given) {
		verdict_skip(
			&run->verdict, "report_data", FINDING_ADVICE, "NOT CHECKED: no --report-data was given, so this may be a replay");
		return;
	}
	if (!memcmp(have, run->options.report_data.data, 64)) {
		verdict_pass(&run->verdict, "report_data", FINDING_POLICY);
		return;
	}
	verdict_fail(&run->verdict, "report_data", FINDING_POLICY,
		"REPORT_DATA is not what was asked for: another request's report, or a replay");
	hex_encode(hex, run->options.report_data.data, 64);
	finding_expected(verdict_last(&run->verdict), "%s", hex);
	hex_encode(hex, have, 64);
	finding_actual(verdict_last(&run->verdict), "%s", hex);
	finding_fix(verdict_last(&run->verdict), "ask the guest for a new report over exactly these 64 bytes");
}

static int verify(struct verify_run *run, struct error *error)
{
	struct verify_subject subject = {
		.data = buf_view(&run->data),
		.certs = &run->certs,
		.pins = &run->pins,
		.revocation = run->revocation,
		.now = run->now,
		.allow_masked_chip_id = run->policy && policy_allows_masked_chip_id(run->policy),
	};
	int r;

	if (run->options.report_data.given)
		subject.report_data = bytes_of(run->options.report_data.data, sizeof(run->options.report_data.data));
	r = inputs_verify(&subject, &run->verified, &run->verdict, error);
	if (r < 0)
		return r;
	if (!subject.report_data_done)
		check_report_data(run);
	run->claims = subject.claims;
	/* Claims of evidence that is not genuine mean nothing: there is nothing to appraise. */
	if (!run->policy || verdict_exit(&run->verdict) == EXIT_EVIDENCE)
		return 0;
	r = appraise(run->policy, &subject.claims, &run->verdict);
	run->appraised = r == 0;
	return r;
}

static void make_strict(struct verdict *verdict)
{
	for (size_t i = 0; i < verdict->count; i++) {
		if (verdict->items[i].class == FINDING_ADVICE && verdict->items[i].state == FINDING_FAILED)
			verdict->items[i].class = FINDING_POLICY;
	}
}

static int print_json(struct verify_run *run, int exit_code)
{
	const struct answer answer = {run->options.file, run->policy, run->appraised, &run->verdict, &run->verified,
		run->options.advisories ? &run->claims : NULL};
	struct json_object *object = json_object_new_object();

	if (answer_to_json(object, &answer) == 0)
		return output_json(object, exit_code);
	(void)json_object_put(object);
	return output_error(EXIT_INTERNAL, "out of memory");
}

static int print_advisories(const struct verify_run *run)
{
	JSON_AUTO advisories = advisories_to_json(&run->claims, policy_tcb_field_mask(run->policy));

	if (!advisories)
		return -ENOMEM;
	output_advisories(stdout, advisories);
	return 0;
}

static int print_text(struct verify_run *run, int exit_code)
{
	const struct verify_options *options = &run->options;
	bool colour = output_colour(stdout);

	verdict_print(&run->verdict, stdout, true, colour);
	if (options->advisories && exit_code != EXIT_EVIDENCE && print_advisories(run) < 0)
		return output_error(EXIT_INTERNAL, "out of memory");
	if (!options->report_data.given)
		printf("REPORT_DATA: NOT CHECKED (give --report-data)\n");
	if (exit_code != EXIT_EVIDENCE && run->verified.operator_trust)
		printf("%s\n", run->verified.trust_text);
	if (!run->policy)
		printf("Nothing was appraised: no --policy was given.\n");
	else if (!run->appraised)
		printf("Nothing was appraised: the evidence is not genuine.\n");
	if (exit_code == EXIT_YES)
		printf("%s: yes: genuine%s%s%s\n", options->file, run->policy ? ", and matches policy \"" : "",
			run->policy ? policy_name(run->policy) : "", run->policy ? "\"" : "");
	else if (exit_code == EXIT_POLICY)
		printf("%s: no: genuine, but it does not match what was demanded\n", options->file);
	else
		printf("%s: no: the evidence is not genuine\n", options->file);
	return exit_code;
}

/*
 * OpenSSL reads openssl.cnf, or what OPENSSL_CONF names, at its first call: a verdict must not depend on either, and reading it takes an eighth of
 * the time of this process. Only where there is no TLS: there the machine's policy has a say.
 */
static void ignore_openssl_cnf(void)
{
	(void)OPENSSL_init_crypto(OPENSSL_INIT_NO_LOAD_CONFIG, NULL);
}

/* The findings that other certificates may change. */
static bool certificates_failed(const struct verdict *verdict)
{
	static const char *const prefixes[] = {"cert.", "chain.", "vek.", "crl.", "report.signature"};
	const struct finding *first = verdict_first_failed(verdict);

	for (size_t i = 0; first && i < ARRAY_SIZE(prefixes); i++)
		if (text_starts_with(first->check, prefixes[i]))
			return true;
	return false;
}

/* A cache is not trusted: when what came from it does not verify, everything is asked for once more. enum exit_code; EXIT_YES: it ran. */
static int fetch_and_verify(struct verify_run *run, struct error *error)
{
	bool used_cache = false;
	int r = fetch_missing(run, false, &used_cache, error);

	if (!r && verify(run, error) < 0)
		r = EXIT_INTERNAL;
	if (r || !used_cache || !certificates_failed(&run->verdict))
		return r;
	verdict_deinit(&run->verdict);
	snp_certs_deinit(&run->certs);
	if (read_certs(run, error) < 0)
		return EXIT_INTERNAL;
	r = fetch_missing(run, true, &used_cache, error);
	return !r && verify(run, error) < 0 ? EXIT_INTERNAL : r;
}

int verify_main(int argc, char **argv)
{
	static struct verify_run state; /* large: certificates and report */
	CLEANUP(run_deinit_p) struct verify_run *run = &state;
	struct error error = ERROR_NULL;
	int r, exit_code;

	snp_certs_init(&run->certs);
	r = parse(argc, argv, &run->options);
	if (r != 0)
		return r < 0 ? EXIT_USAGE : EXIT_YES;
	if (!run->options.fetch)
		ignore_openssl_cnf();
	r = read_inputs(run, &error);
	if (r == 0)
		r = run->options.fetch ? fetch_and_verify(run, &error) : verify(run, &error);
	if (r)
		return output_error(r > 0 ? r : output_exit_of(r), "verify: %s", error_text(&error));
	if (run->options.strict)
		make_strict(&run->verdict);
	exit_code = verdict_exit(&run->verdict);
	return run->options.json ? print_json(run, exit_code) : print_text(run, exit_code);
}
