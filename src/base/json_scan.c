/* SPDX-License-Identifier: Apache-2.0 */
/*
 * json-c is lenient where it matters to us: the last of two equal members wins silently, and errors carry a byte offset only. So the text is
 * first walked by this scanner, which builds nothing but a set of the member names seen in the objects that are open. Recursion is bounded by
 * JSON_DEPTH_MAX. What passes here is then read by json-c, which cannot disagree about structure any more.
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

struct scan {
	const uint8_t *start, *at, *end;
	struct error *error;
	unsigned depth;
	size_t count;
	struct buf names;
	struct member *members; /* of all open objects, innermost last */
	size_t member_count, member_capacity;
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
	return to ? put_utf8(to, code) : 0;
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
	return to ? buf_u8(to, (uint8_t)into[found - from]) : 0;
}

/* One string; its decoded text goes to `to` unless that is NULL. Whole-text UTF-8 validity was checked before. */
static int string(struct scan *scan, struct buf *to)
{
	if (!take(scan, '"'))
		return fail(scan, -EINVAL, "a string was expected");
	while (scan->at < scan->end && *scan->at != '"') {
		const uint8_t *plain = scan->at;
		int r = 0;

		while (scan->at < scan->end && *scan->at != '"' && *scan->at != '\\' && *scan->at >= 0x20)
			scan->at++;
		if (to && scan->at > plain)
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

static size_t digits(struct scan *scan)
{
	const uint8_t *start = scan->at;

	while (scan->at < scan->end && *scan->at >= '0' && *scan->at <= '9')
		scan->at++;
	return (size_t)(scan->at - start);
}

/* json-c clamps integers that do not fit; here they are refused. */
static bool integer_fits(const uint8_t *start, size_t size, bool negative)
{
	uint64_t value = 0, limit = negative ? (uint64_t)INT64_MAX + 1 : UINT64_MAX;

	for (size_t i = 0; i < size; i++) {
		unsigned digit = (unsigned)(start[i] - '0');

		if (value > (limit - digit) / 10)
			return false;
		value = value * 10 + digit;
	}
	return true;
}

static int number(struct scan *scan)
{
	bool negative = take(scan, '-');
	const uint8_t *start = scan->at;
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
	if (integer && !integer_fits(start, whole, negative))
		return fail(scan, -EINVAL, "a number out of range");
	return 0;
}

static int word(struct scan *scan, const char *text)
{
	size_t size = strlen(text);

	if ((size_t)(scan->end - scan->at) < size || memcmp(scan->at, text, size) != 0)
		return fail(scan, -EINVAL, "a value was expected");
	scan->at += size;
	return 0;
}

static int value(struct scan *scan);

/* Part of the collected names; nothing is collected yet while all are empty. */
static struct bytes name_at(const struct scan *scan, size_t start, size_t size)
{
	return bytes_of(scan->names.data ? scan->names.data + start : NULL, size);
}

/* Remembers a member's name; `first` is where the members of this object begin. */
static int remember(struct scan *scan, size_t first, size_t name_start)
{
	struct bytes name = name_at(scan, name_start, scan->names.size - name_start);

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

static int member(struct scan *scan, size_t first)
{
	size_t name_start = scan->names.size;
	int r;

	blanks(scan);
	r = string(scan, &scan->names);
	if (r < 0)
		return r;
	r = remember(scan, first, name_start);
	if (r < 0)
		return r;
	blanks(scan);
	if (!take(scan, ':'))
		return fail(scan, -EINVAL, "':' was expected");
	return value(scan);
}

static int object(struct scan *scan)
{
	size_t first = scan->member_count, names = scan->names.size;
	int r;

	blanks(scan);
	if (take(scan, '}'))
		return 0;
	do {
		r = member(scan, first);
		if (r < 0)
			return r;
		blanks(scan);
	} while (take(scan, ','));
	scan->member_count = first;
	scan->names.size = names;
	return take(scan, '}') ? 0 : fail(scan, -EINVAL, "',' or '}' was expected");
}

static int array(struct scan *scan)
{
	int r;

	blanks(scan);
	if (take(scan, ']'))
		return 0;
	do {
		r = value(scan);
		if (r < 0)
			return r;
		blanks(scan);
	} while (take(scan, ','));
	return take(scan, ']') ? 0 : fail(scan, -EINVAL, "',' or ']' was expected");
}

static int nested(struct scan *scan, int (*inside)(struct scan *))
{
	int r;

	scan->at++;
	if (++scan->depth > JSON_DEPTH_MAX)
		return fail(scan, -E2BIG, "nesting deeper than 32 levels");
	r = inside(scan);
	scan->depth--;
	return r;
}

static int value(struct scan *scan)
{
	blanks(scan);
	if (scan->at >= scan->end)
		return fail(scan, -EINVAL, "the text ends where a value was expected");
	if (++scan->count > JSON_MEMBERS_MAX)
		return fail(scan, -E2BIG, "too many values");
	switch (*scan->at) {
	case '{':
		return nested(scan, object);
	case '[':
		return nested(scan, array);
	case '"':
		return string(scan, NULL);
	case 't':
		return word(scan, "true");
	case 'f':
		return word(scan, "false");
	case 'n':
		return word(scan, "null");
	default:
		return number(scan);
	}
}

int json_scan(struct bytes text, struct error *error)
{
	static const uint8_t nothing[1];
	const uint8_t *start = text.data ? text.data : nothing;
	struct scan scan = {.start = start, .at = start, .end = start + text.size, .error = error};
	int r;

	if (text.size > JSON_TEXT_MAX)
		return error_set(error, -E2BIG, "longer than %zu bytes", JSON_TEXT_MAX);
	if (!utf8_valid(text))
		return error_set(error, -EINVAL, "not valid UTF-8");
	r = value(&scan);
	blanks(&scan);
	if (r == 0 && scan.at != scan.end)
		r = fail(&scan, -EINVAL, "something follows the value");
	free(scan.members);
	buf_deinit(&scan.names);
	return r;
}
