/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* The checks of luks/allow.h, and what they read with; private to luks/. A check that cannot find what it looks for has failed. */
#include "luks/allow.h"

#define LUKS_WHERE_MAX 96

/* Where a header differs, and what stands there. */
struct luks_deviation {
	char where[LUKS_WHERE_MAX]; /* path of a member: "keyslots.0.area" */
	char actual[160];
};

/* Fills both and returns false, so that `return luks_differs(...)` reads well. */
bool luks_differs(struct luks_deviation *ret, const char *where, const char *actual_format, ...) PRINTF_LIKE(3, 4);
/* The same, with a member as JSON for what stands there. */
bool luks_differs_member(struct luks_deviation *ret, const char *path, const char *member, struct json_object *object);

/* Numbers of LUKS2 beyond 32 bits are texts. Only canonical decimals are read: no sign, no leading zero. */
bool luks_decimal(const char *text, uint64_t *ret);
bool luks_get_decimal(struct json_object *object, const char *member, uint64_t *ret);
bool luks_text_is(struct json_object *object, const char *member, const char *expected);
/* A number of a slot, a segment, a token: a canonical decimal below LUKS_SLOTS_MAX. */
bool luks_id(const char *name);
/* Base64 of exactly `size` bytes. */
bool luks_base64_is(struct json_object *object, const char *member, size_t size);

/* The parts of the metadata, or NULL. */
struct json_object *luks_part(const struct luks_header *header, const char *name);
struct json_object *luks_segment(const struct luks_header *header); /* segment 0 */
struct json_object *luks_the_digest(const struct luks_header *header, const char **ret_id); /* of exactly one */

/* Asks `holds` for every member of an object; false at the first that does not. Also false without any. */
typedef bool (*luks_each_fn)(const struct luks_header *header, const char *path, struct json_object *value, struct luks_deviation *ret);
bool luks_each(const struct luks_header *header, const char *part, luks_each_fn holds, struct luks_deviation *ret);

/* check_form.c */
bool luks_check_members(const struct luks_header *header, struct luks_deviation *ret);
bool luks_check_uuid(const struct luks_header *header, struct luks_deviation *ret);
bool luks_check_area(const struct luks_header *header, struct luks_deviation *ret);
bool luks_check_requirements(const struct luks_header *header, struct luks_deviation *ret);
bool luks_check_flags(const struct luks_header *header, struct luks_deviation *ret);
bool luks_check_tokens(const struct luks_header *header, struct luks_deviation *ret);

/* check_segment.c */
bool luks_check_reencryption(const struct luks_header *header, struct luks_deviation *ret);
bool luks_check_segments(const struct luks_header *header, struct luks_deviation *ret);
bool luks_check_segment_type(const struct luks_header *header, struct luks_deviation *ret);
bool luks_check_segment_cipher(const struct luks_header *header, struct luks_deviation *ret);
bool luks_check_segment_size(const struct luks_header *header, struct luks_deviation *ret);
bool luks_check_segment_iv(const struct luks_header *header, struct luks_deviation *ret);
bool luks_check_segment_offset(const struct luks_header *header, struct luks_deviation *ret);
bool luks_check_segment_sector(const struct luks_header *header, struct luks_deviation *ret);
bool luks_check_integrity(const struct luks_header *header, struct luks_deviation *ret);

/* check_slots.c */
bool luks_check_slots(const struct luks_header *header, struct luks_deviation *ret);
bool luks_check_slot_type(const struct luks_header *header, struct luks_deviation *ret);
bool luks_check_slot_key_size(const struct luks_header *header, struct luks_deviation *ret);
bool luks_check_slot_priority(const struct luks_header *header, struct luks_deviation *ret);
bool luks_check_slot_cipher(const struct luks_header *header, struct luks_deviation *ret);
bool luks_check_slot_area(const struct luks_header *header, struct luks_deviation *ret);
bool luks_check_slot_overlap(const struct luks_header *header, struct luks_deviation *ret);
bool luks_check_slot_af(const struct luks_header *header, struct luks_deviation *ret);
bool luks_check_kdf(const struct luks_header *header, struct luks_deviation *ret);
bool luks_check_kdf_cost(const struct luks_header *header, struct luks_deviation *ret);

/* check_digest.c */
bool luks_check_digests(const struct luks_header *header, struct luks_deviation *ret);
bool luks_check_digest_form(const struct luks_header *header, struct luks_deviation *ret);
bool luks_check_digest_cost(const struct luks_header *header, struct luks_deviation *ret);
bool luks_check_digest_slots(const struct luks_header *header, struct luks_deviation *ret);
bool luks_check_digest_segments(const struct luks_header *header, struct luks_deviation *ret);
