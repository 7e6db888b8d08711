/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * Evidence counted by outcome and by check. What was refused before a valid signature anybody can send, so it gets a line of the log a minute
 * and no record; what is genuine and pleases no policy has its record, and is counted here too. Check names are ours, so there are few.
 */
#include <pthread.h>
#include <stddef.h>
#include <stdint.h>

#define REFUSALS_CHECKS_MAX 128

enum refusals_outcome { REFUSALS_PASSED, REFUSALS_BY_POLICY, REFUSALS_UNVERIFIED, REFUSALS_OUTCOMES };

struct refusals_check {
	const char *name; /* static */
	uint64_t count;
	uint64_t unsaid; /* since the last line of the log */
	int64_t minute;  /* of that line */
};

struct refusals_table {
	struct refusals_check checks[REFUSALS_CHECKS_MAX];
	size_t count;
};

struct refusals {
	pthread_mutex_t lock;
	uint64_t outcomes[REFUSALS_OUTCOMES];
	struct refusals_table unverified;
	struct refusals_table by_policy; /* a check counts once for each piece of evidence */
};

extern const char *const refusals_outcome_names[REFUSALS_OUTCOMES]; /* "passed", "refused", "unverified" */

void refusals_init(struct refusals *refusals);
void refusals_deinit(struct refusals *refusals);
/* `check` is a static name or NULL; `why` for the line of the log. */
void refusals_count(struct refusals *refusals, enum refusals_outcome outcome, const char *check, const char *why, int64_t now);
/* Genuine evidence that no policy accepts: the names of checks, which may repeat. */
void refusals_count_policy(struct refusals *refusals, const char *const *checks, size_t count);
/* Copies; the lock of the copy means nothing. */
void refusals_copy(struct refusals *refusals, struct refusals *ret);
