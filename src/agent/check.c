/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/check.h"

#include <errno.h>
#include <string.h>

#include "appraise/appraise.h"
#include "io/clock.h"

int64_t core_now(void)
{
	int64_t now = clock_now();

	return now < SEVATTEST_BUILD_TIME ? SEVATTEST_BUILD_TIME : now;
}

/* "measurement: expected ..., found ...: why": one line of the first failed finding. */
static void explain(const struct verdict *verdict, struct error *error)
{
	const struct finding *failed = verdict_first_failed(verdict);

	if (!failed) {
		(void)error_set(error, 0, "our own check did not pass");
		return;
	}
	(void)error_set(error, 0, "our own check %s failed%s%.200s%s%.100s", failed->check, failed->why ? ": " : "", failed->why ? failed->why : "",
		failed->actual ? "; found " : "", failed->actual ? failed->actual : "");
}

/* Without a policy: the report is an answer to our own question, at least. */
static int check_report_data(const struct evidence *evidence, const uint8_t *report_data, struct verdict *verdict, struct error *error)
{
	struct snp_report report;

	if (snp_report_decode(buf_view(&evidence->report), &report))
		return error_set(error, CHECK_E_REFUSED, "the evidence holds no report of 1184 bytes");
	/* A platform that puts something else there needs its own check: until then its evidence is refused. */
	if (memcmp(report.report_data, report_data, sizeof(report.report_data)) != 0) {
		verdict_fail(verdict, "report_data", FINDING_EVIDENCE, "the report does not carry what it was asked for");
		return error_set(error, CHECK_E_REFUSED, "our own check report_data failed: the report is of another request");
	}
	verdict_pass(verdict, "report_data", FINDING_EVIDENCE);
	verdict_skip(verdict, "policy", FINDING_ADVICE, "no Policy= is configured: the broker alone decides");
	return 0;
}

static int check_policy(
	const struct core *core, const struct evidence *evidence, const uint8_t *report_data, struct verdict *verdict, struct error *error)
{
	const struct policy *policy = core->config->policy;
	const struct evidence_verify_input input = {
		.pins = policy_pins(policy),
		/* What is revoked the broker decides, which fetches the lists itself. */
		.revocation = SNP_REVOCATION_OFF,
		.now = core_now(),
		.allow_masked_chip_id = policy_allows_masked_chip_id(policy),
		.report_data = bytes_of(report_data, 64),
	};
	struct snp_verified verified;
	struct claims claims;
	int r;

	r = evidence_verify(evidence, &input, &verified, verdict);
	if (r)
		return error_set(error, r, "the evidence could not be verified: %s", strerror(-r));
	if (verdict_exit(verdict) != EXIT_EVIDENCE) {
		claims_from_verified(&claims, &verified, input.now);
		r = appraise(policy, &claims, verdict);
		if (r)
			return r;
	}
	if (verdict_ok(verdict))
		return 0;
	explain(verdict, error);
	return CHECK_E_REFUSED;
}

int check_evidence(
	struct core *core, const struct evidence *evidence, const uint8_t report_data[static 64], bool complete, struct error *error)
{
	struct core_machine *machine = &core->machine;
	int r;

	verdict_deinit(&machine->verdict);
	machine->checked = false;
	if (core->config->policy && !complete)
		r = error_set(error, CHECK_E_NO_CHAIN, "the certificates of this chip and TCB are missing, and Policy= needs them");
	else if (core->config->policy)
		r = check_policy(core, evidence, report_data, &machine->verdict, error);
	else
		r = check_report_data(evidence, report_data, &machine->verdict, error);
	machine->checked = r >= 0 && r != CHECK_E_NO_CHAIN;
	return r;
}
