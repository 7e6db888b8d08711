/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * The manifest is the broker's memory of what its store holds: every signing key, every version of every policy, the newest version of
 * every resource, each with the SHA-256 of its row, and all grants in full. It has an epoch that grows with each change and a MAC under a
 * key that the database does not have. A row that is not listed, or is not the listed bytes, is not read (DESIGN section 9). Enrolments that
 * wait for the operator are listed likewise, so that none can be put in, brought back or taken out behind the broker's back.
 *
 * What was deleted stays as a tombstone, so that a version number is never used twice: an old row could otherwise come back under it.
 *
 * Encoded, little endian: "SEVATMAN", u32 format 2, store id [16], u64 epoch, u32 entries, u32 grants; an entry is u8 kind, u8 flags (1:
 * deleted), u16 size + name, u64 version, u32 content size, i64 time, sha256 [32]; a grant is u16 size + pattern, i64 time, u8 enrolments
 * (absent in format 1, which is still read), u8 policies, and u16 size + name for each; then HMAC-SHA-256 of all before it [32]. Entries are sorted by kind, name and version, grants by pattern,
 * each strictly, so that one content has one encoding.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/bytes.h"
#include "base/error.h"
#include "broker/store.h"

#define MANIFEST_ID_SIZE 16
#define MANIFEST_ENTRIES_MAX 200000 /* resources, policy versions, tombstones */
#define MANIFEST_GRANTS_MAX 100000
#define MANIFEST_POLICIES_MAX 16 /* of one grant; two grants may cover a resource, a session can prove 32 */

enum {
	MANIFEST_E_FORMAT = 1,  /* not a manifest */
	MANIFEST_E_FORGED,      /* the MAC does not fit: edited, or of another key-encryption key */
	MANIFEST_E_ROLLED_BACK, /* an older one, or of another store */
	MANIFEST_E_ABSENT,      /* deleted, or a listed row that the database does not have */
};

struct manifest_entry {
	enum store_kind kind;
	bool deleted;
	char *name;
	uint64_t version;
	uint32_t size; /* of the content, for listings */
	int64_t time;  /* Unix seconds, when it was written */
	uint8_t digest[32];
};

/* What a guest that a grant lets in may do beside having the secret: as enum kbs_enrol. */
enum manifest_enrol { MANIFEST_ENROL_NONE, MANIFEST_ENROL_PENDING, MANIFEST_ENROL_ACCEPT };

struct manifest_grant {
	char *pattern;
	int64_t time;
	enum manifest_enrol enrol;
	char *policies[MANIFEST_POLICIES_MAX];
	size_t policy_count;
};

struct manifest {
	uint8_t id[MANIFEST_ID_SIZE]; /* of the store, random */
	uint64_t epoch;
	struct manifest_entry *entries;
	size_t entry_count;
	struct manifest_grant *grants;
	size_t grant_count;
};

#define MANIFEST_NULL {0}

void manifest_deinit(struct manifest *manifest);
/* A deep copy, for building the next epoch. */
int manifest_copy(struct manifest *ret, const struct manifest *from) MUST_CHECK;

/* 0 or -errno; appended. */
int manifest_encode(struct buf *to, const struct manifest *manifest, struct bytes key) MUST_CHECK;
/* The MAC is looked at first. 0, MANIFEST_E_*, -ENOMEM. */
int manifest_decode(struct bytes input, struct bytes key, struct manifest *ret) MUST_CHECK;

/* The newest entry of a name, deleted or not; NULL when there never was one. Borrowed. */
const struct manifest_entry *manifest_find(const struct manifest *manifest, enum store_kind kind, const char *name);
const struct manifest_entry *manifest_find_version(
	const struct manifest *manifest, enum store_kind kind, const char *name, uint64_t version);

/* Puts an entry in its place; one with the same kind, name and version is replaced. `name` is copied. 0, -ENOMEM, -ENOSPC. */
int manifest_put(struct manifest *manifest, const struct manifest_entry *entry) MUST_CHECK;
/* Removes exactly this version; nothing happens when it is not there. */
void manifest_remove(struct manifest *manifest, enum store_kind kind, const char *name, uint64_t version);

/* The entries of one kind; sorted by name and version, `ret_count` of them from the one returned on. Borrowed. */
const struct manifest_entry *manifest_entries(const struct manifest *manifest, enum store_kind kind, size_t *ret_count);

const struct manifest_grant *manifest_find_grant(const struct manifest *manifest, const char *pattern);
/* Adds or replaces. Names are copied. 0, -EINVAL, -ENOMEM, -ENOSPC. */
int manifest_put_grant(struct manifest *manifest, const struct manifest_grant *grant) MUST_CHECK;
bool manifest_remove_grant(struct manifest *manifest, const char *pattern);

/* Reads the row of a listed entry and checks its digest. 0, MANIFEST_E_ABSENT, MANIFEST_E_FORGED, -errno. */
int manifest_read_row(struct store *store, const struct manifest_entry *entry, struct buf *ret) MUST_CHECK;
