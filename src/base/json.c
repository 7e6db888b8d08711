/* SPDX-License-Identifier: Apache-2.0 */
#include "base/json.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/json_scan.h"
#include "base/text.h"

int json_read(struct bytes text, struct json_object **ret, struct error *error)
{
	struct json_object *object = NULL;
	int r = json_scan(text, &object, error);

	if (r < 0)
		return r;
	/* A bare `null` is NULL in json-c; no document of ours is one. */
	if (!object)
		return error_set(error, -EINVAL, "the text is null");
	*ret = object;
	return 0;
}

static int canonical_string(struct buf *to, const char *text, size_t size)
{
	static const char from[] = "\"\\\b\f\n\r\t", into[] = "\"\\bfnrt";
	int r = buf_u8(to, '"');

	for (size_t i = 0; r == 0 && i < size; i++) {
		const char *found = text[i] ? memchr(from, text[i], sizeof(from) - 1) : NULL;

		if (found)
			r = buf_printf(to, "\\%c", into[found - from]);
		else if ((unsigned char)text[i] < 0x20)
			r = buf_printf(to, "\\u%04x", (unsigned)text[i]);
		else
			r = buf_u8(to, (uint8_t)text[i]);
	}
	return r < 0 ? r : buf_u8(to, '"');
}

/* First code point at `*at`, advanced. The text is valid UTF-8. */
static uint32_t next_code(const uint8_t **at)
{
	const uint8_t *p = *at;
	unsigned length = p[0] < 0x80 ? 1 : p[0] < 0xe0 ? 2 : p[0] < 0xf0 ? 3 : 4;
	uint32_t code = length == 1 ? p[0] : p[0] & (0xffU >> (length + 1));

	for (unsigned i = 1; i < length && p[i]; i++)
		code = code << 6 | (p[i] & 0x3f);
	*at = p + length;
	return code;
}

/* The leading UTF-16 unit, which is what RFC 8785 sorts by: a code point past the BMP sorts as its surrogate, before U+E000. */
static uint32_t utf16_rank(uint32_t code)
{
	return code < 0x10000 ? code << 16 : (0xd800 + ((code - 0x10000) >> 10)) << 16 | (0xdc00 + (code & 0x3ff));
}

static int compare_names(const void *a, const void *b)
{
	const uint8_t *x = *(const uint8_t *const *)a, *y = *(const uint8_t *const *)b;

	while (*x && *y) {
		uint32_t left = utf16_rank(next_code(&x)), right = utf16_rank(next_code(&y));

		if (left != right)
			return left < right ? -1 : 1;
	}
	return (*x != 0) - (*y != 0);
}

static int canonical_object(struct buf *to, struct json_object *object)
{
	size_t count = (size_t)json_object_object_length(object), i = 0;
	const char **names = calloc(count ? count : 1, sizeof(*names));
	int r;

	if (!names)
		return -ENOMEM;
	json_object_object_foreach (object, name, unused) {
		(void)unused;
		names[i++] = name;
	}
	qsort(names, count, sizeof(*names), compare_names);
	r = buf_u8(to, '{');
	for (i = 0; r == 0 && i < count; i++) {
		r = i ? buf_u8(to, ',') : 0;
		if (r == 0)
			r = canonical_string(to, names[i], strlen(names[i]));
		if (r == 0)
			r = buf_u8(to, ':');
		if (r == 0)
			r = json_canonical(to, json_object_object_get(object, names[i]));
	}
	free(names);
	return r < 0 ? r : buf_u8(to, '}');
}

static int canonical_array(struct buf *to, struct json_object *array)
{
	size_t count = json_object_array_length(array);
	int r = buf_u8(to, '[');

	for (size_t i = 0; r == 0 && i < count; i++) {
		r = i ? buf_u8(to, ',') : 0;
		if (r == 0)
			r = json_canonical(to, json_object_array_get_idx(array, i));
	}
	return r < 0 ? r : buf_u8(to, ']');
}

static int canonical_integer(struct buf *to, struct json_object *object)
{
	const int64_t safe = (int64_t)1 << 53;
	int64_t value = json_object_get_int64(object);

	/* Past 2^53 RFC 8785 prints what a double keeps; we refuse instead of signing a rounded number. */
	if (value > safe || value < -safe)
		return -EINVAL;
	return buf_printf(to, "%lld", (long long)value);
}

