/* SPDX-License-Identifier: Apache-2.0 */
/* What a report must be before any cryptography: SNP ABI, table ATTESTATION_REPORT, and the signer rules of the table's key information. */
#include <stdio.h>
#include <string.h>

#include "snp/check.h"
#include "snp/report.h"

#define KEY_INFO_MASK_CHIP_KEY 2U
#define KEY_INFO_AUTHOR_KEY_EN 1U
#define VMPL_MAX 3U
#define VMPL_HOST UINT32_MAX
#define ALGO_ECDSA_P384_SHA384 1U
#define SCALAR_SIZE 48

#define FIX_RETAKE "take a new report inside the guest; if it fails again, do not trust the host: genuine firmware never reports this"

struct range {
	uint16_t from, to; /* inclusive, as the ABI writes them */
};

static const struct range reserved_always[] = {
	{0x04c, 0x04f}, {0x18b, 0x19f}, {0x1eb, 0x1eb}, {0x1ef, 0x1ef}, {0x208, 0x29f}, {0x2d0, 0x2e7}, {0x318, 0x32f}, {0x330, 0x49f}};
static const struct range reserved_v2[] = {{0x188, 0x18a}, {0x1f8, 0x207}};
/* Version 4 is not published; genuine Turin firmware is said to fill 1F8h..207h, so only version 3 must have zeros there. */
static const struct range reserved_v3[] = {{0x1f8, 0x207}};

/* The order of P-384, little endian as the report writes numbers (SEC 2, secp384r1). */
static const uint8_t order[SCALAR_SIZE] = {0x73, 0x29, 0xc5, 0xcc, 0x6a, 0x19, 0xec, 0xec, 0x7a, 0xa7, 0xb0, 0x48, 0xb2, 0x0d, 0x1a, 0x58, 0xdf, 0x2d,
	0x37, 0xf4, 0x81, 0x4d, 0x63, 0xc7, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
	0xff, 0xff, 0xff, 0xff, 0xff, 0xff};

