/* SPDX-License-Identifier: Apache-2.0 */
/*
 * json-c's own parser is lenient where it matters to us (the last of two equal members wins silently, errors carry a byte offset only) and slow where peers
 * send bytes as arrays of numbers, as KBS evidence does. So this is the parser; json-c holds the tree. A set of the member names in the objects that are open
 * finds duplicates. Recursion is bounded by JSON_DEPTH_MAX.
 *
 * Numbers 0..255 of one text are one object each, with references: evidence has five thousand of them. Nobody may change a number in place.
 */
#include "base/json_scan.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "base/text.h"

struct member {
	size_t start, size; /* decoded name, in `names` */
};

#define SMALL_NUMBERS 256

struct scan {
	const uint8_t *start, *at, *end;
	struct error *error;
	unsigned depth;
	size_t count, containers;
	struct buf names;
	struct member *members; /* of all open objects, innermost last */
	size_t member_count, member_capacity;
	struct buf text; /* of a string with escapes */
	struct json_object *small[SMALL_NUMBERS];
	struct json_tokener *tokener; /* of numbers with a fraction */
};

static int fail(struct scan *scan, int code, const char *what)
{
	size_t line = 1, column = 1;

	for (const uint8_t *p = scan->start; p < scan->at; p++) {
		column++;
		if (*p == '\n') {
			line++;
			column = 1;
		}
	}
	return error_set(scan->error, code, "line %zu, column %zu: %s", line, column, what);
}

static void blanks(struct scan *scan)
{
	while (scan->at < scan->end && (*scan->at == ' ' || *scan->at == '\t' || *scan->at == '\n' || *scan->at == '\r'))
		scan->at++;
}

static bool take(struct scan *scan, char c)
{
	if (scan->at >= scan->end || *scan->at != (uint8_t)c)
		return false;
	scan->at++;
	return true;
}

static int hex4(struct scan *scan, uint32_t *ret)
{
	char digits[5] = {0};
	uint8_t raw[2];

	if (scan->end - scan->at < 4)
		return fail(scan, -EINVAL, "a \\u escape that is cut off");
	memcpy(digits, scan->at, 4);
	if (hex_decode(raw, 2, digits) < 0)
		return fail(scan, -EINVAL, "a \\u escape without four hex digits");
	scan->at += 4;
	*ret = (uint32_t)raw[0] << 8 | raw[1];
	return 0;
}

static int put_utf8(struct buf *to, uint32_t code)
{
	uint8_t out[4];
	size_t size;

	if (code < 0x80) {
		out[0] = (uint8_t)code;
		size = 1;
	} else if (code < 0x800) {
		out[0] = (uint8_t)(0xc0 | code >> 6);
		out[1] = (uint8_t)(0x80 | (code & 0x3f));
		size = 2;
	} else if (code < 0x10000) {
		out[0] = (uint8_t)(0xe0 | code >> 12);
		out[1] = (uint8_t)(0x80 | (code >> 6 & 0x3f));
		out[2] = (uint8_t)(0x80 | (code & 0x3f));
		size = 3;
	} else {
		out[0] = (uint8_t)(0xf0 | code >> 18);
		out[1] = (uint8_t)(0x80 | (code >> 12 & 0x3f));
		out[2] = (uint8_t)(0x80 | (code >> 6 & 0x3f));
		out[3] = (uint8_t)(0x80 | (code & 0x3f));
		size = 4;
	}
	return buf_append(to, out, size);
}

static int unicode_escape(struct scan *scan, struct buf *to)
{
	uint32_t code, low;
	int r = hex4(scan, &code);

	if (r < 0)
		return r;
	if (code >= 0xdc00 && code <= 0xdfff)
		return fail(scan, -EINVAL, "a lone surrogate");
	if (code >= 0xd800 && code <= 0xdbff) {
		if (!take(scan, '\\') || !take(scan, 'u'))
			return fail(scan, -EINVAL, "a lone surrogate");
		r = hex4(scan, &low);
		if (r < 0)
			return r;
		if (low < 0xdc00 || low > 0xdfff)
			return fail(scan, -EINVAL, "a lone surrogate");
		code = 0x10000 + ((code - 0xd800) << 10) + (low - 0xdc00);
	}
	if (code == 0)
		return fail(scan, -EINVAL, "a NUL in a string");
	return put_utf8(to, code);
}

