/* SPDX-License-Identifier: Apache-2.0 */
/* Checks of the vTPM. What cannot be checked yet fails: a policy that demands it must never pass by our ignorance. */
#include <stdio.h>

#include "appraise/check.h"
#include "base/text.h"

void check_unsupported(const struct check *check, const struct policy *policy, const struct claims *claims, struct verdict *verdict)
{
	(void)policy;
	(void)claims;
	verdict_fail(verdict, check->name, check->class, "not supported yet: this version cannot check %s", check->summary);
	finding_fix(verdict_last(verdict), "leave this member out of the policy");
}

/* One PCR; false and a failed finding when it does not match. */
static bool check_pcr(
	const struct check *check, const struct allow_list *list, unsigned pcr, const struct claims *claims, struct verdict *verdict)
{
	const struct allow_entry *entry;
	char hex[2 * 32 + 1];

	if (!(claims->pcr_mask & (1u << pcr))) {
		verdict_fail(verdict, check->name, check->class, "the quote does not cover PCR %u", pcr);
		finding_fix(verdict_last(verdict), "let the agent quote all PCRs");
		return false;
	}
	entry = allow_find(list, claims->pcrs[pcr], sizeof(claims->pcrs[pcr]));
	if (entry && claims->now < entry->not_after)
		return true;
	hex_encode(hex, claims->pcrs[pcr], sizeof(claims->pcrs[pcr]));
	verdict_fail(verdict, check->name, check->class, "PCR %u has a value that the policy %s", pcr,
		entry ? "admitted until its not_after only" : "does not list");
	finding_expected(verdict_last(verdict), "PCR %u: one of %zu values of the policy", pcr, list->count);
	finding_actual(verdict_last(verdict), "PCR %u: %s", pcr, hex);
	finding_fix(verdict_last(verdict),
		"boot the image that was measured, or add this value after you have predicted it from your own build");
	return false;
}

void check_pcrs(const struct check *check, const struct policy *policy, const struct claims *claims, struct verdict *verdict)
{
	size_t checked = 0;

	if (!claims->has_pcrs) {
		verdict_fail(verdict, check->name, check->class, "the evidence has no verified TPM quote");
		finding_fix(verdict_last(verdict), "use a provider with a vTPM (Azure), or another os_identity");
		return;
	}
	for (unsigned i = 0; i < ARRAY_SIZE(policy->tpm.pcrs); i++) {
		if (!policy->tpm.pcrs[i].stated)
			continue;
		if (!check_pcr(check, &policy->tpm.pcrs[i], i, claims, verdict))
			return;
		checked++;
	}
	if (checked)
		verdict_pass(verdict, check->name, check->class);
	else
		verdict_fail(verdict, check->name, check->class, "tpm.pcrs lists no PCR: a check of nothing has not passed");
}
