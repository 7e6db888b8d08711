/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * Claims: the facts that verification has proven, in the form in which the checks of a policy look at them. Nothing in here has been
 * judged. A fact that the evidence cannot give is absent (`has_...` false), never zero.
 */
#include <stdbool.h>
#include <stdint.h>

#include "base/finding.h"
#include "evidence/evidence.h"
#include "snp/report.h"
#include "snp/verify.h"

#define CLAIMS_PCRS 24

struct claims {
	struct snp_report report;
	enum snp_product product; /* from CPUID and chain; never UNKNOWN after a good verification */
	enum snp_line line;       /* SNP_LINE_UNKNOWN for report version 2 */
	enum snp_signer signer;
	char csp_id[SNP_VEK_TEXT_MAX]; /* empty for a VCEK */
	int64_t now;

	bool has_pcrs; /* a verified quote selected `pcr_mask` of the SHA-256 bank */
	uint32_t pcr_mask;
	uint8_t pcrs[CLAIMS_PCRS][32];
};

/* Facts of a report that snp_verify() has passed. `now` is Unix seconds, for `not_after` in policies. */
void claims_from_verified(struct claims *ret, const struct snp_verified *verified, int64_t now);

/*
 * Adds what the evidence proves beside the report: on Azure the PCR values, if `verdict` says that its quote has passed (quote_check() demands that the
 * signed selection covers every value given).
 */
void claims_add_evidence(struct claims *claims, const struct evidence *evidence, const struct verdict *verdict);

/* Adds the PCR values that a verified quote covers: bit i of `mask` says that values[i] is one. */
void claims_add_pcrs(struct claims *claims, uint32_t mask, const uint8_t values[static CLAIMS_PCRS][32]);
