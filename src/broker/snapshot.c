/* SPDX-License-Identifier: Apache-2.0 */
/* Snapshots: built from a manifest, shared by requests, freed by the last one. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "broker/catalog.h"
#include "broker/grants.h"
#include "broker/snapshot.h"

static struct catalog_policy *policy_unref(struct catalog_policy *policy)
{
	if (policy && __atomic_sub_fetch(&policy->refs, 1, __ATOMIC_ACQ_REL) == 0) {
		free(policy->name);
		(void)policy_free(policy->policy);
		free(policy);
	}
	return NULL;
}

struct snapshot *snapshot_unref(struct snapshot *snapshot)
{
	if (!snapshot || __atomic_sub_fetch(&snapshot->refs, 1, __ATOMIC_ACQ_REL) > 0)
		return NULL;
	for (size_t i = 0; i < snapshot->policy_count; i++)
		(void)policy_unref(snapshot->policies[i]);
	free(snapshot->policies);
	free(snapshot->granted);
	manifest_deinit(&snapshot->manifest);
	free(snapshot);
	return NULL;
}

/* The place of a name, or policy_count. */
static size_t find(const struct snapshot *snapshot, const char *name)
{
	size_t low = 0;
	size_t high = snapshot->policy_count;

	while (low < high) {
		size_t middle = low + (high - low) / 2;
		int order = strcmp(snapshot->policies[middle]->name, name);

		if (order == 0)
			return middle;
		if (order < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return snapshot->policy_count;
}

const struct catalog_policy *snapshot_policy(const struct snapshot *snapshot, const char *name)
{
	size_t at = find(snapshot, name);

	return at < snapshot->policy_count ? snapshot->policies[at] : NULL;
}

/* A policy that was read from the store before: the documents are large, the operator's changes small. */
static struct catalog_policy *share(const struct snapshot *before, const struct manifest_entry *entry)
{
	size_t at = before ? find(before, entry->name) : 0;

	if (!before || at == before->policy_count || before->policies[at]->version != entry->version)
		return NULL;
	(void)__atomic_add_fetch(&before->policies[at]->refs, 1, __ATOMIC_ACQ_REL);
	return before->policies[at];
}

static int load(struct store *store, const struct manifest_entry *entry, struct catalog_policy **ret, struct error *error)
{
	CLEANUP(buf_deinit) struct buf text = BUF_NULL;
	struct catalog_policy *policy;
	POLICY_AUTO parsed = NULL;
	int r;

	r = manifest_read_row(store, entry, &text);
	if (r)
		return error_set(error, r, "%s",
			r == MANIFEST_E_ABSENT ? "the row is missing"
			: r > 0                ? "the row was changed"
					       : strerror(-r));
	r = policy_read(buf_view(&text), &parsed, error);
	if (r)
		return r;
	policy = calloc(1, sizeof(*policy));
	if (policy)
		policy->name = strdup(entry->name);
	if (!policy || !policy->name) {
		free(policy);
		return error_set(error, -ENOMEM, "no memory");
	}
	policy->refs = 1;
	policy->version = entry->version;
	policy->policy = parsed;
	parsed = NULL;
	*ret = policy;
	return 0;
}

/* Is this entry the newest one of its name? Entries are sorted by kind, name and version. */
static bool is_newest(const struct manifest *manifest, size_t at)
{
	const struct manifest_entry *entry = &manifest->entries[at];
	const struct manifest_entry *next = at + 1 < manifest->entry_count ? entry + 1 : NULL;

	return !next || next->kind != entry->kind || strcmp(next->name, entry->name) != 0;
}

static int add_policy(struct snapshot *snapshot, struct store *store, const struct manifest_entry *entry, const struct snapshot *before,
	void (*complain)(const char *text))
{
	struct catalog_policy *policy = share(before, entry);
	struct error error = ERROR_NULL;
	char line[ERROR_TEXT_MAX + STORE_NAME_MAX + 64];
	int r = 0;

	if (!policy)
		r = load(store, entry, &policy, &error);
	if (r == -ENOMEM)
		return r;
	if (r) {
		(void)snprintf(line, sizeof(line), "policy %s, version %llu, does not load and admits nobody: %s", entry->name,
			(unsigned long long)entry->version, error_text(&error));
		complain(line);
		return 0;
	}
	snapshot->granted[snapshot->policy_count] = grants_name_policy(&snapshot->manifest, entry->name);
	snapshot->policies[snapshot->policy_count++] = policy;
	return 0;
}

int snapshot_new(struct store *store, struct manifest *manifest, const struct snapshot *before, void (*complain)(const char *text),
	struct snapshot **ret)
{
	struct snapshot *snapshot = calloc(1, sizeof(*snapshot));
	int r = 0;

	if (!snapshot) {
		manifest_deinit(manifest);
		return -ENOMEM;
	}
	snapshot->refs = 1;
	snapshot->policies = calloc(manifest->entry_count + 1, sizeof(struct catalog_policy *));
	snapshot->granted = calloc(manifest->entry_count + 1, sizeof(bool));
	snapshot->manifest = *manifest;
	*manifest = (struct manifest)MANIFEST_NULL;
	if (!snapshot->policies || !snapshot->granted)
		r = -ENOMEM;
	for (size_t i = 0; i < snapshot->manifest.entry_count && !r; i++) {
		const struct manifest_entry *entry = &snapshot->manifest.entries[i];

		if (entry->kind == STORE_POLICY && !entry->deleted && is_newest(&snapshot->manifest, i))
			r = add_policy(snapshot, store, entry, before, complain);
	}
	if (r) {
		(void)snapshot_unref(snapshot);
		return r;
	}
	*ret = snapshot;
	return 0;
}
