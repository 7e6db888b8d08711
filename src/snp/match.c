/* SPDX-License-Identifier: Apache-2.0 */
/* What the VEK certifies against what the report says. */
#include <stdio.h>
#include <string.h>

#include "base/text.h"
#include "snp/judge.h"
#include "snp/kds.h"

#define FETCH_PRODUCT_FIX "get the certificates of this chip from AMD (https://kdsintf.amd.com): those here are another product's"
#define MATCH_FIX "get the VCEK for this CHIP_ID and for REPORTED_TCB from AMD (https://kdsintf.amd.com)"

static bool is_vlek(const struct snp_report *report)
{
	return snp_report_signer(report) == SNP_SIGNER_VLEK;
}

/* Version 1 came with Turin and its fmcSPL; what the fields are is told by the extensions themselves, so a 0 there does no harm. */
static bool struct_version_fits(const struct snp_chain *chain)
{
	return chain->vek.struct_version <= (chain->product == SNP_TURIN ? 1 : 0);
}

static bool product_failed(const struct snp_chain *chain, const struct snp_report *report, struct snp_failure *failure)
{
	const char *name = snp_product_name(chain->product);

	if (report->has_cpuid && report->product != chain->product &&
		snp_failed(failure, "vek.product", FETCH_PRODUCT_FIX, "the report comes from a %s, the certificate chain is AMD's for %s",
			snp_product_name(report->product), name)) {
		snp_failure_values(failure, name, "%s", snp_product_name(report->product));
		return true;
	}
	if (chain->vek.product != chain->product &&
		snp_failed(failure, "vek.product", FETCH_PRODUCT_FIX, "the VEK's productName does not fit its chain")) {
		snp_failure_values(failure, chain->vek.product_name, "%s, or %s-... with a stepping", name, name);
		return true;
	}
	return !struct_version_fits(chain) &&
	       snp_failed(failure, "vek.product", FETCH_PRODUCT_FIX, "a VEK of %s has at most structVersion %d, this one has %u", name,
		       chain->product == SNP_TURIN, chain->vek.struct_version);
}

bool snp_judge_product(const struct snp_chain *chain, const struct snp_report *report, struct verdict *verdict)
{
	unsigned needed = SNP_VEK_PRODUCT_NAME | SNP_VEK_STRUCT_VERSION;
	struct snp_failure failure;

	if ((chain->vek.present & ~chain->vek.bad & needed) != needed && (!report->has_cpuid || report->product == chain->product)) {
		verdict_skip(verdict, "vek.product", FINDING_EVIDENCE, "the VEK does not state its product readably: see vek.extensions");
		return true;
	}
	return snp_settle(verdict, "vek.product", product_failed(chain, report, &failure), &failure);
}

static unsigned needed_extensions(const struct snp_chain *chain, const struct snp_report *report)
{
	unsigned needed =
		SNP_VEK_STRUCT_VERSION | SNP_VEK_PRODUCT_NAME | SNP_VEK_BOOTLOADER | SNP_VEK_TEE | SNP_VEK_SNP | SNP_VEK_MICROCODE;

	if (chain->product == SNP_TURIN)
		needed |= SNP_VEK_FMC;
	return is_vlek(report) ? needed : needed | SNP_VEK_HWID; /* csp_id has a check of its own */
}

static bool extensions_failed(const struct snp_chain *chain, const struct snp_report *report, struct snp_failure *failure)
{
	const struct snp_vek *vek = &chain->vek;
	unsigned foreign = (is_vlek(report) ? SNP_VEK_HWID : SNP_VEK_CSP_ID) | (chain->product == SNP_TURIN ? 0U : SNP_VEK_FMC);
	unsigned lacking = needed_extensions(chain, report) & ~vek->present;
	unsigned bad = vek->bad & ~(unsigned)(SNP_VEK_HWID | SNP_VEK_CSP_ID); /* these two have checks of their own */
	static const char fix[] = "AMD issues no such certificate: " MATCH_FIX;

	if (vek->twice)
		return snp_failed(
			failure, "vek.extensions", fix, "the extension %s stands there twice", snp_vek_extension_name(vek->twice));
	if (lacking)
		return snp_failed(failure, "vek.extensions", fix, "the extension %s is missing", snp_vek_extension_name(lacking));
	if (vek->present & foreign)
		return snp_failed(failure, "vek.extensions", fix, "the extension %s does not belong into a %s of %s",
			snp_vek_extension_name(vek->present & foreign), is_vlek(report) ? "VLEK" : "VCEK",
			snp_product_name(chain->product));
	if (bad)
		return snp_failed(
			failure, "vek.extensions", fix, "the extension %s is not the exact DER of its type", snp_vek_extension_name(bad));
	return !vek->spl_reserved_zero && snp_failed(failure, "vek.extensions", fix, "one of spl_4 to spl_7 is not 0");
}

static bool masked_failed(bool allowed, struct snp_failure *failure)
{
	return !allowed &&
	       snp_failed(failure, "vek.hwid", "ask the host's operator to unset MASK_CHIP_ID, or allow it in the policy (masked_chip_id)",
		       "the host has masked CHIP_ID (all zero): nothing ties this report to the chip of the VCEK");
}

