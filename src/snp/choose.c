/* SPDX-License-Identifier: Apache-2.0 */
#include <openssl/err.h>
#include <string.h>

#include "snp/chain.h"

/* How well a certificate fits a report, by what it says of itself: other chips' VEKs may lie in the same directory. */
static unsigned fit(const X509 *x509, const struct snp_report *report)
{
	unsigned signer = snp_report_signer(report), score = 1;
	struct snp_vek vek;

	snp_vek_decode(x509, signer == SNP_SIGNER_VLEK ? SNP_SIGNER_VLEK : SNP_SIGNER_VCEK, &vek);
	if (signer == SNP_SIGNER_VLEK ? vek.has_csp_id && !vek.has_hwid : vek.has_hwid && !vek.has_csp_id)
		score += 8;
	if (vek.has_hwid && vek.hwid.size <= SNP_CHIP_ID_SIZE && memcmp(vek.hwid.data, report->chip_id, vek.hwid.size) == 0)
		score += 4;
	if (report->product == SNP_PRODUCT_UNKNOWN || vek.product == report->product)
		score += 2;
	if (vek.tcb.bootloader == report->reported_tcb.bootloader && vek.tcb.tee == report->reported_tcb.tee && vek.tcb.snp == report->reported_tcb.snp &&
		vek.tcb.microcode == report->reported_tcb.microcode)
		score += 2;
	return score;
}

static const X509 *choose_vek(const struct snp_certs *certs, const struct snp_report *report)
{
	const X509 *best = NULL;
	unsigned best_score = 0;

	for (size_t i = 0; i < certs->count; i++) {
		unsigned score = certs->items[i].kind == SNP_CERT_VEK ? fit(certs->items[i].x509, report) : 0;

		if (score > best_score) {
			best = certs->items[i].x509;
			best_score = score;
		}
	}
	/* Nothing has AMD's extensions: take any certificate that is no root, so that the verdict can say what is wrong with it. */
	for (size_t i = 0; !best && i < certs->count; i++)
		if (certs->items[i].kind != SNP_CERT_ARK)
			best = certs->items[i].x509;
	return best;
}

static bool signed_by(const X509 *child, const X509 *issuer)
{
	EVP_PKEY *key = X509_get0_pubkey(issuer);
	bool good = key && X509_verify((X509 *)(uintptr_t)child, key) == 1;

	ERR_clear_error();
	return good;
}

static const X509 *choose_intermediate(const struct snp_certs *certs, const X509 *vek)
{
	const X509 *named = NULL, *any = NULL;

	for (size_t i = 0; i < certs->count; i++) {
		const X509 *candidate = certs->items[i].x509;

		if (candidate == vek || certs->items[i].kind == SNP_CERT_ARK || certs->items[i].kind == SNP_CERT_VEK)
			continue;
		any = any ? any : candidate;
		if (X509_NAME_cmp(X509_get_subject_name(candidate), X509_get_issuer_name(vek)) != 0)
			continue;
		/* Two of one name exist (AMD has revoked one Genoa ASK): the one whose key signed is meant. */
		if (!named || (!signed_by(vek, named) && signed_by(vek, candidate)))
			named = candidate;
	}
	return named ? named : any;
}

static const X509 *choose_ark(const struct snp_certs *certs, const X509 *intermediate)
{
	const X509 *named = NULL, *any = NULL;
	size_t namesakes = 0;

	for (size_t i = 0; i < certs->count; i++) {
		const X509 *candidate = certs->items[i].x509;

		if (certs->items[i].kind != SNP_CERT_ARK)
			continue;
		any = any ? any : candidate;
		if (X509_NAME_cmp(X509_get_subject_name(candidate), X509_get_issuer_name(intermediate)) != 0)
			continue;
		if (namesakes++ == 0 || signed_by(intermediate, candidate))
			named = candidate;
	}
	return named ? named : any;
}

void snp_chain_choose(const struct snp_certs *certs, const struct snp_report *report, struct snp_chain *ret)
{
	*ret = (struct snp_chain){.product = SNP_PRODUCT_UNKNOWN};
	ret->vek = choose_vek(certs, report);
	if (ret->vek)
		ret->intermediate = choose_intermediate(certs, ret->vek);
	if (ret->intermediate)
		ret->ark = choose_ark(certs, ret->intermediate);
}
