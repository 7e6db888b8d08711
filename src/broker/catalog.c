/* SPDX-License-Identifier: Apache-2.0 */
#include "broker/catalog.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "base/crypto.h"
#include "broker/catalog_change.h"
#include "broker/resource.h"
#include "broker/snapshot.h"

#define KEY_VERSION 1

static const char *const key_names[] = {"token", "release", "enrol"};

struct catalog {
	struct catalog_parts parts;
	pthread_mutex_t change_lock; /* one change at a time */
	pthread_mutex_t lock;        /* of `current` */
	struct snapshot *current;
};

static int key_identity(struct buf *to, const char *name)
{
	int r;

	r = buf_append_text(to, "signing key");
	if (!r)
		r = buf_u8(to, 0);
	return r ? r : buf_append_text(to, name);
}

static int wrap_key(const struct keys *keys, const char *name, struct bytes plain, struct buf *ret)
{
	CLEANUP(buf_deinit) struct buf identity = BUF_NULL;
	int r = key_identity(&identity, name);

	return r ? r : aead_seal(ret, keys_view(keys, KEYS_WRAP), buf_view(&identity), plain);
}

static int describe(
	struct manifest_entry *ret, enum store_kind kind, const char *name, uint64_t version, size_t size, int64_t now, struct bytes row)
{
	*ret = (struct manifest_entry){.kind = kind, .version = version, .size = (uint32_t)size, .time = now};
	/* manifest_put() copies the name. */
	memcpy(&ret->name, &name, sizeof(name));
	return sha256(ret->digest, row);
}

static int check_fresh(const struct catalog_parts *parts, struct error *error)
{
	struct state state;
	bool empty;
	int r;

	r = store_empty(parts->store, &empty);
	if (r)
		return error_set(error, r, "the store cannot be read: %s", strerror(-r));
	state_get(parts->state, &state);
	if (!empty)
		return error_set(error, -EEXIST, "the store is not empty: it has been initialised before");
	if (state.epoch > 0)
		return error_set(error, -EEXIST,
			"the store is empty, but the state directory remembers one: restore it, or remove the state by hand");
	return 0;
}

int catalog_create(const struct catalog_parts *parts, catalog_make_key make_key, int64_t now, struct error *error)
{
	struct buf rows_data[ARRAY_SIZE(key_names)] = {BUF_NULL};
	struct store_row rows[ARRAY_SIZE(key_names)];
	CLEANUP(manifest_deinit) struct manifest manifest = {.epoch = 1};
	CLEANUP(buf_deinit) struct buf encoded = BUF_NULL;
	int r;

	r = check_fresh(parts, error);
	if (r)
		return r;
	r = random_bytes(manifest.id, sizeof(manifest.id));
	for (size_t i = 0; i < ARRAY_SIZE(key_names) && !r; i++) {
		CLEANUP(secret_deinit) struct secret plain = SECRET_NULL;
		struct manifest_entry entry;

		r = make_key(key_names[i], &plain);
		if (!r)
			r = wrap_key(parts->keys, key_names[i], secret_view(&plain), &rows_data[i]);
		if (!r)
			r = describe(&entry, STORE_KEY, key_names[i], KEY_VERSION, plain.size, now, buf_view(&rows_data[i]));
		if (!r)
			r = manifest_put(&manifest, &entry);
		rows[i] = (struct store_row){STORE_KEY, key_names[i], KEY_VERSION, buf_view(&rows_data[i])};
	}
	if (!r)
		r = manifest_encode(&encoded, &manifest, keys_view(parts->keys, KEYS_MANIFEST));
	if (!r)
		r = store_commit(parts->store, rows, ARRAY_SIZE(rows), buf_view(&encoded), 0, manifest.epoch);
	for (size_t i = 0; i < ARRAY_SIZE(key_names); i++)
		buf_deinit(&rows_data[i]);
	if (r)
		return error_set(error, r < 0 ? r : -EEXIST, "the store cannot be written: %s",
			r < 0 ? strerror(-r) : "somebody else has just done it");
	return state_set_epoch(parts->state, manifest.id, manifest.epoch, error);
}

/* Is this the manifest of the store that we know, and not an older one? */
static int check_epoch(const struct catalog_parts *parts, const struct manifest *manifest, struct error *error)
{
	struct state state;

	state_get(parts->state, &state);
	if (state.epoch == 0)
		return 0;
	if (memcmp(state.id, manifest->id, sizeof(state.id)) != 0)
		return error_set(error, -EBADMSG, "the manifest is that of another store than the state directory remembers");
	if (manifest->epoch < state.epoch)
		return error_set(error, -EBADMSG, "the store has been rolled back: epoch %llu, seen before %llu",
			(unsigned long long)manifest->epoch, (unsigned long long)state.epoch);
	return 0;
}

