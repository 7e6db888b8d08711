/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * What brokerd remembers outside the database, in a small file of its state directory: which store it serves, the highest epoch of its
 * manifest, and the end of the audit at the last checkpoint. A database that was rolled back, exchanged, emptied or shortened does not fit
 * it any more.
 *
 * The file: "SEVASTAT", u32 format 1, store id [16], u64 epoch, incarnation [16], u64 sequence (0: no audit yet), chain [32], HMAC-SHA-256
 * [32].
 */
#include <stdbool.h>
#include <stdint.h>

#include "base/bytes.h"
#include "base/error.h"
#include "broker/manifest.h"

#define STATE_SIZE (8 + 4 + MANIFEST_ID_SIZE + 8 + STORE_INCARNATION_SIZE + 8 + 32 + 32)

enum {
	STATE_E_FORMAT = 1,
	STATE_E_FORGED, /* edited, or of another key-encryption key */
};

struct state_audit {
	uint8_t incarnation[STORE_INCARNATION_SIZE];
	uint64_t sequence; /* 0: none */
	uint8_t chain[32];
};

struct state {
	uint8_t id[MANIFEST_ID_SIZE];
	uint64_t epoch; /* 0: no store yet */
	struct state_audit audit;
};

/* Pure. 0, STATE_E_*, -errno. */
int state_decode(struct bytes input, struct bytes key, struct state *ret) MUST_CHECK;
int state_encode(struct buf *to, const struct state *state, struct bytes key) MUST_CHECK;

/* The file with its lock; the two writers are the catalog (epoch) and the audit (checkpoints). */
struct state_file;

/* `directory` must exist; no file in it is a fresh state. 0; -EBADMSG for a damaged or forged one; -errno. */
int state_open(const char *directory, struct bytes key, struct state_file **ret, struct error *error) MUST_CHECK;
struct state_file *state_close(struct state_file *file);
DEFINE_CLEANUP(struct state_file *, state_close)

void state_get(struct state_file *file, struct state *ret);
/* Durable on return. An epoch never goes back: -EINVAL. */
int state_set_epoch(struct state_file *file, const uint8_t id[static MANIFEST_ID_SIZE], uint64_t epoch, struct error *error) MUST_CHECK;
int state_set_audit(struct state_file *file, const struct state_audit *audit, struct error *error) MUST_CHECK;
/* Is there a file in `directory`? For `init`, before there is a key. */
bool state_exists(const char *directory);
