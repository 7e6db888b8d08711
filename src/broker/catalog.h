/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * The catalog is what the manifest says, in memory: which policies, grants, resources and keys there are. A snapshot of it never changes; a
 * request takes one and sees one consistent state. The operator's changes go through here one at a time: rows and new manifest in one
 * transaction, then the epoch into the state file, then the new snapshot.
 */
#include <stdbool.h>
#include <stdint.h>

#include "appraise/policy.h"
#include "base/bytes.h"
#include "base/error.h"
#include "base/finding.h"
#include "base/secret.h"
#include "broker/keys.h"
#include "broker/manifest.h"
#include "broker/state.h"
#include "broker/store.h"

/* Refusals; `error` says it in words. */
enum {
	CATALOG_E_INVALID = 1, /* a name or a document that is none */
	CATALOG_E_ABSENT,      /* there is no such thing */
	CATALOG_E_IN_USE,      /* a grant names it */
	CATALOG_E_DAMAGED,     /* the database does not hold what the manifest lists */
	CATALOG_E_FULL,
	CATALOG_E_CONFLICT,    /* what is there is not what the change was made for */
};

/* A policy at one version; shared by the snapshots that have it. */
struct catalog_policy {
	unsigned refs;
	char *name;
	uint64_t version;
	struct policy *policy;
};

struct snapshot {
	unsigned refs;
	struct manifest manifest;
	struct catalog_policy **policies; /* the newest version of each, sorted by name */
	bool *granted;                    /* policies[i] is named by some grant */
	size_t policy_count;
};

struct catalog;

/*
 * Borrowed for its life. `complain` hears of what is wrong without ending the work: a policy that does not load, a state file that cannot
 * be written.
 */
struct catalog_parts {
	struct store *store;
	const struct keys *keys;
	struct state_file *state;
	void (*complain)(const char *text);
};

/* Makes the plain bytes of a new key (signing.h) of a name; a parameter so that the catalog knows nothing of what a key looks like. */
typedef int (*catalog_make_key)(const char *name, struct secret *ret);

/*
 * Who writes the record of a change: called when all checks are done, under the lock, before the store is written, with what is changed and
 * its new version (0: it has none). Not 0: nothing is changed and the change returns that. So no change is in the store before its record
 * is; a record without its change is what a failure in between leaves. NULL: nobody (tests).
 */
struct catalog_witness {
	int (*record)(void *context, const char *name, uint64_t version, struct error *error);
	void *context;
};

/* Makes the first manifest, with the signing keys. -EEXIST when the store or the state file is not fresh. */
int catalog_create(const struct catalog_parts *parts, catalog_make_key make_key, int64_t now, struct error *error) MUST_CHECK;
/* 0; -EBADMSG for a manifest that is forged, rolled back or damaged; -ENODATA for a store without one; other -errno. */
int catalog_open(const struct catalog_parts *parts, struct catalog **ret, struct error *error) MUST_CHECK;
struct catalog *catalog_close(struct catalog *catalog);
DEFINE_CLEANUP(struct catalog *, catalog_close)

/* The current snapshot, with a reference; never NULL. Any thread. */
struct snapshot *catalog_snapshot(struct catalog *catalog);
struct snapshot *snapshot_unref(struct snapshot *snapshot);
DEFINE_CLEANUP(struct snapshot *, snapshot_unref)
#define SNAPSHOT_AUTO CLEANUP(snapshot_unrefp) struct snapshot *

const struct catalog_policy *snapshot_policy(const struct snapshot *snapshot, const char *name);

/* The current secret of a resource. 0, CATALOG_E_ABSENT, CATALOG_E_DAMAGED, -errno. */
int catalog_secret(struct catalog *catalog, const struct snapshot *snapshot, const char *name, struct secret *ret, uint64_t *ret_version)
	MUST_CHECK;
/* A wrapped key's plain bytes: "token", "release" or "enrol". */
int catalog_key(struct catalog *catalog, const char *name, struct secret *ret, struct error *error) MUST_CHECK;
/* The row of any entry of a snapshot, and the keys that open it. 0, CATALOG_E_ABSENT, CATALOG_E_DAMAGED, -errno. */
int catalog_read_entry(
	struct catalog *catalog, const struct manifest_entry *entry, struct buf *ret, const struct keys **ret_keys) MUST_CHECK;
/* The text of a policy; version 0 is the newest. 0, CATALOG_E_ABSENT, CATALOG_E_DAMAGED, -errno. */
int catalog_policy_text(struct catalog *catalog, const char *name, uint64_t version, struct buf *ret, uint64_t *ret_version,
	struct error *error) MUST_CHECK;

/* The operator's changes. 0, CATALOG_E_*, -errno; all with a message. */
int catalog_put_resource(struct catalog *catalog, const char *name, const struct secret *secret, int64_t now,
	const struct catalog_witness *witness, uint64_t *ret_version, struct error *error) MUST_CHECK;
int catalog_delete_resource(
	struct catalog *catalog, const char *name, int64_t now, const struct catalog_witness *witness, struct error *error) MUST_CHECK;
/* `warnings` gets the policy's own (policy_warnings). `ret_name` is freed by the caller. */
int catalog_put_policy(struct catalog *catalog, struct bytes text, int64_t now, const struct catalog_witness *witness, char **ret_name,
	uint64_t *ret_version, struct verdict *warnings, struct error *error) MUST_CHECK;
int catalog_delete_policy(
	struct catalog *catalog, const char *name, int64_t now, const struct catalog_witness *witness, struct error *error) MUST_CHECK;

/* Borrowed. Adds, or replaces the grant of that pattern. */
struct catalog_grant {
	const char *pattern;
	const char *const *policies;
	size_t count;
	enum manifest_enrol enrol;
};
int catalog_put_grant(struct catalog *catalog, const struct catalog_grant *grant, int64_t now, const struct catalog_witness *witness,
	struct error *error) MUST_CHECK;
int catalog_delete_grant(struct catalog *catalog, const char *pattern, const struct catalog_witness *witness, struct error *error) MUST_CHECK;

/* For a store of before there was a key of this name: makes it, once. */
int catalog_ensure_key(struct catalog *catalog, const char *name, catalog_make_key make_key, int64_t now,
	const struct catalog_witness *witness, struct error *error) MUST_CHECK;