static int escape(struct scan *scan, struct buf *to)
{
	static const char from[] = "\"\\/bfnrt", into[] = "\"\\/\b\f\n\r\t";
	const char *found;

	if (scan->at >= scan->end)
		return fail(scan, -EINVAL, "a string that does not end");
	if (take(scan, 'u'))
		return unicode_escape(scan, to);
	found = *scan->at ? strchr(from, *scan->at) : NULL;
	if (!found)
		return fail(scan, -EINVAL, "an unknown escape");
	scan->at++;
	return buf_u8(to, (uint8_t)into[found - from]);
}

/* One string; its decoded text goes to `to`. Whole-text UTF-8 validity was checked before. */
static int string(struct scan *scan, struct buf *to)
{
	if (!take(scan, '"'))
		return fail(scan, -EINVAL, "a string was expected");
	while (scan->at < scan->end && *scan->at != '"') {
		const uint8_t *plain = scan->at;
		int r = 0;

		while (scan->at < scan->end && *scan->at != '"' && *scan->at != '\\' && *scan->at >= 0x20)
			scan->at++;
		if (scan->at > plain)
			r = buf_append(to, plain, (size_t)(scan->at - plain));
		if (r < 0)
			return r;
		if (scan->at < scan->end && *scan->at < 0x20)
			return fail(scan, -EINVAL, "a control character in a string");
		if (take(scan, '\\'))
			r = escape(scan, to);
		if (r < 0)
			return r;
	}
	return take(scan, '"') ? 0 : fail(scan, -EINVAL, "a string that does not end");
}

/* Most strings have no escapes and are what the text holds. */
static int string_value(struct scan *scan, struct json_object **ret)
{
	const uint8_t *plain = scan->at + 1, *at = plain;
	int r = 0;

	while (at < scan->end && *at != '"' && *at != '\\' && *at >= 0x20)
		at++;
	if (at < scan->end && *at == '"') {
		*ret = json_object_new_string_len((const char *)plain, (int)(at - plain));
		scan->at = at + 1;
	} else {
		scan->text.size = 0;
		r = string(scan, &scan->text);
		if (r == 0)
			*ret = json_object_new_string_len(scan->text.size ? (const char *)scan->text.data : "", (int)scan->text.size);
	}
	return r < 0 ? r : *ret ? 0 : -ENOMEM;
}

static size_t digits(struct scan *scan)
{
	const uint8_t *start = scan->at;

	while (scan->at < scan->end && *scan->at >= '0' && *scan->at <= '9')
		scan->at++;
	return (size_t)(scan->at - start);
}

/* json-c clamps integers that do not fit; here they are refused. */
static bool integer_fits(const uint8_t *start, size_t size, bool negative, uint64_t *ret)
{
	uint64_t value = 0, limit = negative ? (uint64_t)INT64_MAX + 1 : UINT64_MAX;

	for (size_t i = 0; i < size; i++) {
		unsigned digit = (unsigned)(start[i] - '0');

		if (value > (limit - digit) / 10)
			return false;
		value = value * 10 + digit;
	}
	*ret = value;
	return true;
}

static int integer_value(struct scan *scan, uint64_t value, bool negative, struct json_object **ret)
{
	if (!negative && value < SMALL_NUMBERS) {
		if (!scan->small[value])
			scan->small[value] = json_object_new_int64((int64_t)value);
		*ret = json_object_get(scan->small[value]);
	} else if (negative) {
		*ret = json_object_new_int64(value ? -(int64_t)(value - 1) - 1 : 0);
	} else {
		*ret = value > INT64_MAX ? json_object_new_uint64(value) : json_object_new_int64((int64_t)value);
	}
	return *ret ? 0 : -ENOMEM;
}

