/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * Appraisal: does what was proven match what the owner of the key demands? One finding per member that the policy states, in fixed order
 * (check.h), then the policy's own warnings. The caller verifies first: claims of unverified evidence mean nothing.
 */
#include "appraise/claims.h"
#include "appraise/policy.h"
#include "base/finding.h"
#include "base/json.h"

/*
 * Adds the findings of `policy` for `claims` to `verdict`.
 * 0: it ran, the verdict says yes or no; -ENOMEM: could not tell (verdict->out_of_memory is set as well).
 */
int appraise(const struct policy *policy, const struct claims *claims, struct verdict *verdict) MUST_CHECK;
