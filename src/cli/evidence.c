/* SPDX-License-Identifier: Apache-2.0 */
/* Evidence in its JSON and HCL forms, for `verify`. */
#include "evidence/evidence.h"

#include <errno.h>
#include <string.h>

#include "cli/inputs.h"

int inputs_verify_evidence(struct verify_subject *subject, struct snp_verified *ret, struct verdict *verdict, struct error *error)
{
	CLEANUP(evidence_deinit) struct evidence evidence = {.kind = EVIDENCE_NONE};
	const struct evidence_verify_input input = {
		.extra_certs = subject->certs,
		.pins = subject->pins,
		.revocation = subject->revocation,
		.now = subject->now,
		.allow_masked_chip_id = subject->allow_masked_chip_id,
		.report_data = subject->report_data,
	};
	int r;

	r = evidence_read(&evidence, subject->data, error);
	if (r < 0)
		return error_set(error, r, "the evidence could not be read: %s", strerror(-r));
	if (r > 0) {
		verdict_fail(verdict, "evidence.parse", FINDING_EVIDENCE, "%s", error_text(error));
		return 0;
	}
	r = evidence_verify(&evidence, &input, ret, verdict);
	if (r < 0)
		return error_set(error, r, "the verification could not run: %s", strerror(-r));
	claims_from_verified(&subject->claims, ret, subject->now);
	claims_add_evidence(&subject->claims, &evidence, verdict);
	subject->report_data_done = true;
	return 0;
}
