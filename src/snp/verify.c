/* SPDX-License-Identifier: Apache-2.0 */
#include "snp/verify.h"

#include <errno.h>
#include <openssl/evp.h>
#include <openssl/objects.h>
#include <stdio.h>
#include <string.h>

#include "base/crypto.h"
#include "base/text.h"
#include "snp/chain.h"
#include "snp/crl.h"
#include "snp/p384.h"

#define POINT_SIZE (1 + P384_KEY_SIZE)

/* x || y of a P-384 key, straight from the SubjectPublicKeyInfo: a full decode by OpenSSL would cost as much as a verification. */
static bool vek_key(const X509 *vek, uint8_t ret[static P384_KEY_SIZE])
{
	const ASN1_BIT_STRING *bits = X509_get0_pubkey_bitstr(vek);
	const uint8_t *point = ASN1_STRING_get0_data(bits);
	X509_ALGOR *algorithm = NULL;
	const ASN1_OBJECT *object;
	const void *curve;
	int type;

	if (X509_PUBKEY_get0_param(NULL, NULL, NULL, &algorithm, X509_get_X509_PUBKEY(vek)) != 1)
		return false;
	X509_ALGOR_get0(&object, &type, &curve, algorithm);
	if (OBJ_obj2nid(object) != NID_X9_62_id_ecPublicKey || type != V_ASN1_OBJECT || OBJ_obj2nid(curve) != NID_secp384r1)
		return false;
	if (ASN1_STRING_length(bits) != POINT_SIZE || point[0] != 0x04)
		return false;
	memcpy(ret, point + 1, P384_KEY_SIZE);
	return true;
}

static void reverse(uint8_t to[static P384_COORDINATE_SIZE], const uint8_t *from)
{
	for (size_t i = 0; i < P384_COORDINATE_SIZE; i++)
		to[i] = from[P384_COORDINATE_SIZE - 1 - i];
}

/* 0 good, >0 bad, <0 could not tell. The digest covers the received bytes, never a re-encoding. */
static int verify_signature(const struct snp_verify_input *input, const uint8_t key[static P384_KEY_SIZE], const struct snp_report *report)
{
	uint8_t digest[SHA384_SIZE], r[P384_COORDINATE_SIZE], s[P384_COORDINATE_SIZE];
	int result = sha384(digest, bytes_of(input->report.data, SNP_SIGNED_SIZE));

	if (result < 0)
		return result;
	reverse(r, report->signature_r);
	reverse(s, report->signature_s);
	if (input->p384_operations)
		(*input->p384_operations)++;
	return p384_verify(key, digest, r, s);
}

static void check_tcb(struct column *column, const struct snp_report *report, const struct snp_vek *vek)
{
	bool reserved = snp_tcb_reserved_zero(report->reported_tcb.raw, vek->product);
	char have[SNP_TCB_TEXT_MAX], want[SNP_TCB_TEXT_MAX];

	if (column_check(column, "vek.tcb", reserved && snp_tcb_equal(&vek->tcb, &report->reported_tcb),
		    reserved ? "the VEK is for another TCB than the report's REPORTED_TCB" : "reserved bytes of REPORTED_TCB are not zero for this product"))
		return;
	snp_tcb_text(have, &vek->tcb);
	snp_tcb_text(want, &report->reported_tcb);
	finding_expected(column_failed(column), "%s (the report)", want);
	finding_actual(column_failed(column), "%s (the certificate)", have);
	if (column_failed(column) && (snp_tcb_equal(&vek->tcb, &report->current_tcb) || snp_tcb_equal(&vek->tcb, &report->committed_tcb)))
		finding_fix(column_failed(column), "the certificate fits CURRENT_TCB or COMMITTED_TCB instead: fetch the one for REPORTED_TCB");
	else
		finding_fix(column_failed(column), "fetch the VEK for the chip and the REPORTED_TCB of this report");
}

static bool hwid_matches(const struct snp_vek *vek, const struct snp_report *report)
{
	size_t size = vek->hwid.size;

	return vek->hwid_form_good && memcmp(vek->hwid.data, report->chip_id, size) == 0 &&
	       bytes_all_zero(report->chip_id + size, SNP_CHIP_ID_SIZE - size) && !bytes_all_zero(report->chip_id, SNP_CHIP_ID_SIZE);
}

static void check_hwid(struct column *column, const struct snp_report *report, const struct snp_vek *vek, enum snp_signer signer)
{
	bool masked = bytes_all_zero(report->chip_id, SNP_CHIP_ID_SIZE);
	const char *why = masked ? "CHIP_ID is masked (all zero), so the VCEK cannot be bound to the chip" :
			  !vek->hwid_form_good ? "the hwID of the VCEK has the wrong length for its product" :
						 "the VCEK is of another chip than the report's CHIP_ID";

	if (signer == SNP_SIGNER_VLEK)
		return;
	if (!column_check(column, "vek.hwid", hwid_matches(vek, report), "%s", why))
		finding_fix(column_failed(column), masked ? "ask the host's operator not to mask the chip id" : "fetch the VCEK of this very chip");
}

