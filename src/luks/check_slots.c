/* SPDX-License-Identifier: Apache-2.0 */
/* Checks of the key slots: what turns the broker's key into the volume key. A slot whose area has no cipher gives the host's volume key to any key. */
#include <inttypes.h>
#include <string.h>

#include "luks/check.h"

#define AREA_ALIGNMENT 4096
#define SALT_SIZE 32

static bool is_slot(const struct luks_header *header, const char *path, struct json_object *slot, struct luks_deviation *ret)
{
	(void)header;
	if (!luks_id(strchr(path, '.') + 1) || !json_object_is_type(slot, json_type_object))
		return luks_differs(ret, path, "no key slot");
	return true;
}

bool luks_check_slots(const struct luks_header *header, struct luks_deviation *ret)
{
	return luks_each(header, "keyslots", is_slot, ret);
}

static bool type_holds(const struct luks_header *header, const char *path, struct json_object *slot, struct luks_deviation *ret)
{
	(void)header;
	return luks_text_is(slot, "type", "luks2") || luks_differs_member(ret, path, "type", slot);
}

bool luks_check_slot_type(const struct luks_header *header, struct luks_deviation *ret)
{
	return luks_each(header, "keyslots", type_holds, ret);
}

static bool is_number(struct json_object *object, const char *member, uint64_t expected)
{
	uint64_t number;

	return json_get_u64(object, member, INT32_MAX, &number) && number == expected;
}

static bool key_size_holds(const struct luks_header *header, const char *path, struct json_object *slot, struct luks_deviation *ret)
{
	(void)header;
	return is_number(slot, "key_size", LUKS_VOLUME_KEY_SIZE) || luks_differs_member(ret, path, "key_size", slot);
}

bool luks_check_slot_key_size(const struct luks_header *header, struct luks_deviation *ret)
{
	return luks_each(header, "keyslots", key_size_holds, ret);
}

/* Absent, or 0 (only when asked for), 1, 2 (tried first). */
static bool priority_holds(const struct luks_header *header, const char *path, struct json_object *slot, struct luks_deviation *ret)
{
	uint64_t priority;

	(void)header;
	return !json_get(slot, "priority") || json_get_u64(slot, "priority", 2, &priority) || luks_differs_member(ret, path, "priority", slot);
}

bool luks_check_slot_priority(const struct luks_header *header, struct luks_deviation *ret)
{
	return luks_each(header, "keyslots", priority_holds, ret);
}

static bool cipher_holds(const struct luks_header *header, const char *path, struct json_object *slot, struct luks_deviation *ret)
{
	struct json_object *area = json_get_object(slot, "area");

	(void)header;
	if (!luks_text_is(area, "encryption", LUKS_CIPHER))
		return luks_differs_member(ret, path, "area", slot);
	return is_number(area, "key_size", LUKS_VOLUME_KEY_SIZE) || luks_differs_member(ret, path, "area", slot);
}

bool luks_check_slot_cipher(const struct luks_header *header, struct luks_deviation *ret)
{
	return luks_each(header, "keyslots", cipher_holds, ret);
}

/* Where a slot's key material is. False when it does not say it as cryptsetup does. */
static bool area_read(struct json_object *slot, uint64_t *ret_offset, uint64_t *ret_size)
{
	struct json_object *area = json_get_object(slot, "area");

	return luks_get_decimal(area, "offset", ret_offset) && luks_get_decimal(area, "size", ret_size);
}

static bool area_holds(const struct luks_header *header, const char *path, struct json_object *slot, struct luks_deviation *ret)
{
	uint64_t offset, size, slots, begin = 2 * header->size;

	if (!luks_text_is(json_get_object(slot, "area"), "type", "raw") || !area_read(slot, &offset, &size))
		return luks_differs_member(ret, path, "area", slot);
	if (offset % AREA_ALIGNMENT != 0 || size % AREA_ALIGNMENT != 0 || size < LUKS_VOLUME_KEY_SIZE * LUKS_STRIPES || offset < begin)
		return luks_differs_member(ret, path, "area", slot);
	/* Without a size of the whole, that is what is refused. */
	if (luks_get_decimal(luks_part(header, "config"), "keyslots_size", &slots) && (size > slots || offset - begin > slots - size))
		return luks_differs_member(ret, path, "area", slot);
	return true;
}

