/* SPDX-License-Identifier: Apache-2.0 */
/* The verbs that change or show keys, policies and grants. Those of the audit and of the broker itself are in admin_verbs_broker.c. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "base/text.h"
#include "broker/admin_verbs.h"
#include "broker/grants.h"

int admin_exit(int r)
{
	switch (r) {
	case 0:
		return EXIT_YES;
	case CATALOG_E_INVALID:
		return EXIT_USAGE;
	case CATALOG_E_ABSENT:
	case CATALOG_E_IN_USE:
	case CATALOG_E_FULL:
	case CATALOG_E_CONFLICT:
	case -EEXIST:
		return EXIT_REFUSED;
	case -EAGAIN:
	case -EBUSY:
	case -ENOSPC:
		return EXIT_UNREACHABLE;
	default:
		return EXIT_INTERNAL;
	}
}

const char *admin_text(struct admin_call *call, const char *member)
{
	const char *text = json_get_text(call->request, member, NULL);

	if (!text)
		(void)error_set(&call->error, -EINVAL, "the request has no text \"%s\"", member);
	return text;
}

static int write_record(const struct admin_call *call, const char *event, const char *verb, const char *name, uint64_t version,
	const char *fingerprint)
{
	CLEANUP(buf_deinit) struct buf text = BUF_NULL;
	JSON_AUTO record = json_object_new_object();
	int r = record ? 0 : -ENOMEM;

	if (!r)
		r = json_add_text(record, "event", event);
	if (!r)
		r = json_add_u64(record, "time", (uint64_t)call->now);
	if (!r)
		r = json_add_text(record, "verb", verb);
	if (!r && name)
		r = json_add_text(record, "name", name);
	if (!r && version)
		r = json_add_u64(record, "version", version);
	if (!r && fingerprint)
		r = json_add_text(record, "fingerprint", fingerprint);
	if (!r)
		r = json_add_u64(record, "uid", call->uid);
	if (!r)
		r = json_write(&text, record);
	return r ? r : audit_write(call->live->audit, &text);
}

int admin_audit(struct admin_call *call, const char *verb, const char *name, uint64_t version)
{
	int r = write_record(call, "admin", verb, name, version, NULL);

	return r ? error_set(&call->error, r, "done, but the audit cannot be written: %s", strerror(-r)) : 0;
}

static int record_change(void *context, const char *name, uint64_t version, struct error *error)
{
	struct admin_change *change = context;
	int r = write_record(change->call, "admin", change->verb, name, version, change->fingerprint);

	if (r)
		return error_set(error, r, "nothing is changed, the audit cannot be written: %s", strerror(-r));
	(void)snprintf(change->name, sizeof(change->name), "%s", name);
	change->version = version;
	change->written = true;
	return 0;
}

void admin_change_begin(struct admin_change *change, struct admin_call *call, const char *verb)
{
	*change = (struct admin_change){.by = {record_change, change}, .call = call, .verb = verb};
}

int admin_changed(const struct admin_change *change, int r)
{
	if (r && change->written && write_record(change->call, "admin-failed", change->verb, change->name, change->version, NULL))
		log_error("%s %s is on record and was not done; that it was not is on no record", change->verb, change->name);
	return r;
}

int admin_add_time(struct json_object *to, const char *member, int64_t time)
{
	char text[32];

	time_format(text, time);
	return json_add_text(to, member, text);
}

int admin_memory(struct admin_call *call, int r)
{
	return admin_exit(r ? error_set(&call->error, r, "%s", strerror(-r)) : 0);
}

static int key_put(struct admin_call *call)
{
	const char *name = admin_text(call, "resource");
	struct admin_change change;
	uint64_t version = 0;
	int r;

	if (!name)
		return EXIT_USAGE;
	admin_change_begin(&change, call, "key-put");
	r = admin_changed(&change,
		catalog_put_resource(call->live->catalog, name, &call->secret, call->now, &change.by, &version, &call->error));
	if (!r)
		r = json_add_text(call->result, "resource", name);
	if (!r)
		r = json_add_u64(call->result, "version", version);
	if (!r)
		r = json_add_u64(call->result, "size", call->secret.size);
	return admin_exit(r);
}

static int describe_entry(struct json_object *to, const char *name_member, const struct manifest_entry *entry)
{
	int r;

	r = json_add_text(to, name_member, entry->name);
	if (!r)
		r = json_add_u64(to, "version", entry->version);
	if (!r)
		r = json_add_u64(to, "size", entry->size);
	return r ? r : admin_add_time(to, "time", entry->time);
}

static int key_get_meta(struct admin_call *call)
{
	SNAPSHOT_AUTO snapshot = catalog_snapshot(call->live->catalog);
	const char *name = admin_text(call, "resource");
	const struct manifest_grant *grants[GRANTS_PER_RESOURCE + 1] = {NULL};
	const struct manifest_entry *entry;
	struct json_object *list;
	size_t count;
	int r;

	if (!name)
		return EXIT_USAGE;
	entry = manifest_find(&snapshot->manifest, STORE_RESOURCE, name);
	if (!entry || entry->deleted)
		return admin_exit(error_set(&call->error, CATALOG_E_ABSENT, "resource %s: there is no such resource", name));
	r = describe_entry(call->result, "resource", entry);
	list = json_object_new_array();
	if (!r)
		r = json_add(call->result, "grants", list);
	count = grants_covering(&snapshot->manifest, name, grants);
	for (size_t i = 0; i < count && !r; i++)
		r = json_push(list, json_object_new_string(grants[i]->pattern));
	return admin_memory(call, r);
}

static int key_delete(struct admin_call *call)
{
	const char *name = admin_text(call, "resource");
	struct admin_change change;

	if (!name)
		return EXIT_USAGE;
	admin_change_begin(&change, call, "key-delete");
	return admin_exit(admin_changed(&change, catalog_delete_resource(call->live->catalog, name, call->now, &change.by, &call->error)));
}

/* Adds the live entries of a kind after the name in "after", at most ADMIN_PAGE_MAX; "more" says whether there are others. */
static int list_entries(struct admin_call *call, enum store_kind kind, const char *member, const char *name_member)
{
	SNAPSHOT_AUTO snapshot = catalog_snapshot(call->live->catalog);
	const char *after = json_get_text(call->request, "after", NULL);
	struct json_object *list = json_object_new_array();
	size_t shown = 0;
	bool more = false;
	int r;

	r = json_add(call->result, member, list);
	for (size_t i = 0; i < snapshot->manifest.entry_count && !r && !more; i++) {
		const struct manifest_entry *entry = &snapshot->manifest.entries[i];
		struct json_object *row;

		if (entry->kind != kind || entry->deleted || (after && strcmp(entry->name, after) <= 0) ||
			manifest_find(&snapshot->manifest, kind, entry->name) != entry)
			continue;
		more = shown == ADMIN_PAGE_MAX;
		if (more)
			break;
		row = json_object_new_object();
		r = json_push(list, row);
		if (!r)
			r = describe_entry(row, name_member, entry);
		shown++;
	}
	if (!r)
		r = json_add_bool(call->result, "more", more);
	return admin_memory(call, r);
}

