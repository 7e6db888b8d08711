/* SPDX-License-Identifier: Apache-2.0 */
#include "base/text.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void hex_encode(char *to, const void *data, size_t size)
{
	static const char digits[] = "0123456789abcdef";
	const uint8_t *p = data;

	for (size_t i = 0; i < size; i++) {
		to[2 * i] = digits[p[i] >> 4];
		to[2 * i + 1] = digits[p[i] & 15];
	}
	to[2 * size] = 0;
}

char *hex_new(const void *data, size_t size)
{
	char *text = malloc(2 * size + 1);

	if (text)
		hex_encode(text, data, size);
	return text;
}

static int hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	if (c >= 'A' && c <= 'F')
		return c - 'A' + 10;
	return -1;
}

int hex_decode(void *to, size_t size, const char *text)
{
	uint8_t *p = to;

	if (strlen(text) != 2 * size) {
		memset(to, 0, size);
		return -EINVAL;
	}
	for (size_t i = 0; i < size; i++) {
		int high = hex_digit(text[2 * i]), low = hex_digit(text[2 * i + 1]);

		if (high < 0 || low < 0) {
			memset(to, 0, size);
			return -EINVAL;
		}
		p[i] = (uint8_t)(high << 4 | low);
	}
	return 0;
}

int hex_decode_any(struct buf *to, size_t max, const char *text)
{
	size_t length = strlen(text);
	int r;

	if (length % 2)
		return -EINVAL;
	if (length / 2 > max)
		return -EMSGSIZE;
	r = buf_reserve(to, length / 2 + 1);
	if (r < 0)
		return r;
	r = hex_decode(to->data + to->size, length / 2, text);
	if (r == 0)
		to->size += length / 2;
	return r;
}

/* Character of a 6-bit value, and back, by arithmetic masks: no branch and no table index depends on the data. */
static char base64_char(unsigned value, char c62, char c63)
{
	int v = (int)value, c = v + 'A';

	c += ((25 - v) >> 31) & ('a' - 26 - 'A');
	c += ((51 - v) >> 31) & ('0' - 52 - ('a' - 26));
	c += ((61 - v) >> 31) & (c62 - 62 - ('0' - 52));
	c += ((62 - v) >> 31) & (c63 - 63 - (c62 - 62));
	return (char)c;
}

/* All ones when low <= c <= high. */
static int in_range(int c, int low, int high)
{
	return ~((c - low) >> 31) & ~((high - c) >> 31);
}

/* 0..63, or -1. */
static int base64_value(uint8_t byte, char c62, char c63)
{
	int c = byte, value = -1;

	value += in_range(c, 'A', 'Z') & (c - 'A' + 1);
	value += in_range(c, 'a', 'z') & (c - 'a' + 26 + 1);
	value += in_range(c, '0', '9') & (c - '0' + 52 + 1);
	value += in_range(c, c62, c62) & (62 + 1);
	value += in_range(c, c63, c63) & (63 + 1);
	return value;
}

static char base64_c62(enum base64_kind kind)
{
	return kind == BASE64_STD ? '+' : '-';
}

static char base64_c63(enum base64_kind kind)
{
	return kind == BASE64_STD ? '/' : '_';
}

int base64_encode(struct buf *to, enum base64_kind kind, struct bytes data)
{
	char c62 = base64_c62(kind), c63 = base64_c63(kind);
	int r = buf_reserve(to, (data.size + 2) / 3 * 4 + 1);

	if (r < 0)
		return r;
	for (size_t i = 0; i < data.size; i += 3) {
		size_t left = data.size - i;
		unsigned group = (unsigned)data.data[i] << 16;

		if (left > 1)
			group |= (unsigned)data.data[i + 1] << 8;
		if (left > 2)
			group |= data.data[i + 2];
		for (unsigned j = 0; j < 4; j++) {
			if (j <= left)
				to->data[to->size++] = (uint8_t)base64_char(group >> (18 - 6 * j) & 63, c62, c63);
			else if (kind != BASE64_URL)
				to->data[to->size++] = '=';
		}
	}
	return 0;
}

char *base64_new(enum base64_kind kind, struct bytes data)
{
	CLEANUP(buf_deinit) struct buf out = BUF_NULL;

	if (base64_encode(&out, kind, data) < 0)
		return NULL;
	return buf_steal_text(&out);
}

size_t base64_decoded_max(size_t text_size)
{
	return text_size / 4 * 3 + 3;
}

/* Takes right padding off; 0 or -EINVAL. */
static int base64_unpad(enum base64_kind kind, struct bytes *text)
{
	size_t pad = 0;

	if (kind == BASE64_URL)
		return text->size % 4 == 1 ? -EINVAL : 0;
	if (text->size % 4)
		return -EINVAL;
	while (pad < 2 && text->size > pad && text->data[text->size - 1 - pad] == '=')
		pad++;
	text->size -= pad;
	return 0;
}

