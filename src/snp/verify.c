/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One straight column: each stage adds its findings in order, and a stage whose prerequisite failed says `not checked`. Nothing here can
 * turn a verdict into a yes; verdict_ok() asks for every mandatory finding.
 */
#include "snp/verify.h"

#include <errno.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <string.h>

#include "base/crypto.h"
#include "snp/cache_internal.h"
#include "snp/judge.h"
#include "snp/p384.h"

const char *const snp_check_names[] = {"report.size", "report.version", "report.reserved", "report.policy", "report.signature_algo",
	"report.signer", "report.signature_range", "report.vmpl", "report.product", "cert.parse", "chain.missing", "chain.names", "vek.kind", "chain.pin",
	"chain.signature_algo", "chain.ca", "chain.extensions", "chain.validity", "chain.signature", "chain.intermediate", "vek.key",
	"vek.product", "crl.missing", "crl.parse", "crl.issuer", "crl.signature_algo", "crl.extensions", "crl.signature", "crl.fresh",
	"crl.revoked", "vek.extensions", "vek.hwid", "vek.tcb", "vek.csp", "report.tcb_reserved", "report.signature", "report.tcb_order",
	"report.tcb_committed", "report.migration_agent", "report.id_block", NULL};

/* Not every name belongs to every report: the rows that a good verdict would have too. */
static bool applies(const char *check, const struct snp_report *report)
{
	if (strcmp(check, "vek.csp") == 0)
		return snp_report_signer(report) == SNP_SIGNER_VLEK;
	if (strcmp(check, "vek.hwid") == 0)
		return snp_report_signer(report) != SNP_SIGNER_VLEK;
	if (strcmp(check, "report.tcb_reserved") == 0)
		return !report->has_cpuid;
	return strncmp(check, "crl.", 4) != 0 || strcmp(check, "crl.missing") == 0;
}

static bool is_advice(const char *check)
{
	return strncmp(check, "crl.", 4) == 0 || strcmp(check, "report.tcb_committed") == 0;
}

/* All checks from `first` on. */
static void skip_from(const char *first, const struct snp_report *report, const char *why, struct verdict *verdict)
{
	bool begun = false;

	for (size_t i = 0; snp_check_names[i]; i++) {
		begun = begun || strcmp(snp_check_names[i], first) == 0;
		if (begun && applies(snp_check_names[i], report))
			verdict_skip(
				verdict, snp_check_names[i], is_advice(snp_check_names[i]) ? FINDING_ADVICE : FINDING_EVIDENCE, "%s", why);
	}
}

/* What sizes people meet by mistake. */
static const char *size_hint(size_t size)
{
	switch (size) {
	case SNP_REPORT_SIZE + 32:
		return ": the 32 bytes of the firmware's answer are still in front of it";
	case 4000:
		return ": this is the whole answer of the ioctl, the report is inside it from byte 32 on";
	case SNP_SIGNED_SIZE:
		return ": the signature is missing";
	default:
		return "";
	}
}

/* With this check switched off a report that is too long is judged by its first bytes. */
static bool check_size(struct snp_verify_input *input, struct snp_report *report, struct verdict *verdict)
{
	struct snp_failure failure;
	size_t size = input->report.size;
	bool failed = size != SNP_REPORT_SIZE &&
		      snp_failed(&failure, "report.size",
			      "give the report alone: no header of the ioctl's answer, no padding, no certificates behind it",
			      "an attestation report has exactly %d bytes%s", SNP_REPORT_SIZE, size_hint(size));
	char actual[32];

	if (failed) {
		(void)snprintf(actual, sizeof(actual), "%zu", size);
		snp_failure_values(&failure, actual, "%d", SNP_REPORT_SIZE);
	} else if (size > SNP_REPORT_SIZE) {
		input->report.size = SNP_REPORT_SIZE;
	}
	return snp_settle(verdict, "report.size", failed, &failure) && snp_report_decode(input->report, report) == 0;
}

static int digest_add(EVP_MD_CTX *context, const void *data, size_t size)
{
	uint64_t prefix = size;

	return EVP_DigestUpdate(context, &prefix, sizeof(prefix)) == 1 && EVP_DigestUpdate(context, data, size) == 1 ? 0 : -EIO;
}

