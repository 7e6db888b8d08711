/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The verbs of enrolments. A file's text comes as a secret frame: it is sealed, but the operator's command has no business with more copies of
 * it than needed. What is inside is opened here and nowhere else.
 */
#include <errno.h>
#include <string.h>

#include "base/text.h"
#include "broker/admin_verbs.h"
#include "broker/enrol.h"

/* Opened, and described in the answer. A file is not something that a guest registers. */
static int open_file(struct admin_call *call, struct kbs_enrolment *ret)
{
	int r = enrol_open(call->live, secret_view(&call->secret), ret, &call->error);

	if (r)
		return r;
	if (ret->has_ticket)
		return error_set(&call->error, CATALOG_E_INVALID, "it was made by a guest to be sent: only the guest can register it");
	r = enrol_describe(ret, secret_view(&call->secret), call->result);
	return r ? error_set(&call->error, r, "%s", strerror(-r)) : 0;
}

/* What the operator is about to replace: "current" in the answer, absent for nothing. */
static int describe_current(struct admin_call *call, const char *name)
{
	SNAPSHOT_AUTO snapshot = catalog_snapshot(call->live->catalog);
	const struct manifest_entry *entry = manifest_find(&snapshot->manifest, STORE_RESOURCE, name);

	return entry && !entry->deleted ? json_add_u64(call->result, "current", entry->version) : 0;
}

int admin_enrol_inspect(struct admin_call *call)
{
	CLEANUP(kbs_enrolment_deinit) struct kbs_enrolment enrolment = KBS_ENROLMENT_NULL;
	int r = open_file(call, &enrolment);

	return admin_exit(r ? r : describe_current(call, enrolment.resource));
}

/* "expect" is the fingerprint that the operator has seen or was given: without it nothing is imported. */
static int check_expected(struct admin_call *call)
{
	const char *expected = admin_text(call, "expect");
	const char *fingerprint = json_get_text(call->result, "fingerprint", NULL);

	if (!expected)
		return CATALOG_E_INVALID;
	if (fingerprint && strcmp(expected, fingerprint) == 0)
		return 0;
	return error_set(&call->error, CATALOG_E_CONFLICT, "the fingerprint is not the expected one");
}

int admin_enrol_import(struct admin_call *call)
{
	CLEANUP(kbs_enrolment_deinit) struct kbs_enrolment enrolment = KBS_ENROLMENT_NULL;
	struct catalog_disk disk = {.name = enrolment.resource, .disk = &enrolment.disk};
	SNAPSHOT_AUTO snapshot = catalog_snapshot(call->live->catalog);
	const struct manifest_entry *before;
	struct admin_change change;
	uint64_t version = 0;
	int r;

	r = open_file(call, &enrolment);
	if (!r)
		r = check_expected(call);
	if (r)
		return admin_exit(r);
	(void)json_get_bool(call->request, "replace", &disk.replace);
	before = manifest_find(&snapshot->manifest, STORE_RESOURCE, enrolment.resource);
	if (before && !before->deleted && !disk.replace)
		return admin_exit(error_set(&call->error, CATALOG_E_IN_USE, "resource %s: there is version %llu already: --replace", enrolment.resource,
			(unsigned long long)before->version));
	disk.state = catalog_resource_state(&snapshot->manifest, enrolment.resource);
	admin_change_begin(&change, call, "key-import");
	change.fingerprint = json_get_text(call->result, "fingerprint", NULL);
	r = admin_changed(&change, catalog_put_disk(call->live->catalog, &disk, call->now, &change.by, &version, &call->error));
	return r ? admin_exit(r) : admin_memory(call, json_add_u64(call->result, "version", version));
}

/* What waits */

/* Everything but the sealed text. */
static int describe_pending(struct admin_call *call, const struct snapshot *snapshot, const struct manifest_entry *entry, struct json_object *to)
{
	static const char *const members[] = {
		"fingerprint", "created", "volume", "headers", "replaces", "chip_id", "measurement", "tee", "policy", "policy_version"};
	JSON_AUTO text = NULL;
	uint64_t state;
	int r;

	r = json_add_u64(to, "id", entry->version);
	if (!r)
		r = json_add_text(to, "resource", entry->name);
	if (!r)
		r = admin_add_time(to, "time", entry->time);
	if (!r)
		r = admin_add_time(to, "expires", entry->time + PENDING_SECONDS);
	if (r)
		return r;
	r = catalog_read_pending(call->live->catalog, entry, &text);
	if (r)
		return r > 0 ? json_add_bool(to, "damaged", true) : r;
	for (size_t i = 0; i < ARRAY_SIZE(members) && !r; i++) {
		struct json_object *value = json_get(text, members[i]);

		if (value)
			r = json_add(to, members[i], json_object_get(value));
	}
	/* Of before a change of the resource: it can only be rejected. */
	if (!r && (!json_get_u64(text, "state", UINT64_MAX, &state) || state != catalog_resource_state(&snapshot->manifest, entry->name)))
		r = json_add_bool(to, "stale", true);
	return r;
}