static int load_manifest(const struct catalog_parts *parts, struct manifest *ret, struct error *error)
{
	CLEANUP(manifest_deinit) struct manifest manifest = MANIFEST_NULL;
	CLEANUP(buf_deinit) struct buf encoded = BUF_NULL;
	struct state state;
	int r;

	r = store_manifest(parts->store, &encoded);
	state_get(parts->state, &state);
	if (r == STORE_E_ABSENT)
		return state.epoch == 0
			       ? error_set(error, -ENODATA, "the store has not been initialised (sevattest-broker init)")
			       : error_set(error, -EBADMSG, "the store has lost its manifest, epoch %llu", (unsigned long long)state.epoch);
	if (r)
		return error_set(error, r, "the manifest cannot be read: %s", strerror(-r));
	r = manifest_decode(buf_view(&encoded), keys_view(parts->keys, KEYS_MANIFEST), &manifest);
	if (r > 0)
		return error_set(error, -EBADMSG, "the manifest is %s",
			r == MANIFEST_E_FORGED ? "changed by somebody else, or of another key-encryption key" : "damaged");
	if (r)
		return error_set(error, r, "the manifest cannot be read: %s", strerror(-r));
	r = check_epoch(parts, &manifest, error);
	if (!r && manifest.epoch > state.epoch)
		r = state_set_epoch(parts->state, manifest.id, manifest.epoch, error);
	if (r)
		return r;
	*ret = manifest;
	manifest = (struct manifest)MANIFEST_NULL;
	return 0;
}

int catalog_open(const struct catalog_parts *parts, struct catalog **ret, struct error *error)
{
	CLEANUP(manifest_deinit) struct manifest manifest = MANIFEST_NULL;
	struct catalog *catalog;
	int r;

	r = load_manifest(parts, &manifest, error);
	if (r)
		return r;
	catalog = calloc(1, sizeof(*catalog));
	if (!catalog)
		return error_set(error, -ENOMEM, "no memory");
	catalog->parts = *parts;
	(void)pthread_mutex_init(&catalog->change_lock, NULL);
	(void)pthread_mutex_init(&catalog->lock, NULL);
	r = snapshot_new(parts->store, &manifest, NULL, parts->complain, &catalog->current);
	if (r) {
		(void)catalog_close(catalog);
		return error_set(error, r, "%s", strerror(-r));
	}
	*ret = catalog;
	return 0;
}

struct catalog *catalog_close(struct catalog *catalog)
{
	if (!catalog)
		return NULL;
	(void)snapshot_unref(catalog->current);
	(void)pthread_mutex_destroy(&catalog->change_lock);
	(void)pthread_mutex_destroy(&catalog->lock);
	free(catalog);
	return NULL;
}

struct snapshot *catalog_snapshot(struct catalog *catalog)
{
	struct snapshot *snapshot;

	(void)pthread_mutex_lock(&catalog->lock);
	snapshot = catalog->current;
	(void)__atomic_add_fetch(&snapshot->refs, 1, __ATOMIC_ACQ_REL);
	(void)pthread_mutex_unlock(&catalog->lock);
	return snapshot;
}

/* A listed row, with the outcome in the catalog's words. */
static int read_row(struct catalog *catalog, const struct manifest_entry *entry, struct buf *ret)
{
	int r;

	if (!entry || entry->deleted)
		return CATALOG_E_ABSENT;
	r = manifest_read_row(catalog->parts.store, entry, ret);
	return r > 0 ? CATALOG_E_DAMAGED : r;
}

int catalog_secret(struct catalog *catalog, const struct snapshot *snapshot, const char *name, struct secret *ret, uint64_t *ret_version)
{
	const struct manifest_entry *entry = manifest_find(&snapshot->manifest, STORE_RESOURCE, name);
	CLEANUP(buf_deinit) struct buf sealed = BUF_NULL;
	int r;

	r = read_row(catalog, entry, &sealed);
	if (r)
		return r;
	r = resource_open(ret, keys_view(catalog->parts.keys, KEYS_RESOURCE), name, entry->version, buf_view(&sealed));
	if (r)
		return r > 0 ? CATALOG_E_DAMAGED : r;
	*ret_version = entry->version;
	return 0;
}

int catalog_key(struct catalog *catalog, const char *name, struct secret *ret, struct error *error)
{
	CLEANUP(buf_deinit) struct buf identity = BUF_NULL;
	CLEANUP(buf_deinit) struct buf sealed = BUF_NULL;
	SNAPSHOT_AUTO snapshot = catalog_snapshot(catalog);
	int r;

	r = read_row(catalog, manifest_find(&snapshot->manifest, STORE_KEY, name), &sealed);
	if (!r)
		r = key_identity(&identity, name);
	if (!r)
		r = aead_open(ret, keys_view(catalog->parts.keys, KEYS_WRAP), buf_view(&identity), buf_view(&sealed));
	if (r)
		return error_set(error, r < 0 ? r : -EBADMSG, "the %s key in the store is %s", name,
			r < 0 ? strerror(-r) : "missing or was changed by somebody else");
	return 0;
}

int catalog_read_entry(struct catalog *catalog, const struct manifest_entry *entry, struct buf *ret, const struct keys **ret_keys)
{
	*ret_keys = catalog->parts.keys;
	return read_row(catalog, entry, ret);
}

