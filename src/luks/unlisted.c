/* SPDX-License-Identifier: Apache-2.0 */
#include "luks/unlisted.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "luks/check.h"
#include "luks/digest.h"

#define DEFAULT_OFFSET "16777216" /* of the segment, as luksFormat makes it */

enum { TRIED_ON, TRIED_FOUND }; /* of a trial; < 0: could not tell */

/* A header to change, and what it might become. */
struct trial {
	const struct luks_header *header;
	const struct luks_disk *disk;
	struct error *why;
};

static int is_listed(const struct trial *trial, const struct luks_header *changed)
{
	uint8_t digest[SHA256_SIZE];
	int r = luks_digest(changed, digest);

	if (r != 0)
		return r < 0 ? r : TRIED_ON;
	for (size_t i = 0; i < trial->disk->header_count; i++) {
		if (memcmp(trial->disk->headers[i], digest, SHA256_SIZE) == 0)
			return TRIED_FOUND;
	}
	return TRIED_ON;
}

/* A copy whose metadata may be changed. */
static int copy_of(const struct luks_header *header, struct luks_header *ret)
{
	struct json_object *metadata = NULL;

	if (json_object_deep_copy(header->metadata, &metadata, NULL) < 0)
		return -ENOMEM;
	*ret = *header;
	ret->metadata = metadata;
	return 0;
}

static bool is_text(struct json_object *array, size_t i, const char *text)
{
	struct json_object *item = json_object_array_get_idx(array, i);

	return json_object_is_type(item, json_type_string) && strcmp(json_object_get_string(item), text) == 0;
}

/* Takes a text out of an array of texts. */
static void drop(struct json_object *array, const char *text)
{
	for (size_t i = array ? json_object_array_length(array) : 0; i > 0; i--) {
		if (is_text(array, i - 1, text))
			(void)json_object_array_del_idx(array, i - 1, 1);
	}
}

/* Without a slot: it is in no digest then, and no token speaks of it. */
static int without_slot(const struct trial *trial, const char *slot)
{
	CLEANUP(luks_header_deinit) struct luks_header changed = LUKS_HEADER_NULL;
	struct json_object *tokens = luks_part(trial->header, "tokens");
	const char *id = NULL;
	int r = copy_of(trial->header, &changed);

	if (r < 0)
		return r;
	json_object_object_del(luks_part(&changed, "keyslots"), slot);
	drop(json_get_array(luks_the_digest(&changed, &id), "keyslots"), slot);
	r = is_listed(trial, &changed);
	if (r != TRIED_ON)
		return r;
	json_object_object_foreach (tokens, name, token) {
		struct json_object *named = json_get_array(token, "keyslots");

		if (named && json_object_array_length(named) == 1 && is_text(named, 0, slot))
			json_object_object_del(luks_part(&changed, "tokens"), name);
	}
	return is_listed(trial, &changed);
}

static int try_slots(const struct trial *trial)
{
	struct json_object *slots = luks_part(trial->header, "keyslots");

	json_object_object_foreach (slots, name, unused) {
		int r = without_slot(trial, name);

		(void)unused;
		if (r == TRIED_FOUND)
			(void)error_set(trial->why, 0,
				"it has key slot %s, which the listed one has not: an old header, from before that slot was removed (rolled back), or a key that was added since",
				name);
		if (r != TRIED_ON)
			return r;
	}
	return TRIED_ON;
}

static int try_tokens(const struct trial *trial)
{
	struct json_object *tokens = luks_part(trial->header, "tokens");

	json_object_object_foreach (tokens, name, unused) {
		CLEANUP(luks_header_deinit) struct luks_header changed = LUKS_HEADER_NULL;
		int r = copy_of(trial->header, &changed);

		(void)unused;
		if (r < 0)
			return r;
		json_object_object_del(luks_part(&changed, "tokens"), name);
		r = is_listed(trial, &changed);
		if (r == TRIED_FOUND)
			(void)error_set(trial->why, 0, "it has token %s, which the listed one has not", name);
		if (r != TRIED_ON)
			return r;
	}
	return TRIED_ON;
}

/* With another value of a member, or (NULL) without it. */
static int with_value(const struct trial *trial, const char *part, const char *number, const char *member, struct json_object *value)
{
	CLEANUP(luks_header_deinit) struct luks_header changed = LUKS_HEADER_NULL;
	struct json_object *object;
	int r = copy_of(trial->header, &changed);

	if (r < 0) {
		(void)json_object_put(value);
		return r;
	}
	object = json_get_object(luks_part(&changed, part), number);
	if (value)
		r = json_add(object, member, value);
	else
		json_object_object_del(object, member);
	if (r == 0)
		r = is_listed(trial, &changed);
	if (r == TRIED_FOUND)
		(void)error_set(trial->why, 0, "%s.%s.%s was changed", part, number, member);
	return r;
}

static int try_priorities(const struct trial *trial)
{
	struct json_object *slots = luks_part(trial->header, "keyslots");

	json_object_object_foreach (slots, name, unused) {
		int r = with_value(trial, "keyslots", name, "priority", NULL);

		(void)unused;
		for (int priority = 0; r == TRIED_ON && priority <= 2; priority++)
			r = with_value(trial, "keyslots", name, "priority", json_object_new_int(priority));
		if (r != TRIED_ON)
			return r;
	}
	return TRIED_ON;
}

static int try_segment(const struct trial *trial)
{
	uint64_t area = luks_area_size(trial->header);
	char least[24];
	int r = with_value(trial, "segments", "0", "sector_size", json_object_new_int(LUKS_SECTOR_MIN));

	if (r == TRIED_ON)
		r = with_value(trial, "segments", "0", "sector_size", json_object_new_int(LUKS_SECTOR_MAX));
	if (r == TRIED_ON)
		r = with_value(trial, "segments", "0", "offset", json_object_new_string(DEFAULT_OFFSET));
	(void)snprintf(least, sizeof(least), "%" PRIu64, area);
	return r == TRIED_ON ? with_value(trial, "segments", "0", "offset", json_object_new_string(least)) : r;
}

static int try_names(const struct trial *trial)
{
	struct luks_header changed = *trial->header; /* borrows the metadata */
	int r;

	changed.label[0] = '\0';
	r = is_listed(trial, &changed);
	if (r == TRIED_ON) {
		changed.subsystem[0] = '\0';
		r = is_listed(trial, &changed);
	}
	if (r == TRIED_FOUND)
		(void)error_set(trial->why, 0, "its label or subsystem was set");
	return r;
}

int luks_unlisted_why(const struct luks_header *header, bool allowed, const struct luks_disk *disk, struct error *why)
{
	static int (*const tries[])(const struct trial *) = {try_slots, try_segment, try_tokens, try_priorities, try_names};
	const struct trial trial = {header, disk, why};
	int r = TRIED_ON;

	if (disk->header_count == 0) {
		(void)error_set(why, 0, "the broker's resource is a key without digests of headers, so that any header would do");
		return 0;
	}
	for (size_t i = 0; allowed && r == TRIED_ON && i < ARRAY_SIZE(tries); i++)
		r = tries[i](&trial);
	if (r == TRIED_ON)
		(void)error_set(why, 0,
			"it is none that the broker lists for this volume: an old header (rolled back), the header of another volume (this one's UUID is %s), "
			"or one that was changed since sevattest enroll",
			header->uuid);
	return r < 0 ? r : 0;
}
