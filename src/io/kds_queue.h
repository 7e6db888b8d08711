/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * When to ask AMD's key service, and for what. AMD answers about one VCEK per ten seconds per address and then says 429 for minutes, so a
 * fleet that boots at once must not ask at once. This is the policy alone, without clock, network or cache: its owner looks into the cache
 * first, tells the queue what is missing, sends what the queue hands out, and tells it what came of that. So brokerd, sevattestd and the
 * command line share it, and tests turn the clock.
 *
 *   - an object (a KDS path) is asked for once however many want it, and keeps its place through every failure that passes;
 *   - chips that are known go before chips that are not, of which only a few may wait: anybody can name a chip;
 *   - 429 stops requests for VCEKs for as long as the service says, else longer each time, and slows them down for a while afterwards;
 *     revocation lists and chains, which AMD does not throttle, go on;
 *   - a service that cannot be reached is asked again at growing, jittered intervals;
 *   - what the service does not have is not asked for again for a while; an answer that is worth nothing (half, another chip's) is tried
 *     twice more.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/compiler.h"
#include "snp/kds.h"

#define KDS_QUEUE_WAITING_MAX 256     /* known chips at AMD's pace: 40 minutes */
#define KDS_QUEUE_UNKNOWN_MAX 8       /* of them, chips that nobody has seen before */
#define KDS_QUEUE_PER_CHIP_MAX 4      /* TCBs of one chip: anybody can make up TCBs of a chip that is known */
#define KDS_QUEUE_NEGATIVE_MAX 1024   /* remembered refusals; the oldest goes first */
#define KDS_QUEUE_BAD_ANSWERS_MAX 3   /* for one object, then it counts as absent */
#define KDS_QUEUE_BUSY_MIN_MS 10000   /* AMD's pace, as others have seen it */
#define KDS_QUEUE_BUSY_MAX_MS 600000
#define KDS_QUEUE_DOWN_MIN_MS 1000
#define KDS_QUEUE_DOWN_MAX_MS 300000
#define KDS_QUEUE_NEGATIVE_MIN_MS 60000 /* a 404 is sometimes an outage (doubled each time) */
#define KDS_QUEUE_NEGATIVE_MAX_MS 3600000
#define KDS_QUEUE_REFETCH_MS 3600000 /* how often a cached object that did not verify is replaced */
#define KDS_QUEUE_SLOW_MS 600000 /* after a 429, VCEKs go one per KDS_QUEUE_BUSY_MIN_MS for so long */

enum kds_rank { KDS_KNOWN, KDS_UNKNOWN };

/* What asking comes to. Each but ABSENT comes with the seconds after which asking again makes sense. */
enum kds_asked {
	KDS_ASKED_QUEUED = 1, /* it will be fetched, or is being fetched */
	KDS_ASKED_FULL,       /* too many wait already */
	KDS_ASKED_ABSENT,     /* the service does not have it */
	KDS_ASKED_BAD,        /* the service gives something else under this name */
};

/* How a request ended. */
enum kds_outcome {
	KDS_OUTCOME_GOOD = 1,
	KDS_OUTCOME_ABSENT, /* 404 */
	KDS_OUTCOME_BUSY,   /* 429 */
	KDS_OUTCOME_DOWN,   /* unreachable, TLS, 5xx, any status that does not concern the object */
	KDS_OUTCOME_BAD,    /* an answer that is not the object */
};

struct kds_queue;

/* 0, -ENOMEM. */
int kds_queue_new(struct kds_queue **ret) MUST_CHECK;
struct kds_queue *kds_queue_free(struct kds_queue *queue);
DEFINE_CLEANUP(struct kds_queue *, kds_queue_free)

/*
 * Somebody wants `path` (snp/kds.h), which the cache does not have. `now_ms` is a monotonic clock, the same for all calls. The answer is an
 * enum kds_asked and `ret_seconds` (at least 1); -EINVAL: no KDS path; -ENOMEM.
 */
int kds_queue_ask(struct kds_queue *queue, const char *path, enum kds_rank rank, uint64_t now_ms, unsigned *ret_seconds) MUST_CHECK;

/*
 * The path to be asked for now, in `to`: 0, and kds_queue_done() is due for it. Else -EAGAIN, with the milliseconds until there may be
 * something (UINT64_MAX: until somebody asks). Requests go one at a time for VCEKs, and one beside it for the rest.
 */
int kds_queue_next(struct kds_queue *queue, uint64_t now_ms, char to[static SNP_KDS_PATH_MAX], uint64_t *ret_wait_ms) MUST_CHECK;

/* What became of it. `retry_after` in seconds as the service said, else 0; `random` jitters the next attempt. */
void kds_queue_done(struct kds_queue *queue, const char *path, enum kds_outcome outcome, uint32_t retry_after, uint64_t now_ms, uint32_t random);

/*
 * A cached object did not verify: may it be thrown away and fetched anew? Once in KDS_QUEUE_REFETCH_MS; then the object is what the service
 * gives, and no cache is to blame.
 */
bool kds_queue_may_refetch(struct kds_queue *queue, const char *path, uint64_t now_ms);

/* Drops whoever waits for `path`; nothing happens when it is being fetched. */
void kds_queue_forget(struct kds_queue *queue, const char *path);

struct kds_queue_counts {
	size_t waiting;        /* and in flight */
	size_t unknown;        /* of them */
	size_t negative;
	uint64_t outcomes[KDS_OUTCOME_BAD + 1];
	uint64_t turned_away;  /* KDS_ASKED_FULL */
	uint64_t pause_ms;     /* VCEKs are not asked for that long; 0: they are */
};
void kds_queue_counts(const struct kds_queue *queue, uint64_t now_ms, struct kds_queue_counts *ret);
