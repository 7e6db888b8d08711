/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * The audit: who got which secret, who was refused though the evidence was genuine, and what the operator changed. Each start of brokerd is
 * an incarnation: records 1, 2, 3... with a chain
 *
 *     chain(n) = HMAC-SHA-256(audit key, "sevattest audit 1" 0 || incarnation || u64 n || chain(n - 1) || text), chain(0) = 32 zero bytes
 *
 * so that whoever has the database but not the key-encryption key can neither edit a record nor remove, insert, swap or copy one. Record 1
 * names the end of the incarnation before it; the state file (state.h) names the end at the last checkpoint.
 *
 * One writer thread commits what has gathered, up to AUDIT_BATCH_MAX records at once. A record's `done` runs when the record is durable, or
 * with an error: the answer that it stands for may go out only then, and only with 0.
 */
#include <stdbool.h>
#include <stdint.h>

#include "base/bytes.h"
#include "base/error.h"
#include "broker/state.h"
#include "broker/store.h"

#define AUDIT_BATCH_MAX 64
#define AUDIT_GATHER_US 2000 /* how long a batch waits for company under load */
#define AUDIT_CHECKPOINT_S 60

/* Runs in the writer thread. */
typedef void (*audit_done)(void *context, int result);

struct audit;

/*
 * Starts the writer. `store` and `state` are borrowed. The first commit holds the start record as well. 0 or -errno.
 */
int audit_new(struct store *store, struct state_file *state, struct bytes key, struct audit **ret, struct error *error) MUST_CHECK;
/* Commits what is queued, writes a checkpoint, ends the thread. */
struct audit *audit_free(struct audit *audit);
DEFINE_CLEANUP(struct audit *, audit_free)

/* Queues a record. `text` (JSON, at most STORE_RECORD_MAX) is taken over on 0. -errno: `done` will not run. */
int audit_submit(struct audit *audit, struct buf *text, audit_done done, void *context) MUST_CHECK;
/* The same, waiting for the result. */
int audit_write(struct audit *audit, struct buf *text) MUST_CHECK;

struct audit_counts {
	uint64_t records;
	uint64_t commits;
	uint64_t failed;
	bool last_failed; /* the last commit */
};
void audit_counts(struct audit *audit, struct audit_counts *ret);

/* What a chain is made of; for the writer and the verifier. */
int audit_chain(uint8_t ret[static 32], struct bytes key, const struct store_record *record, const uint8_t before[static 32]) MUST_CHECK;

/* What audit_verify() found. */
struct audit_report {
	uint64_t records;
	uint64_t incarnations;
	bool intact;
	uint64_t bad_position; /* of the first record that does not fit, 0: none (then the end is missing) */
	char reason[160];
};

/*
 * Recomputes every chain, from the first record to the last. `checkpoint` may be NULL; otherwise its record must be there.
 * 0: it ran, ret->intact says how; -errno.
 */
int audit_verify(struct store *store, struct bytes key, const struct state_audit *checkpoint, struct audit_report *ret) MUST_CHECK;
