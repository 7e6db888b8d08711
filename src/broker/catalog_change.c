/* SPDX-License-Identifier: Apache-2.0 */
/* The operator's changes, each: check, begin, edit the manifest, commit. */
#include "broker/catalog_change.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/crypto.h"
#include "broker/grants.h"
#include "broker/resource.h"
#include "kbs/resource.h"

int catalog_edited(int r, struct error *error)
{
	if (r == -ENOSPC)
		return error_set(error, CATALOG_E_FULL, "the store is full");
	return r ? error_set(error, r, "%s", strerror(-r)) : 0;
}

void catalog_change_row(struct catalog_change *change, enum store_kind kind, const char *name, uint64_t version, struct bytes data)
{
	change->rows[change->row_count++] = (struct store_row){kind, name, version, data};
}

int catalog_change_entry(struct catalog_change *change, enum store_kind kind, const char *name, uint64_t version, size_t size, int64_t now,
	struct bytes row, bool deleted)
{
	struct manifest_entry entry = {.kind = kind, .deleted = deleted, .version = version, .size = (uint32_t)size, .time = now};
	int r = 0;

	entry.name = strdup(name);
	if (!entry.name)
		return -ENOMEM;
	if (!deleted)
		r = sha256(entry.digest, row);
	if (!r)
		r = manifest_put(&change->manifest, &entry);
	free(entry.name);
	return r;
}

static int check_resource(const char *name, struct error *error)
{
	if (kbs_resource_valid(bytes_of_text(name)))
		return 0;
	return error_set(error, CATALOG_E_INVALID, "not a resource name: repository/type/tag, of letters, digits, '.', '_' and '-'");
}

int catalog_change_resource(struct catalog_change *change, const char *name, const struct secret *secret, int64_t now, struct buf *sealed,
	uint64_t *ret_version, struct error *error)
{
	const struct manifest_entry *before = manifest_find(&change->manifest, STORE_RESOURCE, name);
	uint64_t version = 1;
	int r;

	if (before) {
		version = before->version + 1;
		catalog_change_row(change, STORE_RESOURCE, name, before->version, bytes_of(NULL, 0));
		manifest_remove(&change->manifest, STORE_RESOURCE, name, before->version);
	}
	r = resource_seal(sealed, keys_view(change->keys, KEYS_RESOURCE), name, version, secret_view(secret));
	if (!r)
		r = catalog_change_entry(change, STORE_RESOURCE, name, version, secret->size, now, buf_view(sealed), false);
	r = catalog_edited(r, error);
	if (r)
		return r;
	catalog_change_row(change, STORE_RESOURCE, name, version, buf_view(sealed));
	*ret_version = version;
	return 0;
}

int catalog_put_resource(struct catalog *catalog, const char *name, const struct secret *secret, int64_t now,
	const struct catalog_witness *witness, uint64_t *ret_version, struct error *error)
{
	CLEANUP(catalog_change_end) struct catalog_change change = {0};
	CLEANUP(buf_deinit) struct buf sealed = BUF_NULL;
	uint64_t version;
	int r;

	r = check_resource(name, error);
	if (r)
		return r;
	if (secret->size == 0 || secret->size > SECRET_MAX)
		return error_set(error, CATALOG_E_INVALID, "a secret has 1 to %zu bytes", SECRET_MAX);
	r = catalog_change_begin(catalog, &change, error);
	if (!r)
		r = catalog_change_resource(&change, name, secret, now, &sealed, &version, error);
	if (!r)
		r = catalog_change_commit(&change, witness, name, version, error);
	if (!r)
		*ret_version = version;
	return r;
}

int catalog_delete_resource(
	struct catalog *catalog, const char *name, int64_t now, const struct catalog_witness *witness, struct error *error)
{
	CLEANUP(catalog_change_end) struct catalog_change change = {0};
	const struct manifest_entry *before;
	uint64_t version;
	int r;

	r = check_resource(name, error);
	if (!r)
		r = catalog_change_begin(catalog, &change, error);
	if (r)
		return r;
	before = manifest_find(&change.manifest, STORE_RESOURCE, name);
	if (!before || before->deleted)
		return error_set(error, CATALOG_E_ABSENT, "resource %s: there is no such resource", name);
	version = before->version;
	r = catalog_edited(catalog_change_entry(&change, STORE_RESOURCE, name, version, 0, now, bytes_of(NULL, 0), true), error);
	if (r)
		return r;
	catalog_change_row(&change, STORE_RESOURCE, name, version, bytes_of(NULL, 0));
	return catalog_change_commit(&change, witness, name, 0, error);
}

