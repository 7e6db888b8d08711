/* SPDX-License-Identifier: Apache-2.0 */
/* The certificates of a report's chain: which of a set belong to it, which are missing, and the table that carries them. */
#include <errno.h>
#include <openssl/pem.h>
#include <string.h>

#include "base/text.h"
#include "cli/collect.h"
#include "io/clock.h"
#include "snp/kds.h"
#include "snp/vek.h"

#define TABLE_ENTRY_SIZE 24
#define CHAIN_MAX 3

/* GHCB 4.1.8.1; the bytes of the GUIDs in the order of their text. */
static const uint8_t guid_ark[16] = {0xc0, 0xb4, 0x06, 0xa4, 0xa8, 0x03, 0x49, 0x52, 0x97, 0x43, 0x3f, 0xb6, 0x01, 0x4c, 0xd0, 0xae};
static const uint8_t guid_ask[16] = {0x4a, 0xb7, 0xb3, 0x79, 0xbb, 0xac, 0x4f, 0xe4, 0xa0, 0x2f, 0x05, 0xae, 0xf3, 0x27, 0xc7, 0x82};
static const uint8_t guid_vcek[16] = {0x63, 0xda, 0x75, 0x8d, 0xe6, 0x64, 0x45, 0x64, 0xad, 0xc5, 0xf4, 0xb9, 0x3b, 0xe8, 0xac, 0xcd};
static const uint8_t guid_vlek[16] = {0xa8, 0x07, 0x4b, 0xc2, 0xa2, 0x5a, 0x48, 0x3e, 0xaa, 0xe6, 0x39, 0xc0, 0x45, 0xa0, 0xb8, 0xa1};

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
	return vlek || bytes_all_zero(report->chip_id, sizeof(report->chip_id)) || (vek.hwid_size && !memcmp(vek.hwid, report->chip_id, vek.hwid_size));
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

/* By name alone: whoever verifies looks at the rest. */
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

/* VEK, intermediate, ARK: as many as are there. */
static size_t chain_of(const struct snp_certs *certs, const struct snp_report *report, struct bytes to[static CHAIN_MAX])
{
	size_t count = 0;

	to[0] = find_vek(certs, report);
	while (count < CHAIN_MAX && to[count].data) {
		count++;
		if (count < CHAIN_MAX)
			to[count] = find_issuer(certs, to[count - 1]);
	}
	return count;
}

int collect_table(const struct snp_report *report, const struct snp_certs *certs, struct buf *to)
{
	static const uint8_t end[TABLE_ENTRY_SIZE];
	const uint8_t *guids[CHAIN_MAX] = {snp_report_signer(report) == SNP_SIGNER_VLEK ? guid_vlek : guid_vcek, guid_ask, guid_ark};
	struct bytes chain[CHAIN_MAX];
	size_t count = chain_of(certs, report, chain), at = (count + 1) * TABLE_ENTRY_SIZE;
	int r = 0;

	if (!count)
		return 0;
	for (size_t i = 0; i < count && !r; i++) {
		r = buf_append(to, guids[i], 16);
		if (!r)
			r = buf_u32le(to, (uint32_t)at);
		if (!r)
			r = buf_u32le(to, (uint32_t)chain[i].size);
		at += chain[i].size;
	}
	if (!r)
		r = buf_append(to, end, sizeof(end));
	for (size_t i = 0; i < count && !r; i++)
		r = buf_append(to, chain[i].data, chain[i].size);
	return r;
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
	struct bytes chain[CHAIN_MAX];
	char path[SNP_KDS_PATH_MAX];
	size_t count = chain_of(certs, report, chain);
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
		count = chain_of(certs, report, chain);
		if (!count)
			return error_set(error, EXIT_UNREACHABLE, "the key service gave a certificate of another chip or TCB");
	}
	if (count == CHAIN_MAX)
		return EXIT_YES;
	if (snp_kds_chain_path(path, report->product, signer))
		return error_set(error, EXIT_UNREACHABLE, "no certificate chain can be asked for: the report does not tell its product");
	r = fetch_one(kds, path, certs, error);
	if (!r && chain_of(certs, report, chain) < CHAIN_MAX)
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