static bool check_version(const struct snp_report *report, struct verdict *verdict)
{
	struct snp_failure failure;
	bool failed = (report->version < 2 || report->version > 5) &&
		      (report->version == 6
				      ? snp_failed(&failure, "report.version",
						"use a newer sevattest, or a host whose SNP firmware still makes version 5",
						"report version 6 (SNP ABI 1.59): its reserved ranges are not established yet, so it cannot be judged")
				      : snp_failed(&failure, "report.version",
						"check that the file is an SNP report without a header; a newer format needs a newer sevattest",
						"report version %u is none of 2, 3, 4 and 5", report->version));
	bool good;

	if (failed) {
		char version[16];

		(void)snprintf(version, sizeof(version), "%u", report->version);
		snp_failure_values(&failure, version, "2, 3, 4 or 5");
	}
	good = snp_settle(verdict, "report.version", failed, &failure);
	if (good)
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

static bool reserved_failed(const struct snp_report *report, struct bytes input, struct snp_failure *failure)
{
	static const char fix[] = "the report was altered, or comes from firmware that this version does not know: " FIX_RETAKE;
	const struct range *dirty = dirty_range(reserved_always, ARRAY_SIZE(reserved_always), input);
	const char *tcb;

	if (!dirty && report->version == 2)
		dirty = dirty_range(reserved_v2, ARRAY_SIZE(reserved_v2), input);
	if (!dirty && report->version == 3)
		dirty = dirty_range(reserved_v3, ARRAY_SIZE(reserved_v3), input);
	if (dirty && snp_failed(failure, "report.reserved", fix, "bytes %03Xh..%03Xh mean nothing in a version %u report, yet something stands there",
			     dirty->from, dirty->to, report->version)) {
		snp_failure_values(failure, "other bytes", "zeros");
		return true;
	}
	/* Without CPUID the layout is known only after the chain: snp_verify() looks again then. */
	tcb = report->product != SNP_PRODUCT_UNKNOWN ? dirty_tcb(report) : NULL;
	return tcb && snp_failed(failure, "report.reserved", fix, "reserved bytes of %s must be zero on %s", tcb, snp_product_name(report->product));
}

static bool policy_failed(const struct snp_report *report, struct snp_failure *failure)
{
	char actual[32];

	if ((report->policy & SNP_POLICY_RESERVED_ONE) && !(report->policy & ~SNP_POLICY_KNOWN))
		return false;
	if (!snp_failed(failure, "report.policy", FIX_RETAKE, "firmware launches no guest with such a guest policy: bit 17 is always set, bits 63:26 never"))
		return false;
	(void)snprintf(actual, sizeof(actual), "0x%llx", (unsigned long long)report->policy);
	snp_failure_values(failure, actual, "bit 17 set, bits 63:26 clear");
	return true;
}

static bool algorithm_failed(const struct snp_report *report, struct snp_failure *failure)
{
	char actual[16];

	if (report->signature_algo == ALGO_ECDSA_P384_SHA384 ||
		!snp_failed(failure, "report.signature_algo", FIX_RETAKE, "the report names a kind of signature that AMD has not defined (SIGNATURE_ALGO)"))
		return false;
	(void)snprintf(actual, sizeof(actual), "%u", report->signature_algo);
	snp_failure_values(failure, actual, "1 (ECDSA P-384 with SHA-384)");
	return true;
}

static bool signer_failed(const struct snp_report *report, struct snp_failure *failure)
{
	static const char fix[] = "the host decides which key signs: ask its operator to allow the chip's key (MASK_CHIP_KEY off) or to install a VLEK";
	unsigned signer = snp_report_signer(report);
	const char *why = NULL;
	char actual[48];

	if (report->key_info >> 5)
		why = "reserved bits 31:5 of the key information are set";
	else if (signer == SNP_SIGNER_NONE)
		why = "nothing signed this report: the host has forbidden the chip's key (VCEK) and installed no cloud key (VLEK)";
	else if (signer > SNP_SIGNER_VLEK)
		why = "SIGNING_KEY has a value that AMD has not defined";
	else if (signer == SNP_SIGNER_VCEK && report->key_info & KEY_INFO_MASK_CHIP_KEY)
		why = "the report contradicts itself: the host forbids the chip's key (MASK_CHIP_KEY), yet it is said to have signed";
	if (!why || !snp_failed(failure, "report.signer", fix, "%s", why))
		return false;
	(void)snprintf(actual, sizeof(actual), "key information 0x%x", report->key_info);
	snp_failure_values(failure, actual, "SIGNING_KEY 0 (VCEK) or 1 (VLEK)");
	return true;
}

static bool in_order(const uint8_t number[static SCALAR_SIZE])
{
	if (bytes_all_zero(number, SCALAR_SIZE))
		return false;
	for (size_t i = SCALAR_SIZE; i-- > 0;)
		if (number[i] != order[i])
			return number[i] < order[i];
	return false;
}

/* The backends refuse such numbers too; here it is said by name and before any certificate is looked at. */
static bool range_failed(const struct snp_report *report, struct snp_failure *failure)
{
	bool r = in_order(report->signature_r), s = in_order(report->signature_s);

	if ((r && s) || !snp_failed(failure, "report.signature_range", FIX_RETAKE, "no signature has such a number: %s is %s", r ? "S" : "R",
				bytes_all_zero(r ? report->signature_s : report->signature_r, SCALAR_SIZE) ? "zero" : "not below the order of the curve"))
		return false;
	snp_failure_values(failure, r ? "S outside" : "R outside", "R and S of 1 to n-1 (order n of P-384)");
	return true;
}

static bool vmpl_failed(const struct snp_report *report, struct snp_failure *failure)
{
	char actual[16];

	if (report->vmpl <= VMPL_MAX ||
		!snp_failed(failure, "report.vmpl", "take the report from inside the guest",
			report->vmpl == VMPL_HOST ? "the host itself asked for this report, not the guest (VMPL FFFFFFFFh): its REPORT_DATA proves nothing"
						  : "no guest has such a privilege level (VMPL)"))
		return false;
	(void)snprintf(actual, sizeof(actual), "%u", report->vmpl);
	snp_failure_values(failure, actual, "0 to 3");
	return true;
}

static bool product_failed(const struct snp_report *report, struct snp_failure *failure)
{
	char actual[48];

	if (!report->has_cpuid || report->product != SNP_PRODUCT_UNKNOWN ||
		!snp_failed(failure, "report.product", "run the guest on Milan, Genoa, Bergamo, Siena or Turin; a newer chip needs a newer sevattest",
			"the chip is of no product whose AMD root key is built in"))
		return false;
	(void)snprintf(actual, sizeof(actual), "CPUID family %02Xh model %02Xh", report->cpuid_family, report->cpuid_model);
	snp_failure_values(failure, actual, "Milan, Genoa or Turin");
	return true;
}

bool snp_report_check(const struct snp_report *report, struct bytes input, struct verdict *verdict)
{
	struct snp_failure failure;
	bool good = check_version(report, verdict);

	good &= snp_settle(verdict, "report.reserved", reserved_failed(report, input, &failure), &failure);
	good &= snp_settle(verdict, "report.policy", policy_failed(report, &failure), &failure);
	good &= snp_settle(verdict, "report.signature_algo", algorithm_failed(report, &failure), &failure);
	good &= snp_settle(verdict, "report.signer", signer_failed(report, &failure), &failure);
	good &= snp_settle(verdict, "report.signature_range", range_failed(report, &failure), &failure);
	good &= snp_settle(verdict, "report.vmpl", vmpl_failed(report, &failure), &failure);
	if (!snp_settle(verdict, "report.product", product_failed(report, &failure), &failure))
		return false;
	if (report->has_cpuid)
		finding_actual(verdict_last(verdict), "%s", snp_product_name(report->product));
	return good;
}

/* Without a migration agent REPORT_ID_MA is all ones, and only a policy with MIGRATE_MA lets one in. */
static bool migration_failed(const struct snp_report *report, struct snp_failure *failure)
{
	uint8_t none[sizeof(report->report_id_ma)];

	memset(none, 0xff, sizeof(none));
	if (report->policy & SNP_POLICY_MIGRATE_MA || memcmp(report->report_id_ma, none, sizeof(none)) == 0 ||
		!snp_failed(failure, "report.migration_agent", FIX_RETAKE,
			"the guest's policy forbids a migration agent (which could export its memory), yet the report names one"))
		return false;
	snp_failure_values(failure, "a migration agent", "none (REPORT_ID_MA all FFh)");
	return true;
}

/* Spec: LAUNCH_FINISH fills these from the ID block, and leaves all of them zero without one. */
static const char *id_block_objection(const struct snp_report *report)
{
	bool author = report->key_info & KEY_INFO_AUTHOR_KEY_EN, id = !bytes_all_zero(report->id_key_digest, sizeof(report->id_key_digest));
	bool said = report->guest_svn || !bytes_all_zero(report->family_id, sizeof(report->family_id)) ||
		    !bytes_all_zero(report->image_id, sizeof(report->image_id));

	if (author != !bytes_all_zero(report->author_key_digest, sizeof(report->author_key_digest)))
		return author ? "an author key is said to have signed the ID key, but its digest is missing"
			      : "no author key is said to have signed, yet there is a digest of one";
	if (author && !id)
		return "an author key is said to have signed an ID key, but there is no ID key";
	return !id && said ? "family, image or security version are given, but no ID block says so (no ID key)" : NULL;
}

static bool id_block_failed(const struct snp_report *report, struct snp_failure *failure)
{
	const char *why = id_block_objection(report);

	return why && snp_failed(failure, "report.id_block", FIX_RETAKE, "the report contradicts itself: %s", why);
}

void snp_report_check_genuine(const struct snp_report *report, struct verdict *verdict)
{
	struct snp_failure failure;

	(void)snp_settle(verdict, "report.migration_agent", migration_failed(report, &failure), &failure);
	(void)snp_settle(verdict, "report.id_block", id_block_failed(report, &failure), &failure);
}
