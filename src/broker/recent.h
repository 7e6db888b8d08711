/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * The last decisions, for the status page: who got what, and who was refused by which checks. Only names and outcomes, never what would have
 * passed. The audit has everything; this is lost at a restart. Thread-safe.
 */
#include <pthread.h>
#include <stdint.h>

#include "base/compiler.h"
#include "kbs/server.h"

#define RECENT_MAX 20 /* of each list: a page, not a log */
#define RECENT_TEXT_MAX 400

struct recent_decision {
	int64_t time;
	enum kbs_audit_kind kind;
	char resource[RECENT_TEXT_MAX]; /* "": none, the evidence was refused as a whole */
	uint64_t version;               /* of the resource, for a release and an enrolment; the id of one that waits */
	char policy[KBS_POLICY_NAME_MAX + 1]; /* for a release */
	char reason[RECENT_TEXT_MAX];         /* for a refusal: names of checks, or the kind of error */
	uint8_t chip[8];                      /* the first bytes of its id: enough to tell a few chips apart */
};

struct recent_list {
	struct recent_decision items[RECENT_MAX]; /* a ring */
	uint64_t count;                           /* since the start; the newest is at (count - 1) % RECENT_MAX */
};

struct recent {
	pthread_mutex_t lock;
	struct recent_list releases;
	struct recent_list refusals;   /* refused and denied */
	struct recent_list enrolments; /* taken, and waiting */
	uint64_t counts[KBS_AUDIT_KINDS];
};

void recent_init(struct recent *recent);
void recent_deinit(struct recent *recent);
/* A decision as its record has it, freed with free(3); NULL without memory. It is added once the record is durable. */
struct recent_decision *recent_decision_new(const struct kbs_audit *audit);
void recent_add(struct recent *recent, const struct recent_decision *decision);
/* Copies; the lock of the copy means nothing. */
void recent_copy(struct recent *recent, struct recent *ret);
/* The entry `age` steps back, 0 the newest; NULL when there is none. */
const struct recent_decision *recent_at(const struct recent_list *list, size_t age);
