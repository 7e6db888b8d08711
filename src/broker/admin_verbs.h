/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* What the two files of verbs share. */
#include "broker/admin.h"

/* The exit code for an outcome of the catalog or an -errno. */
int admin_exit(int r);
/* A text member that must be there; NULL with a message. */
const char *admin_text(struct admin_call *call, const char *member);
/* The record of a change; durable on return. `name` may be NULL, `version` 0. */
int admin_audit(struct admin_call *call, const char *verb, const char *name, uint64_t version) MUST_CHECK;

int admin_init(struct admin_call *call);
int admin_status(struct admin_call *call);
int admin_signing_keys(struct admin_call *call);
int admin_audit_list(struct admin_call *call);
int admin_audit_verify(struct admin_call *call);
