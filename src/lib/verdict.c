/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <stdlib.h>

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

/* What is proven, and only then. */
static int add_proven(struct json_object *to, const struct snp_verified *verified)
{
	int r = json_add_text(to, "product", snp_product_name(verified->product));

	if (r == 0)
		r = json_add_text(to, "signer", verified->signer == SNP_SIGNER_VLEK ? "vlek" : "vcek");
	return r < 0 ? r : json_add_text(to, "trust", verified->operator_trust ? verified->trust_text : "AMD");
}

static int add_answer(struct json_object *to, const struct sevattest_verdict *verdict, const struct sevattest *handle)
{
	int r = json_add_text(to, "verdict", verdict->outcome == SEVATTEST_YES ? "yes" : "no");

	if (r == 0)
		r = json_add_u64(to, "exit", (uint64_t)verdict->outcome);
	if (r == 0)
		r = json_add_bool(to, "genuine", verdict->outcome != SEVATTEST_NOT_GENUINE);
	if (r == 0)
		r = json_add_bool(to, "appraised", verdict->appraised);
	if (r == 0 && handle->policy)
		r = json_add_text(to, "policy", policy_name(handle->policy));
	return r;
}

int sevattest_verdict_write(struct sevattest_verdict *verdict, const struct sevattest *handle, const struct snp_verified *verified)
{
	CLEANUP(buf_deinit) struct buf text = BUF_NULL;
	JSON_AUTO object = json_object_new_object();
	int r = object ? add_answer(object, verdict, handle) : -ENOMEM;

	if (r == 0 && verdict->outcome != SEVATTEST_NOT_GENUINE)
		r = add_proven(object, verified);
	if (r == 0)
		r = json_add(object, "findings", verdict_to_json(&verdict->findings));
	if (r == 0 && verified->report.version)
		r = json_add(object, "report", snp_report_to_json(&verified->report));
	if (r == 0)
		r = json_write(&text, object);
	if (r < 0)
		return r;
	verdict->json = buf_steal_text(&text);
	return verdict->json ? 0 : -ENOMEM;
}