int json_canonical(struct buf *to, struct json_object *object)
{
	switch (json_object_get_type(object)) {
	case json_type_null:
		return buf_append_text(to, "null");
	case json_type_boolean:
		return buf_append_text(to, json_object_get_boolean(object) ? "true" : "false");
	case json_type_int:
		return canonical_integer(to, object);
	case json_type_string:
		return canonical_string(to, json_object_get_string(object), (size_t)json_object_get_string_len(object));
	case json_type_array:
		return canonical_array(to, object);
	case json_type_object:
		return canonical_object(to, object);
	case json_type_double:
	default:
		return -EINVAL;
	}
}

struct json_object *json_get(struct json_object *object, const char *member)
{
	struct json_object *value = NULL;

	if (!json_object_is_type(object, json_type_object) || !json_object_object_get_ex(object, member, &value))
		return NULL;
	return value;
}

const char *json_get_text(struct json_object *object, const char *member, size_t *ret_size)
{
	struct json_object *value = json_get(object, member);
	const char *text;
	size_t size;

	if (!json_object_is_type(value, json_type_string))
		return NULL;
	text = json_object_get_string(value);
	size = (size_t)json_object_get_string_len(value);
	if (!text || strlen(text) != size)
		return NULL;
	if (ret_size)
		*ret_size = size;
	return text;
}

struct json_object *json_get_object(struct json_object *object, const char *member)
{
	struct json_object *value = json_get(object, member);

	return json_object_is_type(value, json_type_object) ? value : NULL;
}

struct json_object *json_get_array(struct json_object *object, const char *member)
{
	struct json_object *value = json_get(object, member);

	return json_object_is_type(value, json_type_array) ? value : NULL;
}

bool json_is_u64(struct json_object *value, uint64_t max, uint64_t *ret)
{
	uint64_t number;

	if (!json_object_is_type(value, json_type_int))
		return false;
	/* json-c reads a negative number as 0 here. */
	number = json_object_get_uint64(value);
	if (json_object_get_int64(value) < 0 || number > max)
		return false;
	*ret = number;
	return true;
}

bool json_get_u64(struct json_object *object, const char *member, uint64_t max, uint64_t *ret)
{
	return json_is_u64(json_get(object, member), max, ret);
}

bool json_get_bool(struct json_object *object, const char *member, bool *ret)
{
	struct json_object *value = json_get(object, member);

	if (!json_object_is_type(value, json_type_boolean))
		return false;
	*ret = json_object_get_boolean(value);
	return true;
}

int json_add(struct json_object *object, const char *member, struct json_object *value)
{
	if (!object || !value || json_object_object_add(object, member, value) != 0) {
		(void)json_object_put(value);
		return -ENOMEM;
	}
	return 0;
}

int json_add_text(struct json_object *object, const char *member, const char *text)
{
	return json_add(object, member, json_object_new_string(text));
}

int json_add_text_size(struct json_object *object, const char *member, struct bytes text)
{
	if (text.size > INT_MAX)
		return -ENOMEM;
	return json_add(object, member, json_object_new_string_len(text.data ? (const char *)text.data : "", (int)text.size));
}

int json_add_u64(struct json_object *object, const char *member, uint64_t value)
{
	return json_add(object, member, json_object_new_uint64(value));
}

int json_add_bool(struct json_object *object, const char *member, bool value)
{
	return json_add(object, member, json_object_new_boolean(value));
}

int json_add_hex(struct json_object *object, const char *member, const void *data, size_t size)
{
	char *text = hex_new(data, size);
	int r = text ? json_add_text(object, member, text) : -ENOMEM;

	free(text);
	return r;
}

int json_add_printable(struct json_object *object, const char *member, const char *text)
{
	size_t size = text ? 4 * strlen(text) + 8 : 0; /* every byte may become \xNN */
	char *clean;
	int r;

	if (!text)
		return 0;
	clean = malloc(size);
	if (!clean)
		return -ENOMEM;
	text_printable(clean, size, bytes_of_text(text));
	r = json_add_text(object, member, clean);
	free(clean);
	return r;
}

int json_add_time(struct json_object *object, const char *member, int64_t seconds)
{
	char text[32];

	if (seconds <= 0)
		return 0;
	time_format(text, seconds);
	return json_add_text(object, member, text);
}

int json_push(struct json_object *array, struct json_object *value)
{
	if (!array || !value || json_object_array_add(array, value) != 0) {
		(void)json_object_put(value);
		return -ENOMEM;
	}
	return 0;
}

int json_write(struct buf *to, struct json_object *object)
{
	size_t size;
	const char *text = json_object_to_json_string_length(object, JSON_C_TO_STRING_PLAIN | JSON_C_TO_STRING_NOSLASHESCAPE, &size);

	return text ? buf_append(to, text, size) : -ENOMEM;
}