/* Everything that snp_chain_judge() looks at: all certificates and CRLs, the pins, and what of the report chooses among them. */
static int digest_inputs(EVP_MD_CTX *context, const struct snp_verify_input *input, const struct snp_report *report)
{
	unsigned signer = snp_report_signer(report);
	int r = digest_add(context, &signer, sizeof(signer));

	if (r == 0)
		r = digest_add(context, report->chip_id, sizeof(report->chip_id));
	if (r == 0)
		r = digest_add(context, report->reported_tcb.raw, sizeof(report->reported_tcb.raw));
	for (size_t i = 0; r == 0 && i < input->certs->count; i++) {
		unsigned kind = input->certs->items[i].kind;

		r = digest_add(context, &kind, sizeof(kind));
		if (r == 0)
			r = digest_add(context, input->certs->items[i].der.data, input->certs->items[i].der.size);
	}
	for (size_t i = 0; r == 0 && input->extra_pins && i < input->extra_pins->count && i < SNP_PINS_MAX; i++) {
		const struct snp_pin *pin = &input->extra_pins->items[i];

		r = digest_add(context, pin->spki_sha256, sizeof(pin->spki_sha256));
		if (r == 0)
			r = digest_add(context, pin->label, strnlen(pin->label, sizeof(pin->label)));
		if (r == 0)
			r = digest_add(context, &pin->product, sizeof(pin->product));
	}
	return r;
}

static int digest_of(const struct snp_verify_input *input, const struct snp_report *report, uint8_t ret[static 32])
{
	EVP_MD_CTX *context = EVP_MD_CTX_new();
	int r = -ENOMEM;

	if (context && EVP_DigestInit_ex(context, EVP_sha256(), NULL) == 1)
		r = digest_inputs(context, input, report);
	if (r == 0 && EVP_DigestFinal_ex(context, ret, NULL) != 1)
		r = -EIO;
	EVP_MD_CTX_free(context);
	return r;
}

/* The chain from the cache, or judged now. */
static int find_chain(const struct snp_verify_input *input, const struct snp_report *report, struct snp_chain *ret)
{
	bool cached = input->cache && !input->certs->bad_certificate[0];
	uint8_t digest[32];
	int r;

	if (cached) {
		r = digest_of(input, report, digest);
		if (r < 0)
			return r;
		if (snp_vek_cache_get(input->cache, digest, ret))
			return 0;
	}
	r = snp_chain_judge(input, report, ret);
	if (r == 0 && cached && !ret->failure.check)
		snp_vek_cache_put(input->cache, digest, ret);
	return r;
}

/* Version 2 does not say its product, so its TCBs could not be read before. */
static bool check_tcb_layout(const struct snp_report *report, enum snp_product product, struct verdict *verdict)
{
	const struct snp_tcb *const tcbs[] = {&report->current_tcb, &report->reported_tcb, &report->committed_tcb, &report->launch_tcb};
	struct snp_failure failure;
	bool zero = true;

	for (size_t i = 0; i < ARRAY_SIZE(tcbs); i++)
		zero = zero && snp_tcb_reserved_zero(tcbs[i]->raw, product);
	return snp_settle(verdict, "report.tcb_reserved",
		!zero && snp_failed(&failure, "report.tcb_reserved",
				 "take a new report inside the guest; if it fails again, do not trust the host: genuine firmware never reports this",
				 "reserved bytes of a TCB field must be zero on %s", snp_product_name(product)),
		&failure);
}

/* Little endian with 24 bytes of zeros behind, to big endian. False when the number is longer than 48 bytes. */
static bool turn(uint8_t to[static P384_SIZE], const uint8_t from[static 72])
{
	for (size_t i = 0; i < P384_SIZE; i++)
		to[i] = from[P384_SIZE - 1 - i];
	return bytes_all_zero(from + P384_SIZE, 72 - P384_SIZE);
}

static int check_signature(
	const struct snp_verify_input *input, const struct snp_report *report, const uint8_t key[static 96], struct verdict *verdict)
{
	uint8_t digest[SHA384_SIZE], r[P384_SIZE], s[P384_SIZE];
	struct snp_failure failure;
	int result = sha384(digest, bytes_of(input->report.data, SNP_SIGNED_SIZE));

	if (result < 0)
		return result;
	if (turn(r, report->signature_r) && turn(s, report->signature_s)) {
		if (input->p384_operations)
			(*input->p384_operations)++;
		result = p384_verify(key, digest, r, s);
	} else {
		result = P384_E_BAD_SIGNATURE;
	}
	if (result < 0)
		return result;
	(void)snp_settle(verdict, "report.signature",
		result != 0 && snp_failed(&failure, "report.signature",
				       "take a new report inside the guest and its certificate from the same host; if it fails again, the report is forged",
				       "the key of the chip's certificate did not sign these bytes: the report was altered, or another key signed it"),
		&failure);
	return 0;
}

