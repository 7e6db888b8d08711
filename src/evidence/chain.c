/* SPDX-License-Identifier: Apache-2.0 */
#include "evidence/chain.h"

#include <errno.h>
#include <openssl/x509.h>
#include <string.h>

#include "evidence/table.h"
#include "snp/vek.h"

/* Of this chip (or, for a VLEK or a masked chip id, of any) and this TCB: a directory may hold those of a whole fleet. */
static bool vek_fits(struct bytes der, const struct snp_report *report)
{
	bool vlek = snp_report_signer(report) == SNP_SIGNER_VLEK;
	struct snp_report laid_out = *report;
	struct snp_vek vek;

	if (snp_vek_decode(der, &vek, NULL) || !(vek.present & SNP_VEK_MICROCODE) || vlek != !!(vek.present & SNP_VEK_CSP_ID))
		return false;
	snp_report_relayout(&laid_out, vek.product);
	if (!snp_tcb_equal(&vek.tcb, &laid_out.reported_tcb))
		return false;
	return vlek || bytes_all_zero(report->chip_id, sizeof(report->chip_id)) ||
	       (vek.hwid_size && !memcmp(vek.hwid, report->chip_id, vek.hwid_size));
}

static struct bytes find_vek(const struct snp_certs *certs, const struct snp_report *report)
{
	for (size_t i = 0; i < certs->count; i++) {
		if (certs->items[i].kind == SNP_ITEM_CERTIFICATE && vek_fits(certs->items[i].der, report))
			return certs->items[i].der;
	}
	return bytes_of(NULL, 0);
}

static X509 *parse(struct bytes der)
{
	const uint8_t *at = der.data;

	return der.size <= INT32_MAX ? d2i_X509(NULL, &at, (long)der.size) : NULL;
}

static bool is_issuer(struct bytes der, const X509_NAME *name)
{
	X509 *x509 = parse(der);
	bool yes = x509 && !X509_NAME_cmp(X509_get_subject_name(x509), name);

	X509_free(x509);
	return yes;
}

static struct bytes find_issuer(const struct snp_certs *certs, struct bytes of)
{
	X509 *x509 = parse(of);
	struct bytes found = bytes_of(NULL, 0);

	for (size_t i = 0; x509 && i < certs->count && !found.data; i++) {
		if (certs->items[i].kind == SNP_ITEM_CERTIFICATE && is_issuer(certs->items[i].der, X509_get_issuer_name(x509)))
			found = certs->items[i].der;
	}
	X509_free(x509);
	return found;
}

size_t evidence_chain_find(const struct snp_certs *certs, const struct snp_report *report, struct bytes ret[static EVIDENCE_CHAIN_MAX])
{
	size_t count = 0;

	ret[0] = find_vek(certs, report);
	while (count < EVIDENCE_CHAIN_MAX && ret[count].data) {
		count++;
		if (count < EVIDENCE_CHAIN_MAX)
			ret[count] = find_issuer(certs, ret[count - 1]);
	}
	return count;
}

int evidence_chain_table(const struct snp_certs *certs, const struct snp_report *report, struct buf *to)
{
	const enum snp_table_kind kinds[EVIDENCE_CHAIN_MAX] = {
		snp_report_signer(report) == SNP_SIGNER_VLEK ? SNP_TABLE_VLEK : SNP_TABLE_VCEK, SNP_TABLE_ASK, SNP_TABLE_ARK};
	struct evidence_cert entries[EVIDENCE_CHAIN_MAX];
	struct bytes chain[EVIDENCE_CHAIN_MAX];
	size_t count = evidence_chain_find(certs, report, chain);

	if (!count)
		return 0;
	for (size_t i = 0; i < count; i++) {
		if (!evidence_guid(kinds[i], entries[i].guid))
			return -EINVAL;
		entries[i].data = chain[i];
	}
	return evidence_table_write(to, entries, count);
}
