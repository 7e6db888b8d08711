/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/keys.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "io/clock.h"
#include "kbs/key_check.h"

int key_value_new(struct secret *secret, struct key_value **ret)
{
	struct key_value *value = calloc(1, sizeof(*value));

	if (!value)
		return -ENOMEM;
	value->references = 1;
	value->secret = secret_steal(secret);
	*ret = value;
	return 0;
}

struct key_value *key_value_ref(struct key_value *value)
{
	value->references++;
	return value;
}

struct key_value *key_value_unref(struct key_value *value)
{
	if (!value || --value->references > 0)
		return NULL;
	secret_deinit(&value->secret);
	free(value);
	return NULL;
}

static size_t size_of(const struct key *key)
{
	return key->value ? key->value->secret.size : 0;
}

static void drop_value(struct keys *keys, struct key *key)
{
	keys->size -= size_of(key);
	key->value = key_value_unref(key->value);
}

void keys_deinit(struct keys *keys)
{
	for (size_t i = 0; i < keys->count; i++) {
		drop_value(keys, keys->items[i]);
		free(keys->items[i]);
	}
	*keys = (struct keys){.count = 0};
}

struct key *keys_find(const struct keys *keys, const char *resource)
{
	for (size_t i = 0; i < keys->count; i++) {
		if (strcmp(keys->items[i]->resource, resource) == 0)
			return keys->items[i];
	}
	return NULL;
}

int keys_get(struct keys *keys, const char *resource, struct key **ret)
{
	struct key *key = keys_find(keys, resource);

	if (!key) {
		if (keys->count == KEYS_MAX)
			return -ENOSPC;
		key = calloc(1, sizeof(*key));
		if (!key)
			return -ENOMEM;
		(void)snprintf(key->resource, sizeof(key->resource), "%s", resource);
		keys->items[keys->count++] = key;
	}
	*ret = key;
	return 0;
}

struct key *keys_wanted(const struct keys *keys)
{
	for (size_t i = 0; i < keys->count; i++) {
		if (keys->items[i]->wanted)
			return keys->items[i];
	}
	return NULL;
}

void keys_refuse(struct keys *keys, struct key *key, const char *why, int64_t now)
{
	drop_value(keys, key);
	key->state = KEY_REFUSED;
	key->wanted = false;
	key->at = now;
	key->tried_ms = clock_monotonic_ms();
	(void)snprintf(key->why, sizeof(key->why), "%s", why);
}

/* 0 or KEYS_E_* with a text, -errno. */
static int judge(const struct keys *keys, const struct key *key, const struct agent_config *config, const struct secret *value, uint64_t version,
	struct error *error)
{
	const uint8_t *wanted = agent_config_key_check(config, key->resource);
	uint8_t digest[SHA256_SIZE];
	int r;

	if (version < key->version)
		return error_set(error, KEYS_E_VERSION, "version: the broker gave version %llu, and %llu was there before",
			(unsigned long long)version, (unsigned long long)key->version);
	if (value->size > KEYS_SIZE_MAX - (keys->size - size_of(key)))
		return error_set(error, KEYS_E_SIZE, "the keys of this machine are larger than %zu bytes together", KEYS_SIZE_MAX);
	if (!wanted)
		return 0;
	r = key_check_digest(digest, secret_view(value));
	if (r)
		return r;
	if (!bytes_equal_secret(digest, wanted, sizeof(digest)))
		return error_set(error, KEYS_E_CHECK, "KeyCheck: the broker gave another key than the configuration says");
	return 0;
}

int keys_accept(struct keys *keys, struct key *key, const struct agent_config *config, struct secret *value, uint64_t version, int64_t now)
{
	struct key_value *shared = NULL;
	struct error error = ERROR_NULL;
	int r = judge(keys, key, config, value, version, &error);

	if (!r)
		r = key_value_new(value, &shared);
	if (r < 0)
		(void)error_set(&error, r, "the key could not be judged: %s", strerror(-r));
	if (r) {
		keys_refuse(keys, key, error_text(&error), now);
		return r;
	}
	drop_value(keys, key);
	key->value = shared;
	keys->size += size_of(key);
	key->state = KEY_GOOD;
	key->wanted = false;
	key->version = version;
	key->at = now;
	key->tried_ms = clock_monotonic_ms();
	key->why[0] = 0;
	return 0;
}

void keys_forget(struct keys *keys, struct key *key)
{
	if (key->state != KEY_GOOD)
		return;
	drop_value(keys, key);
	key->state = KEY_UNKNOWN;
	key->wanted = false;
}

void keys_expire(struct keys *keys, uint64_t now_ms, uint64_t age_ms)
{
	for (size_t i = 0; i < keys->count; i++) {
		struct key *key = keys->items[i];

		bool wanted = key->wanted;

		if (key->state != KEY_GOOD || now_ms - key->tried_ms < age_ms)
			continue;
		keys_forget(keys, key);
		key->wanted = wanted;
	}
}

void keys_drop(struct keys *keys)
{
	for (size_t i = 0; i < keys->count; i++) {
		drop_value(keys, keys->items[i]);
		keys->items[i]->state = KEY_UNKNOWN;
		keys->items[i]->why[0] = 0;
	}
}
