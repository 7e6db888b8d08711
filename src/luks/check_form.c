/* SPDX-License-Identifier: Apache-2.0 */
/* Checks of the document as a whole, its sizes, and what stands beside segments, slots and digests. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "luks/check.h"

#define AREA_ALIGNMENT 4096

/*
 * The members that an object may have, by the path of the object: '#' stands for a number. A name with '?' in front may be absent. What another check refuses
 * (integrity, flags, requirements) is a member here, so that it is refused by its own name.
 */
static const struct object_form {
	const char *path;
	const char *members[10];
} forms[] = {
	{"", {"keyslots", "tokens", "segments", "digests", "config"}},
	{"config", {"json_size", "keyslots_size", "?flags", "?requirements"}},
	{"segments.#", {"type", "offset", "size", "iv_tweak", "encryption", "sector_size", "?integrity", "?flags"}},
	{"keyslots.#", {"type", "key_size", "af", "area", "kdf", "?priority"}},
	{"keyslots.#.af", {"type", "stripes", "hash"}},
	{"keyslots.#.area", {"type", "offset", "size", "encryption", "key_size"}},
	{"digests.#", {"type", "keyslots", "segments", "hash", "iterations", "salt", "digest"}},
	{"tokens.#", {"type", "keyslots"}},
};
static const struct object_form kdf_forms[] = {
	{"pbkdf2", {"type", "hash", "iterations", "salt"}},
	{"argon2id", {"type", "time", "memory", "cpus", "salt"}},
};

static bool named(const struct object_form *form, const char *name)
{
	for (size_t i = 0; i < ARRAY_SIZE(form->members) && form->members[i]; i++) {
		if (strcmp(form->members[i] + (form->members[i][0] == '?'), name) == 0)
			return true;
	}
	return false;
}

static bool has_form(const struct object_form *form, const char *path, struct json_object *object, struct luks_deviation *ret)
{
	if (!json_object_is_type(object, json_type_object))
		return luks_differs(ret, path, "no object");
	json_object_object_foreach (object, name, unused) {
		(void)unused;
		if (!named(form, name))
			return luks_differs(ret, path, "an unknown member \"%.64s\"", name);
	}
	for (size_t i = 0; i < ARRAY_SIZE(form->members) && form->members[i]; i++) {
		if (form->members[i][0] != '?' && !json_get(object, form->members[i]))
			return luks_differs(ret, path, "no member \"%s\"", form->members[i]);
	}
	return true;
}

static const struct object_form *form_of(const char *path)
{
	for (size_t i = 0; i < ARRAY_SIZE(forms); i++) {
		if (strcmp(forms[i].path, path) == 0)
			return &forms[i];
	}
	return NULL;
}

static bool each_has_form(const struct luks_header *header, const char *part, const char *form, struct luks_deviation *ret)
{
	struct json_object *object = luks_part(header, part);

	if (!object)
		return luks_differs(ret, part, "no object");
	json_object_object_foreach (object, name, value) {
		char path[LUKS_WHERE_MAX];

		(void)snprintf(path, sizeof(path), "%s.%s", part, name);
		if (!has_form(form_of(form), path, value, ret))
			return false;
	}
	return true;
}

/* The objects in a slot. A kind of derivation that is not known is for another check. */
static bool slot_has_form(const struct luks_header *header, const char *path, struct json_object *slot, struct luks_deviation *ret)
{
	struct json_object *kdf = json_get(slot, "kdf");
	char inner[LUKS_WHERE_MAX];

	(void)header;
	(void)snprintf(inner, sizeof(inner), "%.80s.af", path);
	if (!has_form(form_of("keyslots.#.af"), inner, json_get(slot, "af"), ret))
		return false;
	(void)snprintf(inner, sizeof(inner), "%.80s.area", path);
	if (!has_form(form_of("keyslots.#.area"), inner, json_get(slot, "area"), ret))
		return false;
	(void)snprintf(inner, sizeof(inner), "%.80s.kdf", path);
	for (size_t i = 0; i < ARRAY_SIZE(kdf_forms); i++) {
		if (luks_text_is(kdf, "type", kdf_forms[i].path))
			return has_form(&kdf_forms[i], inner, kdf, ret);
	}
	return json_object_is_type(kdf, json_type_object) || luks_differs(ret, inner, "no object");
}

