/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* The answer to "is it genuine, and is it what the policy demands" as one JSON object: the same for the command line and for the library. */
#include "appraise/claims.h"
#include "appraise/policy.h"
#include "base/json.h"

struct answer {
	const char *file;                     /* what was judged, or NULL: nobody named it */
	const struct policy *policy;          /* or NULL: none was given */
	bool appraised;                       /* the policy was applied */
	const struct verdict *verdict;        /* with verdict_exit() one of EXIT_YES, EXIT_EVIDENCE, EXIT_POLICY */
	const struct snp_verified *verified;
	const struct claims *advisories_for;  /* what a genuine report proves, to add AMD's bulletins; or NULL: not asked for */
};

/*
 * Adds the members file, verdict, exit, genuine, appraised, policy, product, signer, trust, findings, advisories, report, those that there are.
 * What is only true of genuine evidence stands in a genuine answer only. 0, -ENOMEM.
 */
int answer_to_json(struct json_object *to, const struct answer *answer) MUST_CHECK;
