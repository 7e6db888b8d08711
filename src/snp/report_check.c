/* SPDX-License-Identifier: Apache-2.0 */
/* What a report must be before any cryptography: SNP ABI, table ATTESTATION_REPORT, and the signer rules of the table's key information. */
#include <stdio.h>

#include "base/hooks.h"
#include "snp/report.h"

#define KEY_INFO_MASK_CHIP_KEY 2U
#define VMPL_MAX 3U
#define ALGO_ECDSA_P384_SHA384 1U

struct range {
	uint16_t from, to; /* inclusive, as the ABI writes them */
};

static const struct range reserved_always[] = {
	{0x04c, 0x04f}, {0x18b, 0x19f}, {0x1eb, 0x1eb}, {0x1ef, 0x1ef}, {0x208, 0x29f}, {0x2d0, 0x2e7}, {0x318, 0x32f}, {0x330, 0x49f}};
static const struct range reserved_v2[] = {{0x188, 0x18a}, {0x1f8, 0x207}};
/* Version 4 is not published; genuine Turin firmware is said to fill 1F8h..207h, so only version 3 must have zeros there. */
static const struct range reserved_v3[] = {{0x1f8, 0x207}};

static bool settle(struct verdict *verdict, const char *check, bool good, const char *why, const char *fix)
{
	if (good || hook_disabled(check)) {
		verdict_pass(verdict, check, FINDING_EVIDENCE);
		return true;
	}
	verdict_fail(verdict, check, FINDING_EVIDENCE, "%s", why);
	if (fix)
		finding_fix(verdict_last(verdict), "%s", fix);
	return false;
}

static bool check_version(const struct snp_report *report, struct verdict *verdict)
{
	char why[160];
	bool good = report->version >= 2 && report->version <= 5;

	if (report->version == 6)
		(void)snprintf(why, sizeof(why),
			"report version 6 (SNP ABI 1.59): its reserved ranges are not established yet, so it cannot be judged");
	else
		(void)snprintf(why, sizeof(why), "report version %u is none of 2, 3, 4 and 5", report->version);
	good = settle(verdict, "report.version", good, why, "check that this is an SNP report; a newer format needs a newer sevattest");
	finding_actual(verdict_last(verdict), "%u", report->version);
	return good;
}

static const struct range *dirty_range(const struct range *ranges, size_t count, struct bytes input)
{
	for (size_t i = 0; i < count; i++)
		if (!bytes_all_zero(input.data + ranges[i].from, (size_t)(ranges[i].to - ranges[i].from) + 1))
			return &ranges[i];
	return NULL;
}

static const char *dirty_tcb(const struct snp_report *report)
{
	if (!snp_tcb_reserved_zero(report->current_tcb.raw, report->product))
		return "CURRENT_TCB (038h)";
	if (!snp_tcb_reserved_zero(report->reported_tcb.raw, report->product))
		return "REPORTED_TCB (180h)";
	if (!snp_tcb_reserved_zero(report->committed_tcb.raw, report->product))
		return "COMMITTED_TCB (1E0h)";
	if (!snp_tcb_reserved_zero(report->launch_tcb.raw, report->product))
		return "LAUNCH_TCB (1F0h)";
	return NULL;
}

static bool check_reserved(const struct snp_report *report, struct bytes input, struct verdict *verdict)
{
	const struct range *dirty = dirty_range(reserved_always, ARRAY_SIZE(reserved_always), input);
	const char *tcb = NULL;
	char why[160] = "";

	if (!dirty && report->version == 2)
		dirty = dirty_range(reserved_v2, ARRAY_SIZE(reserved_v2), input);
	if (!dirty && report->version == 3)
		dirty = dirty_range(reserved_v3, ARRAY_SIZE(reserved_v3), input);
	/* Without CPUID the layout is known only after the chain: snp_verify() looks again then. */
	if (!dirty && report->product != SNP_PRODUCT_UNKNOWN)
		tcb = dirty_tcb(report);
	if (dirty)
		(void)snprintf(why, sizeof(why), "reserved bytes %03Xh..%03Xh must be zero in a version %u report", dirty->from, dirty->to,
			report->version);
	else if (tcb)
		(void)snprintf(why, sizeof(why), "reserved bytes of %s must be zero on %s", tcb, snp_product_name(report->product));
	return settle(verdict, "report.reserved", !dirty && !tcb, why,
		"the report was altered, or comes from firmware that this version does not know");
}

static bool check_policy(const struct snp_report *report, struct verdict *verdict)
{
	bool good = (report->policy & SNP_POLICY_RESERVED_ONE) && !(report->policy & ~SNP_POLICY_KNOWN);

	return settle(verdict, "report.policy", good,
		"the guest policy needs bit 17 set and bits 63:26 clear; firmware never launches another", NULL);
}

static bool check_signer(const struct snp_report *report, struct verdict *verdict)
{
	unsigned signer = snp_report_signer(report);
	const char *why = NULL;

	if (report->key_info >> 5)
		why = "reserved bits 31:5 of the key information are set";
	else if (signer == SNP_SIGNER_NONE)
		why = "SIGNING_KEY says that nothing signed this report: the host has forbidden the VCEK and installed no VLEK";
	else if (signer > SNP_SIGNER_VLEK)
		why = "SIGNING_KEY has a reserved value";
	else if (signer == SNP_SIGNER_VCEK && report->key_info & KEY_INFO_MASK_CHIP_KEY)
		why = "MASK_CHIP_KEY forbids the VCEK, yet SIGNING_KEY names it";
	return settle(
		verdict, "report.signer", !why, why ? why : "", "the host decides which key signs: ask its operator for a VCEK or a VLEK");
}

static bool check_vmpl(const struct snp_report *report, struct verdict *verdict)
{
	char why[128];

	(void)snprintf(why, sizeof(why), "VMPL %u: a guest has 0 to 3 (FFFFFFFFh means that the host itself asked)", report->vmpl);
	return settle(verdict, "report.vmpl", report->vmpl <= VMPL_MAX, why, "take the report from inside the guest");
}

static bool check_product(const struct snp_report *report, struct verdict *verdict)
{
	char why[160];

	if (!report->has_cpuid)
		return settle(verdict, "report.product", true, "", NULL);
	(void)snprintf(why, sizeof(why),
		"CPUID family %02Xh model %02Xh is no product whose AMD root key is established (Milan, Genoa, Turin)",
		report->cpuid_family, report->cpuid_model);
	if (!settle(verdict, "report.product", report->product != SNP_PRODUCT_UNKNOWN, why, NULL))
		return false;
	finding_actual(verdict_last(verdict), "%s", snp_product_name(report->product));
	return true;
}

bool snp_report_check(const struct snp_report *report, struct bytes input, struct verdict *verdict)
{
	bool good = check_version(report, verdict);

	good &= check_reserved(report, input, verdict);
	good &= check_policy(report, verdict);
	good &= settle(verdict, "report.signature_algo", report->signature_algo == ALGO_ECDSA_P384_SHA384,
		"SIGNATURE_ALGO is not 1 (ECDSA P-384 with SHA-384), the only one defined", NULL);
	good &= check_signer(report, verdict);
	good &= check_vmpl(report, verdict);
	good &= check_product(report, verdict);
	return good;
}
