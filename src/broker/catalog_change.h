/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* One change of the catalog: a copy of the manifest to edit, the rows that go with it, then commit. The lock is held from begin to end. */
#include "broker/catalog.h"

#define CATALOG_CHANGE_ROWS 2 /* a new row, and the one that it replaces */

struct catalog_change {
	struct catalog *catalog;
	const struct keys *keys;
	uint64_t old_epoch;
	struct manifest manifest;
	struct store_row rows[CATALOG_CHANGE_ROWS]; /* names and data are borrowed until commit */
	size_t row_count;
};

int catalog_change_begin(struct catalog *catalog, struct catalog_change *ret, struct error *error) MUST_CHECK;
int catalog_change_commit(struct catalog_change *change, struct error *error) MUST_CHECK;
/* Gives the lock back; what was not committed is forgotten. May be called twice. */
void catalog_change_end(struct catalog_change *change);
