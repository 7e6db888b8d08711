/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * Bytes: a view, an owned buffer, and the bounded reader.
 *
 * Every byte that comes from a host, a network or a disk is looked at through `struct reader`. It carries a sticky error: read
 * field after field, then ask once with reader_done(), which also demands that nothing is left.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/compiler.h"

/* A view of `size` bytes that somebody else owns. */
struct bytes {
	const uint8_t *data;
	size_t size;
};

static inline struct bytes bytes_of(const void *data, size_t size)
{
	return (struct bytes){data, size};
}

/* What is left of a view from `offset` (at most its size) on. NULL may carry no offset, not even 0, so an empty view stays as it is. */
static inline struct bytes bytes_from(struct bytes view, size_t offset)
{
	return offset ? bytes_of(view.data + offset, view.size - offset) : view;
}

/* The bytes of a NUL-terminated string, without the NUL. */
struct bytes bytes_of_text(const char *text);

bool bytes_equal(struct bytes a, struct bytes b); /* not constant time: for public values */
bool bytes_all_zero(const void *data, size_t size);

/* Constant-time comparison of `size` bytes, for secrets and authenticators. */
bool bytes_equal_secret(const void *a, const void *b, size_t size);

/*
 * An owned, growable buffer of public bytes, wiped when it is released. Key material belongs into `struct secret`.
 * Appending returns 0, or -ENOMEM, or -EOVERFLOW past BUF_MAX; after an error the buffer is unchanged.
 */
#define BUF_MAX ((size_t)64 << 20) /* nothing that we build is near it: larger means a run-away length */

struct buf {
	uint8_t *data;
	size_t size;
	size_t capacity;
};

#define BUF_NULL {NULL, 0, 0}

void buf_deinit(struct buf *buf); /* wipes; the buffer may be used again */
int buf_reserve(struct buf *buf, size_t extra) MUST_CHECK;
int buf_append(struct buf *buf, const void *data, size_t size) MUST_CHECK;
int buf_append_text(struct buf *buf, const char *text) MUST_CHECK;
int buf_printf(struct buf *buf, const char *format, ...) PRINTF_LIKE(2, 3) MUST_CHECK;
int buf_u8(struct buf *buf, uint8_t value) MUST_CHECK;
int buf_u16le(struct buf *buf, uint16_t value) MUST_CHECK;
int buf_u32le(struct buf *buf, uint32_t value) MUST_CHECK;
int buf_u64le(struct buf *buf, uint64_t value) MUST_CHECK;
int buf_u32be(struct buf *buf, uint32_t value) MUST_CHECK;
int buf_u64be(struct buf *buf, uint64_t value) MUST_CHECK;

static inline struct bytes buf_view(const struct buf *buf)
{
	return bytes_of(buf->data, buf->size);
}

/*
 * Ends the buffer with a NUL that `size` does not count and returns it as text that the caller frees with free(3);
 * the buffer is empty afterwards. NULL when there is no memory.
 */
char *buf_steal_text(struct buf *buf);

/* The bounded reader. After a failed read every value is 0 and every pointer NULL. */
struct reader {
	const uint8_t *at;
	const uint8_t *end;
	bool failed;
};

void reader_init(struct reader *reader, struct bytes input);
size_t reader_left(const struct reader *reader);
uint8_t reader_u8(struct reader *reader);
uint16_t reader_u16le(struct reader *reader);
uint32_t reader_u32le(struct reader *reader);
uint64_t reader_u64le(struct reader *reader);
uint16_t reader_u16be(struct reader *reader);
uint32_t reader_u32be(struct reader *reader);
uint64_t reader_u64be(struct reader *reader);

/* A view of the next `size` bytes; size 0 gives an empty, non-failed view. */
struct bytes reader_bytes(struct reader *reader, size_t size);

/* Copies the next `size` bytes to `to`; zeroes `to` when they are not there. */
void reader_copy(struct reader *reader, void *to, size_t size);

/* Skips `size` bytes and tells whether they were there and all zero. */
bool reader_zeros(struct reader *reader, size_t size);

void reader_skip(struct reader *reader, size_t size);
void reader_fail(struct reader *reader);

/* True when nothing failed so far. */
bool reader_ok(const struct reader *reader);

/* True when nothing failed and nothing is left. */
bool reader_done(const struct reader *reader);