static void check_tcb_order(const struct snp_report *report, struct verdict *verdict)
{
	bool reported = snp_tcb_at_most(&report->reported_tcb, &report->current_tcb),
	     committed = snp_tcb_at_most(&report->committed_tcb, &report->current_tcb);
	char current[SNP_TCB_TEXT_MAX], other[SNP_TCB_TEXT_MAX];
	struct snp_failure failure;
	bool failed = !(reported && committed) &&
		      snp_failed(&failure, "report.tcb_order", "genuine firmware never reports this: do not trust the platform",
			      "%s is newer than CURRENT_TCB, the firmware that runs", reported ? "COMMITTED_TCB" : "REPORTED_TCB");

	if (failed) {
		snp_tcb_text(current, &report->current_tcb);
		snp_tcb_text(other, reported ? &report->committed_tcb : &report->reported_tcb);
		snp_failure_values(&failure, other, "at most %s", current);
	}
	(void)snp_settle(verdict, "report.tcb_order", failed, &failure);
	if (snp_tcb_at_most(&report->reported_tcb, &report->committed_tcb) ||
		!snp_failed(&failure, "report.tcb_committed",
			"ask the host's operator to commit the firmware; a policy can demand a minimum of COMMITTED_TCB (tcb_fields)",
			"REPORTED_TCB is above COMMITTED_TCB: the host may still roll its firmware back")) {
		verdict_pass(verdict, "report.tcb_committed", FINDING_ADVICE);
		return;
	}
	snp_tcb_text(current, &report->committed_tcb);
	snp_tcb_text(other, &report->reported_tcb);
	snp_failure_values(&failure, other, "at most COMMITTED_TCB: %s", current);
	snp_failure_add(&failure, FINDING_ADVICE, verdict);
}

static void note_trust(const struct snp_chain *chain, struct snp_verified *out)
{
	out->operator_trust = chain->operator_trust;
	if (chain->operator_trust)
		(void)snprintf(out->trust_text, sizeof(out->trust_text), "operator trust: %s (not AMD's)", chain->pin.label);
	else
		(void)snprintf(out->trust_text, sizeof(out->trust_text), "AMD %s", chain->pin.label);
}

/* From the product on: the chain's signatures are good. */
static int check_content(
	const struct snp_verify_input *input, const struct snp_chain *chain, struct snp_verified *out, struct verdict *verdict)
{
	bool agrees;
	int r;

	note_trust(chain, out);
	out->vek = chain->vek;
	agrees = snp_judge_product(chain, &out->report, verdict);
	(void)snp_judge_crls(chain, input, verdict);
	if (!agrees) {
		skip_from("vek.extensions", &out->report, "vek.product failed before", verdict);
		return 0;
	}
	out->product = chain->product;
	if (!out->report.has_cpuid)
		snp_report_relayout(&out->report, chain->product);
	(void)snp_judge_vek(chain, &out->report, input->allow_masked_chip_id, verdict);
	if (!out->report.has_cpuid)
		(void)check_tcb_layout(&out->report, chain->product, verdict);
	r = check_signature(input, &out->report, chain->key, verdict);
	if (r < 0) {
		skip_from("report.signature", &out->report, "the signature could not be computed", verdict);
		return r;
	}
	check_tcb_order(&out->report, verdict);
	snp_report_check_genuine(&out->report, verdict);
	return 0;
}

static int run(struct snp_verify_input *input, struct snp_verified *out, struct verdict *verdict)
{
	struct snp_chain chain;
	int r;

	if (!check_size(input, &out->report, verdict)) {
		skip_from("report.version", &out->report, "report.size failed before", verdict);
		return 0;
	}
	out->product = out->report.product;
	out->signer = (enum snp_signer)snp_report_signer(&out->report);
	if (!snp_report_check(&out->report, input->report, verdict)) {
		skip_from("cert.parse", &out->report, "the report itself is malformed", verdict);
		return 0;
	}
	r = find_chain(input, &out->report, &chain);
	if (r < 0) {
		skip_from("cert.parse", &out->report, "the certificates could not be read for want of memory", verdict);
		return r;
	}
	(void)snp_judge_chain(&chain, input->now, verdict);
	if (chain.failure.check) {
		skip_from("vek.product", &out->report, "the certificate chain failed before", verdict);
		return 0;
	}
	return check_content(input, &chain, out, verdict);
}

int snp_verify(const struct snp_verify_input *input, struct snp_verified *ret, struct verdict *verdict)
{
	struct snp_verify_input own = *input;
	struct snp_verified out;
	int r;

	memset(&out, 0, sizeof(out));
	r = run(&own, &out, verdict);
	*ret = out;
	return r;
}
