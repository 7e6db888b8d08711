/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* Reports and policies in words: what each bit and each part says, for an operator who has not read AMD's specification. It judges nothing. */
#include "appraise/policy.h"
#include "base/json.h"
#include "snp/report.h"

/*
 * [{"field": "guest_policy.debug", "value": "0", "meaning": "debugging is off"}]: version, signer, chip, policy and platform bits, each part of the four TCBs,
 * mitigation vectors. Bits that are reserved stand there only when they are 1. NULL without memory; the caller puts it.
 */
struct json_object *explain_report(const struct snp_report *report);

/* [{"check": "guest_policy.debug", "demands": "debugging is off"}]: everything that the policy checks, in the order of a verdict. NULL without memory. */
struct json_object *explain_policy(const struct policy *policy);