int admin_pending_list(struct admin_call *call)
{
	SNAPSHOT_AUTO snapshot = catalog_snapshot(call->live->catalog);
	struct json_object *list = json_object_new_array();
	size_t count;
	const struct manifest_entry *entries = manifest_entries(&snapshot->manifest, STORE_PENDING, &count);
	int r = json_add(call->result, "pending", list);

	for (size_t i = 0; i < count && !r; i++) {
		struct json_object *row;

		if (catalog_pending_expired(&entries[i], call->now))
			continue;
		row = json_object_new_object();
		r = json_push(list, row);
		if (!r)
			r = describe_pending(call, snapshot, &entries[i], row);
	}
	return admin_memory(call, r);
}

/* The entry that the request names; NULL with a message. */
static const struct manifest_entry *find_pending(struct admin_call *call, const struct snapshot *snapshot)
{
	const struct manifest_entry *entry;
	uint64_t id = 0;

	(void)json_get_u64(call->request, "id", INT64_MAX, &id);
	entry = catalog_find_pending(snapshot, id, call->now);
	if (!entry)
		(void)error_set(&call->error, CATALOG_E_ABSENT, "no enrolment %llu waits", (unsigned long long)id);
	return entry;
}

int admin_pending_show(struct admin_call *call)
{
	SNAPSHOT_AUTO snapshot = catalog_snapshot(call->live->catalog);
	const struct manifest_entry *entry = find_pending(call, snapshot);

	return entry ? admin_memory(call, describe_pending(call, snapshot, entry, call->result)) : EXIT_REFUSED;
}

/* Opens what waits, as it was received. *ret_text lives as long as `ret_object`. */
static int open_pending(struct admin_call *call, const struct manifest_entry *entry, struct kbs_enrolment *ret, uint64_t *ret_state,
	struct json_object **ret_object)
{
	size_t size;
	const char *text;
	int r = catalog_read_pending(call->live->catalog, entry, ret_object);

	if (r)
		return error_set(&call->error, r, "enrolment %llu: its row in the store is missing or was changed by somebody else",
			(unsigned long long)entry->version);
	text = json_get_text(*ret_object, "text", &size);
	if (!text || !json_get_u64(*ret_object, "state", UINT64_MAX, ret_state))
		return error_set(&call->error, CATALOG_E_DAMAGED, "enrolment %llu: incomplete", (unsigned long long)entry->version);
	r = enrol_open(call->live, bytes_of(text, size), ret, &call->error);
	if (!r && strcmp(ret->resource, entry->name) != 0)
		r = error_set(&call->error, CATALOG_E_DAMAGED, "enrolment %llu: it is for another resource", (unsigned long long)entry->version);
	return r;
}

int admin_pending_accept(struct admin_call *call)
{
	CLEANUP(kbs_enrolment_deinit) struct kbs_enrolment enrolment = KBS_ENROLMENT_NULL;
	SNAPSHOT_AUTO snapshot = catalog_snapshot(call->live->catalog);
	const struct manifest_entry *entry = find_pending(call, snapshot);
	struct catalog_disk disk = {.name = enrolment.resource, .disk = &enrolment.disk};
	struct admin_change change;
	JSON_AUTO object = NULL;
	uint64_t version = 0;
	int r;

	if (!entry)
		return EXIT_REFUSED;
	r = open_pending(call, entry, &enrolment, &disk.state, &object);
	if (r)
		return admin_exit(r);
	disk.pending = entry->version;
	admin_change_begin(&change, call, "pending-accept");
	change.fingerprint = json_get_text(object, "fingerprint", NULL);
	r = admin_changed(&change, catalog_put_disk(call->live->catalog, &disk, call->now, &change.by, &version, &call->error));
	if (!r)
		r = json_add_text(call->result, "resource", enrolment.resource);
	return r ? admin_exit(r) : admin_memory(call, json_add_u64(call->result, "version", version));
}

int admin_pending_reject(struct admin_call *call)
{
	SNAPSHOT_AUTO snapshot = catalog_snapshot(call->live->catalog);
	const struct manifest_entry *entry = find_pending(call, snapshot);
	struct admin_change change;
	int r;

	if (!entry)
		return EXIT_REFUSED;
	admin_change_begin(&change, call, "pending-reject");
	r = admin_changed(&change, catalog_delete_pending(call->live->catalog, entry->version, call->now, &change.by, &call->error));
	return r ? admin_exit(r) : admin_memory(call, json_add_text(call->result, "resource", entry->name));
}
