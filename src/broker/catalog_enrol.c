/* SPDX-License-Identifier: Apache-2.0 */
#include "broker/catalog_enrol.h"

#include <errno.h>
#include <string.h>

#include "broker/catalog_change.h"
#include "broker/resource.h"
#include "luks/disk.h"

#define FINGERPRINT "fingerprint"

uint64_t catalog_resource_state(const struct manifest *manifest, const char *name)
{
	const struct manifest_entry *entry = manifest_find(manifest, STORE_RESOURCE, name);

	return entry ? entry->version * 2 + (entry->deleted ? 1 : 0) : 0;
}

/* The rules */

static bool lists(const struct luks_disk *disk, const uint8_t header[static SHA256_SIZE])
{
	for (size_t i = 0; i < disk->header_count; i++) {
		if (memcmp(disk->headers[i], header, SHA256_SIZE) == 0)
			return true;
	}
	return false;
}

static bool same_key(const struct luks_disk *a, const struct luks_disk *b)
{
	return a->key.size == b->key.size && bytes_equal_secret(a->key.data, b->key.data, a->key.size);
}

static int judge_step(const struct luks_disk *before, const struct luks_disk *after, struct error *error)
{
	bool stays = false;

	if (!same_key(before, after)) {
		if (before->header_count == LUKS_DISK_HEADERS_MAX && memcmp(after->headers[0], before->headers[1], SHA256_SIZE) == 0)
			return 0;
		return error_set(error, CATALOG_E_CONFLICT,
			"another key, and its first header is not the one that is listed as next: register the next header with the old key first");
	}
	for (size_t i = 0; i < after->header_count; i++)
		stays = stays || lists(before, after->headers[i]);
	if (stays)
		return 0;
	return error_set(error, CATALOG_E_CONFLICT, "none of the listed headers stays listed: the disk could not be opened");
}

/* A disk with a header, out of a resource's plain bytes. */
static int read_disk(const struct secret *plain, struct luks_disk *ret, struct error *error)
{
	struct luks_disk read = LUKS_DISK_NULL;
	int r = luks_disk_read(secret_view(plain), &read, error);

	if (r == 0 && read.header_count == 0)
		r = error_set(error, -EINVAL, "no header is listed");
	if (r) {
		luks_disk_deinit(&read);
		return r;
	}
	*ret = read;
	return 0;
}

static int read_current(const struct catalog_change *change, const struct manifest_entry *entry, struct secret *ret, struct error *error)
{
	CLEANUP(buf_deinit) struct buf sealed = BUF_NULL;
	int r = catalog_change_read(change, entry, &sealed);

	if (r == 0)
		r = resource_open(ret, keys_view(change->keys, KEYS_RESOURCE), entry->name, entry->version, buf_view(&sealed));
	if (r)
		return error_set(error, r < 0 ? r : CATALOG_E_DAMAGED, "resource %s: its row in the store is missing or was changed by somebody else", entry->name);
	return 0;
}

/* *ret_same: the very bytes are there. */
static int judge(const struct catalog_change *change, const struct catalog_disk *disk, bool *ret_same, struct error *error)
{
	const struct manifest_entry *entry = manifest_find(&change->manifest, STORE_RESOURCE, disk->name);
	CLEANUP(luks_disk_deinit) struct luks_disk before = LUKS_DISK_NULL;
	CLEANUP(luks_disk_deinit) struct luks_disk after = LUKS_DISK_NULL;
	CLEANUP(secret_deinit) struct secret plain = SECRET_NULL;
	struct error none = ERROR_NULL;
	int r;

	*ret_same = false;
	r = read_disk(disk->disk, &after, &none);
	if (r)
		return error_set(error, r == -EINVAL ? CATALOG_E_INVALID : r, "not a disk resource: %s", error_text(&none));
	if (!disk->replace && catalog_resource_state(&change->manifest, disk->name) != disk->state)
		return error_set(error, CATALOG_E_CONFLICT, "the resource has changed since");
	if (!entry || entry->deleted || disk->replace)
		return 0;
	r = read_current(change, entry, &plain, error);
	if (r)
		return r;
	*ret_same = plain.size == disk->disk->size && bytes_equal_secret(plain.data, disk->disk->data, plain.size);
	r = read_disk(&plain, &before, NULL);
	if (r)
		return error_set(error, r == -EINVAL ? CATALOG_E_INVALID : r, "what is there is no disk");
	return *ret_same ? 0 : judge_step(&before, &after, error);
}