static bool products_agree(const struct snp_report *report, const struct snp_chain *chain, const struct snp_vek *vek)
{
	if (vek->product == SNP_PRODUCT_UNKNOWN || vek->product != chain->product)
		return false;
	if (chain->pin->product != SNP_PRODUCT_UNKNOWN && chain->pin->product != vek->product)
		return false;
	if (vek->struct_version != (vek->product == SNP_TURIN ? 1 : 0))
		return false;
	return !report->has_cpuid || report->product == vek->product;
}

static void check_vek_form(struct column *column, const struct snp_chain *chain, struct snp_verified *out, uint8_t key[static P384_KEY_SIZE])
{
	bool going = column_going(column);

	(void)column_check(column, "vek.key", going && vek_key(chain->vek, key), "the key of the VEK is not an uncompressed P-384 point");
	if (going)
		snp_vek_decode(chain->vek, out->signer, &out->vek);
	(void)column_check(column, "vek.extensions", going && !out->vek.text[0], "the VEK's %s", out->vek.text);
	if (!column_check(column, "vek.product", going && products_agree(&out->report, chain, &out->vek),
		    "report, VEK, intermediate and root are not of one product"))
		finding_actual(column_failed(column), "report %s, VEK '%s', intermediate %s, root %s",
			out->report.has_cpuid ? snp_product_name(out->report.product) : "(version 2 does not say)", out->vek.product_name,
			snp_product_name(chain->product), going && chain->pin ? chain->pin->label : "unknown");
}

static void check_vek_binding(struct column *column, struct snp_verified *out)
{
	check_hwid(column, &out->report, &out->vek, out->signer);
	check_tcb(column, &out->report, &out->vek);
	if (out->signer == SNP_SIGNER_VLEK)
		(void)column_check(column, "vek.csp", out->vek.csp_id[0], "the VLEK does not name its cloud provider (csp_id missing or malformed)");
}

static int check_signature(struct column *column, const struct snp_verify_input *input, const struct snp_verified *out, const uint8_t key[static P384_KEY_SIZE])
{
	int r = column_going(column) ? verify_signature(input, key, &out->report) : P384_E_BAD_SIGNATURE;

	if (r < 0)
		return r;
	if (!column_check(column, "report.signature", r == 0, "the report was not signed by this VEK, or was altered after signing"))
		finding_fix(column_failed(column), "take the report again, unaltered, with the VEK of its chip and REPORTED_TCB");
	return 0;
}

static void check_tcb_order(struct column *column, const struct snp_report *report)
{
	bool good = snp_tcb_at_most(&report->reported_tcb, &report->current_tcb) && snp_tcb_at_most(&report->committed_tcb, &report->current_tcb);

	(void)column_check(column, "report.tcb_order", good, "REPORTED_TCB or COMMITTED_TCB is above CURRENT_TCB, which no firmware does");
	if (column_going(column) && !snp_tcb_at_most(&report->reported_tcb, &report->committed_tcb))
		verdict_fail(column->verdict, "report.tcb_committed", FINDING_ADVICE,
			"REPORTED_TCB is above COMMITTED_TCB: the host may still roll its firmware back");
}

static int verify_chain(struct column *column, const struct snp_verify_input *input, struct snp_verified *out)
{
	uint8_t key[P384_KEY_SIZE] = {0};
	struct snp_chain chain;
	int r;

	snp_chain_choose(input->certs, &out->report, &chain);
	r = snp_chain_check(column, input, &out->report, &chain);
	if (r < 0)
		return r;
	check_vek_form(column, &chain, out, key);
	if (column_going(column) && !out->report.has_cpuid)
		snp_report_relayout(&out->report, out->vek.product);
	snp_crl_check(column, input, &chain);
	check_vek_binding(column, out);
	r = check_signature(column, input, out, key);
	if (r < 0)
		return r;
	check_tcb_order(column, &out->report);
	if (chain.pin) {
		out->operator_trust = chain.operator_trust;
		(void)snprintf(out->trust_text, sizeof(out->trust_text), "%s%s", chain.operator_trust ? "operator trust: " : "", chain.pin->label);
	}
	if (column_going(column))
		out->product = out->vek.product;
	return 0;
}

int snp_verify(const struct snp_verify_input *input, struct snp_verified *ret, struct verdict *verdict)
{
	struct snp_verified out = {.product = SNP_PRODUCT_UNKNOWN};
	struct column column = {.verdict = verdict};
	int r = snp_report_decode(input->report, &out.report);

	if (!column_check(&column, "report.size", r == 0, "a report has %d bytes, this has %zu", SNP_REPORT_SIZE, input->report.size)) {
		*ret = out;
		return 0;
	}
	out.signer = snp_report_signer(&out.report) == SNP_SIGNER_VLEK ? SNP_SIGNER_VLEK : SNP_SIGNER_VCEK;
	if (!snp_report_check(&out.report, input->report, verdict))
		column.stopped_by = verdict_first_failed(verdict)->check;
	r = verify_chain(&column, input, &out);
	if (r < 0)
		verdict_fail(verdict, "internal", FINDING_EVIDENCE, "verification could not be carried through: %s", strerror(-r));
	*ret = out;
	return r;
}
