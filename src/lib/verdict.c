/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <stdlib.h>

#include "appraise/answer.h"
#include "base/json.h"
#include "lib/handle.h"

struct sevattest_verdict *sevattest_verdict_free(struct sevattest_verdict *verdict)
{
	if (!verdict)
		return NULL;
	verdict_deinit(&verdict->findings);
	free(verdict->json);
	free(verdict);
	return NULL;
}

enum sevattest_outcome sevattest_verdict_outcome(const struct sevattest_verdict *verdict)
{
	return verdict ? verdict->outcome : SEVATTEST_NOT_GENUINE;
}

int sevattest_verdict_appraised(const struct sevattest_verdict *verdict)
{
	return verdict && verdict->appraised;
}

size_t sevattest_verdict_count(const struct sevattest_verdict *verdict)
{
	return verdict ? verdict->findings.count : 0;
}

static void show(const struct finding *from, struct sevattest_finding *to)
{
	static const enum sevattest_state states[] = {
		[FINDING_NOT_CHECKED] = SEVATTEST_NOT_CHECKED, [FINDING_PASSED] = SEVATTEST_PASSED, [FINDING_FAILED] = SEVATTEST_FAILED};
	static const enum sevattest_class kinds[] = {
		[FINDING_EVIDENCE] = SEVATTEST_CLASS_EVIDENCE, [FINDING_POLICY] = SEVATTEST_CLASS_POLICY, [FINDING_ADVICE] = SEVATTEST_CLASS_ADVICE};

	*to = (struct sevattest_finding){.check = from->check,
		.state = states[from->state],
		.kind = kinds[from->class],
		.expected = from->expected,
		.actual = from->actual,
		.why = from->why,
		.fix = from->fix};
}

int sevattest_verdict_finding(const struct sevattest_verdict *verdict, size_t index, struct sevattest_finding *ret_finding)
{
	if (index >= sevattest_verdict_count(verdict))
		return -ERANGE;
	show(&verdict->findings.items[index], ret_finding);
	return 0;
}

int sevattest_verdict_first_failed(const struct sevattest_verdict *verdict, struct sevattest_finding *ret_finding)
{
	const struct finding *found = verdict ? verdict_first_failed(&verdict->findings) : NULL;

	/* What had to be checked and was not is a no as well. */
	for (size_t i = 0; !found && i < sevattest_verdict_count(verdict); i++) {
		const struct finding *finding = &verdict->findings.items[i];

		if (finding->class != FINDING_ADVICE && finding->state != FINDING_PASSED)
			found = finding;
	}
	if (!found)
		return -ENOENT;
	show(found, ret_finding);
	return 0;
}

const char *sevattest_verdict_json(const struct sevattest_verdict *verdict)
{
	return verdict ? verdict->json : NULL;
}

int sevattest_verdict_write(struct sevattest_verdict *verdict, const struct sevattest *handle, const struct snp_verified *verified)
{
	const struct answer answer = {
		.policy = handle->policy, .appraised = verdict->appraised, .verdict = &verdict->findings, .verified = verified};
	CLEANUP(buf_deinit) struct buf text = BUF_NULL;
	JSON_AUTO object = json_object_new_object();
	int r = object ? answer_to_json(object, &answer) : -ENOMEM;

	if (r == 0)
		r = json_write(&text, object);
	if (r < 0)
		return r;
	verdict->json = buf_steal_text(&text);
	return verdict->json ? 0 : -ENOMEM;
}
