/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The key is decoded straight into the secure heap: base64_decode() and the rest append to a buffer that lies there and has room for all, so it never moves. Strings
 * are taken as they stand; the only escape that is understood is "\/", which some writers of JSON make of the '/' of base64.
 */
#include "luks/disk.h"

#include <errno.h>
#include <string.h>

#include "base/text.h"

#define MARK "\"sevattest-disk\""
#define HEX_SIZE ((size_t)2 * SHA256_SIZE)

enum { SEEN_MARK = 1, SEEN_KEY = 2, SEEN_HEADERS = 4, SEEN_ALL = 7 };

struct scan {
	struct reader reader;
	struct luks_disk *disk;
	unsigned seen;
	struct error *error;
};

void luks_disk_deinit(struct luks_disk *disk)
{
	secret_deinit(&disk->key);
	*disk = (struct luks_disk)LUKS_DISK_NULL;
}

static bool is_blank(uint8_t c)
{
	return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

static void blanks(struct reader *reader)
{
	while (reader_left(reader) && is_blank(*reader->at))
		reader_skip(reader, 1);
}

/* The next character that is not blank; 0 at the end. */
static char next(struct reader *reader)
{
	blanks(reader);
	return (char)reader_u8(reader);
}

/* Blanks, then a string: what stands between the quotes. */
static bool string(struct reader *reader, struct bytes *ret)
{
	const uint8_t *begin, *end;

	if (next(reader) != '"')
		return false;
	begin = reader->at;
	end = reader_left(reader) ? memchr(begin, '"', reader_left(reader)) : NULL;
	if (!end)
		return false;
	*ret = reader_bytes(reader, (size_t)(end - begin));
	reader_skip(reader, 1);
	return true;
}

/* A buffer in the secure heap; what is appended has to fit. */
static int secret_buf(struct secret *secret, size_t size, struct buf *ret)
{
	int r = secret_alloc(secret, size);

	if (r == 0)
		*ret = (struct buf){secret->data, 0, secret->size};
	return r;
}

static int read_key(struct scan *scan)
{
	CLEANUP(secret_deinit) struct secret plain = SECRET_NULL, key = SECRET_NULL;
	struct buf text, decoded;
	struct bytes raw = {0};
	int r;

	if (!string(&scan->reader, &raw))
		return error_set(scan->error, -EINVAL, "the key is no text");
	r = secret_buf(&plain, raw.size + 1, &text);
	for (size_t i = 0; r == 0 && i < raw.size; i++) {
		if (raw.data[i] == '\\' && i + 1 < raw.size && raw.data[i + 1] == '/')
			i++;
		r = buf_u8(&text, raw.data[i]);
	}
	if (r == 0)
		r = secret_buf(&key, base64_decoded_max(raw.size), &decoded);
	if (r < 0)
		return r;
	if (base64_decode(&decoded, BASE64_STD, buf_view(&text)) < 0 || decoded.size == 0 || decoded.size > LUKS_DISK_KEY_MAX)
		return error_set(scan->error, -EINVAL, "the key is no base64 of 1 to %d bytes", LUKS_DISK_KEY_MAX);
	secret_truncate(&key, decoded.size);
	scan->disk->key = secret_steal(&key);
	return 0;
}

static int read_digest(struct scan *scan)
{
	uint8_t *to = scan->disk->headers[scan->disk->header_count];
	char hex[HEX_SIZE + 1] = {0};
	struct bytes raw = {0};

	if (!string(&scan->reader, &raw) || raw.size != HEX_SIZE)
		return error_set(scan->error, -EINVAL, "a header is no text of 64 hex digits");
	memcpy(hex, raw.data, HEX_SIZE);
	if (strpbrk(hex, "ABCDEF") || hex_decode(to, SHA256_SIZE, hex) < 0)
		return error_set(scan->error, -EINVAL, "a header is no text of 64 hex digits in lower case");
	if (scan->disk->header_count == 1 && memcmp(to, scan->disk->headers[0], SHA256_SIZE) == 0)
		return error_set(scan->error, -EINVAL, "a header is listed twice");
	scan->disk->header_count++;
	return 0;
}

static int read_headers(struct scan *scan)
{
	char end = ',';
	int r = 0;

	if (next(&scan->reader) != '[')
		return error_set(scan->error, -EINVAL, "the headers are no list");
	while (r == 0 && end == ',') {
		if (scan->disk->header_count == LUKS_DISK_HEADERS_MAX)
			return error_set(scan->error, -EINVAL, "more than %d headers", LUKS_DISK_HEADERS_MAX);
		r = read_digest(scan);
		end = next(&scan->reader);
	}
	if (r == 0 && end != ']')
		r = error_set(scan->error, -EINVAL, "the list of headers does not end");
	return r;
}

static int read_version(struct scan *scan)
{
	if (next(&scan->reader) != '1')
		return error_set(scan->error, -EINVAL, "its form is not number 1, which is all that this version knows");
	return 0;
}

static int read_member(struct scan *scan)
{
	static const struct {
		const char *name;
		unsigned bit;
		int (*read)(struct scan *scan);
	} members[] = {{"sevattest-disk", SEEN_MARK, read_version}, {"key", SEEN_KEY, read_key}, {"headers", SEEN_HEADERS, read_headers}};
	struct bytes name = {0};

	if (!string(&scan->reader, &name) || next(&scan->reader) != ':')
		return error_set(scan->error, -EINVAL, "malformed: a member is missing, or has no value");
	for (size_t i = 0; i < ARRAY_SIZE(members); i++) {
		if (!bytes_equal(name, bytes_of_text(members[i].name)))
			continue;
		if (scan->seen & members[i].bit)
			return error_set(scan->error, -EINVAL, "member \"%s\" stands there twice", members[i].name);
		scan->seen |= members[i].bit;
		return members[i].read(scan);
	}
	/* Not its name: it may be a part of the key. */
	return error_set(scan->error, -EINVAL, "an unknown member");
}

static int read_object(struct scan *scan)
{
	char end = ',';
	int r = 0;

	if (next(&scan->reader) != '{')
		return error_set(scan->error, -EINVAL, "no object");
	while (r == 0 && end == ',') {
		r = read_member(scan);
		end = next(&scan->reader);
	}
	if (r < 0)
		return r;
	blanks(&scan->reader);
	if (end != '}' || !reader_done(&scan->reader))
		return error_set(scan->error, -EINVAL, "malformed: the object does not end, or something follows");
	if (scan->seen != SEEN_ALL)
		return error_set(scan->error, -EINVAL, "\"sevattest-disk\", \"key\" and \"headers\" have to be there, all three");
	return 0;
}

/* An object that names our mark. A random key begins like that once in 2^100. */
static bool is_object(struct bytes text)
{
	const size_t size = sizeof(MARK) - 1;
	size_t at = 0;

	while (at < text.size && is_blank(text.data[at]))
		at++;
	if (at == text.size || text.data[at] != '{')
		return false;
	for (; at + size <= text.size; at++) {
		if (memcmp(text.data + at, MARK, size) == 0)
			return true;
	}
	return false;
}

static int read_plain(struct bytes text, struct luks_disk *ret, struct error *error)
{
	if (text.size == 0 || text.size > LUKS_DISK_KEY_MAX)
		return error_set(error, -EINVAL, "the key has %zu bytes, not 1 to %d", text.size, LUKS_DISK_KEY_MAX);
	return secret_copy_in(&ret->key, text.data, text.size);
}

int luks_disk_read(struct bytes text, struct luks_disk *ret, struct error *error)
{
	struct luks_disk disk = LUKS_DISK_NULL;
	struct scan scan = {.disk = &disk, .error = error};
	int r;

	if (!is_object(text)) {
		r = read_plain(text, &disk, error);
	} else if (text.size > LUKS_DISK_TEXT_MAX) {
		r = error_set(error, -EINVAL, "larger than any disk resource");
	} else {
		reader_init(&scan.reader, text);
		r = read_object(&scan);
	}
	if (r < 0) {
		error_prefix(error, "the disk resource");
		luks_disk_deinit(&disk);
		return r;
	}
	*ret = disk;
	return 0;
}

int luks_disk_write(const struct luks_disk *disk, struct secret *ret)
{
	CLEANUP(secret_deinit) struct secret text = SECRET_NULL;
	struct buf to;
	int r;

	if (disk->key.size == 0 || disk->key.size > LUKS_DISK_KEY_MAX || disk->header_count == 0 || disk->header_count > LUKS_DISK_HEADERS_MAX)
		return -EINVAL;
	r = secret_buf(&text, LUKS_DISK_TEXT_MAX, &to);
	if (r == 0)
		r = buf_append_text(&to, "{" MARK ":1,\"key\":\"");
	if (r == 0)
		r = base64_encode(&to, BASE64_STD, secret_view(&disk->key));
	for (size_t i = 0; r == 0 && i < disk->header_count; i++) {
		char hex[HEX_SIZE + 1];

		hex_encode(hex, disk->headers[i], SHA256_SIZE);
		r = buf_append_text(&to, i ? "\",\"" : "\",\"headers\":[\"");
		if (r == 0)
			r = buf_append_text(&to, hex);
	}
	if (r == 0)
		r = buf_append_text(&to, "\"]}");
	if (r < 0)
		return r;
	secret_truncate(&text, to.size);
	*ret = secret_steal(&text);
	return 0;
}
