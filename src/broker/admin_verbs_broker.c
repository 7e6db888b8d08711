/* SPDX-License-Identifier: Apache-2.0 */
/* The verbs of the broker itself and of its audit. */
#include <errno.h>
#include <string.h>

#include "base/log.h"
#include "broker/admin_verbs.h"

#define RECORD_OVERHEAD 200 /* what a listing adds to a record's own text */

int admin_init(struct admin_call *call)
{
	int r = live_init(call->slot, call->now, &call->key, &call->error);

	if (r)
		return admin_exit(r);
	call->live = live_get(call->slot);
	log_notice("initialised; the escrow copy of the key-encryption key was given to uid %u", call->uid);
	return admin_exit(admin_audit(call, "init", NULL, 0));
}

int admin_status(struct admin_call *call)
{
	SNAPSHOT_AUTO snapshot = call->live ? catalog_snapshot(call->live->catalog) : NULL;
	struct audit_counts counts = {0};
	int r;

	r = json_add_bool(call->result, "initialised", call->live != NULL);
	if (r || !call->live)
		return admin_exit(r);
	audit_counts(call->live->audit, &counts);
	r = json_add_u64(call->result, "epoch", snapshot->manifest.epoch);
	if (!r)
		r = json_add_u64(call->result, "policies", snapshot->policy_count);
	if (!r)
		r = json_add_u64(call->result, "grants", snapshot->manifest.grant_count);
	if (!r)
		r = json_add_u64(call->result, "audit_records", counts.records);
	if (!r)
		r = json_add_u64(call->result, "audit_failures", counts.failed);
	return admin_exit(r);
}

int admin_signing_keys(struct admin_call *call)
{
	return admin_exit(signing_describe(&call->live->signing, call->result));
}

struct listing {
	struct json_object *list;
	uint64_t last; /* position of the last record that is in the list */
	size_t bytes;
	bool full;
};

static int add_record(void *context, uint64_t position, const struct store_record *record)
{
	struct listing *listing = context;
	struct json_object *row;
	struct json_object *text = NULL;
	int r;

	listing->bytes += record->text.size + RECORD_OVERHEAD;
	if (listing->bytes > ADMIN_PAGE_BYTES) {
		listing->full = true;
		return 1;
	}
	row = json_object_new_object();
	r = json_push(listing->list, row);
	if (!r)
		r = json_add_u64(row, "position", position);
	if (!r)
		r = json_add_hex(row, "incarnation", record->incarnation, sizeof(record->incarnation));
	if (!r)
		r = json_add_u64(row, "sequence", record->sequence);
	/* What is no JSON any more was changed by somebody: shown as null, named by audit-verify. */
	if (!r && json_read(record->text, &text, NULL) == 0)
		r = json_add(row, "record", text);
	listing->last = position;
	return r;
}

int admin_audit_list(struct admin_call *call)
{
	struct listing listing = {.list = json_object_new_array()};
	uint64_t after = 0;
	uint64_t limit = ADMIN_PAGE_MAX;
	size_t shown;
	int r;

	(void)json_get_u64(call->request, "after", INT64_MAX, &after);
	(void)json_get_u64(call->request, "limit", ADMIN_PAGE_MAX, &limit);
	if (limit == 0)
		limit = ADMIN_PAGE_MAX;
	r = json_add(call->result, "records", listing.list);
	if (!r)
		r = store_audit_walk(call->live->store, after, limit, add_record, &listing);
	if (r < 0)
		return admin_exit(error_set(&call->error, r, "the audit cannot be read: %s", strerror(-r)));
	shown = json_object_array_length(listing.list);
	r = json_add_bool(call->result, "more", listing.full || shown == limit);
	if (!r)
		r = json_add_u64(call->result, "last", shown ? listing.last : after);
	return admin_exit(r);
}

/* A checkpoint that the operator has from elsewhere. */
static int read_checkpoint(struct admin_call *call, const char *text, size_t size, struct state_audit *ret)
{
	CLEANUP(buf_deinit) struct buf payload = BUF_NULL;
	int r = size > AUDIT_CHECKPOINT_MAX ? 1 : signing_check_checkpoint(&call->live->signing, bytes_of(text, size), &payload);

	if (!r)
		r = audit_read_end(buf_view(&payload), ret);
	if (r > 0 || r == -EINVAL)
		return error_set(&call->error, EXIT_EVIDENCE, "the checkpoint is none that this broker has signed");
	return r ? error_set(&call->error, EXIT_INTERNAL, "%s", strerror(-r)) : EXIT_YES;
}

static int describe_report(struct json_object *to, const struct audit_report *report)
{
	int r = json_add_bool(to, "intact", report->intact);

	if (!r)
		r = json_add_u64(to, "records", report->records);
	if (!r)
		r = json_add_u64(to, "incarnations", report->incarnations);
	if (!r)
		r = json_add_u64(to, "checkpoints", report->checkpoints);
	if (!r && !report->intact)
		r = json_add_text(to, "reason", report->reason);
	if (!r && !report->intact)
		r = json_add_u64(to, "position", report->bad_position);
	return r;
}

int admin_audit_verify(struct admin_call *call)
{
	struct audit_verify_input input = {
		.key = keys_view(&call->live->keys, KEYS_AUDIT), .check = signing_check_checkpoint, .context = &call->live->signing};
	struct state_audit must[2];
	struct audit_report report;
	struct state state;
	size_t size;
	const char *checkpoint = json_get_text(call->request, "checkpoint", &size);
	int r;

	state_get(call->live->state, &state);
	if (state.audit.sequence)
		must[input.must_count++] = state.audit;
	if (checkpoint) {
		r = read_checkpoint(call, checkpoint, size, &must[input.must_count++]);
		if (r)
			return r;
	}
	input.must_be_there = must;
	r = audit_verify(call->live->store, &input, &report);
	if (r)
		return admin_exit(error_set(&call->error, r, "the audit cannot be read: %s", strerror(-r)));
	r = describe_report(call->result, &report);
	if (r)
		return admin_exit(r);
	if (!report.intact)
		return error_set(&call->error, EXIT_EVIDENCE, "the audit is not intact: position %llu: %s",
			(unsigned long long)report.bad_position, report.reason);
	return EXIT_YES;
}
