/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/collect.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "cli/fetch.h"
#include "cli/inputs.h"
#include "io/clock.h"
#include "provider/provider.h"
#include "snp/report.h"

static int provider_ask(const struct collect_options *options, const char *verb, const uint8_t *report_data, struct provider_evidence *ret,
	struct error *error)
{
	struct provider_config config = {options->provider, options->tsm_root, options->sev_guest, PROVIDER_VMPL_OWN};
	int r;

	if (options->vmpl.given && options->vmpl.value > 3)
		return error_set(error, EXIT_USAGE, "--vmpl is 0..3");
	if (options->vmpl.given)
		config.vmpl = (int)options->vmpl.value;
	r = provider_collect(&config, report_data, ret, error);
	if (r)
		return provider_exit(r);
	if (*ret->note)
		(void)output_error(EXIT_YES, "%s: note: %s", verb, ret->note);
	return EXIT_YES;
}

/* The host's table and the files that the command line names. A bad table is the host's doing: it is left out, and said. */
static int gather(
	const struct collect_options *options, const char *verb, const struct buf *table, struct snp_certs *certs, struct error *error)
{
	CLEANUP(verdict_deinit) struct verdict verdict = VERDICT_NULL;

	int r = snp_table_is_empty(buf_view(table)) ? 0 : snp_certs_add_table(certs, buf_view(table), &verdict);

	if (r)
		return error_set(error, EXIT_INTERNAL, "no memory for the certificates");
	if (verdict_first_failed(&verdict))
		(void)output_error(EXIT_YES, "%s: note: the host's certificate table is malformed and left out", verb);
	for (size_t i = 0; i < options->certs.count; i++) {
		r = inputs_add_certs(certs, options->certs.items[i], &verdict, error);

		if (r < 0)
			return output_exit_of(r);
	}
	return EXIT_YES;
}

/* From the key service that the command line names. No cache: evidence is made on the machine that it is about, once. */
static int fetch(const struct collect_options *options, const char *verb, const struct snp_report *report, struct snp_certs *certs,
	struct error *error)
{
	const struct fetch_options where = {.kds = options->kds, .kds_ca = options->kds_ca, .wait = {true, 0}};
	CLEANUP(kds_freep) struct kds *kds = NULL;
	struct fetch_job job = {.report = report, .now = clock_now()};
	int r = fetch_open(&where, NULL, verb, &kds, error);

	job.kds = kds;
	return r ? r : fetch_report(&job, certs, error);
}

/* Completes the table by what the host did not give. */
static int complete(const struct collect_options *options, const char *verb, struct provider_evidence *evidence, struct error *error)
{
	CLEANUP(snp_certs_deinit) struct snp_certs certs;
	CLEANUP(buf_deinit) struct buf table = BUF_NULL;
	struct snp_report report;
	int r;

	snp_certs_init(&certs);
	if (!evidence->cert_table.size && !options->certs.count && !options->kds)
		return EXIT_YES;
	if (snp_report_decode(buf_view(&evidence->report), &report))
		return error_set(error, EXIT_EVIDENCE, "what the provider gave is no report");
	r = gather(options, verb, &evidence->cert_table, &certs, error);
	if (!r && options->kds)
		r = fetch(options, verb, &report, &certs, error);
	if (r)
		return r;
	if (collect_table(&report, &certs, &table))
		return error_set(error, EXIT_INTERNAL, "no memory for the certificates");
	if (!table.size && certs.count)
		(void)output_error(EXIT_YES, "%s: note: none of the certificates is of this chip and TCB", verb);
	buf_deinit(&evidence->cert_table);
	evidence->cert_table = table;
	table = (struct buf)BUF_NULL;
	return EXIT_YES;
}

int collect(const struct collect_options *options, const char *verb, const uint8_t report_data[static 64], struct evidence *ret,
	struct error *error)
{
	CLEANUP(provider_evidence_deinit) struct provider_evidence evidence = PROVIDER_EVIDENCE_NULL;
	int r = provider_ask(options, verb, report_data, &evidence, error);

	if (!r)
		r = complete(options, verb, &evidence, error);
	if (r)
		return r;
	r = evidence_from_report(ret, buf_view(&evidence.report), buf_view(&evidence.cert_table));
	return r ? error_set(error, EXIT_INTERNAL, "cannot hold the evidence: %s", strerror(r < 0 ? -r : EINVAL)) : EXIT_YES;
}

int collect_certs_pem(const struct evidence *evidence, struct buf *to)
{
	CLEANUP(verdict_deinit) struct verdict verdict = VERDICT_NULL;
	CLEANUP(snp_certs_deinit) struct snp_certs certs;

	snp_certs_init(&certs);
	if (snp_table_is_empty(buf_view(&evidence->cert_table)))
		return 0;
	if (snp_certs_add_table(&certs, buf_view(&evidence->cert_table), &verdict))
		return 0;
	return collect_pem(&certs, to);
}
