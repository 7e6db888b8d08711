/* SPDX-License-Identifier: Apache-2.0 */
#include "base/bytes.h"

#include <errno.h>
#include <openssl/crypto.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct bytes bytes_of_text(const char *text)
{
	return bytes_of(text, strlen(text));
}

bool bytes_equal(struct bytes a, struct bytes b)
{
	return a.size == b.size && (a.size == 0 || memcmp(a.data, b.data, a.size) == 0);
}

bool bytes_all_zero(const void *data, size_t size)
{
	const uint8_t *p = data;
	uint8_t any = 0;

	for (size_t i = 0; i < size; i++)
		any |= p[i];
	return any == 0;
}

bool bytes_equal_secret(const void *a, const void *b, size_t size)
{
	return CRYPTO_memcmp(a, b, size) == 0;
}

void buf_deinit(struct buf *buf)
{
	if (buf->data) {
		OPENSSL_cleanse(buf->data, buf->capacity);
		free(buf->data);
	}
	*buf = (struct buf)BUF_NULL;
}

/* realloc() would leave the old bytes on the heap, so growing is always a copy and a wipe. */
int buf_reserve(struct buf *buf, size_t extra)
{
	size_t capacity = buf->capacity ? buf->capacity : 64;
	uint8_t *data;

	if (extra > BUF_MAX || buf->size > BUF_MAX - extra)
		return -EOVERFLOW;
	if (buf->size + extra <= buf->capacity)
		return 0;
	while (capacity < buf->size + extra)
		capacity *= 2;
	data = malloc(capacity);
	if (!data)
		return -ENOMEM;
	if (buf->size)
		memcpy(data, buf->data, buf->size);
	if (buf->data) {
		OPENSSL_cleanse(buf->data, buf->capacity);
		free(buf->data);
	}
	buf->data = data;
	buf->capacity = capacity;
	return 0;
}

int buf_append(struct buf *buf, const void *data, size_t size)
{
	int r = buf_reserve(buf, size);

	if (r < 0)
		return r;
	if (size)
		memcpy(buf->data + buf->size, data, size);
	buf->size += size;
	return 0;
}

int buf_append_text(struct buf *buf, const char *text)
{
	return buf_append(buf, text, strlen(text));
}

int buf_printf(struct buf *buf, const char *format, ...)
{
	va_list args, again;
	int length, r;

	va_start(args, format);
	va_copy(again, args);
	length = vsnprintf(NULL, 0, format, args);
	va_end(args);
	r = length < 0 ? -EINVAL : buf_reserve(buf, (size_t)length + 1);
	if (r == 0) {
		(void)vsnprintf((char *)buf->data + buf->size, (size_t)length + 1, format, again);
		buf->size += (size_t)length;
	}
	va_end(again);
	return r;
}

int buf_u8(struct buf *buf, uint8_t value)
{
	return buf_append(buf, &value, 1);
}

static int append_number(struct buf *buf, uint64_t value, size_t size, bool big_endian)
{
	uint8_t out[8];

	for (size_t i = 0; i < size; i++)
		out[big_endian ? size - 1 - i : i] = (uint8_t)(value >> (8 * i));
	return buf_append(buf, out, size);
}

int buf_u16le(struct buf *buf, uint16_t value)
{
	return append_number(buf, value, 2, false);
}

int buf_u32le(struct buf *buf, uint32_t value)
{
	return append_number(buf, value, 4, false);
}

int buf_u64le(struct buf *buf, uint64_t value)
{
	return append_number(buf, value, 8, false);
}

int buf_u32be(struct buf *buf, uint32_t value)
{
	return append_number(buf, value, 4, true);
}

int buf_u64be(struct buf *buf, uint64_t value)
{
	return append_number(buf, value, 8, true);
}

char *buf_steal_text(struct buf *buf)
{
	char *text;

	if (buf_u8(buf, 0) < 0)
		return NULL;
	text = (char *)buf->data;
	*buf = (struct buf)BUF_NULL;
	return text;
}

void reader_init(struct reader *reader, struct bytes input)
{
	static const uint8_t nothing[1];

	/* An empty view may carry NULL, and arithmetic on NULL is undefined. */
	reader->at = input.data ? input.data : nothing;
	reader->end = reader->at + (input.data ? input.size : 0);
	reader->failed = false;
}

size_t reader_left(const struct reader *reader)
{
	return reader->failed ? 0 : (size_t)(reader->end - reader->at);
}

void reader_fail(struct reader *reader)
{
	reader->failed = true;
}

struct bytes reader_bytes(struct reader *reader, size_t size)
{
	struct bytes view = {NULL, 0};

	if (size > reader_left(reader) || reader->failed) {
		reader->failed = true;
		return view;
	}
	view = bytes_of(reader->at, size);
	reader->at += size;
	return view;
}

static uint64_t read_number(struct reader *reader, size_t size, bool big_endian)
{
	struct bytes raw = reader_bytes(reader, size);
	uint64_t value = 0;

	for (size_t i = 0; i < raw.size; i++)
		value |= (uint64_t)raw.data[big_endian ? raw.size - 1 - i : i] << (8 * i);
	return value;
}

uint8_t reader_u8(struct reader *reader)
{
	return (uint8_t)read_number(reader, 1, false);
}

uint16_t reader_u16le(struct reader *reader)
{
	return (uint16_t)read_number(reader, 2, false);
}

uint32_t reader_u32le(struct reader *reader)
{
	return (uint32_t)read_number(reader, 4, false);
}

uint64_t reader_u64le(struct reader *reader)
{
	return read_number(reader, 8, false);
}

uint16_t reader_u16be(struct reader *reader)
{
	return (uint16_t)read_number(reader, 2, true);
}

uint32_t reader_u32be(struct reader *reader)
{
	return (uint32_t)read_number(reader, 4, true);
}

uint64_t reader_u64be(struct reader *reader)
{
	return read_number(reader, 8, true);
}

void reader_copy(struct reader *reader, void *to, size_t size)
{
	struct bytes view = reader_bytes(reader, size);

	if (view.size)
		memcpy(to, view.data, view.size);
	else if (size)
		memset(to, 0, size);
}

bool reader_zeros(struct reader *reader, size_t size)
{
	struct bytes view = reader_bytes(reader, size);

	return !reader->failed && bytes_all_zero(view.data, view.size);
}

void reader_skip(struct reader *reader, size_t size)
{
	(void)reader_bytes(reader, size);
}

bool reader_ok(const struct reader *reader)
{
	return !reader->failed;
}

bool reader_done(const struct reader *reader)
{
	return !reader->failed && reader->at == reader->end;
}
