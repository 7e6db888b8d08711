/* SPDX-License-Identifier: Apache-2.0 */
#include "appraise/claims.h"

#include <stdio.h>
#include <string.h>

void claims_from_verified(struct claims *ret, const struct snp_verified *verified, int64_t now)
{
	memset(ret, 0, sizeof(*ret));
	ret->report = verified->report;
	ret->product = verified->product;
	ret->signer = verified->signer;
	ret->now = now;
	if (verified->signer == SNP_SIGNER_VLEK && (verified->vek.present & SNP_VEK_CSP_ID))
		(void)snprintf(ret->csp_id, sizeof(ret->csp_id), "%s", verified->vek.csp_id);
	if (ret->report.has_cpuid)
		ret->line = snp_line_of(ret->report.cpuid_family, ret->report.cpuid_model, ret->report.cpuid_stepping);
}

void claims_add_evidence(struct claims *claims, const struct evidence *evidence, const struct verdict *verdict)
{
	const struct finding *quote = verdict_find(verdict, "quote.pcr_digest");

	_Static_assert(EVIDENCE_PCR_COUNT == CLAIMS_PCRS && EVIDENCE_PCR_SIZE == sizeof(claims->pcrs[0]), "the same PCRs");
	if (evidence->kind == EVIDENCE_AZ_SNP_VTPM && quote && quote->state == FINDING_PASSED)
		claims_add_pcrs(claims, (UINT32_C(1) << CLAIMS_PCRS) - 1, evidence->pcrs);
}

void claims_add_pcrs(struct claims *claims, uint32_t mask, const uint8_t values[static CLAIMS_PCRS][32])
{
	claims->has_pcrs = true;
	claims->pcr_mask = mask & ((UINT32_C(1) << CLAIMS_PCRS) - 1);
	memcpy(claims->pcrs, values, sizeof(claims->pcrs));
}
