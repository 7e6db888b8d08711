/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * Disks in the catalog: what a guest or the operator enrols becomes a resource, or waits. Here the rules hold that no enrolment may pass, under
 * the one lock of changes:
 *
 *  - it was made for the state that the resource is in (compare and swap), so that what is replayed, late, or of before a rotation changes
 *    nothing;
 *  - what it replaces is a disk: no guest turns an application's key into something else;
 *  - it does not lock the disk out. With the same key at least one of the listed headers stays listed. With another key the header that was
 *    listed as next must be the first now: that one is on the disk and knows both keys. So at every moment the header that is on the disk
 *    is listed with a key that opens it; what asks for more at once is for the operator.
 *
 * What waits lies sealed in a row of its own, listed in the manifest; its id is the epoch of the change that put it there, and never used
 * twice. It is bounded per resource and in all, and expires.
 */
#include "base/json.h"
#include "broker/catalog.h"

#define PENDING_PER_RESOURCE 4 /* a guest that tries again, and a rotation, and room */
#define PENDING_MAX 64         /* an operator looks at each */
#define PENDING_SECONDS (INT64_C(7) * 86400)
#define PENDING_TEXT_MAX ((size_t)80 << 10) /* an enrolment and what is said about it */

/* Another number after each change of the resource, a deletion included. 0: there never was one. */
uint64_t catalog_resource_state(const struct manifest *manifest, const char *name);

struct catalog_disk {
	const char *name;
	const struct secret *disk; /* luks/disk.h, with at least one header */
	uint64_t state;            /* that the resource must be in */
	bool replace;              /* the operator's word: whatever is there, in whatever state */
	uint64_t pending;          /* goes with it; 0: none */
};

/*
 * Makes it the resource. The very bytes that are there already change nothing. 0 with the version; CATALOG_E_INVALID (no disk, or what is there
 * is none), CATALOG_E_CONFLICT, CATALOG_E_ABSENT (pending), -errno.
 */
int catalog_put_disk(struct catalog *catalog, const struct catalog_disk *disk, int64_t now, const struct catalog_witness *witness,
	uint64_t *ret_version, struct error *error) MUST_CHECK;

/*
 * Lets `text` (JSON; PENDING_TEXT_MAX) wait, with its "fingerprint": one that waits already gets its id again. `disk` is judged as above, `pending`
 * and `replace` do not count. 0, CATALOG_E_INVALID, CATALOG_E_CONFLICT, CATALOG_E_FULL, -errno.
 */
int catalog_add_pending(struct catalog *catalog, const struct catalog_disk *disk, struct json_object *text, int64_t now,
	const struct catalog_witness *witness, uint64_t *ret_id, struct error *error) MUST_CHECK;

/* The entry of an id that has not expired; NULL: none. Borrowed from the snapshot. */
const struct manifest_entry *catalog_find_pending(const struct snapshot *snapshot, uint64_t id, int64_t now);
bool catalog_pending_expired(const struct manifest_entry *entry, int64_t now);
/* Its text as it was given. Caller puts it. 0, CATALOG_E_DAMAGED, -errno. */
int catalog_read_pending(struct catalog *catalog, const struct manifest_entry *entry, struct json_object **ret) MUST_CHECK;
/* 0, CATALOG_E_ABSENT, -errno. */
int catalog_delete_pending(
	struct catalog *catalog, uint64_t id, int64_t now, const struct catalog_witness *witness, struct error *error) MUST_CHECK;
