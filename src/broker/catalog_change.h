/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* One change of the catalog: a copy of the manifest to edit, the rows that go with it, then commit. The lock is held from begin to end. */
#include "broker/catalog.h"

#define CATALOG_CHANGE_ROWS 4 /* a new row, the one that it replaces; an enrolment that waited, and one that expired */

struct catalog_change {
	struct catalog *catalog;
	const struct keys *keys;
	uint64_t old_epoch;
	struct manifest manifest;
	struct store_row rows[CATALOG_CHANGE_ROWS]; /* names and data are borrowed until commit */
	size_t row_count;
};

int catalog_change_begin(struct catalog *catalog, struct catalog_change *ret, struct error *error) MUST_CHECK;
/* `name` and `version` are what the witness (may be NULL) is told. */
int catalog_change_commit(struct catalog_change *change, const struct catalog_witness *witness, const char *name, uint64_t version,
	struct error *error) MUST_CHECK;
/* The listed row of an entry. 0, CATALOG_E_ABSENT, CATALOG_E_DAMAGED, -errno. */
int catalog_change_read(const struct catalog_change *change, const struct manifest_entry *entry, struct buf *ret) MUST_CHECK;

/* What the changes share. The rows' names and data must live until the commit. */
void catalog_change_row(struct catalog_change *change, enum store_kind kind, const char *name, uint64_t version, struct bytes data);
/* An entry of the new manifest; `row` is what its digest is of. */
int catalog_change_entry(struct catalog_change *change, enum store_kind kind, const char *name, uint64_t version, size_t size, int64_t now,
	struct bytes row, bool deleted) MUST_CHECK;
/* An -errno of an edit, in words. */
int catalog_edited(int r, struct error *error) MUST_CHECK;
/* A new version of a resource in place of what is there; `sealed` (empty) holds its row until the commit. */
int catalog_change_resource(struct catalog_change *change, const char *name, const struct secret *secret, int64_t now, struct buf *sealed,
	uint64_t *ret_version, struct error *error) MUST_CHECK;
/* Gives the lock back; what was not committed is forgotten. May be called twice. */
void catalog_change_end(struct catalog_change *change);
