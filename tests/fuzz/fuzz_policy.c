/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A policy document, and what its author is warned about.
 *
 * planted: scan policy_read
 * planted: hex policy_read
 */
#include "appraise/policy.h"
#include "fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const uint8_t chip_id[64];
	struct verdict verdict = VERDICT_NULL;
	struct error error = ERROR_NULL;
	POLICY_AUTO policy = NULL;

	if (policy_read(bytes_of(data, size), &policy, &error) == 0) {
		policy_warnings(policy, &verdict);
		(void)policy_may_admit_chip(policy, chip_id, FUZZ_NOW);
	}
	verdict_deinit(&verdict);
	return 0;
}