static int key_list(struct admin_call *call)
{
	return list_entries(call, STORE_RESOURCE, "resources", "resource");
}

static int policy_list(struct admin_call *call)
{
	return list_entries(call, STORE_POLICY, "policies", "name");
}

static int policy_put(struct admin_call *call)
{
	CLEANUP(verdict_deinit) struct verdict warnings = VERDICT_NULL;
	size_t size = 0;
	const char *text = json_get_text(call->request, "text", &size);
	struct admin_change change;
	uint64_t version = 0;
	char *name = NULL;
	int r;

	if (!text)
		return error_set(&call->error, EXIT_USAGE, "the request has no policy");
	admin_change_begin(&change, call, "policy-put");
	r = admin_changed(&change,
		catalog_put_policy(
			call->live->catalog, bytes_of(text, size), call->now, &change.by, &name, &version, &warnings, &call->error));
	if (!r)
		r = json_add_text(call->result, "name", name);
	if (!r)
		r = json_add_u64(call->result, "version", version);
	if (!r)
		r = json_add(call->result, "warnings", verdict_to_json(&warnings));
	free(name);
	return admin_exit(r);
}

static int policy_show(struct admin_call *call)
{
	CLEANUP(buf_deinit) struct buf text = BUF_NULL;
	const char *name = admin_text(call, "name");
	uint64_t version = 0;
	uint64_t shown = 0;
	int r;

	if (!name)
		return EXIT_USAGE;
	(void)json_get_u64(call->request, "version", INT64_MAX, &version);
	r = catalog_policy_text(call->live->catalog, name, version, &text, &shown, &call->error);
	if (!r)
		r = json_add_text(call->result, "name", name);
	if (!r)
		r = json_add_u64(call->result, "version", shown);
	if (!r)
		r = json_add_text_size(call->result, "text", buf_view(&text));
	return admin_exit(r);
}

static int policy_delete(struct admin_call *call)
{
	const char *name = admin_text(call, "name");
	struct admin_change change;

	if (!name)
		return EXIT_USAGE;
	admin_change_begin(&change, call, "policy-delete");
	return admin_exit(admin_changed(&change, catalog_delete_policy(call->live->catalog, name, call->now, &change.by, &call->error)));
}

static const char *const enrol_words[] = {
	[MANIFEST_ENROL_NONE] = "none", [MANIFEST_ENROL_PENDING] = "pending", [MANIFEST_ENROL_ACCEPT] = "accept"};

