/* SPDX-License-Identifier: Apache-2.0 */
#include "luks/check.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/text.h"

#define DECIMAL_MAX 20 /* digits of 2^64 - 1 */

bool luks_differs(struct luks_deviation *ret, const char *where, const char *actual_format, ...)
{
	va_list arguments;

	text_printable(ret->where, sizeof(ret->where), bytes_of_text(where));
	va_start(arguments, actual_format);
	(void)vsnprintf(ret->actual, sizeof(ret->actual), actual_format, arguments);
	va_end(arguments);
	return false;
}

bool luks_differs_member(struct luks_deviation *ret, const char *path, const char *member, struct json_object *object)
{
	struct json_object *value = json_get(object, member);
	char where[LUKS_WHERE_MAX];

	(void)snprintf(where, sizeof(where), "%s.%s", path, member);
	return luks_differs(ret, where, "%s", value ? json_object_to_json_string_ext(value, JSON_C_TO_STRING_PLAIN) : "nothing");
}

bool luks_decimal(const char *text, uint64_t *ret)
{
	size_t size = text ? strlen(text) : 0;

	return size > 0 && size <= DECIMAL_MAX && (text[0] != '0' || size == 1) && text_to_u64(text, UINT64_MAX, false, ret) == 0;
}

bool luks_get_decimal(struct json_object *object, const char *member, uint64_t *ret)
{
	return luks_decimal(json_get_text(object, member, NULL), ret);
}

bool luks_text_is(struct json_object *object, const char *member, const char *expected)
{
	const char *text = json_get_text(object, member, NULL);

	return text && strcmp(text, expected) == 0;
}

bool luks_id(const char *name)
{
	uint64_t number;

	return luks_decimal(name, &number) && number < LUKS_SLOTS_MAX;
}

bool luks_base64_is(struct json_object *object, const char *member, size_t size)
{
	uint8_t decoded[64];
	const char *text = json_get_text(object, member, NULL);

	return text && size <= sizeof(decoded) && base64_decode_exact(decoded, size, BASE64_STD, bytes_of_text(text)) == 0;
}

struct json_object *luks_part(const struct luks_header *header, const char *name)
{
	return json_get_object(header->metadata, name);
}

struct json_object *luks_segment(const struct luks_header *header)
{
	return json_get_object(luks_part(header, "segments"), "0");
}

struct json_object *luks_the_digest(const struct luks_header *header, const char **ret_id)
{
	struct json_object *digests = luks_part(header, "digests");

	if (!digests || json_object_object_length(digests) != 1)
		return NULL;
	json_object_object_foreach (digests, name, value) {
		*ret_id = name;
		return json_object_is_type(value, json_type_object) ? value : NULL;
	}
	return NULL;
}

bool luks_each(const struct luks_header *header, const char *part, luks_each_fn holds, struct luks_deviation *ret)
{
	struct json_object *object = luks_part(header, part);

	if (!object || json_object_object_length(object) == 0)
		return luks_differs(ret, part, "nothing");
	json_object_object_foreach (object, name, value) {
		char path[LUKS_WHERE_MAX];

		(void)snprintf(path, sizeof(path), "%s.%s", part, name);
		if (!holds(header, path, value, ret))
			return false;
	}
	return true;
}
