/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * The policy: one JSON document that says which evidence is good enough (sevattest-policy(5), conf/policy.schema.json).
 *
 * policy_read() is strict: every member is parsed, an unknown or duplicate one is an error that names its place. What the document may
 * leave out is "not checked"; what it must state is listed in the manual page. A list means "one of", and an empty list allows nothing.
 */
#include <stdbool.h>

#include "base/bytes.h"
#include "base/error.h"
#include "base/finding.h"
#include "snp/roots.h"
#include "snp/verify.h"

struct policy;

#define POLICY_VERSION 1
#define POLICY_NAME_MAX 128                /* it stands in cookies, tokens and audit records */
#define POLICY_TEXT_MAX ((size_t)16 << 20) /* 100,000 measurements with short labels */

/*
 * Reads a policy document.
 * 0 and a new policy in *ret (policy_free()); -EINVAL with "line L, column C: ..." or "member.path: ..." in `error`; -E2BIG; -ENOMEM.
 */
int policy_read(struct bytes json, struct policy **ret, struct error *error) MUST_CHECK;

struct policy *policy_free(struct policy *policy);
DEFINE_CLEANUP(struct policy *, policy_free)
#define POLICY_AUTO CLEANUP(policy_freep) struct policy *

/* Borrowed; lives as long as the policy. */
const char *policy_name(const struct policy *policy);

/* "kernel-hashes", "id-block", "pcrs" or "unverified". */
const char *policy_os_identity(const struct policy *policy);

/* What the document says, or `otherwise` where it says nothing. */
enum snp_revocation policy_revocation(const struct policy *policy, enum snp_revocation otherwise);

/* The pins of "trust": they count for this policy only. Never NULL. */
const struct snp_pins *policy_pins(const struct policy *policy);

/* True when the policy accepts a VCEK's report without a chip id: hand it to snp_verify(). */
bool policy_allows_masked_chip_id(const struct policy *policy);

/* May a chip that gives no other certificate be asked for at KDS? False when chip_id is stated and does not list it. */
bool policy_may_admit_chip(const struct policy *policy, const uint8_t chip_id[static 64], int64_t now);

/* Adds an ADVICE finding, failed, for each statement of the policy that proves less than its author may think. */
void policy_warnings(const struct policy *policy, struct verdict *verdict);
