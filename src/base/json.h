/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * Strict JSON over json-c. json_read() refuses what json-c lets through: duplicate members, invalid UTF-8, NUL, control characters in strings,
 * lone surrogates, trailing bytes, nesting past JSON_DEPTH_MAX, numbers out of int64/uint64 range; errors carry line and column.
 * json_canonical() writes RFC 8785 (JCS) for the subset that we use: integers within +-2^53, no floats.
 */
#include <json-c/json.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/bytes.h"
#include "base/error.h"

#define JSON_DEPTH_MAX 32            /* our deepest document has 6 levels, KBS evidence 5 */
#define JSON_TEXT_MAX ((size_t)33 << 20) /* the largest policy as a string in a message, each character escaped; callers with smaller objects cap them earlier */
#define JSON_OBJECT_MAX 256 /* members in one object: ours have 20, and the search for duplicates is linear */
#define JSON_MEMBERS_MAX 500000      /* members and elements in one text: a policy may list 100,000 measurements, each with label and not_after */
/* An empty object costs json-c 700 bytes, so they may not be packed: a labelled measurement has 130 bytes of text. */
#define JSON_CONTAINERS_FREE 1000
#define JSON_CONTAINER_TEXT 64

static inline void json_putp(struct json_object **object)
{
	if (*object)
		(void)json_object_put(*object);
}
#define JSON_AUTO CLEANUP(json_putp) struct json_object *

/* 0 and a new reference, or -EINVAL with "line 3, column 7: duplicate member \"x\"", -E2BIG, -ENOMEM. */
int json_read(struct bytes text, struct json_object **ret, struct error *error) MUST_CHECK;

/* Canonical form (RFC 8785), appended. 0, -EINVAL (a float), -ENOMEM. */
int json_canonical(struct buf *to, struct json_object *object) MUST_CHECK;

/* A typed member, or NULL/false when absent or of another type. Borrowed. */
struct json_object *json_get(struct json_object *object, const char *member);
const char *json_get_text(struct json_object *object, const char *member, size_t *ret_size); /* NULL when it holds a NUL */
struct json_object *json_get_object(struct json_object *object, const char *member);
struct json_object *json_get_array(struct json_object *object, const char *member);
bool json_get_u64(struct json_object *object, const char *member, uint64_t max, uint64_t *ret);
bool json_get_bool(struct json_object *object, const char *member, bool *ret);
bool json_is_u64(struct json_object *value, uint64_t max, uint64_t *ret);

/* Building: 0 or -ENOMEM; the value's reference is taken in every case. */
int json_add(struct json_object *object, const char *member, struct json_object *value) MUST_CHECK;
int json_add_text(struct json_object *object, const char *member, const char *text) MUST_CHECK;
int json_add_text_size(struct json_object *object, const char *member, struct bytes text) MUST_CHECK;
int json_add_u64(struct json_object *object, const char *member, uint64_t value) MUST_CHECK;
int json_add_bool(struct json_object *object, const char *member, bool value) MUST_CHECK;
int json_add_hex(struct json_object *object, const char *member, const void *data, size_t size) MUST_CHECK;
/* Other people's text, made printable; nothing for NULL. */
int json_add_printable(struct json_object *object, const char *member, const char *text) MUST_CHECK;
/* RFC 3339; nothing for a time that is not known, 0. */
int json_add_time(struct json_object *object, const char *member, int64_t seconds) MUST_CHECK;
int json_push(struct json_object *array, struct json_object *value) MUST_CHECK;

/* Appends json-c's compact text (members in insertion order). */
int json_write(struct buf *to, struct json_object *object) MUST_CHECK;
