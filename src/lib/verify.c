/* SPDX-License-Identifier: Apache-2.0 */
/* The calls that take evidence. They read the handle and never change it. */
#include <errno.h>
#include <stdlib.h>

#include "appraise/appraise.h"
#include "base/json.h"
#include "evidence/evidence.h"
#include "lib/handle.h"

static int decode(struct bytes input, struct json_object *to)
{
	CLEANUP(evidence_deinit) struct evidence evidence = {.kind = EVIDENCE_NONE};
	struct snp_report report;
	int r = evidence_read(&evidence, input, NULL);

	if (r == 0)
		r = snp_report_decode(buf_view(&evidence.report), &report);
	if (r != 0)
		return r < 0 ? r : SEVATTEST_E_MALFORMED;
	r = json_add_text(to, "tee", evidence_tee(&evidence));
	return r < 0 ? r : json_add(to, "report", snp_report_to_json(&report));
}

int sevattest_decode(const void *evidence, size_t size, char **ret_json)
{
	CLEANUP(buf_deinit) struct buf text = BUF_NULL;
	JSON_AUTO object = json_object_new_object();
	char *json;
	int r = object ? decode(bytes_of(evidence, evidence ? size : 0), object) : -ENOMEM;

	if (r == 0)
		r = json_write(&text, object);
	if (r != 0)
		return r;
	json = buf_steal_text(&text);
	if (!json)
		return -ENOMEM;
	*ret_json = json;
	return 0;
}

/* One question: what evidence_verify() and appraise() need, from the handle and the arguments. */
struct question {
	const struct sevattest *handle;
	struct bytes data;
	struct evidence evidence;
	struct snp_pins pins;
	struct evidence_verify_input input;
	struct snp_verified verified;
};

static void question_deinit(struct question *question)
{
	evidence_deinit(&question->evidence);
}

static void question_init(struct question *question, const struct sevattest *handle, struct bytes data, struct bytes report_data, int64_t now)
{
	const struct snp_pins *more = handle->policy ? policy_pins(handle->policy) : NULL;

	question->handle = handle;
	question->data = data;
	question->pins = handle->trust;
	/* There is room: whoever added to one of the two has looked at both. */
	for (size_t i = 0; more && i < more->count && question->pins.count < SNP_PINS_MAX; i++)
		question->pins.items[question->pins.count++] = more->items[i];
	question->input = (struct evidence_verify_input){.extra_certs = &handle->certs, .pins = &question->pins, .now = now, .report_data = report_data};
	question->input.allow_masked_chip_id = handle->policy && policy_allows_masked_chip_id(handle->policy);
	question->input.cache = handle->cache;
	question->input.revocation = handle->policy ? policy_revocation(handle->policy, SNP_REVOCATION_IF_PRESENT) : SNP_REVOCATION_IF_PRESENT;
	if (handle->revocation_stated)
		question->input.revocation = handle->revocation;
}

/* Bytes of a wrong size are a bad report, and snp_verify() has the words for it. */
static int verify_bare(struct question *question, struct verdict *verdict)
{
	const struct snp_verify_input input = {
		.report = question->data,
		.certs = &question->handle->certs,
		.revocation = question->input.revocation,
		.extra_pins = &question->pins,
		.now = question->input.now,
	};

	return snp_verify(&input, &question->verified, verdict);
}

static int verify(struct question *question, struct verdict *verdict)
{
	struct error error = ERROR_NULL;
	int r = evidence_read(&question->evidence, question->data, &error);

	if (r == EVIDENCE_E_SIZE)
		return verify_bare(question, verdict);
	if (r > 0)
		verdict_fail(verdict, "evidence.parse", FINDING_EVIDENCE, "%s", error_text(&error));
	return r ? (r < 0 ? r : 0) : evidence_verify(&question->evidence, &question->input, &question->verified, verdict);
}

/* Claims of evidence that is not genuine mean nothing: then there is nothing to appraise. */
static int judge(struct question *question, struct sevattest_verdict *to)
{
	struct claims claims;
	int r;

	if (!question->handle->policy || verdict_exit(&to->findings) == EXIT_EVIDENCE)
		return 0;
	claims_from_verified(&claims, &question->verified, question->input.now);
	claims_add_evidence(&claims, &question->evidence, &to->findings);
	r = appraise(question->handle->policy, &claims, &to->findings);
	to->appraised = r == 0;
	return r;
}

/* Only the two words that mean an answer may become one. */
static int conclude(struct sevattest_verdict *to)
{
	switch (verdict_exit(&to->findings)) {
	case EXIT_YES:
		to->outcome = SEVATTEST_YES;
		return 0;
	case EXIT_POLICY:
		to->outcome = SEVATTEST_NOT_WANTED;
		return 0;
	case EXIT_EVIDENCE:
		return 0;
	default:
		return to->findings.out_of_memory ? -ENOMEM : -EIO;
	}
}

static void verdict_freep(struct sevattest_verdict **verdict)
{
	(void)sevattest_verdict_free(*verdict);
}

int sevattest_verify(const struct sevattest *handle, const void *evidence, size_t size, const uint8_t *report_data, int64_t now,
	struct sevattest_verdict **ret_verdict)
{
	CLEANUP(verdict_freep) struct sevattest_verdict *verdict = NULL;
	CLEANUP(question_deinit) struct question question = {.handle = handle};
	int r;

	if (!handle || (!evidence && size) || !ret_verdict)
		return -EINVAL;
	verdict = calloc(1, sizeof(*verdict));
	if (!verdict)
		return -ENOMEM;
	verdict->outcome = SEVATTEST_NOT_GENUINE;
	question_init(&question, handle, bytes_of(evidence, size), bytes_of(report_data, report_data ? SEVATTEST_REPORT_DATA_SIZE : 0), now);
	r = verify(&question, &verdict->findings);
	if (r == 0)
		r = judge(&question, verdict);
	if (r == 0)
		r = conclude(verdict);
	if (r == 0)
		r = sevattest_verdict_write(verdict, handle, &question.verified);
	if (r != 0)
		return r;
	*ret_verdict = verdict;
	verdict = NULL;
	return 0;
}