bool luks_check_slot_area(const struct luks_header *header, struct luks_deviation *ret)
{
	return luks_each(header, "keyslots", area_holds, ret);
}

static bool apart(struct json_object *a, struct json_object *b)
{
	uint64_t a_offset, a_size, b_offset, b_size;

	if (!area_read(a, &a_offset, &a_size) || !area_read(b, &b_offset, &b_size))
		return true; /* the check before refuses it */
	return a_offset < b_offset ? a_size <= b_offset - a_offset : b_size <= a_offset - b_offset;
}

bool luks_check_slot_overlap(const struct luks_header *header, struct luks_deviation *ret)
{
	struct json_object *slots = luks_part(header, "keyslots");

	if (!slots)
		return luks_differs(ret, "keyslots", "nothing");
	json_object_object_foreach (slots, name, slot) {
		json_object_object_foreach (slots, other_name, other) {
			if (other != slot && !apart(slot, other))
				return luks_differs(ret, "keyslots", "the areas of slots %.16s and %.16s overlap", name, other_name);
		}
	}
	return true;
}

static bool af_holds(const struct luks_header *header, const char *path, struct json_object *slot, struct luks_deviation *ret)
{
	struct json_object *af = json_get_object(slot, "af");

	(void)header;
	if (!luks_text_is(af, "type", "luks1") || !luks_text_is(af, "hash", "sha256") || !is_number(af, "stripes", LUKS_STRIPES))
		return luks_differs_member(ret, path, "af", slot);
	return true;
}

bool luks_check_slot_af(const struct luks_header *header, struct luks_deviation *ret)
{
	return luks_each(header, "keyslots", af_holds, ret);
}

static bool is_pbkdf2(struct json_object *kdf)
{
	return luks_text_is(kdf, "type", "pbkdf2");
}

static bool kdf_holds(const struct luks_header *header, const char *path, struct json_object *slot, struct luks_deviation *ret)
{
	struct json_object *kdf = json_get_object(slot, "kdf");

	(void)header;
	if (is_pbkdf2(kdf) ? !luks_text_is(kdf, "hash", "sha256") : !luks_text_is(kdf, "type", "argon2id"))
		return luks_differs_member(ret, path, "kdf", slot);
	return luks_base64_is(kdf, "salt", SALT_SIZE) || luks_differs_member(ret, path, "kdf", slot);
}

bool luks_check_kdf(const struct luks_header *header, struct luks_deviation *ret)
{
	return luks_each(header, "keyslots", kdf_holds, ret);
}

static bool between(struct json_object *object, const char *member, uint64_t least, uint64_t most, uint64_t *ret)
{
	return json_get_u64(object, member, most, ret) && *ret >= least;
}

static bool cost_holds(const struct luks_header *header, const char *path, struct json_object *slot, struct luks_deviation *ret)
{
	struct json_object *kdf = json_get_object(slot, "kdf");
	uint64_t iterations, passes, memory, cpus;

	(void)header;
	if (is_pbkdf2(kdf))
		return between(kdf, "iterations", LUKS_ITERATIONS_MIN, LUKS_ITERATIONS_MAX, &iterations) || luks_differs_member(ret, path, "kdf", slot);
	/* Another kind is refused by the check before. */
	if (!luks_text_is(kdf, "type", "argon2id"))
		return true;
	if (!between(kdf, "memory", LUKS_ARGON_MEMORY_MIN, LUKS_ARGON_MEMORY_MAX, &memory) || !between(kdf, "cpus", 1, LUKS_ARGON_CPUS_MAX, &cpus) ||
		!between(kdf, "time", 1, LUKS_ARGON_COST_MAX, &passes) || memory * passes > LUKS_ARGON_COST_MAX)
		return luks_differs_member(ret, path, "kdf", slot);
	return true;
}

bool luks_check_kdf_cost(const struct luks_header *header, struct luks_deviation *ret)
{
	return luks_each(header, "keyslots", cost_holds, ret);
}
