/* SPDX-License-Identifier: Apache-2.0 */
/* What binds evidence to the moment and to the guest's key, on top of the hardware's own signature. */
#include <errno.h>
#include <string.h>

#include "base/hooks.h"
#include "base/text.h"
#include "evidence/evidence.h"
#include "tpm/hcl.h"
#include "tpm/quote.h"

#define KBS_DIGEST_SIZE 48 /* SHA-384, the part of REPORT_DATA that travels as a quote's nonce */

static int gather(const struct evidence *evidence, const struct evidence_verify_input *input, struct snp_certs *certs, struct verdict *verdict)
{
	int r = 0;

	if (evidence->cert_table.size)
		r = snp_certs_add_table(certs, buf_view(&evidence->cert_table), verdict);
	for (size_t i = 0; r >= 0 && input->extra_certs && i < input->extra_certs->count; i++) {
		const struct snp_item *item = &input->extra_certs->items[i];

		r = item->kind == SNP_ITEM_CRL ? snp_certs_add_crl(certs, item->der, NULL) : snp_certs_add(certs, item->der, NULL);
	}
	/* What did not parse there must not be forgotten here. */
	if (input->extra_certs && input->extra_certs->bad_certificate[0])
		memcpy(certs->bad_certificate, input->extra_certs->bad_certificate, sizeof(certs->bad_certificate));
	if (input->extra_certs && input->extra_certs->bad_crl[0])
		memcpy(certs->bad_crl, input->extra_certs->bad_crl, sizeof(certs->bad_crl));
	return r < 0 ? r : 0;
}

static void check_report_data(struct bytes expected, const struct snp_report *report, struct verdict *verdict)
{
	char hex[2 * 64 + 1];

	if (expected.size == 0) {
		verdict_skip(verdict, "report_data", FINDING_ADVICE, "NOT CHECKED: nothing was said that REPORT_DATA must hold, so this may be a replay");
		return;
	}
	if (bytes_equal(expected, bytes_of(report->report_data, sizeof(report->report_data))) || hook_disabled("report_data")) {
		verdict_pass(verdict, "report_data", FINDING_POLICY);
		return;
	}
	verdict_fail(verdict, "report_data", FINDING_POLICY, "REPORT_DATA is not what was asked for: another request's report, or a replay");
	hex_encode(hex, expected.data, expected.size);
	finding_expected(verdict_last(verdict), "%s", hex);
	hex_encode(hex, report->report_data, sizeof(report->report_data));
	finding_actual(verdict_last(verdict), "%s", hex);
	finding_fix(verdict_last(verdict), "ask the guest for a new report over the nonce that it was just given");
}

static void check_user_data(const struct evidence *evidence, const struct hcl *hcl, struct bytes nonce, struct verdict *verdict)
{
	char hex[2 * HCL_USER_DATA_SIZE + 1];

	if (evidence->azure_version < 2)
		return;
	if (nonce.size == 0) {
		verdict_skip(verdict, "hcl.user_data", FINDING_ADVICE, "NOT CHECKED: nothing was said that the runtime claims must carry");
		return;
	}
	if (hook_disabled("hcl.user_data") || (hcl->has_user_data && memcmp(hcl->user_data, nonce.data, nonce.size) == 0 &&
						      bytes_all_zero(hcl->user_data + nonce.size, sizeof(hcl->user_data) - nonce.size))) {
		verdict_pass(verdict, "hcl.user_data", FINDING_EVIDENCE);
		return;
	}
	verdict_fail(verdict, "hcl.user_data", FINDING_EVIDENCE, "evidence of version 2 whose runtime claims do not carry the nonce: the report is an old one");
	hex_encode(hex, nonce.data, nonce.size);
	finding_expected(verdict_last(verdict), "%s", hex);
	finding_actual(verdict_last(verdict), hcl->has_user_data ? "other user data" : "none");
	finding_fix(verdict_last(verdict), "write the nonce to the vTPM (NV index 01400002h), then read a new report");
}

static void check_azure(const struct evidence *evidence, const struct evidence_verify_input *input, struct verdict *verdict)
{
	struct quote_input quote = {.message = buf_view(&evidence->quote), .signature = buf_view(&evidence->quote_signature), .azure_ak = true};
	struct hcl hcl;

	if (!hcl_check(buf_view(&evidence->hcl), &hcl, verdict))
		return;
	if (input->report_data.size == 0 && evidence->quote.size == 0) {
		verdict_skip(verdict, "quote", FINDING_ADVICE, "NOT CHECKED: there is no quote, so nothing says when this was made");
		return;
	}
	/* The whole nonce, or the KBS form: a SHA-384 followed by zeros. */
	quote.nonce = input->report_data;
	quote.any_nonce = quote.nonce.size == 0;
	if (quote.nonce.size == 64 && bytes_all_zero(quote.nonce.data + KBS_DIGEST_SIZE, 64 - KBS_DIGEST_SIZE))
		quote.nonce.size = KBS_DIGEST_SIZE;
	for (size_t i = 0; i < EVIDENCE_PCR_COUNT; i++)
		quote.pcrs[i] = bytes_of(evidence->pcrs[i], EVIDENCE_PCR_SIZE);
	quote.ak_modulus = hcl.ak_modulus;
	if (quote_check(&quote, verdict))
		check_user_data(evidence, &hcl, quote.nonce, verdict);
}

int evidence_verify(const struct evidence *evidence, const struct evidence_verify_input *input, struct snp_verified *ret, struct verdict *verdict)
{
	CLEANUP(snp_certs_deinit) struct snp_certs certs;
	struct snp_verify_input snp = {.report = buf_view(&evidence->report),
		.certs = &certs,
		.revocation = input->revocation,
		.extra_pins = input->pins,
		.now = input->now,
		.allow_masked_chip_id = input->allow_masked_chip_id,
		.cache = input->cache};
	int r;

	snp_certs_init(&certs);
	if (input->report_data.size > 64)
		return -EINVAL;
	r = gather(evidence, input, &certs, verdict);
	/* An HCL report that is malformed has no report in it: say that first. */
	if (r == 0 && evidence->kind == EVIDENCE_AZ_SNP_VTPM)
		check_azure(evidence, input, verdict);
	if (r == 0)
		r = snp_verify(&snp, ret, verdict);
	if (r == 0 && evidence->kind == EVIDENCE_SNP)
		check_report_data(input->report_data, &ret->report, verdict);
	return r;
}
