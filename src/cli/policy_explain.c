/* SPDX-License-Identifier: Apache-2.0 */
/* sevattest policy explain: what each member of a policy makes of a report. */
#include <errno.h>
#include <stdlib.h>
#include <time.h>

#include "appraise/advisories.h"
#include "appraise/appraise.h"
#include "base/files.h"
#include "cli/cli.h"
#include "cli/policy.h"

int policy_read_report(const char *path, struct snp_report *ret)
{
	CLEANUP(buf_deinit) struct buf data = BUF_NULL;
	struct error error = ERROR_NULL;
	int r;

	r = file_read(path, SNP_REPORT_SIZE + 1, &data, &error);
	if (r < 0)
		return output_error(EXIT_USAGE, "%s", error_text(&error));
	if (snp_report_decode(buf_view(&data), ret) != 0)
		return output_error(EXIT_EVIDENCE, "%s: not a report: it does not have %d bytes", path, SNP_REPORT_SIZE);
	return EXIT_YES;
}

/* Takes `advisories`. */
static int print(const struct policy *policy, const char *report, const struct verdict *verdict, struct json_object *advisories, bool json)
{
	JSON_AUTO owned = advisories;
	struct json_object *object;

	if (!owned)
		return output_error(EXIT_INTERNAL, "out of memory");
	if (!json) {
		printf("policy \"%s\" against %s (not verified):\n", policy_name(policy), report);
		verdict_print(verdict, stdout, true, output_colour(stdout));
		output_advisories(stdout, owned);
		return verdict_exit(verdict);
	}
	object = json_object_new_object();
	if (json_add_text(object, "policy", policy_name(policy)) < 0 || json_add_bool(object, "verified", false) < 0 ||
		json_add(object, "findings", verdict_to_json(verdict)) < 0 || json_add(object, "advisories", json_object_get(owned)) < 0) {
		(void)json_object_put(object);
		return output_error(EXIT_INTERNAL, "out of memory");
	}
	return output_json(object, verdict_exit(verdict));
}

int policy_explain_main(int argc, char **argv)
{
	bool json = false;
	const char *report = NULL;
	const struct cli_option options[] = {
		{"report", 0, OPTION_TEXT, &report, "FILE", "the report to appraise"},
		{"json", 0, OPTION_FLAG, &json, NULL, "print one JSON object"},
	};
	const struct cli_usage usage = {"policy explain FILE --report FILE [OPTIONS]",
		"Prints what each member of a policy makes of a report. The report is not verified here: sevattest verify does that.",
		options, ARRAY_SIZE(options), 1, 1};
	CLEANUP(verdict_deinit) struct verdict verdict = VERDICT_NULL;
	static struct snp_verified verified;
	static struct claims claims;
	struct error error = ERROR_NULL;
	POLICY_AUTO policy = NULL;
	char **files;
	int count, r;

	r = options_parse(&usage, argc, argv, &files, &count);
	if (r != 0)
		return r < 0 ? EXIT_USAGE : EXIT_YES;
	if (!report)
		return output_error(EXIT_USAGE, "policy explain: give --report FILE");
	r = policy_file_read(files[0], &policy, &error);
	if (r < 0)
		return output_error(output_exit_of(r), "%s", error_text(&error));
	r = policy_read_report(report, &verified.report);
	if (r != EXIT_YES)
		return r;
	verified.product = verified.report.product;
	verified.signer = (enum snp_signer)snp_report_signer(&verified.report);
	claims_from_verified(&claims, &verified, time(NULL));
	if (appraise(policy, &claims, &verdict) < 0)
		return output_error(EXIT_INTERNAL, "out of memory");
	return print(policy, report, &verdict, advisories_to_json(&claims, policy_tcb_field_mask(policy)), json);
}
