/* SPDX-License-Identifier: Apache-2.0 */
#include "appraise/answer.h"

#include "appraise/advisories.h"

/* What is proven, and only then. */
static int add_proven(struct json_object *to, const struct snp_verified *verified)
{
	int r = json_add_text(to, "product", snp_product_name(verified->product));

	if (r == 0)
		r = json_add_text(to, "signer", verified->signer == SNP_SIGNER_VLEK ? "vlek" : "vcek");
	return r < 0 ? r : json_add_text(to, "trust", verified->operator_trust ? verified->trust_text : "AMD");
}

int answer_to_json(struct json_object *to, const struct answer *answer)
{
	int exit_code = verdict_exit(answer->verdict);
	bool genuine = exit_code == EXIT_YES || exit_code == EXIT_POLICY;
	int r = answer->file ? json_add_text(to, "file", answer->file) : 0;

	if (r == 0)
		r = json_add_text(to, "verdict", exit_code == EXIT_YES ? "yes" : "no");
	if (r == 0)
		r = json_add_u64(to, "exit", (uint64_t)exit_code);
	if (r == 0)
		r = json_add_bool(to, "genuine", genuine);
	if (r == 0)
		r = json_add_bool(to, "appraised", answer->appraised);
	if (r == 0 && answer->policy)
		r = json_add_text(to, "policy", policy_name(answer->policy));
	if (r == 0 && genuine)
		r = add_proven(to, answer->verified);
	if (r == 0)
		r = json_add(to, "findings", verdict_to_json(answer->verdict));
	if (r == 0 && genuine && answer->advisories_for)
		r = json_add(to, "advisories", advisories_to_json(answer->advisories_for, policy_tcb_field_mask(answer->policy)));
	if (r == 0 && answer->verified->report.version)
		r = json_add(to, "report", snp_report_to_json(&answer->verified->report));
	return r;
}