/* Absent: none. */
static bool read_enrol(struct json_object *request, enum manifest_enrol *ret)
{
	const char *word = json_get_text(request, "enrol", NULL);

	*ret = MANIFEST_ENROL_NONE;
	if (!json_get(request, "enrol"))
		return true;
	for (size_t i = 0; i < ARRAY_SIZE(enrol_words); i++) {
		if (word && strcmp(enrol_words[i], word) == 0) {
			*ret = (enum manifest_enrol)i;
			return true;
		}
	}
	return false;
}

static int grant_add(struct admin_call *call)
{
	struct json_object *list = json_get_array(call->request, "policies");
	const char *policies[MANIFEST_POLICIES_MAX];
	struct catalog_grant grant = {.pattern = admin_text(call, "pattern"), .policies = policies};
	struct admin_change change;

	grant.count = list ? json_object_array_length(list) : 0;
	if (!grant.pattern)
		return EXIT_USAGE;
	if (grant.count == 0 || grant.count > ARRAY_SIZE(policies))
		return error_set(&call->error, EXIT_USAGE, "a grant names 1 to %d policies", MANIFEST_POLICIES_MAX);
	if (!read_enrol(call->request, &grant.enrol))
		return error_set(&call->error, EXIT_USAGE, "enrolments of a grant are none, pending or accept");
	for (size_t i = 0; i < grant.count; i++) {
		struct json_object *item = json_object_array_get_idx(list, i);

		if (!json_object_is_type(item, json_type_string))
			return error_set(&call->error, EXIT_USAGE, "a policy's name is a text");
		policies[i] = json_object_get_string(item);
	}
	admin_change_begin(&change, call, "grant-add");
	return admin_exit(admin_changed(&change, catalog_put_grant(call->live->catalog, &grant, call->now, &change.by, &call->error)));
}

static int describe_grant(struct json_object *to, const struct manifest_grant *grant)
{
	struct json_object *policies = json_object_new_array();
	int r;

	r = json_add(to, "policies", policies);
	for (size_t i = 0; i < grant->policy_count && !r; i++)
		r = json_push(policies, json_object_new_string(grant->policies[i]));
	if (!r)
		r = json_add_text(to, "pattern", grant->pattern);
	if (!r)
		r = json_add_text(to, "enrol", enrol_words[grant->enrol]);
	return r ? r : admin_add_time(to, "time", grant->time);
}

static int grant_list(struct admin_call *call)
{
	SNAPSHOT_AUTO snapshot = catalog_snapshot(call->live->catalog);
	const char *after = json_get_text(call->request, "after", NULL);
	struct json_object *list = json_object_new_array();
	size_t shown = 0;
	bool more = false;
	int r;

	r = json_add(call->result, "grants", list);
	for (size_t i = 0; i < snapshot->manifest.grant_count && !r && !more; i++) {
		const struct manifest_grant *grant = &snapshot->manifest.grants[i];
		struct json_object *row;

		if (after && strcmp(grant->pattern, after) <= 0)
			continue;
		more = shown == ADMIN_PAGE_MAX;
		if (more)
			break;
		row = json_object_new_object();
		r = json_push(list, row);
		if (!r)
			r = describe_grant(row, grant);
		shown++;
	}
	if (!r)
		r = json_add_bool(call->result, "more", more);
	return admin_memory(call, r);
}

static int grant_delete(struct admin_call *call)
{
	const char *pattern = admin_text(call, "pattern");
	struct admin_change change;

	if (!pattern)
		return EXIT_USAGE;
	admin_change_begin(&change, call, "grant-delete");
	return admin_exit(admin_changed(&change, catalog_delete_grant(call->live->catalog, pattern, &change.by, &call->error)));
}

const struct admin_verb_row admin_verbs[] = {
	{"init", admin_init, false, false},
	{"status", admin_status, false, false},
	{"signing-keys", admin_signing_keys, true, false},
	{"key-put", key_put, true, true},
	{"key-get-meta", key_get_meta, true, false},
	{"key-list", key_list, true, false},
	{"key-delete", key_delete, true, false},
	{"policy-put", policy_put, true, false},
	{"policy-show", policy_show, true, false},
	{"policy-list", policy_list, true, false},
	{"policy-delete", policy_delete, true, false},
	{"grant-add", grant_add, true, false},
	{"grant-list", grant_list, true, false},
	{"grant-delete", grant_delete, true, false},
	{"enrol-inspect", admin_enrol_inspect, true, true},
	{"enrol-import", admin_enrol_import, true, true},
	{"pending-list", admin_pending_list, true, false},
	{"pending-show", admin_pending_show, true, false},
	{"pending-accept", admin_pending_accept, true, false},
	{"pending-reject", admin_pending_reject, true, false},
	{"audit", admin_audit_list, true, false},
	{"audit-verify", admin_audit_verify, true, false},
};
const size_t admin_verb_count = ARRAY_SIZE(admin_verbs);
