/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* What the files of verbs share. */
#include "broker/admin.h"

/* The exit code for an outcome of the catalog or an -errno. */
int admin_exit(int r);
/* A text member that must be there; NULL with a message. */
const char *admin_text(struct admin_call *call, const char *member);
/* The record of a verb; durable on return. `name` may be NULL, `version` 0. */
int admin_audit(struct admin_call *call, const char *verb, const char *name, uint64_t version) MUST_CHECK;

/*
 * A change and its record, which is durable before the change is made: `by` goes to the catalog, whose result goes through admin_changed(). A
 * change that is on record and then failed gets another record that says so. `fingerprint` (may be NULL) is part of the record.
 */
struct admin_change {
	struct catalog_witness by;
	struct admin_call *call;
	const char *verb;
	const char *fingerprint;
	bool written;
	char name[STORE_NAME_MAX + 1];
	uint64_t version;
};
void admin_change_begin(struct admin_change *change, struct admin_call *call, const char *verb);
int admin_changed(const struct admin_change *change, int r) MUST_CHECK;
/* RFC 3339. */
int admin_add_time(struct json_object *to, const char *member, int64_t time) MUST_CHECK;
/* The exit code of -errno, or 0, with a message. */
int admin_memory(struct admin_call *call, int r);

int admin_init(struct admin_call *call);
int admin_status(struct admin_call *call);
int admin_signing_keys(struct admin_call *call);
int admin_audit_list(struct admin_call *call);
int admin_audit_verify(struct admin_call *call);
int admin_enrol_inspect(struct admin_call *call);
int admin_enrol_import(struct admin_call *call);
int admin_pending_list(struct admin_call *call);
int admin_pending_show(struct admin_call *call);
int admin_pending_accept(struct admin_call *call);
int admin_pending_reject(struct admin_call *call);
