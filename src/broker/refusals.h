/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * Evidence counted by outcome, and what was refused before a valid signature by check and minute: anybody can send that, so it gets a line
 * of the log a minute and no record. Check names are ours, so there are few.
 */
#include <pthread.h>
#include <stdint.h>

#include "base/bytes.h"

#define REFUSALS_CHECKS_MAX 128

enum refusals_outcome { REFUSALS_PASSED, REFUSALS_BY_POLICY, REFUSALS_UNVERIFIED, REFUSALS_OUTCOMES };

struct refusals_check {
	const char *name; /* static */
	uint64_t count;
	uint64_t unsaid; /* since the last line of the log */
	int64_t minute;  /* of that line */
};

struct refusals {
	pthread_mutex_t lock;
	uint64_t outcomes[REFUSALS_OUTCOMES];
	struct refusals_check checks[REFUSALS_CHECKS_MAX];
	size_t check_count;
};

void refusals_init(struct refusals *refusals);
void refusals_deinit(struct refusals *refusals);
/* `check` is a static name or NULL; `why` for the line of the log. */
void refusals_count(struct refusals *refusals, enum refusals_outcome outcome, const char *check, const char *why, int64_t now);
/* OpenMetrics lines. */
int refusals_metrics(struct refusals *refusals, struct buf *to) MUST_CHECK;
