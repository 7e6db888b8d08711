/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * The table of checks: one row for each thing that a policy can demand, in the order in which a verdict lists them. The name is the
 * policy's member (without "snp."), and the heading in sevattest-policy(5).
 *
 * To add a check: an eval function in a checks_*.c, its row in check.c, its member in policy_snp.c and conf/policy.schema.json, its
 * paragraph in the manual page, its cases in tests/unit/appraise.
 *
 * The order matters where one report fails several checks, because the first failure is what a person is told. Who signed comes first,
 * then what runs, then how it may run, and the floors last: a guest on old firmware that is also the wrong image should hear of the image.
 */
#include "appraise/claims.h"
#include "appraise/policy_model.h"

struct check {
	const char *name;
	const char *summary;
	enum finding_class class;
	/* True when the policy demands it; then eval runs and adds exactly one finding with check->name. */
	bool (*stated)(const struct policy *policy);
	void (*eval)(const struct check *check, const struct policy *policy, const struct claims *claims, struct verdict *verdict);
};

extern const struct check all_checks[];
extern const size_t all_checks_count;

/* The bit tables are checks too, one per bit; they stand where "guest_policy" and "platform_info" stand in the table. */
void check_guest_policy(const struct check *check, const struct policy *policy, const struct claims *claims, struct verdict *verdict);
void check_platform_info(const struct check *check, const struct policy *policy, const struct claims *claims, struct verdict *verdict);

/* checks_identity.c */
void check_products(const struct check *check, const struct policy *policy, const struct claims *claims, struct verdict *verdict);
void check_signer(const struct check *check, const struct policy *policy, const struct claims *claims, struct verdict *verdict);
void check_csp_id(const struct check *check, const struct policy *policy, const struct claims *claims, struct verdict *verdict);
void check_chip_id(const struct check *check, const struct policy *policy, const struct claims *claims, struct verdict *verdict);
void check_chip_id_denied(const struct check *check, const struct policy *policy, const struct claims *claims, struct verdict *verdict);
void check_masked_chip_id(const struct check *check, const struct policy *policy, const struct claims *claims, struct verdict *verdict);
void check_vmpl(const struct check *check, const struct policy *policy, const struct claims *claims, struct verdict *verdict);
void check_measurement(const struct check *check, const struct policy *policy, const struct claims *claims, struct verdict *verdict);
void check_host_data(const struct check *check, const struct policy *policy, const struct claims *claims, struct verdict *verdict);
void check_id_key_digest(const struct check *check, const struct policy *policy, const struct claims *claims, struct verdict *verdict);
void check_author_key_digest(const struct check *check, const struct policy *policy, const struct claims *claims, struct verdict *verdict);
void check_family_id(const struct check *check, const struct policy *policy, const struct claims *claims, struct verdict *verdict);
void check_image_id(const struct check *check, const struct policy *policy, const struct claims *claims, struct verdict *verdict);
void check_guest_svn(const struct check *check, const struct policy *policy, const struct claims *claims, struct verdict *verdict);

/* checks_platform.c */
void check_abi_min(const struct check *check, const struct policy *policy, const struct claims *claims, struct verdict *verdict);
void check_firmware_min(const struct check *check, const struct policy *policy, const struct claims *claims, struct verdict *verdict);
void check_provisional(const struct check *check, const struct policy *policy, const struct claims *claims, struct verdict *verdict);
void check_mitigations_launch(const struct check *check, const struct policy *policy, const struct claims *claims, struct verdict *verdict);
void check_mitigations_current(
	const struct check *check, const struct policy *policy, const struct claims *claims, struct verdict *verdict);

/* checks_tcb.c */
void check_tcb_min(const struct check *check, const struct policy *policy, const struct claims *claims, struct verdict *verdict);
void check_advisories(const struct check *check, const struct policy *policy, const struct claims *claims, struct verdict *verdict);

/* checks_tpm.c */
void check_pcrs(const struct check *check, const struct policy *policy, const struct claims *claims, struct verdict *verdict);
void check_unsupported(const struct check *check, const struct policy *policy, const struct claims *claims, struct verdict *verdict);
