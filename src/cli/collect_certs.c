/* SPDX-License-Identifier: Apache-2.0 */
/* The certificates of a report's chain: which of a set belong to it, which are missing, and the table that carries them. */
#include <errno.h>
#include <openssl/pem.h>
#include <string.h>

#include "base/text.h"
#include "cli/collect.h"
#include "evidence/chain.h"
#include "io/clock.h"
#include "snp/kds.h"

int collect_table(const struct snp_report *report, const struct snp_certs *certs, struct buf *to)
{
	return evidence_chain_table(certs, report, to);
}

int collect_pem(const struct snp_certs *certs, struct buf *to)
{
	int r = 0;

	for (size_t i = 0; i < certs->count && !r; i++) {
		bool crl = certs->items[i].kind == SNP_ITEM_CRL;
		BIO *bio = BIO_new(BIO_s_mem());
		char *text;
		long size;

		r = -ENOMEM;
		if (bio &&
			PEM_write_bio(bio, crl ? PEM_STRING_X509_CRL : PEM_STRING_X509, "", certs->items[i].der.data,
				(long)certs->items[i].der.size) &&
			(size = BIO_get_mem_data(bio, &text)) > 0)
			r = buf_append(to, text, (size_t)size);
		BIO_free(bio);
	}
	return r;
}

static int fetch_one(struct kds *kds, const char *path, struct snp_certs *certs, struct error *error)
{
	CLEANUP(buf_deinit) struct buf object = BUF_NULL;
	uint32_t retry_after = 0;
	int r = kds_get(kds, path, clock_now(), 0, &object, &retry_after, error);

	if (r == KDS_E_BUSY && retry_after)
		error_prefix(error, "try again in %u s", retry_after);
	if (r)
		return EXIT_UNREACHABLE;
	r = snp_certs_add(certs, buf_view(&object), error);
	return r ? error_set(error, EXIT_UNREACHABLE, "the key service's answer to %s is no certificate", path) : EXIT_YES;
}

static int fetch_missing(struct kds *kds, const struct snp_report *report, struct snp_certs *certs, struct error *error)
{
	enum snp_signer signer = snp_report_signer(report) == SNP_SIGNER_VLEK ? SNP_SIGNER_VLEK : SNP_SIGNER_VCEK;
	struct bytes chain[EVIDENCE_CHAIN_MAX];
	char path[SNP_KDS_PATH_MAX];
	size_t count = evidence_chain_find(certs, report, chain);
	int r;

	if (!count && signer == SNP_SIGNER_VLEK)
		return error_set(error, EXIT_UNREACHABLE,
			"a VLEK's certificate comes from the cloud's host only: the key service gives it to nobody else");
	if (!count) {
		if (snp_kds_vcek_path(path, report->product, report->chip_id, &report->reported_tcb))
			return error_set(error, EXIT_UNREACHABLE,
				"no certificate can be asked for: the report does not tell its product or its chip");
		r = fetch_one(kds, path, certs, error);
		if (r)
			return r;
		count = evidence_chain_find(certs, report, chain);
		if (!count)
			return error_set(error, EXIT_UNREACHABLE, "the key service gave a certificate of another chip or TCB");
	}
	if (count == EVIDENCE_CHAIN_MAX)
		return EXIT_YES;
	if (snp_kds_chain_path(path, report->product, signer))
		return error_set(error, EXIT_UNREACHABLE, "no certificate chain can be asked for: the report does not tell its product");
	r = fetch_one(kds, path, certs, error);
	if (!r && evidence_chain_find(certs, report, chain) < EVIDENCE_CHAIN_MAX)
		return error_set(error, EXIT_UNREACHABLE, "the key service gave a chain that does not lead from this chip's certificate to a root");
	return r;
}

int collect_fetch(const struct collect_options *options, const struct snp_report *report, struct snp_certs *certs, struct error *error)
{
	struct kds_config config = {
		.base_url = options->kds, .ca_file = options->kds_ca, .allow_http = text_starts_with(options->kds, "http://")};
	struct kds *kds;
	int r = kds_new(&config, &kds, error);

	if (r) {
		error_prefix(error, "--kds");
		return r == -ENOMEM ? EXIT_INTERNAL : EXIT_USAGE;
	}
	r = fetch_missing(kds, report, certs, error);
	(void)kds_free(kds);
	return r;
}
