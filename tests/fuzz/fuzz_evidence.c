/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Evidence in every form that is recognised, and what it is verified from.
 *
 * planted: scan evidence_read
 * planted: base64-text evidence_read
 */
#include "base/json.h"
#include "evidence/evidence.h"
#include "fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const struct evidence_verify_input input = {.revocation = SNP_REVOCATION_IF_PRESENT, .now = FUZZ_NOW};
	struct evidence evidence = {.kind = EVIDENCE_NONE};
	struct verdict verdict = VERDICT_NULL;
	struct error error = ERROR_NULL;
	struct snp_verified verified;
	struct buf kbs = BUF_NULL;

	if (evidence_read(&evidence, bytes_of(data, size), &error) == 0) {
		struct json_object *shown = evidence_to_json(&evidence);

		json_putp(&shown);
		(void)!evidence_write_kbs(&evidence, &kbs);
		(void)!evidence_verify(&evidence, &input, &verified, &verdict);
	}
	buf_deinit(&kbs);
	verdict_deinit(&verdict);
	evidence_deinit(&evidence);
	return 0;
}
