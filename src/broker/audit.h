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
 * Once a minute, when there is something new, a checkpoint is signed (audit_sign): a record of its own, and a line in the log, which an operator
 * sends elsewhere. It names the end before it, and through the start records with their `previous` all that was before that; so whoever has
 * the line and the public key can tell that the audit was cut off or exchanged, even by somebody who has the key-encryption key and the
 * state directory.
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
#define AUDIT_CHECKPOINT_EVENT "{\"event\":\"checkpoint\"" /* how such a record begins */
#define AUDIT_CHECKPOINT_MAX 1024                         /* text of a signed checkpoint: ours have 400 bytes */

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

/*
 * Signs the canonical JSON {"chain", "incarnation", "sequence", "time"} of an end: appends one line of text without an end. Runs in the writer
 * thread. 0, -errno.
 */
typedef int (*audit_sign)(void *context, struct bytes payload, struct buf *ret);
/* From here on checkpoints are signed. */
void audit_set_signer(struct audit *audit, audit_sign sign, void *context);

struct audit_counts {
	uint64_t records;
	uint64_t commits;
	uint64_t failed;
	uint64_t checkpoints;
	bool last_failed; /* the last commit */
};
void audit_counts(struct audit *audit, struct audit_counts *ret);

/* What a chain is made of; for the writer and the verifier. */
int audit_chain(uint8_t ret[static 32], struct bytes key, const struct store_record *record, const uint8_t before[static 32]) MUST_CHECK;

/* Verifies a signed checkpoint: appends the payload. 0; >0: not of our key; -errno. */
typedef int (*audit_check)(void *context, struct bytes text, struct buf *ret_payload);
/* The end that a checkpoint's payload names. 0, -EINVAL, -ENOMEM. */
int audit_read_end(struct bytes payload, struct state_audit *ret) MUST_CHECK;

struct audit_verify_input {
	struct bytes key;
	const struct state_audit *must_be_there; /* ends whose records must be found */
	size_t must_count;
	audit_check check; /* NULL: signatures are not looked at */
	void *context;
};

/* What audit_verify() found. */
struct audit_report {
	uint64_t records;
	uint64_t incarnations;
	uint64_t checkpoints; /* signed ones, each good and fitting */
	bool intact;
	uint64_t bad_position; /* of the first record that does not fit, 0: none (then the end is missing) */
	char reason[160];
};

/*
 * Recomputes every chain, from the first record to the last, and holds each signed checkpoint against it. 0: it ran, ret->intact says how;
 * -errno.
 */
int audit_verify(struct store *store, const struct audit_verify_input *input, struct audit_report *ret) MUST_CHECK;
