/* SPDX-License-Identifier: Apache-2.0 */
#include "broker/kbs_ops.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "base/log.h"
#include "base/text.h"
#include "broker/enrol.h"
#include "broker/grants.h"

#define DETAILS_MAX ((size_t)16 << 10) /* of a refusal in its record; all of it is in the log */

void kbs_ops_begin(struct kbs_ops_context *context)
{
	kbs_ops_deinit(context);
	context->snapshot = catalog_snapshot(context->live->catalog);
}

void kbs_ops_end(struct kbs_ops_context *context)
{
	context->snapshot = snapshot_unref(context->snapshot);
	json_putp(&context->details);
	context->details = NULL;
}

void kbs_ops_deinit(struct kbs_ops_context *context)
{
	kbs_ops_end(context);
	buf_deinit(&context->record);
	free(context->decision);
	context->decision = NULL;
}

static int op_appraise(void *opaque, const struct kbs_appraise_input *input, struct kbs_appraised *ret)
{
	struct kbs_ops_context *context = opaque;

	json_putp(&context->details);
	context->details = NULL;
	return appraiser_run(context->live->appraiser, context->snapshot, input, ret, &context->details);
}

/* The place of a policy, or policy_count. */
static size_t place(const struct kbs_grant *grant, const char *name)
{
	size_t i = 0;

	while (i < grant->policy_count && strcmp(grant->policies[i].name, name) != 0)
		i++;
	return i;
}

/* Two grants may name one policy: it may do what either allows. */
static void add_policy(struct kbs_grant *grant, const struct catalog_policy *policy, enum manifest_enrol enrol)
{
	size_t at = place(grant, policy->name);
	struct kbs_policy_ref *ref = &grant->policies[at];

	if (at == ARRAY_SIZE(grant->policies))
		return;
	if (at == grant->policy_count) {
		if (snprintf(ref->name, sizeof(ref->name), "%s", policy->name) >= (int)sizeof(ref->name))
			return;
		ref->version = policy->version;
		grant->policy_count++;
	}
	if ((unsigned)enrol > (unsigned)grant->enrol[at])
		grant->enrol[at] = (enum kbs_enrol)enrol;
}

static int op_grant(void *opaque, const char *resource, struct kbs_grant *ret)
{
	const struct kbs_ops_context *context = opaque;
	const struct manifest_grant *grants[GRANTS_PER_RESOURCE + 1] = {NULL};
	size_t count = grants_covering(&context->snapshot->manifest, resource, grants);

	*ret = (struct kbs_grant){.policy_count = 0};
	if (count == 0)
		return KBS_OP_NONE;
	for (size_t i = 0; i < count; i++) {
		for (size_t j = 0; j < grants[i]->policy_count; j++) {
			const struct catalog_policy *policy = snapshot_policy(context->snapshot, grants[i]->policies[j]);

			/* One that does not load proves nothing. */
			if (policy)
				add_policy(ret, policy, grants[i]->enrol);
		}
	}
	return 0;
}

static int op_fetch(void *opaque, const char *resource, struct kbs_resource_value *ret)
{
	struct kbs_ops_context *context = opaque;
	int r = catalog_secret(context->live->catalog, context->snapshot, resource, &ret->secret, &ret->version);

	if (r == CATALOG_E_DAMAGED) {
		log_error("resource %s: its row in the store is missing or was changed by somebody else", resource);
		return -EBADMSG;
	}
	return r == CATALOG_E_ABSENT ? KBS_OP_NONE : r;
}

static const char *event_of(enum kbs_audit_kind kind)
{
	static const char *const names[KBS_AUDIT_KINDS] = {
		[KBS_AUDIT_RELEASE] = "release",
		[KBS_AUDIT_DENIED] = "denied",
		[KBS_AUDIT_REFUSED] = "refused",
		[KBS_AUDIT_ENROLLED] = "enrolled",
		[KBS_AUDIT_PENDING] = "enrol-pending",
	};

	return names[kind];
}

/* What is there for a release and for an enrolment. */
static int add_release(struct json_object *record, const struct kbs_audit *audit)
{
	bool waits = audit->kind == KBS_AUDIT_PENDING;
	int r = json_add_u64(record, waits ? "id" : "version", waits ? audit->id : audit->version);

	if (!r && audit->fingerprint)
		r = json_add_hex(record, "fingerprint", audit->fingerprint, SHA256_SIZE);
	if (!r && audit->failed)
		r = json_add_text(record, "reason", audit->reason);
	if (!r && audit->policy)
		r = json_add_text(record, "policy", audit->policy);
	if (!r && audit->policy)
		r = json_add_u64(record, "policy_version", audit->policy_version);
	return r;
}

