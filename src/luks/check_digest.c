/* SPDX-License-Identifier: Apache-2.0 */
/* Checks of the digest object, by which cryptsetup knows the volume key: it ties the slots to the segment. */
#include <string.h>

#include "luks/check.h"

#define SALT_SIZE 32
#define DIGEST_SIZE 32
#define DIGEST_SIZE_LUKS1 20 /* cryptsetup convert takes over what LUKS1 has */

bool luks_check_digests(const struct luks_header *header, struct luks_deviation *ret)
{
	struct json_object *digests = luks_part(header, "digests");
	const char *id = NULL;

	if (!luks_the_digest(header, &id))
		return luks_differs(ret, "digests", "%d digests", digests ? json_object_object_length(digests) : 0);
	return luks_id(id) || luks_differs(ret, "digests", "the number \"%.16s\"", id);
}

bool luks_check_digest_form(const struct luks_header *header, struct luks_deviation *ret)
{
	const char *id = "#";
	struct json_object *digest = luks_the_digest(header, &id);

	if (!luks_text_is(digest, "type", "pbkdf2"))
		return luks_differs_member(ret, "digests.#", "type", digest);
	if (!luks_text_is(digest, "hash", "sha256"))
		return luks_differs_member(ret, "digests.#", "hash", digest);
	if (!luks_base64_is(digest, "salt", SALT_SIZE))
		return luks_differs_member(ret, "digests.#", "salt", digest);
	return luks_base64_is(digest, "digest", DIGEST_SIZE) || luks_base64_is(digest, "digest", DIGEST_SIZE_LUKS1) ||
	       luks_differs_member(ret, "digests.#", "digest", digest);
}

bool luks_check_digest_cost(const struct luks_header *header, struct luks_deviation *ret)
{
	const char *id = "#";
	struct json_object *digest = luks_the_digest(header, &id);
	uint64_t iterations;

	if (!json_get_u64(digest, "iterations", LUKS_ITERATIONS_MAX, &iterations) || iterations < LUKS_ITERATIONS_MIN)
		return luks_differs_member(ret, "digests.#", "iterations", digest);
	return true;
}

/* Every slot once, and nothing else. */
bool luks_check_digest_slots(const struct luks_header *header, struct luks_deviation *ret)
{
	const char *id = "#";
	struct json_object *digest = luks_the_digest(header, &id), *named = json_get_array(digest, "keyslots"), *slots = luks_part(header, "keyslots");
	bool seen[LUKS_SLOTS_MAX] = {false};

	if (!named || !slots || json_object_array_length(named) != (size_t)json_object_object_length(slots))
		return luks_differs_member(ret, "digests.#", "keyslots", digest);
	for (size_t i = 0; i < json_object_array_length(named); i++) {
		struct json_object *item = json_object_array_get_idx(named, i);
		const char *name = json_object_is_type(item, json_type_string) ? json_object_get_string(item) : NULL;
		uint64_t number;

		if (!luks_decimal(name, &number) || number >= LUKS_SLOTS_MAX || seen[number] || !json_get(slots, name))
			return luks_differs_member(ret, "digests.#", "keyslots", digest);
		seen[number] = true;
	}
	return true;
}

bool luks_check_digest_segments(const struct luks_header *header, struct luks_deviation *ret)
{
	const char *id = "#";
	struct json_object *digest = luks_the_digest(header, &id), *named = json_get_array(digest, "segments");
	struct json_object *only = named && json_object_array_length(named) == 1 ? json_object_array_get_idx(named, 0) : NULL;

	if (!json_object_is_type(only, json_type_string) || strcmp(json_object_get_string(only), "0") != 0)
		return luks_differs_member(ret, "digests.#", "segments", digest);
	return true;
}
