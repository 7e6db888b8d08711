/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * The keys that this machine has got, or was refused, by resource. They live in the secure heap and nowhere else, as long as the proof on
 * which they were released holds.
 */
#include "agent/config.h"
#include "base/error.h"
#include "base/secret.h"

#define KEYS_MAX 320                      /* every line of Map=, and a few disks */
#define KEYS_SIZE_MAX ((size_t)2 << 20)   /* all together; systemd takes 1 MiB for all credentials of a unit */

/* A key that answers under way share with the table: one copy, gone with the last of them. */
struct key_value {
	unsigned references;
	struct secret secret;
};
/* Moved out of `secret`, with one reference. 0, -ENOMEM. */
int key_value_new(struct secret *secret, struct key_value **ret) MUST_CHECK;
struct key_value *key_value_ref(struct key_value *value);
/* NULL is allowed; returns NULL. */
struct key_value *key_value_unref(struct key_value *value);

enum key_state {
	KEY_UNKNOWN,
	KEY_GOOD,
	KEY_REFUSED, /* by the broker, or by a check of ours; `why` */
};

struct key {
	char resource[KBS_RESOURCE_MAX + 1];
	enum key_state state;
	bool wanted; /* to be fetched */
	bool brief;  /* a disk's: fetched when it is asked for, gone when it was given, never renewed by itself */
	struct key_value *value; /* when GOOD */
	uint64_t version;    /* of the last release signature; an older one is refused */
	int64_t at;          /* Unix seconds of the last change of state */
	uint64_t tried_ms;   /* monotonic, of the last answer */
	char why[ERROR_TEXT_MAX];
};

struct keys {
	struct key *items[KEYS_MAX];
	size_t count;
	size_t size; /* of all values */
};

void keys_deinit(struct keys *keys);
/* The entry of a resource, made when it is new. -ENOSPC, -ENOMEM. */
int keys_get(struct keys *keys, const char *resource, struct key **ret) MUST_CHECK;
struct key *keys_find(const struct keys *keys, const char *resource);
/* The first one that is to be fetched, or NULL. */
struct key *keys_wanted(const struct keys *keys);

enum {
	KEYS_E_CHECK = 1, /* not the key of KeyCheck= */
	KEYS_E_VERSION,   /* an older version than one that was there before */
	KEYS_E_SIZE,      /* no room: too many or too large keys */
};

/*
 * Judges a key that has come and keeps it, moved out of `value`: KEY_GOOD. Else KEY_REFUSED with the reason in key->why, and what was there
 * before is dropped. 0, KEYS_E_*, -errno.
 */
int keys_accept(struct keys *keys, struct key *key, const struct agent_config *config, struct secret *value, uint64_t version, int64_t now)
	MUST_CHECK;
void keys_refuse(struct keys *keys, struct key *key, const char *why, int64_t now);
/* It is not needed any more. Its version stays, and a refusal. */
void keys_forget(struct keys *keys, struct key *key);
/* Forgets the values that came `age_ms` or longer before `now_ms` (monotonic). */
void keys_expire(struct keys *keys, uint64_t now_ms, uint64_t age_ms);
/* Forgets every value, and every refusal: nothing is known any more. Versions stay. */
void keys_drop(struct keys *keys);