bool luks_check_members(const struct luks_header *header, struct luks_deviation *ret)
{
	struct json_object *slots = luks_part(header, "keyslots");

	return has_form(form_of(""), "the metadata", header->metadata, ret) && has_form(form_of("config"), "config", json_get(header->metadata, "config"), ret) &&
	       each_has_form(header, "segments", "segments.#", ret) && each_has_form(header, "keyslots", "keyslots.#", ret) &&
	       each_has_form(header, "digests", "digests.#", ret) && each_has_form(header, "tokens", "tokens.#", ret) &&
	       (json_object_object_length(slots) == 0 || luks_each(header, "keyslots", slot_has_form, ret));
}

/* 8-4-4-4-12 hex digits, as cryptsetup writes them: the UUID becomes part of the mapping's name and of the name of its key. */
bool luks_check_uuid(const struct luks_header *header, struct luks_deviation *ret)
{
	static const char form[] = "xxxxxxxx-xxxx-xxxx-xxxx-xxxxxxxxxxxx";
	const char *uuid = header->uuid;

	for (size_t i = 0; i < sizeof(form); i++) {
		bool digit = (uuid[i] >= '0' && uuid[i] <= '9') || (uuid[i] >= 'a' && uuid[i] <= 'f');

		if (form[i] == 'x' ? !digit : uuid[i] != form[i])
			return luks_differs(ret, "uuid", "\"%s\"", uuid);
	}
	return true;
}

uint64_t luks_area_size(const struct luks_header *header)
{
	uint64_t slots;

	if (!luks_get_decimal(luks_part(header, "config"), "keyslots_size", &slots) || slots > LUKS_AREA_MAX || 2 * header->size + slots > LUKS_AREA_MAX)
		return 0;
	return 2 * header->size + slots;
}

bool luks_check_area(const struct luks_header *header, struct luks_deviation *ret)
{
	struct json_object *config = luks_part(header, "config");
	uint64_t json_size, slots;

	if (!luks_get_decimal(config, "json_size", &json_size) || json_size != header->size - LUKS_BINARY_SIZE)
		return luks_differs_member(ret, "config", "json_size", config);
	if (!luks_get_decimal(config, "keyslots_size", &slots) || slots == 0 || slots % AREA_ALIGNMENT != 0)
		return luks_differs_member(ret, "config", "keyslots_size", config);
	return luks_area_size(header) != 0 || luks_differs(ret, "config.keyslots_size", "2 headers of %" PRIu64 " bytes and %" PRIu64 " for key slots", header->size, slots);
}

bool luks_check_requirements(const struct luks_header *header, struct luks_deviation *ret)
{
	struct json_object *config = luks_part(header, "config");

	return !json_get(config, "requirements") || luks_differs_member(ret, "config", "requirements", config);
}

bool luks_check_flags(const struct luks_header *header, struct luks_deviation *ret)
{
	struct json_object *config = luks_part(header, "config"), *flags = json_get_array(config, "flags");

	/* An empty list is what cryptsetup leaves of flags that were taken back. */
	if (!json_get(config, "flags") || (flags && json_object_array_length(flags) == 0))
		return true;
	return luks_differs_member(ret, "config", "flags", config);
}

/* Neither kind makes cryptsetup do anything: they say what a slot is for. */
static bool token_holds(const struct luks_header *header, const char *path, struct json_object *token, struct luks_deviation *ret)
{
	struct json_object *slots = json_get_array(token, "keyslots");

	if (!luks_text_is(token, "type", LUKS_TOKEN_OURS) && !luks_text_is(token, "type", LUKS_TOKEN_RECOVERY))
		return luks_differs_member(ret, path, "type", token);
	if (!luks_id(strchr(path, '.') + 1))
		return luks_differs(ret, path, "no number of a token");
	if (!slots || json_object_array_length(slots) != 1)
		return luks_differs_member(ret, path, "keyslots", token);
	if (!json_object_is_type(json_object_array_get_idx(slots, 0), json_type_string) ||
		!json_get(luks_part(header, "keyslots"), json_object_get_string(json_object_array_get_idx(slots, 0))))
		return luks_differs_member(ret, path, "keyslots", token);
	return true;
}

bool luks_check_tokens(const struct luks_header *header, struct luks_deviation *ret)
{
	struct json_object *tokens = luks_part(header, "tokens");

	if (!tokens)
		return luks_differs(ret, "tokens", "no object");
	return json_object_object_length(tokens) == 0 || luks_each(header, "tokens", token_holds, ret);
}