static bool hwid_failed(const struct snp_chain *chain, const struct snp_report *report, bool allow_masked, struct snp_failure *failure)
{
	const struct snp_vek *vek = &chain->vek;
	size_t wanted = chain->product == SNP_TURIN ? SNP_TURIN_HWID_SIZE : SNP_CHIP_ID_SIZE;
	char hwid[2 * SNP_HWID_MAX + 1], chip[2 * SNP_CHIP_ID_SIZE + 1];

	if (vek->bad & SNP_VEK_HWID || vek->hwid_size != wanted)
		return snp_failed(failure, "vek.hwid", "AMD issues no such certificate: " MATCH_FIX,
			"the VCEK's hwID does not have the %zu bytes of %s", wanted, snp_product_name(chain->product));
	if (bytes_all_zero(report->chip_id, SNP_CHIP_ID_SIZE))
		return masked_failed(allow_masked, failure);
	if (!bytes_all_zero(report->chip_id + wanted, SNP_CHIP_ID_SIZE - wanted))
		return snp_failed(failure, "vek.hwid", "take a new report inside the guest; genuine firmware never reports this",
			"CHIP_ID of %s has 8 bytes, the 56 behind them must be zero",
			snp_product_name(chain->product));
	if (memcmp(vek->hwid, report->chip_id, wanted) == 0 ||
		!snp_failed(failure, "vek.hwid", MATCH_FIX, "the VCEK belongs to another chip"))
		return false;
	hex_encode(hwid, vek->hwid, wanted);
	hex_encode(chip, report->chip_id, wanted);
	snp_failure_values(failure, hwid, "%s", chip);
	return true;
}

/* "microcode: report 219, certificate 220", for each part that differs. */
static void differing_parts(char *to, size_t size, const struct snp_tcb *report, const struct snp_tcb *vek)
{
	const struct {
		const char *name;
		uint8_t report, vek;
	} parts[] = {{"fmc", report->fmc, vek->fmc}, {"bootloader", report->bootloader, vek->bootloader}, {"tee", report->tee, vek->tee},
		{"snp", report->snp, vek->snp}, {"microcode", report->microcode, vek->microcode}};
	size_t used = 0;

	to[0] = '\0';
	for (size_t i = 0; i < ARRAY_SIZE(parts); i++)
		if (parts[i].report != parts[i].vek && used < size)
			used += (size_t)snprintf(to + used, size - used, "%s%s: report %u, certificate %u", used ? "; " : "", parts[i].name,
				parts[i].report, parts[i].vek);
}

/* Another TCB of the report that the certificate would fit: the usual mistake is a VCEK fetched for CURRENT_TCB. */
static const char *fitting_tcb(const struct snp_report *report, const struct snp_tcb *vek)
{
	if (snp_tcb_equal(&report->current_tcb, vek))
		return "it fits CURRENT_TCB of this report";
	if (snp_tcb_equal(&report->committed_tcb, vek))
		return "it fits COMMITTED_TCB of this report";
	return snp_tcb_equal(&report->launch_tcb, vek) ? "it fits LAUNCH_TCB of this report" : "it fits no TCB of this report";
}

/* The address of the right one: nothing of it is secret. A VLEK is given to its cloud only. */
static void tcb_fix(char *to, size_t size, const struct snp_chain *chain, const struct snp_report *report)
{
	char path[SNP_KDS_PATH_MAX];

	if (is_vlek(report))
		(void)snprintf(to, size,
			"the host's VLEK is for other firmware than it reports: take report and certificate table together, from the same host");
	else if (snp_kds_vcek_path(path, chain->product, report->chip_id, &report->reported_tcb) == 0)
		(void)snprintf(to, size, "get the certificate for REPORTED_TCB and give it with --certs: https://kdsintf.amd.com%s", path);
	else
		(void)snprintf(to, size, MATCH_FIX);
}

static bool tcb_failed(const struct snp_chain *chain, const struct snp_report *report, struct snp_failure *failure)
{
	char parts[160], expected[SNP_TCB_TEXT_MAX], actual[SNP_TCB_TEXT_MAX], fix[sizeof(failure->fix)];

	if (snp_tcb_equal(&report->reported_tcb, &chain->vek.tcb))
		return false;
	differing_parts(parts, sizeof(parts), &report->reported_tcb, &chain->vek.tcb);
	tcb_fix(fix, sizeof(fix), chain, report);
	if (!snp_failed(failure, "vek.tcb", fix, "the certificate was issued for other firmware than this report was signed under (%s); %s",
		    parts, fitting_tcb(report, &chain->vek.tcb)))
		return false;
	snp_tcb_text(expected, &report->reported_tcb);
	snp_tcb_text(actual, &chain->vek.tcb);
	snp_failure_values(failure, actual, "REPORTED_TCB: %s", expected);
	return true;
}

static bool csp_failed(const struct snp_vek *vek, struct snp_failure *failure)
{
	static const char fix[] = "AMD issues no such VLEK: ask the cloud for its own";

	if (!(vek->present & SNP_VEK_CSP_ID))
		return snp_failed(failure, "vek.csp", fix, "the VLEK does not say which cloud it was issued to (csp_id)");
	return vek->bad & SNP_VEK_CSP_ID &&
	       snp_failed(failure, "vek.csp", fix, "the VLEK's csp_id is not a non-empty IA5String in exact DER");
}

bool snp_judge_vek(const struct snp_chain *chain, const struct snp_report *report, bool allow_masked_chip_id, struct verdict *verdict)
{
	struct snp_failure failure;
	bool good = snp_settle(verdict, "vek.extensions", extensions_failed(chain, report, &failure), &failure);

	if (!is_vlek(report))
		good &= snp_settle(verdict, "vek.hwid", hwid_failed(chain, report, allow_masked_chip_id, &failure), &failure);
	good &= snp_settle(verdict, "vek.tcb", tcb_failed(chain, report, &failure), &failure);
	if (is_vlek(report))
		good &= snp_settle(verdict, "vek.csp", csp_failed(&chain->vek, &failure), &failure);
	return good;
}