/* What waits */

bool catalog_pending_expired(const struct manifest_entry *entry, int64_t now)
{
	return now - entry->time > PENDING_SECONDS;
}

static const struct manifest_entry *find(const struct manifest *manifest, uint64_t id)
{
	size_t count;
	const struct manifest_entry *entries = manifest_entries(manifest, STORE_PENDING, &count);

	for (size_t i = 0; i < count; i++) {
		if (entries[i].version == id)
			return &entries[i];
	}
	return NULL;
}

const struct manifest_entry *catalog_find_pending(const struct snapshot *snapshot, uint64_t id, int64_t now)
{
	const struct manifest_entry *entry = find(&snapshot->manifest, id);

	return entry && !catalog_pending_expired(entry, now) ? entry : NULL;
}

/* Takes an entry out. `name` (STORE_NAME_MAX + 1 bytes) keeps its name until the commit: the entry goes at once. */
static void remove_pending(struct catalog_change *change, const struct manifest_entry *entry, char *name)
{
	uint64_t id = entry->version;

	memcpy(name, entry->name, strlen(entry->name) + 1);
	catalog_change_row(change, STORE_PENDING, name, id, bytes_of(NULL, 0));
	manifest_remove(&change->manifest, STORE_PENDING, name, id);
}

static int open_pending(const struct keys *keys, const struct manifest_entry *entry, struct bytes sealed, struct json_object **ret)
{
	CLEANUP(secret_deinit) struct secret text = SECRET_NULL;
	int r = pending_open(&text, keys_view(keys, KEYS_RESOURCE), entry->name, entry->version, sealed);

	if (r == 0)
		r = json_read(secret_view(&text), ret, NULL);
	return r > 0 || r == -EINVAL ? CATALOG_E_DAMAGED : r;
}

int catalog_read_pending(struct catalog *catalog, const struct manifest_entry *entry, struct json_object **ret)
{
	CLEANUP(buf_deinit) struct buf sealed = BUF_NULL;
	const struct keys *keys;
	int r = catalog_read_entry(catalog, entry, &sealed, &keys);

	return r ? r : open_pending(keys, entry, buf_view(&sealed), ret);
}

/* One that waits with this fingerprint: its id, else 0. One whose row was tampered with counts, and is no match. */
static int find_same(const struct catalog_change *change, const struct manifest_entry *entry, const char *fingerprint, uint64_t *ret_id)
{
	CLEANUP(buf_deinit) struct buf sealed = BUF_NULL;
	JSON_AUTO text = NULL;
	const char *other;
	int r = catalog_change_read(change, entry, &sealed);

	if (r == 0)
		r = open_pending(change->keys, entry, buf_view(&sealed), &text);
	if (r)
		return r > 0 ? 0 : r;
	other = json_get_text(text, FINGERPRINT, NULL);
	if (other && strcmp(other, fingerprint) == 0)
		*ret_id = entry->version;
	return 0;
}

/* What is in the way of another one, and what is the same. */
struct crowd {
	size_t count;
	size_t of_resource;
	const struct manifest_entry *expired; /* of this resource where there is one, else the oldest of all */
	uint64_t same;
};

static int look_around(const struct catalog_change *change, const char *name, const char *fingerprint, int64_t now, struct crowd *ret)
{
	const struct manifest_entry *entries = manifest_entries(&change->manifest, STORE_PENDING, &ret->count);
	bool own = false;

	for (size_t i = 0; i < ret->count; i++) {
		bool mine = strcmp(entries[i].name, name) == 0;
		int r;

		ret->of_resource += mine;
		if (catalog_pending_expired(&entries[i], now)) {
			if (!ret->expired || (mine && !own) || (mine == own && entries[i].version < ret->expired->version))
				ret->expired = &entries[i];
			own = own || mine;
			continue;
		}
		r = mine ? find_same(change, &entries[i], fingerprint, &ret->same) : 0;
		if (r)
			return r;
	}
	return 0;
}

/* Room for one more: an expired one goes. `name` as in remove_pending(). */
static int make_room(struct catalog_change *change, const char *resource, const struct crowd *crowd, char *name, struct error *error)
{
	bool mine = crowd->expired && strcmp(crowd->expired->name, resource) == 0;

	if (crowd->of_resource - (mine ? 1 : 0) >= PENDING_PER_RESOURCE)
		return error_set(error, CATALOG_E_FULL, "%d enrolments of this resource wait already", PENDING_PER_RESOURCE);
	if (crowd->count - (crowd->expired ? 1 : 0) >= PENDING_MAX)
		return error_set(error, CATALOG_E_FULL, "%d enrolments wait already", PENDING_MAX);
	if (crowd->expired)
		remove_pending(change, crowd->expired, name);
	return 0;
}

