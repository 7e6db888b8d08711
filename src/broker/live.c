/* SPDX-License-Identifier: Apache-2.0 */
#include "broker/live.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/log.h"
#include "io/clock.h"

static void complain(const char *text)
{
	log_error("%s", text);
}

struct live *live_get(struct live_slot *slot)
{
	return __atomic_load_n(&slot->live, __ATOMIC_ACQUIRE);
}

/* The audit first: it commits what is queued, to a store that must still be open. */
static struct live *live_free(struct live *live)
{
	if (!live)
		return NULL;
	(void)audit_free(live->audit);
	recent_deinit(&live->recent);
	(void)appraiser_free(live->appraiser);
	signing_deinit(&live->signing);
	(void)catalog_close(live->catalog);
	(void)state_close(live->state);
	keys_deinit(&live->keys);
	(void)store_close(live->store);
	free(live);
	return NULL;
}
DEFINE_CLEANUP(struct live *, live_free)

static struct catalog_parts parts_of(const struct live *live)
{
	return (struct catalog_parts){.store = live->store, .keys = &live->keys, .state = live->state, .complain = complain};
}

/* Opens store and state under `kek` (taken over). */
static int open_store(const struct broker_config *config, struct secret *kek, struct live **ret, struct error *error)
{
	CLEANUP(live_freep) struct live *live = calloc(1, sizeof(*live));
	int r;

	if (!live)
		return error_set(error, -ENOMEM, "no memory");
	recent_init(&live->recent);
	r = keys_init(&live->keys, kek);
	if (r)
		return error_set(error, r, "keys: %s", strerror(-r));
	r = store_sqlite_open(config->store, &live->store, error);
	if (r)
		return r > 0 ? -EBADMSG : r;
	r = state_open(config->state_directory, keys_view(&live->keys, KEYS_STATE), &live->state, error);
	if (r)
		return r;
	*ret = live;
	live = NULL;
	return 0;
}

/* The record of a key that is made because the store is of before there was one. */
static int record_key(void *context, const char *name, uint64_t version, struct error *error)
{
	const struct live *live = context;
	CLEANUP(buf_deinit) struct buf text = BUF_NULL;
	JSON_AUTO record = json_object_new_object();
	int r = record ? json_add_text(record, "event", "key-made") : -ENOMEM;

	if (!r)
		r = json_add_u64(record, "time", (uint64_t)clock_now());
	if (!r)
		r = json_add_text(record, "name", name);
	if (!r)
		r = json_add_u64(record, "version", version);
	if (!r)
		r = json_write(&text, record);
	if (!r)
		r = audit_write(live->audit, &text);
	return r ? error_set(error, r, "the %s key is not made, the audit cannot be written: %s", name, strerror(-r)) : 0;
}

static int open_rest(const struct broker_config *config, struct live *live, struct error *error)
{
	const struct catalog_witness by = {record_key, live};
	struct catalog_parts parts = parts_of(live);
	int r;

	r = catalog_open(&parts, &live->catalog, error);
	if (!r)
		r = audit_new(live->store, live->state, keys_view(&live->keys, KEYS_AUDIT), &live->audit, error);
	if (!r)
		r = catalog_ensure_key(live->catalog, SIGNING_ENROL, signing_make, clock_now(), &by, error);
	if (!r)
		r = signing_load(live->catalog, &live->signing, error);
	if (r)
		return r;
	audit_set_signer(live->audit, signing_sign_checkpoint, &live->signing);
	return appraiser_new(config, &live->appraiser, error);
}

static int default_key_file(const struct broker_config *config, char path[static PATH_MAX])
{
	int size = snprintf(
		path, PATH_MAX, "%s%s", config->key_file ? config->key_file : config->state_directory, config->key_file ? "" : "/kek");

	return size < PATH_MAX ? 0 : -ENAMETOOLONG;
}

/* KeyFile=, else the credential, else "kek" in the state directory. -ENOENT: none of them. */
static int load_kek(const struct live_slot *slot, struct secret *ret, struct error *error)
{
	char path[PATH_MAX];
	int r;

	if (!slot->config->key_file && slot->credentials) {
		if (snprintf(path, sizeof(path), "%s/" KEYS_CREDENTIAL, slot->credentials) < (int)sizeof(path) && access(path, F_OK) == 0)
			return keys_kek_load(NULL, slot->credentials, ret, error);
	}
	r = default_key_file(slot->config, path);
	if (r)
		return error_set(error, r, "the path of the key file is too long");
	return keys_kek_load(path, NULL, ret, error);
}

int live_start(struct live_slot *slot, struct error *error)
{
	CLEANUP(secret_deinit) struct secret kek = SECRET_NULL;
	CLEANUP(live_freep) struct live *live = NULL;
	struct error missing = ERROR_NULL;
	int r;

	r = load_kek(slot, &kek, &missing);
	if (r == -ENOENT && !state_exists(slot->config->state_directory) && access(slot->config->store, F_OK) < 0)
		return 0;
	if (r)
		return error_set(error, r, "%s", error_text(&missing));
	r = open_store(slot->config, &kek, &live, error);
	if (!r)
		r = open_rest(slot->config, live, error);
	if (r == -ENODATA) { /* a key, but nothing else: `init` will take it */
		error_clear(error);
		return 0;
	}
	if (r)
		return r;
	__atomic_store_n(&slot->live, live, __ATOMIC_RELEASE);
	live = NULL;
	return 0;
}

/* A key that is there is taken: a credential, or what an interrupted `init` left. */
static int make_kek(const struct live_slot *slot, struct secret *ret, struct error *error)
{
	CLEANUP(secret_deinit) struct secret kek = SECRET_NULL;
	struct error missing = ERROR_NULL;
	char path[PATH_MAX];
	int r;

	r = load_kek(slot, ret, &missing);
	if (r != -ENOENT)
		return r ? error_set(error, r, "%s", error_text(&missing)) : 0;
	if (state_exists(slot->config->state_directory))
		return error_set(error, -EEXIST, "the state directory remembers a store, but there is no key-encryption key: restore it");
	r = default_key_file(slot->config, path);
	if (!r)
		r = secret_random(&kek, KEYS_KEK_SIZE);
	if (r)
		return error_set(error, r, "the key-encryption key cannot be made: %s", strerror(-r));
	r = keys_kek_save(path, secret_view(&kek), error);
	if (!r)
		*ret = secret_steal(&kek);
	return r;
}

int live_init(struct live_slot *slot, int64_t now, struct secret *ret_escrow, struct error *error)
{
	CLEANUP(secret_deinit) struct secret kek = SECRET_NULL;
	CLEANUP(secret_deinit) struct secret escrow = SECRET_NULL;
	CLEANUP(live_freep) struct live *live = NULL;
	struct catalog_parts parts;
	int r;

	if (live_get(slot))
		return error_set(error, -EEXIST, "the store is not empty: it has been initialised before");
	r = make_kek(slot, &kek, error);
	if (r)
		return r;
	r = keys_kek_to_text(secret_view(&kek), &escrow);
	if (r)
		return error_set(error, r, "%s", strerror(-r));
	r = open_store(slot->config, &kek, &live, error);
	if (r)
		return r;
	parts = parts_of(live);
	r = catalog_create(&parts, signing_make, now, error);
	if (!r)
		r = open_rest(slot->config, live, error);
	if (r)
		return r;
	*ret_escrow = secret_steal(&escrow);
	__atomic_store_n(&slot->live, live, __ATOMIC_RELEASE);
	live = NULL;
	return 0;
}

void live_end(struct live_slot *slot)
{
	slot->live = live_free(slot->live);
}
