/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>

#include "base/json.h"
#include "broker/status.h"

/* Nothing for an empty text. */
static int add_given(struct json_object *object, const char *member, const char *text)
{
	return json_add_printable(object, member, text[0] ? text : NULL);
}

struct number {
	const char *name;
	uint64_t value;
};

static int add_numbers(struct json_object *object, const struct number *numbers, size_t count)
{
	int r = 0;

	for (size_t i = 0; i < count && !r; i++)
		r = json_add_u64(object, numbers[i].name, numbers[i].value);
	return r;
}

/* A new object below `root`; NULL without memory. */
static struct json_object *add_object(struct json_object *root, const char *member)
{
	struct json_object *object = json_object_new_object();

	return json_add(root, member, object) ? NULL : object;
}

static int add_store(struct json_object *root, const struct broker_status *status)
{
	const struct number numbers[] = {{"epoch", status->epoch}, {"resources", status->resources}, {"policies", status->policies},
		{"policies_broken", status->policies_broken}, {"grants", status->grants}, {"enrolments_waiting", status->enrolments_waiting}};
	struct json_object *object = add_object(root, "store");

	return object ? add_numbers(object, numbers, ARRAY_SIZE(numbers)) : -ENOMEM;
}

static int add_audit(struct json_object *root, const struct audit_counts *counts)
{
	const struct number numbers[] = {{"records", counts->records}, {"commits", counts->commits}, {"checkpoints", counts->checkpoints},
		{"failures", counts->failed}};
	struct json_object *object = add_object(root, "audit");
	int r = object ? json_add_bool(object, "writable", !counts->last_failed) : -ENOMEM;

	return r ? r : add_numbers(object, numbers, ARRAY_SIZE(numbers));
}

static int add_certificates(struct json_object *root, const struct appraiser_counts *counts)
{
	const struct number numbers[] = {{"certificates", counts->certificates}, {"crls", counts->crls},
		{"chips_cached", counts->chips_cached}, {"chips_unknown", counts->chips_unknown}};
	const struct number kds[] = {{"waiting", counts->kds.waiting}, {"fetched", counts->kds.outcomes[KDS_OUTCOME_GOOD]},
		{"absent", counts->kds.negative}, {"pause_seconds", (counts->kds.pause_ms + 999) / 1000}};
	struct json_object *object = add_object(root, "certificates");
	int r = object ? add_numbers(object, numbers, ARRAY_SIZE(numbers)) : -ENOMEM;

	if (!r && counts->has_kds)
		r = add_numbers(object, kds, ARRAY_SIZE(kds));

	return r ? r : json_add_time(object, "read_at", counts->certs_time);
}

static int add_table(struct json_object *root, const char *member, const struct refusals_table *table)
{
	struct json_object *object = add_object(root, member);
	int r = object ? 0 : -ENOMEM;

	for (size_t i = 0; i < table->count && !r; i++)
		r = json_add_u64(object, table->checks[i].name, table->checks[i].count);
	return r;
}

static int add_evidence(struct json_object *root, const struct broker_status *status)
{
	const struct refusals *refusals = &status->appraiser.refusals;
	struct json_object *object = add_object(root, "evidence");
	int r = object ? 0 : -ENOMEM;

	for (size_t i = 0; i < REFUSALS_OUTCOMES && !r; i++)
		r = json_add_u64(object, refusals_outcome_names[i], refusals->outcomes[i]);
	if (!r)
		r = add_table(object, "unverified_by_check", &refusals->unverified);
	return r ? r : add_table(object, "refused_by_check", &refusals->by_policy);
}

static int add_decisions(struct json_object *root, const struct broker_status *status)
{
	const struct number numbers[] = {{"released", status->recent.counts[KBS_AUDIT_RELEASE]},
		{"denied", status->recent.counts[KBS_AUDIT_DENIED]}, {"refused", status->recent.counts[KBS_AUDIT_REFUSED]},
		{"enrolled", status->recent.counts[KBS_AUDIT_ENROLLED]}, {"enrol_pending", status->recent.counts[KBS_AUDIT_PENDING]}};
	struct json_object *object = add_object(root, "decisions");

	return object ? add_numbers(object, numbers, ARRAY_SIZE(numbers)) : -ENOMEM;
}

static int add_decision(struct json_object *array, const struct recent_decision *decision)
{
	static const char *const kinds[KBS_AUDIT_KINDS] = {[KBS_AUDIT_RELEASE] = "released",
		[KBS_AUDIT_DENIED] = "denied",
		[KBS_AUDIT_REFUSED] = "refused",
		[KBS_AUDIT_ENROLLED] = "enrolled",
		[KBS_AUDIT_PENDING] = "enrol_pending"};
	struct json_object *object = json_object_new_object();
	int r = json_push(array, object);

	if (!r)
		r = json_add_time(object, "time", decision->time);
	if (!r)
		r = json_add_text(object, "outcome", kinds[decision->kind]);
	if (!r)
		r = add_given(object, "resource", decision->resource);
	if (!r && decision->version)
		r = json_add_u64(object, decision->kind == KBS_AUDIT_PENDING ? "id" : "version", decision->version);
	if (!r)
		r = add_given(object, "policy", decision->policy);
	if (!r)
		r = add_given(object, "reason", decision->reason);
	return r ? r : json_add_hex(object, "chip_begins", decision->chip, sizeof(decision->chip));
}

static int add_recent(struct json_object *root, const char *member, const struct recent_list *list)
{
	struct json_object *array = json_object_new_array();
	const struct recent_decision *decision;
	int r = json_add(root, member, array);

	for (size_t age = 0; !r && (decision = recent_at(list, age)); age++)
		r = add_decision(array, decision);
	return r;
}

static int add_head(struct json_object *root, const struct broker_status *status, int64_t now)
{
	int r = json_add_text(root, "program", "sevattest-brokerd");

	if (!r)
		r = json_add_printable(root, "version", status->version);
	if (!r)
		r = json_add_time(root, "time", now);
	if (!r)
		r = json_add_time(root, "started", status->started);
	if (!r)
		r = json_add_bool(root, "initialised", status->initialised);
	return r ? r : json_add_printable(root, "trouble", broker_status_trouble(status));
}

int broker_status_json(const struct broker_status *status, int64_t now, struct buf *to)
{
	JSON_AUTO root = json_object_new_object();
	int r;

	if (!root)
		return -ENOMEM;
	r = add_head(root, status, now);
	if (!r && status->initialised) {
		r = add_store(root, status);
		if (!r)
			r = add_audit(root, &status->audit);
		if (!r)
			r = add_certificates(root, &status->appraiser);
		if (!r)
			r = add_evidence(root, status);
		if (!r)
			r = add_decisions(root, status);
		if (!r)
			r = add_recent(root, "last_released", &status->recent.releases);
		if (!r)
			r = add_recent(root, "last_refused", &status->recent.refusals);
		if (!r)
			r = add_recent(root, "last_enrolled", &status->recent.enrolments);
	}
	if (!r)
		r = json_write(to, root);
	return r ? r : buf_append_text(to, "\n");
}
