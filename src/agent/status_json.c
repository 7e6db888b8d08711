/* SPDX-License-Identifier: Apache-2.0 */
/*
 * /status. Members that are not known are left out. Texts of others become printable first, because json-c would write whatever bytes it is
 * given.
 */
#include "agent/status_model.h"

#include <errno.h>

#include "base/json.h"

static int add_hex(struct json_object *object, const char *member, struct bytes data)
{
	return data.size ? json_add_hex(object, member, data.data, data.size) : 0;
}

static int add_platform(struct json_object *root, const struct agent_status *status)
{
	static const char *const proofs[] = {
		[AGENT_PROOF_UNKNOWN] = "unknown", [AGENT_PROOF_SYSTEM] = "system", [AGENT_PROOF_FIRMWARE] = "firmware"};
	struct json_object *object = json_object_new_object();
	int r = json_add(root, "platform", object);

	if (!r)
		r = json_add_printable(object, "name", status->platform);
	if (!r)
		r = json_add_printable(object, "provider", status->provider);
	if (!r)
		r = json_add_text(object, "proves", proofs[status->proof]);
	if (!r)
		r = json_add_text(object, "means", agent_proof_text(status->proof));
	if (!r)
		r = json_add_printable(object, "root_trust", status->root_trust);
	return r;
}

static int add_tcb(struct json_object *report, const struct snp_tcb *tcb)
{
	struct json_object *object = json_object_new_object();
	int r = json_add(report, "reported_tcb", object);

	if (!r && tcb->has_fmc)
		r = json_add_u64(object, "fmc", tcb->fmc);
	if (!r)
		r = json_add_u64(object, "bootloader", tcb->bootloader);
	if (!r)
		r = json_add_u64(object, "tee", tcb->tee);
	if (!r)
		r = json_add_u64(object, "snp", tcb->snp);
	if (!r)
		r = json_add_u64(object, "microcode", tcb->microcode);
	return r;
}

static int add_report(struct json_object *root, const struct agent_status *status)
{
	struct json_object *object;
	int r;

	if (!status->measurement.size)
		return 0;
	object = json_object_new_object();
	r = json_add(root, "report", object);
	if (!r)
		r = add_hex(object, "measurement", status->measurement);
	if (!r)
		r = add_hex(object, "chip_id", status->chip_id);
	if (!r)
		r = json_add_printable(object, "product", status->product);
	if (!r)
		r = json_add_printable(object, "signer", status->signer);
	if (!r && status->has_tcb)
		r = add_tcb(object, &status->tcb);
	return r;
}

static int add_check(struct json_object *root, const struct agent_status *status)
{
	struct json_object *object = json_object_new_object();
	int r = json_add(root, "check", object);

	if (!r)
		r = json_add_printable(object, "policy", status->policy);
	if (!r && status->verdict)
		r = json_add_bool(object, "passed", verdict_ok(status->verdict));
	if (!r && status->verdict)
		r = json_add(object, "findings", verdict_to_json(status->verdict));
	return r;
}

static int add_broker(struct json_object *array, const struct agent_status_broker *broker)
{
	struct json_object *object = json_object_new_object();
	int r = json_push(array, object);

	if (!r)
		r = json_add_printable(object, "origin", broker->origin);
	if (!r)
		r = json_add_text(object, "last", agent_broker_outcome_text(broker->outcome));
	if (!r)
		r = json_add_time(object, "at", broker->at);
	if (!r)
		r = json_add_printable(object, "why", broker->why);
	if (!r)
		r = json_add_bool(object, "pinned", broker->pinned);
	return r;
}

static int add_brokers(struct json_object *root, const struct agent_status *status)
{
	struct json_object *array = json_object_new_array();
	int r = json_add(root, "brokers", array);

	for (size_t i = 0; i < status->broker_count && !r; i++)
		r = add_broker(array, &status->brokers[i]);
	return r;
}

static int add_disk(struct json_object *object, const struct agent_status_credential *disk)
{
	int r = json_add_text(object, "state", agent_disk_state_text(disk->disk_state));

	if (!r)
		r = json_add_time(object, "checked_at", disk->checked_at);
	if (!r)
		r = json_add_printable(object, "check", disk->check);
	if (!r)
		r = json_add_printable(object, "fix", disk->fix);
	return r;
}

