/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* checks.json: cases of a genuine report, a policy, and the check that must fail first. Everything asserts. */
#include "appraise/appraise.h"
#include "base/json.h"

#define CASES_NOW 1780272000 /* 2026-06-01T00:00:00Z: the cases' not_after stand around it */

/* All of them; the caller puts the array. */
struct json_object *cases_read(void);
/* What evidence of the case's report proves. */
void cases_claims(struct json_object *row, struct claims *claims);
struct policy *cases_policy(struct json_object *row);
/* The first POLICY finding that has not passed; NULL without one. */
const char *cases_first_failed(const struct verdict *verdict);