/* No document of ours has one with a fraction: json-c may read it, which knows what a locale does to strtod(). */
static int double_value(struct scan *scan, const uint8_t *start, struct json_object **ret)
{
	if (!scan->tokener)
		scan->tokener = json_tokener_new();
	if (!scan->tokener)
		return -ENOMEM;
	json_tokener_reset(scan->tokener);
	*ret = json_tokener_parse_ex(scan->tokener, (const char *)start, (int)(scan->at - start));
	/* A number is complete only when the parser is told that nothing follows. */
	if (!*ret && json_tokener_get_error(scan->tokener) == json_tokener_continue)
		*ret = json_tokener_parse_ex(scan->tokener, "", 1);
	return *ret ? 0 : fail(scan, -EINVAL, "a malformed number");
}

static int number(struct scan *scan, struct json_object **ret)
{
	const uint8_t *whole_start = scan->at;
	bool negative = take(scan, '-');
	const uint8_t *start = scan->at;
	uint64_t value;
	size_t whole = digits(scan);
	bool integer = true;

	if (whole == 0 || (whole > 1 && *start == '0'))
		return fail(scan, -EINVAL, "a malformed number");
	if (take(scan, '.')) {
		integer = false;
		if (digits(scan) == 0)
			return fail(scan, -EINVAL, "a malformed number");
	}
	if (take(scan, 'e') || take(scan, 'E')) {
		integer = false;
		if (!take(scan, '+'))
			(void)take(scan, '-');
		if (digits(scan) == 0)
			return fail(scan, -EINVAL, "a malformed number");
	}
	if (!integer)
		return double_value(scan, whole_start, ret);
	if (!integer_fits(start, whole, negative, &value))
		return fail(scan, -EINVAL, "a number out of range");
	return integer_value(scan, value, negative, ret);
}

static int word(struct scan *scan, const char *text)
{
	size_t size = strlen(text);

	if ((size_t)(scan->end - scan->at) < size || memcmp(scan->at, text, size) != 0)
		return fail(scan, -EINVAL, "a value was expected");
	scan->at += size;
	return 0;
}

static int literal(struct scan *scan, const char *text, bool truth, struct json_object **ret)
{
	int r = word(scan, text);

	if (r < 0)
		return r;
	*ret = json_object_new_boolean(truth);
	return *ret ? 0 : -ENOMEM;
}

static int value(struct scan *scan, struct json_object **ret);

/* Part of the collected names; nothing is collected yet while all are empty. */
static struct bytes name_at(const struct scan *scan, size_t start, size_t size)
{
	return bytes_of(scan->names.data ? scan->names.data + start : NULL, size);
}

/* Remembers a member's name, which ends with a NUL in `names`; `first` is where the members of this object begin. */
static int remember(struct scan *scan, size_t first, size_t name_start)
{
	struct bytes name = name_at(scan, name_start, scan->names.size - 1 - name_start);

	for (size_t i = first; i < scan->member_count; i++)
		if (bytes_equal(name, name_at(scan, scan->members[i].start, scan->members[i].size)))
			return fail(scan, -EINVAL, "a duplicate member");
	if (scan->member_count - first >= JSON_OBJECT_MAX)
		return fail(scan, -E2BIG, "an object with too many members");
	if (scan->member_count == scan->member_capacity) {
		size_t capacity = scan->member_capacity ? scan->member_capacity * 2 : 64;
		struct member *members = realloc(scan->members, capacity * sizeof(*members));

		if (!members)
			return -ENOMEM;
		scan->members = members;
		scan->member_capacity = capacity;
	}
	scan->members[scan->member_count++] = (struct member){name_start, name.size};
	return 0;
}

static int member(struct scan *scan, size_t first, struct json_object *to)
{
	JSON_AUTO child = NULL;
	size_t name_start = scan->names.size;
	int r;

	blanks(scan);
	r = string(scan, &scan->names);
	if (r == 0)
		r = buf_u8(&scan->names, 0);
	if (r < 0)
		return r;
	r = remember(scan, first, name_start);
	if (r < 0)
		return r;
	blanks(scan);
	if (!take(scan, ':'))
		return fail(scan, -EINVAL, "':' was expected");
	r = value(scan, &child);
	if (r < 0)
		return r;
	if (json_object_object_add_ex(to, (const char *)scan->names.data + name_start, child, JSON_C_OBJECT_ADD_KEY_IS_NEW) < 0)
		return -ENOMEM;
	child = NULL;
	return 0;
}

