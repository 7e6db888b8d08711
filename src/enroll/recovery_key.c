/* SPDX-License-Identifier: Apache-2.0 */
#include "enroll/recovery_key.h"

#include <assert.h>
#include <errno.h>
#include <string.h>

#include "base/crypto.h"

#define SUM_BYTES 3
#define ALL_BYTES (RECOVERY_KEY_BYTES + SUM_BYTES)
#define ALL_CHARS (RECOVERY_KEY_GROUPS * RECOVERY_KEY_GROUP)
#define INVALID 0xff

static_assert(ALL_BYTES * 8 == ALL_CHARS * 5, "the groups hold key and checksum exactly");

/* 0xff when low <= value <= high, else 0; for values below 256. */
static unsigned between(unsigned value, unsigned low, unsigned high)
{
	return ((low - 1 - value) & (value - high - 1)) >> 8 & 0xff;
}

/* 0..9 A..H J K M N P..T V..Z */
static uint8_t to_char(unsigned value)
{
	unsigned c = between(value, 0, 9) & ('0' + value);

	c |= between(value, 10, 17) & ('A' + value - 10);
	c |= between(value, 18, 19) & ('J' + value - 18);
	c |= between(value, 20, 21) & ('M' + value - 20);
	c |= between(value, 22, 26) & ('P' + value - 22);
	c |= between(value, 27, 31) & ('V' + value - 27);
	return (uint8_t)c;
}

static unsigned from_char(unsigned c)
{
	unsigned upper = c - (between(c, 'a', 'z') & 32), value = 0, known = 0, in;

	in = between(upper, '0', '9');
	value |= in & (upper - '0');
	known |= in;
	in = between(upper, 'A', 'H');
	value |= in & (upper - 'A' + 10);
	known |= in;
	in = between(upper, 'J', 'K');
	value |= in & (upper - 'J' + 18);
	known |= in;
	in = between(upper, 'M', 'N');
	value |= in & (upper - 'M' + 20);
	known |= in;
	in = between(upper, 'P', 'T');
	value |= in & (upper - 'P' + 22);
	known |= in;
	in = between(upper, 'V', 'Z');
	value |= in & (upper - 'V' + 27);
	known |= in;
	in = between(upper, 'I', 'I') | between(upper, 'L', 'L');
	value |= in & 1;
	known |= in | between(upper, 'O', 'O');
	return value | (~known & INVALID);
}

int recovery_key_format(struct bytes key, struct secret *ret)
{
	CLEANUP(secret_deinit) struct secret all = SECRET_NULL;
	struct secret text;
	uint8_t sum[SHA256_SIZE];
	size_t at = 0;
	int r = sha256(sum, key);

	if (!r)
		r = secret_alloc(&all, ALL_BYTES);
	if (!r)
		r = secret_alloc(&text, RECOVERY_KEY_TEXT);
	if (r)
		return r;
	memcpy(all.data, key.data, RECOVERY_KEY_BYTES);
	memcpy(all.data + RECOVERY_KEY_BYTES, sum, SUM_BYTES);
	for (size_t i = 0; i < ALL_CHARS; i++) {
		size_t byte = i * 5 / 8, shift = i * 5 % 8;
		unsigned pair = (unsigned)all.data[byte] << 8 | (byte + 1 < ALL_BYTES ? all.data[byte + 1] : 0u);

		if (i && i % RECOVERY_KEY_GROUP == 0)
			text.data[at++] = '-';
		text.data[at++] = to_char(pair >> (11 - shift) & 31);
	}
	*ret = text;
	return 0;
}

int recovery_key_make(struct secret *ret)
{
	CLEANUP(secret_deinit) struct secret key = SECRET_NULL;
	int r = secret_random(&key, RECOVERY_KEY_BYTES);

	return r ? r : recovery_key_format(secret_view(&key), ret);
}

/* The bits of the characters that count. RECOVERY_KEY_E_FORM when there are not exactly ALL_CHARS. */
static int collect(struct bytes typed, uint8_t *to)
{
	unsigned held = 0, bits = 0, bad = 0;
	size_t chars = 0, at = 0;
	struct reader reader;

	reader_init(&reader, typed);
	while (reader_left(&reader)) {
		unsigned c = reader_u8(&reader), value;

		if (c == '-' || c == ' ' || c == '\t' || c == '\n' || c == '\r')
			continue;
		if (chars++ == ALL_CHARS)
			return RECOVERY_KEY_E_FORM;
		value = from_char(c);
		bad |= value & 0xe0;
		held = (held << 5 | (value & 31)) & 0xfff;
		bits += 5;
		if (bits >= 8) {
			bits -= 8;
			to[at++] = (uint8_t)(held >> bits);
		}
	}
	return bad || chars != ALL_CHARS ? RECOVERY_KEY_E_FORM : 0;
}

int recovery_key_read(struct bytes typed, struct secret *ret)
{
	CLEANUP(secret_deinit) struct secret all = SECRET_NULL;
	uint8_t sum[SHA256_SIZE];
	int r = secret_alloc(&all, ALL_BYTES);

	if (r)
		return r;
	r = collect(typed, all.data);
	if (!r)
		r = sha256(sum, bytes_of(all.data, RECOVERY_KEY_BYTES));
	if (r)
		return r;
	if (!bytes_equal_secret(sum, all.data + RECOVERY_KEY_BYTES, SUM_BYTES))
		return RECOVERY_KEY_E_TYPO;
	return recovery_key_format(bytes_of(all.data, RECOVERY_KEY_BYTES), ret);
}