static int add_refusal(struct json_object *record, const struct kbs_audit *audit, struct json_object *details)
{
	CLEANUP(buf_deinit) struct buf text = BUF_NULL;
	int r = audit->reason && audit->reason[0] ? json_add_text(record, "reason", audit->reason) : 0;

	if (r || !details || audit->kind != KBS_AUDIT_REFUSED)
		return r;
	r = json_write(&text, details);
	if (r || text.size > DETAILS_MAX)
		return r;
	return json_add(record, "policies", json_object_get(details));
}

static int add_guest(struct json_object *record, const struct kbs_audit *audit)
{
	char peer[160];
	int r;

	r = json_add_text(record, "tee", kbs_tee_name(audit->tee));
	if (!r && audit->chip_id)
		r = json_add_hex(record, "chip_id", audit->chip_id, KBS_CHIP_ID_SIZE);
	if (!r && audit->measurement)
		r = json_add_hex(record, "measurement", audit->measurement, KBS_MEASUREMENT_SIZE);
	if (!r && audit->nonce)
		r = json_add_text(record, "nonce", audit->nonce);
	if (!r && audit->guest_key)
		r = json_add_text(record, "guest_key", audit->guest_key);
	if (r || audit->peer.size == 0)
		return r;
	text_printable(peer, sizeof(peer), audit->peer);
	return json_add_text(record, "peer_hint", peer);
}

static void log_record(const struct kbs_audit *audit)
{
	char chip[2 * 8 + 1] = "?";

	if (audit->chip_id)
		hex_encode(chip, audit->chip_id, 8);
	if (audit->kind == KBS_AUDIT_RELEASE)
		log_notice("release: %s version %llu by policy %s to chip %s...", audit->resource, (unsigned long long)audit->version,
			audit->policy ? audit->policy : "?", chip);
	else if (audit->kind == KBS_AUDIT_ENROLLED || audit->kind == KBS_AUDIT_PENDING)
		log_notice("%s%s: %s %s %llu by policy %s of chip %s...", event_of(audit->kind), audit->failed ? " FAILED" : "", audit->resource,
			audit->kind == KBS_AUDIT_PENDING ? "id" : "version",
			(unsigned long long)(audit->kind == KBS_AUDIT_PENDING ? audit->id : audit->version), audit->policy, chip);
	else
		log_notice("%s: %s chip %s...: %s", event_of(audit->kind), audit->resource ? audit->resource : "", chip,
			audit->reason ? audit->reason : "");
}

int kbs_ops_record(const struct kbs_audit *audit, struct json_object *details, struct buf *ret)
{
	bool refusal = audit->kind == KBS_AUDIT_DENIED || audit->kind == KBS_AUDIT_REFUSED;
	JSON_AUTO record = json_object_new_object();
	int r;

	if (!record)
		return -ENOMEM;
	r = json_add_text(record, "event", audit->failed ? "enrol-failed" : event_of(audit->kind));
	if (!r)
		r = json_add_u64(record, "time", (uint64_t)audit->now);
	if (!r && audit->resource)
		r = json_add_text(record, "resource", audit->resource);
	if (!r)
		r = refusal ? add_refusal(record, audit, details) : add_release(record, audit);
	if (!r)
		r = add_guest(record, audit);
	if (!r)
		r = json_write(ret, record);
	if (!r)
		log_record(audit);
	return r;
}

/*
 * Queues nothing yet: the record is kept until the answer is made, and then the two go to the audit together (work.c), which lets the
 * answer out only when the record is durable. One request has one record.
 */
static int op_audit(void *opaque, const struct kbs_audit *audit)
{
	struct kbs_ops_context *context = opaque;
	int r;

	if (context->record.size > 0)
		return -EALREADY;
	context->decision = recent_decision_new(audit);
	r = context->decision ? kbs_ops_record(audit, context->details, &context->record) : -ENOMEM;
	if (r)
		buf_deinit(&context->record);
	return r;
}

static int op_enrol_state(void *opaque, const char *resource, struct kbs_enrol_state *ret)
{
	const struct kbs_ops_context *context = opaque;

	return enrol_state(context->live, context->snapshot, resource, ret);
}

static int op_enrol(void *opaque, const struct kbs_enrol_input *input, struct kbs_registered *ret)
{
	const struct kbs_ops_context *context = opaque;

	return enrol_register(context->live, input, ret);
}

const struct kbs_server_ops kbs_ops = {
	.appraise = op_appraise,
	.grant = op_grant,
	.fetch = op_fetch,
	.audit = op_audit,
	.enrol_state = op_enrol_state,
	.enrol = op_enrol,
};
