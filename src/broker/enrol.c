/* SPDX-License-Identifier: Apache-2.0 */
#include "broker/enrol.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "base/text.h"
#include "broker/kbs_ops.h"
#include "luks/disk.h"

int enrol_state(struct live *live, const struct snapshot *snapshot, const char *resource, struct kbs_enrol_state *ret)
{
	CLEANUP(luks_disk_deinit) struct luks_disk disk = LUKS_DISK_NULL;
	CLEANUP(secret_deinit) struct secret plain = SECRET_NULL;
	struct kbs_enrol_state state = {.state = catalog_resource_state(&snapshot->manifest, resource)};
	int r = catalog_secret(live->catalog, snapshot, resource, &plain, &state.version);

	if (r == CATALOG_E_DAMAGED) {
		log_error("resource %s: its row in the store is missing or was changed by somebody else", resource);
		return -EBADMSG;
	}
	if (r < 0)
		return r;
	if (r == CATALOG_E_ABSENT) {
		state.version = 0;
	} else {
		r = luks_disk_read(secret_view(&plain), &disk, NULL);
		if (r == -EINVAL || (r == 0 && disk.header_count == 0))
			return KBS_OP_INVALID;
		if (r)
			return r;
	}
	*ret = state;
	return 0;
}

/* Descriptions */

static int add_headers(const struct kbs_enrolment *enrolment, struct json_object *to)
{
	CLEANUP(luks_disk_deinit) struct luks_disk disk = LUKS_DISK_NULL;
	struct json_object *list = json_object_new_array();
	char hex[2 * SHA256_SIZE + 1];
	int r = json_add(to, "headers", list);

	/* One that is no disk has none to show; the catalog says so when it is asked to take it. */
	if (r == 0 && luks_disk_read(secret_view(&enrolment->disk), &disk, NULL) == 0) {
		for (size_t i = 0; i < disk.header_count && r == 0; i++) {
			hex_encode(hex, disk.headers[i], SHA256_SIZE);
			r = json_push(list, json_object_new_string(hex));
		}
	}
	return r;
}

int enrol_describe(const struct kbs_enrolment *enrolment, struct bytes text, struct json_object *to)
{
	struct json_object *volume = json_object_new_object();
	uint8_t fingerprint[SHA256_SIZE];
	int r;

	r = json_add(to, "volume", volume);
	if (r == 0)
		r = json_add_text(volume, "name", enrolment->volume.name);
	if (r == 0)
		r = json_add_text(volume, "uuid", enrolment->volume.uuid);
	if (r == 0)
		r = json_add_text(volume, "device", enrolment->volume.device);
	if (r == 0)
		r = json_add_text(to, "resource", enrolment->resource);
	if (r == 0)
		r = json_add_time(to, "created", enrolment->created);
	if (r == 0)
		r = kbs_enrolment_fingerprint(fingerprint, text);
	if (r == 0)
		r = json_add_hex(to, "fingerprint", fingerprint, sizeof(fingerprint));
	return r ? r : add_headers(enrolment, to);
}

int enrol_open(const struct live *live, struct bytes text, struct kbs_enrolment *ret, struct error *error)
{
	struct error reason = ERROR_NULL;
	int r = kbs_enrolment_open(live->signing.enrol, text, ret, &reason);

	if (r > 0)
		return error_set(error, CATALOG_E_INVALID, "%s: %s",
			r == KBS_ENROLMENT_E_KEY ? "not sealed to this broker's enrolment key" : "not an enrolment", error_text(&reason));
	return r ? error_set(error, r, "the enrolment cannot be opened: %s", strerror(-r)) : 0;
}

/* What a guest registers */

struct witness {
	struct live *live;
	struct kbs_audit record;
	bool written;
};

/* The record, durable before the change. */
static int write_record(void *context, const char *name, uint64_t number, struct error *error)
{
	struct witness *witness = context;
	CLEANUP(buf_deinit) struct buf text = BUF_NULL;
	int r;

	(void)name;
	if (witness->record.kind == KBS_AUDIT_PENDING)
		witness->record.id = number;
	else
		witness->record.version = number;
	r = kbs_ops_record(&witness->record, NULL, &text);
	if (r == 0)
		r = audit_write(witness->live->audit, &text);
	if (r) {
		log_error("the audit cannot be written: %s; nothing is enrolled", strerror(-r));
		return error_set(error, -EAGAIN, "the audit cannot be written");
	}
	witness->written = true;
	return 0;
}