static int add_credential(struct json_object *array, const struct agent_status_credential *credential)
{
	struct json_object *object = json_object_new_object();
	int r = json_push(array, object);

	if (!r)
		r = json_add_text(object, "kind", credential->disk ? "disk" : "credential");
	if (!r)
		r = json_add_printable(object, "unit", credential->unit);
	if (!r)
		r = json_add_printable(object, "id", credential->id);
	if (!r)
		r = json_add_printable(object, "resource", credential->resource);
	if (!r)
		r = json_add_u64(object, "served", credential->served);
	if (!r)
		r = json_add_time(object, "served_at", credential->served_at);
	if (!r && credential->version)
		r = json_add_u64(object, "version", credential->version);
	if (!r)
		r = json_add_time(object, "refused_at", credential->refused_at);
	if (!r)
		r = json_add_printable(object, "refusal", credential->refusal);
	if (!r)
		r = json_add_u64(object, "waiting", credential->waiting);
	if (!r && credential->disk)
		r = add_disk(object, credential);
	return r;
}

static int add_credentials(struct json_object *root, const struct agent_status *status)
{
	struct json_object *array = json_object_new_array();
	int r = json_add(root, "keys", array);

	for (size_t i = 0; i < status->credential_count && !r; i++)
		r = add_credential(array, &status->credentials[i]);
	return r;
}

static int add_counters(struct json_object *root, const struct agent_status_counters *counters)
{
	const struct {
		const char *name;
		uint64_t value;
	} rows[] = {
		{"attested", counters->attested},
		{"refused", counters->refused},
		{"trouble", counters->trouble},
		{"keys_served", counters->keys_served},
		{"keys_refused", counters->keys_refused},
		{"peers_refused", counters->peers_refused},
		{"waiting", counters->waiting},
		{"evidence_requests", counters->evidence_requests},
		{"evidence_failures", counters->evidence_failures},
		{"broker_requests", counters->broker_requests},
		{"broker_failures", counters->broker_failures},
		{"answers_untrusted", counters->answers_untrusted},
		{"reloads", counters->reloads},
		{"reload_failures", counters->reload_failures},
	};
	struct json_object *object = json_object_new_object();
	int r = json_add(root, "counters", object);

	for (size_t i = 0; i < ARRAY_SIZE(rows) && !r; i++)
		r = json_add_u64(object, rows[i].name, rows[i].value);
	return r;
}

/* Who answers, and how it stands. */
static int add_head(struct json_object *root, const struct agent_status *status, int64_t now)
{
	int r = json_add_text(root, "program", "sevattestd");

	if (!r)
		r = json_add_printable(root, "version", status->version);
	if (!r)
		r = json_add_time(root, "time", now);
	if (!r)
		r = json_add_time(root, "started", status->started);
	if (!r)
		r = json_add_text(root, "state", agent_state_text(status->state));
	if (!r)
		r = json_add_bool(root, "proven", agent_status_proven(status, now));
	if (!r)
		r = json_add_time(root, "since", status->since);
	if (!r)
		r = json_add_time(root, "attested_until", status->attested_until);
	if (!r)
		r = json_add_time(root, "next_attempt", status->next_attempt);
	if (!r)
		r = json_add_printable(root, "reason", status->reason);
	if (!r)
		r = json_add_printable(root, "fix", status->fix);
	return r;
}

int agent_status_json(const struct agent_status *status, int64_t now, struct buf *to)
{
	JSON_AUTO root = json_object_new_object();
	int r;

	if (!root)
		return -ENOMEM;
	r = add_head(root, status, now);
	if (!r)
		r = add_platform(root, status);
	if (!r)
		r = add_report(root, status);
	if (!r)
		r = add_check(root, status);
	if (!r)
		r = add_brokers(root, status);
	if (!r)
		r = add_credentials(root, status);
	if (!r)
		r = add_counters(root, &status->counters);
	if (!r)
		r = json_write(to, root);
	return r ? r : buf_append_text(to, "\n");
}