int catalog_put_policy(struct catalog *catalog, struct bytes text, int64_t now, const struct catalog_witness *witness, char **ret_name,
	uint64_t *ret_version, struct verdict *warnings, struct error *error)
{
	CLEANUP(catalog_change_end) struct catalog_change change = {0};
	const struct manifest_entry *before;
	POLICY_AUTO policy = NULL;
	uint64_t version;
	char *name;
	int r;

	r = policy_read(text, &policy, error);
	if (r)
		return r == -EINVAL || r == -E2BIG ? CATALOG_E_INVALID : r;
	r = catalog_change_begin(catalog, &change, error);
	if (r)
		return r;
	before = manifest_find(&change.manifest, STORE_POLICY, policy_name(policy));
	version = before ? before->version + 1 : 1;
	r = catalog_edited(catalog_change_entry(&change, STORE_POLICY, policy_name(policy), version, text.size, now, text, false), error);
	if (r)
		return r;
	catalog_change_row(&change, STORE_POLICY, policy_name(policy), version, text);
	name = strdup(policy_name(policy));
	if (!name)
		return error_set(error, -ENOMEM, "no memory");
	r = catalog_change_commit(&change, witness, name, version, error);
	if (r) {
		free(name);
		return r;
	}
	policy_warnings(policy, warnings);
	*ret_name = name;
	*ret_version = version;
	return 0;
}

int catalog_delete_policy(
	struct catalog *catalog, const char *name, int64_t now, const struct catalog_witness *witness, struct error *error)
{
	CLEANUP(catalog_change_end) struct catalog_change change = {0};
	const struct manifest_entry *before;
	int r;

	r = catalog_change_begin(catalog, &change, error);
	if (r)
		return r;
	before = manifest_find(&change.manifest, STORE_POLICY, name);
	if (!before || before->deleted)
		return error_set(error, CATALOG_E_ABSENT, "policy %s: there is no such policy", name);
	if (grants_name_policy(&change.manifest, name))
		return error_set(error, CATALOG_E_IN_USE, "policy %s: a grant names it; delete or change the grant first", name);
	/* The versions stay as history; the tombstone is the newest. */
	r = catalog_edited(catalog_change_entry(&change, STORE_POLICY, name, before->version + 1, 0, now, bytes_of(NULL, 0), true), error);
	return r ? r : catalog_change_commit(&change, witness, name, 0, error);
}

/* Every policy must exist, and none stand twice. */
static int check_policies(const struct manifest *manifest, const char *const *policies, size_t count, struct error *error)
{
	if (count == 0 || count > MANIFEST_POLICIES_MAX)
		return error_set(error, CATALOG_E_INVALID, "a grant names 1 to %d policies", MANIFEST_POLICIES_MAX);
	for (size_t i = 0; i < count; i++) {
		const struct manifest_entry *entry = manifest_find(manifest, STORE_POLICY, policies[i]);

		if (!entry || entry->deleted)
			return error_set(error, CATALOG_E_ABSENT, "policy %s: there is no such policy", policies[i]);
		for (size_t j = 0; j < i; j++)
			if (strcmp(policies[i], policies[j]) == 0)
				return error_set(error, CATALOG_E_INVALID, "policy %s is named twice", policies[i]);
	}
	return 0;
}

int catalog_put_grant(struct catalog *catalog, const struct catalog_grant *grant, int64_t now, const struct catalog_witness *witness,
	struct error *error)
{
	CLEANUP(catalog_change_end) struct catalog_change change = {0};
	struct manifest_grant made = {.time = now, .policy_count = grant->count, .enrol = grant->enrol};
	int r;

	if (!kbs_resource_pattern_valid(bytes_of_text(grant->pattern)))
		return error_set(error, CATALOG_E_INVALID, "not a resource name or repository/type/*");
	r = catalog_change_begin(catalog, &change, error);
	if (!r)
		r = check_policies(&change.manifest, grant->policies, grant->count, error);
	if (r)
		return r;
	/* manifest_put_grant() copies the texts. */
	memcpy(&made.pattern, &grant->pattern, sizeof(grant->pattern));
	memcpy(made.policies, grant->policies, grant->count * sizeof(*grant->policies));
	r = catalog_edited(manifest_put_grant(&change.manifest, &made), error);
	return r ? r : catalog_change_commit(&change, witness, grant->pattern, 0, error);
}

int catalog_delete_grant(struct catalog *catalog, const char *pattern, const struct catalog_witness *witness, struct error *error)
{
	CLEANUP(catalog_change_end) struct catalog_change change = {0};
	int r;

	r = catalog_change_begin(catalog, &change, error);
	if (r)
		return r;
	if (!manifest_remove_grant(&change.manifest, pattern))
		return error_set(error, CATALOG_E_ABSENT, "grant %s: there is no such grant", pattern);
	return catalog_change_commit(&change, witness, pattern, 0, error);
}