int catalog_change_read(const struct catalog_change *change, const struct manifest_entry *entry, struct buf *ret)
{
	return read_row(change->catalog, entry, ret);
}

int catalog_ensure_key(struct catalog *catalog, const char *name, catalog_make_key make_key, int64_t now,
	const struct catalog_witness *witness, struct error *error)
{
	CLEANUP(catalog_change_end) struct catalog_change change = {0};
	CLEANUP(secret_deinit) struct secret plain = SECRET_NULL;
	CLEANUP(buf_deinit) struct buf sealed = BUF_NULL;
	int r;

	r = catalog_change_begin(catalog, &change, error);
	if (r || manifest_find(&change.manifest, STORE_KEY, name))
		return r;
	r = make_key(name, &plain);
	if (!r)
		r = wrap_key(change.keys, name, secret_view(&plain), &sealed);
	if (!r)
		r = catalog_change_entry(&change, STORE_KEY, name, KEY_VERSION, plain.size, now, buf_view(&sealed), false);
	r = catalog_edited(r, error);
	if (r)
		return r;
	catalog_change_row(&change, STORE_KEY, name, KEY_VERSION, buf_view(&sealed));
	return catalog_change_commit(&change, witness, name, KEY_VERSION, error);
}

int catalog_policy_text(
	struct catalog *catalog, const char *name, uint64_t version, struct buf *ret, uint64_t *ret_version, struct error *error)
{
	SNAPSHOT_AUTO snapshot = catalog_snapshot(catalog);
	const struct manifest_entry *entry;
	int r;

	entry = version ? manifest_find_version(&snapshot->manifest, STORE_POLICY, name, version)
			: manifest_find(&snapshot->manifest, STORE_POLICY, name);
	r = read_row(catalog, entry, ret);
	if (r)
		return error_set(error, r, "policy %s: %s", name,
			r == CATALOG_E_ABSENT    ? "there is no such policy"
			: r == CATALOG_E_DAMAGED ? "its row in the store is missing or was changed by somebody else"
						 : strerror(-r));
	*ret_version = entry->version;
	return 0;
}

int catalog_change_begin(struct catalog *catalog, struct catalog_change *ret, struct error *error)
{
	SNAPSHOT_AUTO snapshot = NULL;
	int r;

	(void)pthread_mutex_lock(&catalog->change_lock);
	snapshot = catalog_snapshot(catalog);
	*ret = (struct catalog_change){.catalog = catalog, .keys = catalog->parts.keys, .old_epoch = snapshot->manifest.epoch};
	r = manifest_copy(&ret->manifest, &snapshot->manifest);
	if (r) {
		(void)pthread_mutex_unlock(&catalog->change_lock);
		*ret = (struct catalog_change){0};
		return error_set(error, r, "%s", strerror(-r));
	}
	ret->manifest.epoch++;
	return 0;
}

void catalog_change_end(struct catalog_change *change)
{
	if (change->catalog)
		(void)pthread_mutex_unlock(&change->catalog->change_lock);
	manifest_deinit(&change->manifest);
	*change = (struct catalog_change){0};
}

static int commit(struct catalog_change *change, struct error *error)
{
	CLEANUP(buf_deinit) struct buf encoded = BUF_NULL;
	const struct catalog_parts *parts = &change->catalog->parts;
	int r;

	r = manifest_encode(&encoded, &change->manifest, keys_view(parts->keys, KEYS_MANIFEST));
	if (!r && encoded.size > STORE_MANIFEST_MAX)
		return error_set(error, CATALOG_E_FULL, "the store is full: its manifest may have %zu bytes", STORE_MANIFEST_MAX);
	if (!r)
		r = store_commit(
			parts->store, change->rows, change->row_count, buf_view(&encoded), change->old_epoch, change->manifest.epoch);
	if (r)
		return error_set(error, r < 0 ? r : -EBUSY, "the store cannot be written: %s",
			r < 0 ? strerror(-r) : "somebody else has changed its manifest");
	return 0;
}

int catalog_change_commit(
	struct catalog_change *change, const struct catalog_witness *witness, const char *name, uint64_t version, struct error *error)
{
	struct catalog *catalog = change->catalog;
	const struct catalog_parts *parts = &catalog->parts;
	struct error trouble = ERROR_NULL;
	struct snapshot *old = catalog->current;
	struct snapshot *next;
	int r;

	r = witness ? witness->record(witness->context, name, version, error) : 0;
	if (!r)
		r = commit(change, error);
	if (r)
		return r;
	/* The change is in the store. What follows may fail, but not undo it. */
	if (state_set_epoch(parts->state, change->manifest.id, change->manifest.epoch, &trouble))
		parts->complain(error_text(&trouble));
	r = snapshot_new(parts->store, &change->manifest, old, parts->complain, &next);
	if (r)
		return error_set(error, r, "the change is stored, but there is no memory to use it: restart the broker");
	(void)pthread_mutex_lock(&catalog->lock);
	catalog->current = next;
	(void)pthread_mutex_unlock(&catalog->lock);
	(void)snapshot_unref(old);
	return 0;
}