static int object(struct scan *scan, struct json_object *to)
{
	size_t first = scan->member_count, names = scan->names.size;
	int r;

	blanks(scan);
	if (take(scan, '}'))
		return 0;
	do {
		r = member(scan, first, to);
		if (r < 0)
			return r;
		blanks(scan);
	} while (take(scan, ','));
	scan->member_count = first;
	scan->names.size = names;
	return take(scan, '}') ? 0 : fail(scan, -EINVAL, "',' or '}' was expected");
}

static int array(struct scan *scan, struct json_object *to)
{
	blanks(scan);
	if (take(scan, ']'))
		return 0;
	do {
		JSON_AUTO child = NULL;
		int r = value(scan, &child);

		if (r < 0)
			return r;
		if (json_object_array_add(to, child) < 0)
			return -ENOMEM;
		child = NULL;
		blanks(scan);
	} while (take(scan, ','));
	return take(scan, ']') ? 0 : fail(scan, -EINVAL, "',' or ']' was expected");
}

/* `to` is taken over. */
static int nested(struct scan *scan, int (*inside)(struct scan *, struct json_object *), struct json_object *to, struct json_object **ret)
{
	JSON_AUTO owned = to;
	int r;

	if (!owned)
		return -ENOMEM;
	scan->at++;
	if (++scan->depth > JSON_DEPTH_MAX)
		return fail(scan, -E2BIG, "nesting deeper than 32 levels");
	if (++scan->containers > JSON_CONTAINERS_FREE + (size_t)(scan->end - scan->start) / JSON_CONTAINER_TEXT)
		return fail(scan, -E2BIG, "too many small objects and arrays");
	r = inside(scan, owned);
	scan->depth--;
	if (r < 0)
		return r;
	*ret = owned;
	owned = NULL;
	return 0;
}

/* *ret stays NULL for null. */
static int value(struct scan *scan, struct json_object **ret)
{
	blanks(scan);
	if (scan->at >= scan->end)
		return fail(scan, -EINVAL, "the text ends where a value was expected");
	if (++scan->count > JSON_MEMBERS_MAX)
		return fail(scan, -E2BIG, "too many values");
	switch (*scan->at) {
	case '{':
		return nested(scan, object, json_object_new_object(), ret);
	case '[':
		return nested(scan, array, json_object_new_array(), ret);
	case '"':
		return string_value(scan, ret);
	case 't':
		return literal(scan, "true", true, ret);
	case 'f':
		return literal(scan, "false", false, ret);
	case 'n':
		return word(scan, "null");
	default:
		return number(scan, ret);
	}
}

static void scan_deinit(struct scan *scan)
{
	for (size_t i = 0; i < SMALL_NUMBERS; i++)
		json_putp(&scan->small[i]);
	if (scan->tokener)
		json_tokener_free(scan->tokener);
	free(scan->members);
	buf_deinit(&scan->names);
	buf_deinit(&scan->text);
}

int json_scan(struct bytes text, struct json_object **ret, struct error *error)
{
	static const uint8_t nothing[1];
	const uint8_t *start = text.data ? text.data : nothing;
	CLEANUP(scan_deinit) struct scan scan = {.start = start, .at = start, .end = start + text.size, .error = error};
	JSON_AUTO root = NULL;
	int r;

	if (text.size > JSON_TEXT_MAX)
		return error_set(error, -E2BIG, "longer than %zu bytes", JSON_TEXT_MAX);
	if (!utf8_valid(text))
		return error_set(error, -EINVAL, "not valid UTF-8");
	r = value(&scan, &root);
	blanks(&scan);
	if (r == 0 && scan.at != scan.end)
		r = fail(&scan, -EINVAL, "something follows the value");
	if (r < 0)
		return r;
	*ret = root;
	root = NULL;
	return 0;
}