int base64_decode(struct buf *to, enum base64_kind kind, struct bytes text)
{
	char c62 = base64_c62(kind), c63 = base64_c63(kind);
	size_t start = to->size;
	uint32_t group = 0;
	unsigned bits = 0;
	int bad = 0, r;

	if (base64_unpad(kind, &text) < 0)
		return -EINVAL;
	r = buf_reserve(to, base64_decoded_max(text.size));
	if (r < 0)
		return r;
	for (size_t i = 0; i < text.size; i++) {
		int value = base64_value(text.data[i], c62, c63);

		bad |= value;
		group = group << 6 | ((uint32_t)value & 63);
		bits += 6;
		if (bits >= 8) {
			bits -= 8;
			to->data[to->size++] = (uint8_t)(group >> bits);
			group &= (1U << bits) - 1;
		}
	}
	if (bad < 0 || group != 0) {
		to->size = start;
		return -EINVAL;
	}
	return 0;
}

int base64_decode_exact(void *to, size_t size, enum base64_kind kind, struct bytes text)
{
	CLEANUP(buf_deinit) struct buf out = BUF_NULL;
	int r = base64_decode(&out, kind, text);

	if (r < 0)
		return r;
	if (out.size != size)
		return -EINVAL;
	if (size)
		memcpy(to, out.data, size);
	return 0;
}

/* Length of the valid sequence at `p`, or 0. */
static size_t utf8_sequence(const uint8_t *p, size_t left, uint32_t *ret_code)
{
	static const uint32_t least[] = {0, 0, 0x80, 0x800, 0x10000};
	size_t length = p[0] < 0x80 ? 1 : (p[0] & 0xe0) == 0xc0 ? 2 : (p[0] & 0xf0) == 0xe0 ? 3 : (p[0] & 0xf8) == 0xf0 ? 4 : 0;
	uint32_t code;

	if (length == 0 || length > left)
		return 0;
	code = length == 1 ? p[0] : p[0] & (0xffU >> (length + 1));
	for (size_t i = 1; i < length; i++) {
		if ((p[i] & 0xc0) != 0x80)
			return 0;
		code = code << 6 | (p[i] & 0x3f);
	}
	if (code < least[length] || code > 0x10ffff || (code >= 0xd800 && code <= 0xdfff))
		return 0;
	*ret_code = code;
	return length;
}

bool utf8_valid(struct bytes text)
{
	size_t at = 0;

	while (at < text.size) {
		uint32_t code;
		size_t length = utf8_sequence(text.data + at, text.size - at, &code);

		if (length == 0)
			return false;
		at += length;
	}
	return true;
}

static bool drives_terminal(uint32_t code)
{
	return code < 0x20 || (code >= 0x7f && code < 0xa0) || code == 0x2028 || code == 0x2029 || (code >= 0x200b && code <= 0x200f) ||
	       (code >= 0x202a && code <= 0x202e) || (code >= 0x2066 && code <= 0x2069) || code == 0xfeff;
}

void text_printable(char *to, size_t to_size, struct bytes from)
{
	size_t out = 0, at = 0;

	while (at < from.size) {
		uint32_t code = 0;
		size_t length = utf8_sequence(from.data + at, from.size - at, &code);
		bool plain = length > 0 && !drives_terminal(code);
		size_t consumed = length > 0 ? length : 1, need = plain ? consumed : 4 * consumed;

		if (out + need + 4 > to_size) {
			memcpy(to + out, "...", 3);
			out += 3;
			break;
		}
		for (size_t i = 0; i < consumed; i++) {
			uint8_t c = from.data[at + i];

			if (plain)
				to[out++] = (char)c;
			else
				out += (size_t)snprintf(to + out, 5, "\\x%02x", c);
		}
		at += consumed;
	}
	to[out] = 0;
}

int text_to_u64(const char *text, uint64_t max, bool hex_too, uint64_t *ret)
{
	unsigned base = 10;
	uint64_t value = 0;

	if (hex_too && text[0] == '0' && (text[1] == 'x' || text[1] == 'X')) {
		base = 16;
		text += 2;
	}
	if (!*text)
		return -EINVAL;
	for (; *text; text++) {
		int digit = hex_digit(*text);

		if (digit < 0 || (unsigned)digit >= base)
			return -EINVAL;
		if (value > (UINT64_MAX - (unsigned)digit) / base)
			return -ERANGE;
		value = value * base + (unsigned)digit;
	}
	if (value > max)
		return -ERANGE;
	*ret = value;
	return 0;
}

bool text_starts_with(const char *text, const char *prefix)
{
	return strncmp(text, prefix, strlen(prefix)) == 0;
}
