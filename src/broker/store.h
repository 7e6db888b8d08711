/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * The store keeps bytes and promises nothing about them: whoever can write to the database may have changed, swapped, removed or rolled
 * back any of it. What protects the content is above: rows are sealed or listed by digest in the manifest (manifest.h), the manifest
 * carries a MAC and an epoch, audit records carry a keyed chain (audit.h).
 *
 * One `struct store_ops` per database. A store may be used by several threads at once.
 */
#include <stdbool.h>
#include <stdint.h>

#include "base/bytes.h"
#include "base/compiler.h"
#include "base/error.h"

#define STORE_NAME_MAX 400                    /* repository/type/tag of 128 each, or a policy's name */
#define STORE_ROW_MAX ((size_t)33 << 20)      /* the largest policy */
#define STORE_MANIFEST_MAX ((size_t)32 << 20) /* about 300,000 entries */
#define STORE_RECORD_MAX ((size_t)64 << 10)   /* one audit record: a verdict of some hundred findings */
#define STORE_INCARNATION_SIZE 16

enum store_kind { STORE_KEY = 1, STORE_POLICY = 2, STORE_RESOURCE = 3, STORE_PENDING = 4 /* an enrolment that waits: name of the resource, id as version */ };

enum {
	STORE_E_ABSENT = 1, /* no such row */
	STORE_E_CONFLICT,   /* somebody else has written another epoch */
	STORE_E_FOREIGN,    /* a database, but not of ours or of another version */
};

/* A row is named by its kind, its name and its version (1 and up). */
struct store_row {
	enum store_kind kind;
	const char *name;
	uint64_t version;
	struct bytes data; /* {NULL, 0}: remove the row */
};

struct store_record {
	uint8_t incarnation[STORE_INCARNATION_SIZE];
	uint64_t sequence; /* 1 and up within an incarnation */
	struct bytes text; /* JSON */
	uint8_t chain[32];
};

/* Gets each record in the order in which it was written. Not 0: stop and return that. */
typedef int (*store_visit)(void *context, uint64_t position, const struct store_record *record);

struct store;

struct store_ops {
	void (*close)(struct store *store);
	int (*read)(struct store *store, enum store_kind kind, const char *name, uint64_t version, struct buf *ret) MUST_CHECK;
	int (*manifest)(struct store *store, struct buf *ret) MUST_CHECK;
	int (*commit)(struct store *store, const struct store_row *rows, size_t count, struct bytes manifest, uint64_t old_epoch,
		uint64_t new_epoch) MUST_CHECK;
	int (*audit_append)(struct store *store, const struct store_record *records, size_t count) MUST_CHECK;
	int (*audit_walk)(struct store *store, uint64_t after, uint64_t limit, store_visit visit, void *context) MUST_CHECK;
	int (*audit_last)(struct store *store, store_visit visit, void *context) MUST_CHECK;
	int (*empty)(struct store *store, bool *ret) MUST_CHECK;
};

/* What every backend begins with. */
struct store {
	const struct store_ops *ops;
};

/* Opens or makes the database at `path`. 0, STORE_E_FOREIGN, -errno; both with a message. */
int store_sqlite_open(const char *path, struct store **ret, struct error *error) MUST_CHECK;

static inline struct store *store_close(struct store *store)
{
	if (store)
		store->ops->close(store);
	return NULL;
}
DEFINE_CLEANUP(struct store *, store_close)

/* One row. 0, STORE_E_ABSENT, -errno. */
static inline int store_read(struct store *store, enum store_kind kind, const char *name, uint64_t version, struct buf *ret)
{
	return store->ops->read(store, kind, name, version, ret);
}

/* The manifest as last committed. 0, STORE_E_ABSENT (a fresh store), -errno. */
static inline int store_manifest(struct store *store, struct buf *ret)
{
	return store->ops->manifest(store, ret);
}

/*
 * Writes and removes rows and replaces the manifest, all or nothing, durable on return. `old_epoch` is that of the manifest that the caller
 * has seen (0: none). 0, STORE_E_CONFLICT, -errno.
 */
static inline int store_commit(
	struct store *store, const struct store_row *rows, size_t count, struct bytes manifest, uint64_t old_epoch, uint64_t new_epoch)
{
	return store->ops->commit(store, rows, count, manifest, old_epoch, new_epoch);
}

/* Adds records, all or nothing, durable on return. */
static inline int store_audit_append(struct store *store, const struct store_record *records, size_t count)
{
	return store->ops->audit_append(store, records, count);
}

/* Visits at most `limit` records (0: all) whose position is above `after`. */
static inline int store_audit_walk(struct store *store, uint64_t after, uint64_t limit, store_visit visit, void *context)
{
	return store->ops->audit_walk(store, after, limit, visit, context);
}

/* Visits the newest record; nothing happens when there is none. */
static inline int store_audit_last(struct store *store, store_visit visit, void *context)
{
	return store->ops->audit_last(store, visit, context);
}

/* No row, no manifest, no record. */
static inline int store_empty(struct store *store, bool *ret)
{
	return store->ops->empty(store, ret);
}