static int seal_pending(struct catalog_change *change, const char *name, uint64_t id, struct json_object *text, int64_t now, struct buf *sealed)
{
	CLEANUP(buf_deinit) struct buf plain = BUF_NULL;
	int r = json_write(&plain, text);

	if (r == 0 && plain.size > PENDING_TEXT_MAX)
		r = -EMSGSIZE;
	if (r == 0)
		r = pending_seal(sealed, keys_view(change->keys, KEYS_RESOURCE), name, id, buf_view(&plain));
	return r ? r : catalog_change_entry(change, STORE_PENDING, name, id, plain.size, now, buf_view(sealed), false);
}

int catalog_add_pending(struct catalog *catalog, const struct catalog_disk *disk, struct json_object *text, int64_t now,
	const struct catalog_witness *witness, uint64_t *ret_id, struct error *error)
{
	CLEANUP(catalog_change_end) struct catalog_change change = {0};
	CLEANUP(buf_deinit) struct buf sealed = BUF_NULL;
	const char *fingerprint = json_get_text(text, FINGERPRINT, NULL);
	char expired[STORE_NAME_MAX + 1];
	struct crowd crowd = {.count = 0};
	uint64_t id;
	bool same;
	int r;

	r = catalog_change_begin(catalog, &change, error);
	if (r)
		return r;
	id = change.manifest.epoch;
	r = judge(&change, disk, &same, error);
	if (!r)
		r = catalog_edited(look_around(&change, disk->name, fingerprint ? fingerprint : "", now, &crowd), error);
	if (r)
		return r;
	if (crowd.same) {
		*ret_id = crowd.same;
		return 0;
	}
	r = make_room(&change, disk->name, &crowd, expired, error);
	if (!r)
		r = catalog_edited(seal_pending(&change, disk->name, id, text, now, &sealed), error);
	if (r)
		return r;
	catalog_change_row(&change, STORE_PENDING, disk->name, id, buf_view(&sealed));
	r = catalog_change_commit(&change, witness, disk->name, id, error);
	if (!r)
		*ret_id = id;
	return r;
}

static int take_pending(struct catalog_change *change, uint64_t id, int64_t now, char *name, struct error *error)
{
	const struct manifest_entry *entry = find(&change->manifest, id);

	if (!entry || catalog_pending_expired(entry, now))
		return error_set(error, CATALOG_E_ABSENT, "no enrolment %llu waits", (unsigned long long)id);
	remove_pending(change, entry, name);
	return 0;
}

int catalog_delete_pending(struct catalog *catalog, uint64_t id, int64_t now, const struct catalog_witness *witness, struct error *error)
{
	CLEANUP(catalog_change_end) struct catalog_change change = {0};
	char name[STORE_NAME_MAX + 1];
	int r;

	r = catalog_change_begin(catalog, &change, error);
	if (!r)
		r = take_pending(&change, id, now, name, error);
	return r ? r : catalog_change_commit(&change, witness, name, id, error);
}

int catalog_put_disk(struct catalog *catalog, const struct catalog_disk *disk, int64_t now, const struct catalog_witness *witness,
	uint64_t *ret_version, struct error *error)
{
	CLEANUP(catalog_change_end) struct catalog_change change = {0};
	CLEANUP(buf_deinit) struct buf sealed = BUF_NULL;
	char pending[STORE_NAME_MAX + 1];
	uint64_t version = 0;
	bool same;
	int r;

	r = catalog_change_begin(catalog, &change, error);
	if (!r)
		r = judge(&change, disk, &same, error);
	if (!r && disk->pending)
		r = take_pending(&change, disk->pending, now, pending, error);
	if (r)
		return r;
	if (same)
		version = manifest_find(&change.manifest, STORE_RESOURCE, disk->name)->version;
	else
		r = catalog_change_resource(&change, disk->name, disk->disk, now, &sealed, &version, error);
	if (!r && same && !disk->pending)
		r = witness ? witness->record(witness->context, disk->name, version, error) : 0;
	else if (!r)
		r = catalog_change_commit(&change, witness, disk->name, version, error);
	if (!r)
		*ret_version = version;
	return r;
}
