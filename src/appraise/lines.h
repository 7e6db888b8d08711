/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* Which rows of policy_lines a chip may be, and the parts of a TCB in the order of a policy: for floors and for advisories. */
#include "appraise/claims.h"
#include "appraise/policy_model.h"

/* CPUID models A0h..AFh are Bergamo or Siena. */
bool line_is_zen4c(enum snp_line line);
/* A version 2 report has no CPUID: it may be any line of its product. */
bool line_may_be(const struct policy_line *row, const struct claims *claims);
void tcb_to_parts(const struct snp_tcb *tcb, uint8_t to[static TCB_PARTS]);
/* One of the report's four. */
const struct snp_tcb *tcb_of(const struct snp_report *report, enum policy_tcb_field field);
/* What helps where this TCB is too low. Static. */
const char *tcb_fix(enum policy_tcb_field field);
/* The first part below its minimum, or TCB_PARTS. */
size_t tcb_first_below(const struct snp_tcb *tcb, const uint8_t min[static TCB_PARTS]);
