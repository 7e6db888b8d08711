/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/fetch.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/text.h"
#include "cli/collect.h"
#include "io/clock.h"
#include "snp/crl.h"

#define QUIET_MS 10000 /* between two lines of progress in a log */

/* One line that is written over on a terminal; elsewhere a line now and then, while it waits. */
static void progress(void *context, const char *text)
{
	static uint64_t said_ms;
	uint64_t now = clock_monotonic_ms();
	char printable[ERROR_TEXT_MAX];

	text_printable(printable, sizeof(printable), bytes_of_text(text));
	if (isatty(STDERR_FILENO)) {
		(void)fprintf(stderr, "\r\033[Ksevattest %s: %.150s", (const char *)context, printable);
		(void)fflush(stderr);
	} else if (text_starts_with(text, "waiting") && (said_ms == 0 || now - said_ms >= QUIET_MS)) {
		(void)fprintf(stderr, "sevattest %s: %s\n", (const char *)context, printable);
		said_ms = now;
	}
}

static void progress_end(void)
{
	if (isatty(STDERR_FILENO))
		(void)fputs("\r\033[K", stderr);
}

int fetch_open(const struct fetch_options *options, const char *cache, const char *verb, struct kds **ret, struct error *error)
{
	const char *url = options->kds ? options->kds : KDS_BASE_URL;
	const struct kds_config config = {
		.base_url = url,
		.ca_file = options->kds_ca ? options->kds_ca : text_starts_with(url, "https://") ? FETCH_CA_FILE : NULL,
		.cache_dir = cache,
		.allow_http = text_starts_with(url, "http://"),
		.wait_s = options->wait.given ? (unsigned)(options->wait.value < 86400 ? options->wait.value : 86400) : FETCH_WAIT_S,
		.progress = progress,
		.context = (void *)(uintptr_t)verb,
	};
	int r = kds_new(&config, ret, error);

	if (!r)
		return EXIT_YES;
	error_prefix(error, "--kds");
	return r == -ENOMEM ? EXIT_INTERNAL : EXIT_USAGE;
}

static int get(struct fetch_job *job, const struct kds_object *object, int64_t max_age, struct snp_certs *certs, struct error *error)
{
	CLEANUP(buf_deinit) struct buf bytes = BUF_NULL;
	struct kds_source source = {.cached = false};
	int r = kds_get(job->kds, object, job->now, job->fresh ? 0 : max_age, &bytes, &source, error);

	job->used_cache = job->used_cache || (!r && source.cached);
	if (r == KDS_E_BUSY && source.retry_after)
		error_prefix(error, "try again in %u s", source.retry_after);
	if (r)
		return r;
	r = snp_certs_add(certs, buf_view(&bytes), error);
	return r > 0 ? KDS_E_BAD : r;
}

static int exit_of(int r)
{
	return r == 0 ? EXIT_YES : r == -ENOMEM ? EXIT_INTERNAL : EXIT_UNREACHABLE;
}

/* A report of version 2 does not tell its product: the key service does, by having the VCEK. */
static int get_vcek(struct fetch_job *job, struct snp_certs *certs, enum snp_product *ret_product, struct error *error)
{
	static const enum snp_product version2[] = {SNP_MILAN, SNP_GENOA};
	const enum snp_product *products = job->report->product == SNP_PRODUCT_UNKNOWN ? version2 : &job->report->product;
	size_t count = job->report->product == SNP_PRODUCT_UNKNOWN ? ARRAY_SIZE(version2) : 1;
	struct kds_object object;
	int r = KDS_E_NOT_FOUND;

	if (bytes_all_zero(job->report->chip_id, sizeof(job->report->chip_id)))
		return error_set(error, EXIT_UNREACHABLE,
			"the host masks the chip id, so no key service can be asked: the certificate has to come from the host's table (or a VLEK be used)");
	for (size_t i = 0; i < count && r == KDS_E_NOT_FOUND; i++) {
		error_clear(error);
		if (kds_object_of_report(job->report, products[i], &object))
			return error_set(error, EXIT_UNREACHABLE, "no certificate can be asked for: the report's product is unknown");
		r = get(job, &object, INT64_MAX, certs, error);
		*ret_product = products[i];
	}
	if (r == KDS_E_NOT_FOUND && job->explain) {
		error_clear(error);
		(void)kds_explain(job->kds, &object, job->report, job->now, error);
	}
	return exit_of(r);
}

/* The window of the newest CRL in the set that was just added. */
static bool crl_is_current(const struct snp_certs *certs, int64_t now)
{
	struct snp_crl_info info;

	return certs->count > 0 && snp_crl_decode(certs->items[certs->count - 1].der, &info, NULL) == 0 && info.this_update <= now &&
	       now < info.next_update;
}

/* Not older than a day; when there is no newer one, what the cache has as long as its window lasts. */
static int get_crl(struct fetch_job *job, enum snp_product product, enum snp_signer signer, struct snp_certs *certs, struct error *error)
{
	const struct kds_object object = kds_object_crl(product, signer);
	struct error ignored = ERROR_NULL;
	int r = get(job, &object, FETCH_CRL_AGE, certs, error);

	if (r > 0 && !job->fresh && get(job, &object, INT64_MAX, certs, &ignored) == 0 && crl_is_current(certs, job->now))
		r = 0;
	return exit_of(r);
}

static int fetch_parts(struct fetch_job *job, struct snp_certs *certs, struct error *error)
{
	enum snp_signer signer = snp_report_signer(job->report) == SNP_SIGNER_VLEK ? SNP_SIGNER_VLEK : SNP_SIGNER_VCEK;
	enum snp_product product = job->report->product;
	struct kds_object chain;
	size_t count = collect_chain_length(certs, job->report, &product);
	int r = EXIT_YES;

	if (!count && signer == SNP_SIGNER_VLEK)
		return error_set(error, EXIT_UNREACHABLE,
			"a VLEK's certificate comes from the cloud's host only: the key service gives it to nobody else");
	if (!count)
		r = get_vcek(job, certs, &product, error);
	if (r)
		return r;
	chain = kds_object_chain(product, signer);
	if (collect_chain_length(certs, job->report, &product) < 3)
		r = exit_of(get(job, &chain, INT64_MAX, certs, error));
	/* From the cache it may be another platform's: the verification says so, and then it is asked for anew. */
	if (!r && !job->used_cache && collect_chain_length(certs, job->report, &product) < 3)
		return error_set(error, EXIT_UNREACHABLE, "the key service gave a chain that does not lead from this chip's certificate to a root");
	if (!r && job->crl)
		r = get_crl(job, product, signer, certs, error);
	return r;
}

int fetch_report(struct fetch_job *job, struct snp_certs *certs, struct error *error)
{
	int r = fetch_parts(job, certs, error);

	progress_end();
	return r;
}
