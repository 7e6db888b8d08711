/* SPDX-License-Identifier: Apache-2.0 */
/* Checks of the data segment: how the disk's contents are encrypted. The volume key's digest binds none of it. */
#include <string.h>

#include "luks/check.h"

/* cryptsetup goes on with what a header says is under way, decrypting in place if it says so. */
static bool is_reencryption(const char *type)
{
	return type && strcmp(type, "reencrypt") == 0;
}

bool luks_check_reencryption(const struct luks_header *header, struct luks_deviation *ret)
{
	struct json_object *slots = luks_part(header, "keyslots"), *segments = luks_part(header, "segments");

	if (slots) {
		json_object_object_foreach (slots, name, slot) {
			if (is_reencryption(json_get_text(slot, "type", NULL)))
				return luks_differs(ret, "keyslots", "slot %.16s of type \"reencrypt\"", name);
		}
	}
	if (segments) {
		json_object_object_foreach (segments, name, segment) {
			if (json_get(segment, "flags"))
				return luks_differs(ret, "segments", "flags %.96s of segment %.16s",
					json_object_to_json_string_ext(json_get(segment, "flags"), JSON_C_TO_STRING_PLAIN), name);
		}
	}
	return true;
}

bool luks_check_segments(const struct luks_header *header, struct luks_deviation *ret)
{
	struct json_object *segments = luks_part(header, "segments");

	if (!segments || !json_get_object(segments, "0"))
		return luks_differs(ret, "segments", "no segment 0");
	return json_object_object_length(segments) == 1 || luks_differs(ret, "segments", "%d segments", json_object_object_length(segments));
}

bool luks_check_segment_type(const struct luks_header *header, struct luks_deviation *ret)
{
	return luks_text_is(luks_segment(header), "type", "crypt") || luks_differs_member(ret, "segments.0", "type", luks_segment(header));
}

bool luks_check_segment_cipher(const struct luks_header *header, struct luks_deviation *ret)
{
	return luks_text_is(luks_segment(header), "encryption", LUKS_CIPHER) || luks_differs_member(ret, "segments.0", "encryption", luks_segment(header));
}

bool luks_check_segment_size(const struct luks_header *header, struct luks_deviation *ret)
{
	return luks_text_is(luks_segment(header), "size", "dynamic") || luks_differs_member(ret, "segments.0", "size", luks_segment(header));
}

bool luks_check_segment_iv(const struct luks_header *header, struct luks_deviation *ret)
{
	return luks_text_is(luks_segment(header), "iv_tweak", "0") || luks_differs_member(ret, "segments.0", "iv_tweak", luks_segment(header));
}

/* Behind everything that the header uses, in whole sectors of either size; luksFormat says 16 MiB. */
bool luks_check_segment_offset(const struct luks_header *header, struct luks_deviation *ret)
{
	struct json_object *segment = luks_segment(header), *config = luks_part(header, "config");
	uint64_t offset, slots;

	if (!luks_get_decimal(segment, "offset", &offset) || offset % LUKS_SECTOR_MAX != 0 || offset < 2 * header->size)
		return luks_differs_member(ret, "segments.0", "offset", segment);
	/* An area that cannot be read is refused by its own check. */
	if (luks_get_decimal(config, "keyslots_size", &slots) && offset - 2 * header->size < slots)
		return luks_differs_member(ret, "segments.0", "offset", segment);
	return true;
}

bool luks_check_segment_sector(const struct luks_header *header, struct luks_deviation *ret)
{
	uint64_t size;

	if (!json_get_u64(luks_segment(header), "sector_size", LUKS_SECTOR_MAX, &size) || (size != LUKS_SECTOR_MIN && size != LUKS_SECTOR_MAX))
		return luks_differs_member(ret, "segments.0", "sector_size", luks_segment(header));
	return true;
}

bool luks_check_integrity(const struct luks_header *header, struct luks_deviation *ret)
{
	return !json_get(luks_segment(header), "integrity") || luks_differs_member(ret, "segments.0", "integrity", luks_segment(header));
}
