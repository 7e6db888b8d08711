/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * What brokerd says about itself on the status port: a struct that is collected, and pure functions that write it as JSON, metrics and a page.
 * Resources, policies and the first bytes of chips are on the page and in the JSON, for the operator; metrics hold none of them, and nothing
 * holds a key or what a check would have accepted.
 */
#include "base/metrics.h"
#include "broker/live.h"

struct broker_status {
	const char *version;
	int64_t started;
	bool initialised; /* what follows means nothing before */
	uint64_t epoch;
	size_t resources;
	size_t policies;
	size_t policies_broken; /* listed, and not to be read: they let nobody pass */
	size_t grants;
	size_t enrolments_waiting; /* for the operator */
	struct audit_counts audit;
	struct appraiser_counts appraiser;
	struct recent recent; /* a copy */
};

/* Any thread. About 45 KiB: on the heap. */
void broker_status_collect(struct live_slot *slot, int64_t now, struct broker_status *ret);

/* Each appends. 0, -ENOMEM, -EOVERFLOW. */
int broker_status_json(const struct broker_status *status, int64_t now, struct buf *to) MUST_CHECK;
int broker_status_metrics(const struct broker_status *status, enum metrics_format format, struct buf *to) MUST_CHECK;
int broker_status_page(const struct broker_status *status, int64_t now, struct buf *to) MUST_CHECK;

/* Is there something that an operator must mend? A sentence, or NULL. */
const char *broker_status_trouble(const struct broker_status *status);

/* Answers a FRAME_STATUS_REQUEST for `path`, as agent/status_model.h does for the agent. 0 or -errno: no answer can be made. */
int status_answer(struct live_slot *slot, struct bytes path, int64_t now, struct buf *ret_frame_payload) MUST_CHECK;