/* The record stands, and what it says did not come to be: another record says so, if it can. */
static void take_back(const struct witness *witness, const char *reason)
{
	struct kbs_audit record = witness->record;
	CLEANUP(buf_deinit) struct buf text = BUF_NULL;
	int r;

	record.failed = true;
	record.reason = reason;
	r = kbs_ops_record(&record, NULL, &text);
	if (r == 0)
		r = audit_write(witness->live->audit, &text);
	log_error("an enrolment of %s is on record and was not stored: %s%s", record.resource, reason, r ? "; nor is that on record" : "");
}

static int pending_text(const struct kbs_enrol_input *input, struct json_object *to)
{
	const struct kbs_audit *record = input->record;
	int r = enrol_describe(input->enrolment, input->text, to);

	if (r == 0)
		r = json_add_text_size(to, "text", input->text);
	if (r == 0)
		r = json_add_u64(to, "state", input->state);
	if (r == 0)
		r = json_add_u64(to, "replaces", input->enrolment->replaces);
	if (r == 0)
		r = json_add_hex(to, "chip_id", record->chip_id, KBS_CHIP_ID_SIZE);
	if (r == 0)
		r = json_add_hex(to, "measurement", record->measurement, KBS_MEASUREMENT_SIZE);
	if (r == 0)
		r = json_add_text(to, "tee", kbs_tee_name(record->tee));
	if (r == 0)
		r = json_add_text(to, "policy", record->policy);
	return r ? r : json_add_u64(to, "policy_version", record->policy_version);
}

static int outcome(const struct witness *witness, int r, const struct error *error, char *reason)
{
	(void)snprintf(reason, KBS_CHECKS_TEXT_MAX, "%s", error_text(error));
	switch (r) {
	case CATALOG_E_INVALID:
		return KBS_OP_INVALID;
	case CATALOG_E_CONFLICT:
		return KBS_OP_CONFLICT;
	case CATALOG_E_FULL:
		return KBS_OP_FULL;
	case CATALOG_E_DAMAGED:
		log_error("%s", error_text(error));
		return -EBADMSG;
	default:
		if (r && witness->written)
			take_back(witness, error_text(error));
		return r == -ENOSPC || r == -EBUSY ? -EAGAIN : r;
	}
}

static int let_wait(struct witness *witness, const struct kbs_enrol_input *input, const struct catalog_disk *disk, uint64_t *ret_id,
	struct error *error)
{
	const struct catalog_witness by = {write_record, witness};
	JSON_AUTO text = json_object_new_object();
	int r = text ? pending_text(input, text) : -ENOMEM;

	witness->record.kind = KBS_AUDIT_PENDING;
	return r ? r : catalog_add_pending(witness->live->catalog, disk, text, input->record->now, &by, ret_id, error);
}

int enrol_register(struct live *live, const struct kbs_enrol_input *input, struct kbs_registered *ret)
{
	struct witness witness = {.live = live, .record = *input->record};
	const struct catalog_witness by = {write_record, &witness};
	const struct catalog_disk disk = {
		.name = input->enrolment->resource,
		.disk = &input->enrolment->disk,
		.state = input->state,
	};
	struct kbs_registered registered = {.accepted = input->level == KBS_ENROL_ACCEPT};
	struct recent_decision *decision;
	struct error error = ERROR_NULL;
	int r;

	witness.record.kind = KBS_AUDIT_ENROLLED;
	if (registered.accepted)
		r = catalog_put_disk(live->catalog, &disk, input->record->now, &by, &registered.version, &error);
	else
		r = let_wait(&witness, input, &disk, &registered.id, &error);
	if (r)
		return outcome(&witness, r, &error, input->reason);
	decision = recent_decision_new(&witness.record);
	if (decision)
		recent_add(&live->recent, decision);
	free(decision);
	*ret = registered;
	return 0;
}
