/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* The parts of snp_verify() that compare: the chain with the time, the CRLs with time and chain, the VEK with the report; private to snp/.
 * Each adds its findings in order and returns true when all that are mandatory passed. */
#include "snp/chain.h"

bool snp_judge_chain(const struct snp_chain *chain, int64_t now, struct verdict *verdict);
bool snp_judge_product(const struct snp_chain *chain, const struct snp_report *report, struct verdict *verdict);
bool snp_judge_crls(const struct snp_chain *chain, const struct snp_verify_input *input, struct verdict *verdict);
bool snp_judge_vek(const struct snp_chain *chain, const struct snp_report *report, bool allow_masked_chip_id, struct verdict *verdict);
