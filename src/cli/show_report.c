/* SPDX-License-Identifier: Apache-2.0 */
/* sevattest show: reports, evidence and policies, with each bit and each part in words. */
#include <errno.h>

#include "appraise/explain.h"
#include "appraise/policy.h"
#include "cli/inputs.h"
#include "cli/show.h"
#include "evidence/evidence.h"
#include "tpm/hcl.h"

static int add_report(struct bytes data, struct json_object *object, struct verdict *verdict)
{
	struct snp_report report;
	int r;

	if (snp_report_decode(data, &report) != 0)
		return -EBADMSG;
	r = json_add(object, "report", snp_report_to_json(&report));
	if (r == 0)
		r = json_add(object, "explained", explain_report(&report));
	(void)snp_report_check(&report, data, verdict); /* the findings say it */
	return r;
}

int show_report(struct bytes data, struct json_object *object, struct verdict *verdict)
{
	int r = json_add_text(object, "kind", "report");

	return r < 0 ? r : add_report(data, object, verdict);
}

/* The claims that REPORT_DATA binds: shown as they are, because the finding says whether they are bound. */
static int add_hcl(struct json_object *object, struct bytes data, struct verdict *verdict)
{
	struct json_object *hcl = json_object_new_object();
	JSON_AUTO claims = NULL;
	struct hcl decoded;
	int r = json_add(object, "hcl", hcl);

	if (r < 0 || !hcl_check(data, &decoded, verdict))
		return r;
	r = json_add_u64(hcl, "version", decoded.version);
	if (r == 0)
		r = json_add_u64(hcl, "hash_type", decoded.hash_type);
	if (r == 0 && decoded.has_user_data)
		r = json_add_hex(hcl, "user_data", decoded.user_data, sizeof(decoded.user_data));
	if (r == 0)
		r = json_read(decoded.claims, &claims, NULL);
	if (r < 0)
		return r == -ENOMEM ? r : 0;
	return json_add(hcl, "claims", json_object_get(claims));
}

static int add_azure(struct json_object *object, const struct evidence *evidence, struct verdict *verdict)
{
	struct json_object *pcrs = json_object_new_object();
	int r = 0;

	if (evidence->hcl.size)
		r = add_hcl(object, buf_view(&evidence->hcl), verdict);
	if (r < 0 || evidence->quote.size == 0) {
		(void)json_object_put(pcrs);
		return r;
	}
	r = json_add(object, "pcrs", pcrs);
	for (unsigned i = 0; r == 0 && i < EVIDENCE_PCR_COUNT; i++) {
		char name[12];

		(void)snprintf(name, sizeof(name), "%u", i);
		r = json_add_hex(pcrs, name, evidence->pcrs[i], EVIDENCE_PCR_SIZE);
	}
	return r;
}

int show_evidence(struct bytes data, struct json_object *object, struct verdict *verdict)
{
	CLEANUP(evidence_deinit) struct evidence evidence = {.kind = EVIDENCE_NONE};
	struct error error = ERROR_NULL;
	struct json_object *certs;
	int r;

	r = json_add_text(object, "kind", "evidence");
	if (r == 0)
		r = evidence_read(&evidence, data, &error);
	if (r < 0)
		return r;
	if (r > 0) {
		verdict_fail(verdict, "evidence.parse", FINDING_EVIDENCE, "%s", error_text(&error));
		return 0;
	}
	r = json_add_text(object, "tee", evidence_tee(&evidence));
	if (r == 0)
		r = add_report(buf_view(&evidence.report), object, verdict);
	if (r == -EBADMSG) {
		verdict_fail(verdict, "evidence.parse", FINDING_EVIDENCE, "the report does not have 1184 bytes");
		return 0;
	}
	if (r == 0 && evidence.kind == EVIDENCE_AZ_SNP_VTPM)
		r = add_azure(object, &evidence, verdict);
	if (r < 0 || snp_table_is_empty(buf_view(&evidence.cert_table)))
		return r;
	certs = json_object_new_object();
	r = json_add(object, "certificate_table", certs);
	return r < 0 ? r : show_table(buf_view(&evidence.cert_table), certs, verdict);
}

int show_policy(struct bytes data, struct json_object *object, struct verdict *verdict)
{
	struct error error = ERROR_NULL;
	POLICY_AUTO policy = NULL;
	int r;

	r = json_add_text(object, "kind", "policy");
	if (r < 0)
		return r;
	r = policy_read(data, &policy, &error);
	if (r == -ENOMEM)
		return r;
	if (r < 0) {
		verdict_fail(verdict, "policy", FINDING_EVIDENCE, "%s", error_text(&error));
		return json_add_text(object, "error", error_text(&error));
	}
	policy_warnings(policy, verdict);
	r = json_add_text(object, "name", policy_name(policy));
	if (r == 0)
		r = json_add_text(object, "os_identity", policy_os_identity(policy));
	return r < 0 ? r : json_add(object, "explained", explain_policy(policy));
}
