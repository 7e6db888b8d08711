/* SPDX-License-Identifier: Apache-2.0 */
/* Evidence in its JSON and HCL forms, for `verify` and `show`. */
#include "evidence/evidence.h"

#include <errno.h>
#include <string.h>

#include "cli/inputs.h"
#include "cli/show.h"

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

int show_evidence(struct bytes data, struct json_object *object, struct verdict *verdict)
{
	CLEANUP(evidence_deinit) struct evidence evidence = {.kind = EVIDENCE_NONE};
	struct json_object *certs = json_object_new_object();
	struct error error = ERROR_NULL;
	struct snp_report report;
	int r;

	r = json_add_text(object, "kind", "evidence");
	if (json_add(object, "certificate_table", certs) < 0 || r < 0)
		return -ENOMEM;
	r = evidence_read(&evidence, data, &error);
	if (r < 0)
		return r;
	if (r > 0 || snp_report_decode(buf_view(&evidence.report), &report) != 0) {
		verdict_fail(verdict, "evidence.parse", FINDING_EVIDENCE, "%s",
			r > 0 ? error_text(&error) : "the report does not have 1184 bytes");
		json_object_object_del(object, "certificate_table");
		return 0;
	}
	r = json_add_text(object, "tee", evidence_tee(&evidence));
	if (r == 0)
		r = json_add(object, "report", snp_report_to_json(&report));
	(void)snp_report_check(&report, buf_view(&evidence.report), verdict); /* the findings say it */
	if (r == 0 && !snp_table_is_empty(buf_view(&evidence.cert_table)))
		return show_table(buf_view(&evidence.cert_table), certs, verdict);
	json_object_object_del(object, "certificate_table");
	return r;
}
