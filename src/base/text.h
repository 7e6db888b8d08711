/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* Text forms of bytes, numbers and time: strict both ways, locale-free. */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/bytes.h"

/* Lower-case hex. `to` has room for 2 * size + 1. */
void hex_encode(char *to, const void *data, size_t size);

/* Hex into a fresh string (free(3)); NULL without memory. */
char *hex_new(const void *data, size_t size);

/*
 * Exactly 2 * size hex digits of either case. 0, or -EINVAL (`to` is then zeroed).
 */
int hex_decode(void *to, size_t size, const char *text) MUST_CHECK;

/* Any even number of hex digits, at most `max` bytes, appended to `to`. 0, -EINVAL, -EMSGSIZE, -ENOMEM. */
int hex_decode_any(struct buf *to, size_t max, const char *text) MUST_CHECK;

/*
 * Base64 (RFC 4648). URL is the url-safe alphabet without padding (JOSE), STD the plain one with padding, URL_PADDED the url-safe one
 * with padding. Decoding is strict: right padding, no white space, zero trailing bits. Neither direction branches on the data.
 */
enum base64_kind { BASE64_STD, BASE64_URL, BASE64_URL_PADDED };

int base64_encode(struct buf *to, enum base64_kind kind, struct bytes data) MUST_CHECK;
char *base64_new(enum base64_kind kind, struct bytes data); /* free(3) */
/* Appends the decoded bytes. 0, -EINVAL, -ENOMEM. `to` is unchanged on error. */
int base64_decode(struct buf *to, enum base64_kind kind, struct bytes text) MUST_CHECK;
/* Decodes into a caller's array of exactly `size` bytes. 0 or -EINVAL. */
int base64_decode_exact(void *to, size_t size, enum base64_kind kind, struct bytes text) MUST_CHECK;
/* Decoded size that a text of `text_size` characters can have at most. */
size_t base64_decoded_max(size_t text_size);

/* RFC 3629 UTF-8 without surrogates or overlong forms. */
bool utf8_valid(struct bytes text);

/*
 * Copies text for people: control characters, DEL, invalid UTF-8 and U+2028, bidi controls become \xNN, so that a peer cannot drive a
 * terminal. Truncates with "..." when `to` is full. `to_size` >= 8.
 */
void text_printable(char *to, size_t to_size, struct bytes from);

/* Whole-string unsigned decimal (or 0x hex when `hex_too`), no sign, no blanks, <= max. 0 or -EINVAL/-ERANGE. */
int text_to_u64(const char *text, uint64_t max, bool hex_too, uint64_t *ret) MUST_CHECK;

/* RFC 3339 "2026-06-01T00:00:00Z" (or +hh:mm) to Unix seconds. 0 or -EINVAL. */
int time_parse(const char *text, int64_t *ret_seconds) MUST_CHECK;
/* `to` has room for 32 characters. */
void time_format(char to[static 32], int64_t seconds);

bool text_starts_with(const char *text, const char *prefix);
