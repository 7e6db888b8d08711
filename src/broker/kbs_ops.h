/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* What the KBS engine asks (struct kbs_server_ops), answered from the catalog, the appraiser and the audit. One context per worker. */
#include "base/bytes.h"
#include "broker/live.h"
#include "kbs/server.h"

struct kbs_ops_context {
	struct live *live;
	struct snapshot *snapshot;   /* one for the whole request */
	struct json_object *details; /* of a refusal, for its record */
	struct buf record;           /* the audit record that must be durable before the answer leaves; empty: none */
	struct recent_decision *decision; /* what the record says, for the status page */
};

extern const struct kbs_server_ops kbs_ops;

/* The text of a record, appended; and what the log says of it. `details` (may be NULL) is for a refusal. 0, -errno. */
int kbs_ops_record(const struct kbs_audit *audit, struct json_object *details, struct buf *ret) MUST_CHECK;

void kbs_ops_begin(struct kbs_ops_context *context);
/* `record` and `decision` stay, for the caller to submit. */
void kbs_ops_end(struct kbs_ops_context *context);
void kbs_ops_deinit(struct kbs_ops_context *context);
