/* SPDX-License-Identifier: Apache-2.0 */
#include "snp/der.h"

#include <stdio.h>
#include <string.h>

#include "base/text.h"

bool der_more(const struct reader *reader)
{
	return reader_ok(reader) && reader_left(reader) > 0;
}

bool der_next_is(const struct reader *reader, uint8_t tag)
{
	return der_more(reader) && *reader->at == tag;
}

/* Definite and shortest; at most three octets, which is more than anything here may have. */
static size_t read_length(struct reader *reader)
{
	uint8_t first = reader_u8(reader), octets = first & 0x7f;
	size_t length = 0;

	if (first < 0x80)
		return first;
	if (octets == 0 || octets > 3) {
		reader_fail(reader);
		return 0;
	}
	for (uint8_t i = 0; i < octets; i++)
		length = length << 8 | reader_u8(reader);
	if (length < 0x80 || length >> (8 * (octets - 1)) == 0)
		reader_fail(reader);
	return length;
}

struct bytes der_read(struct reader *reader, uint8_t tag, struct bytes *ret_whole)
{
	const uint8_t *start = reader->at;
	struct bytes contents;
	size_t length;

	if (reader_u8(reader) != tag)
		reader_fail(reader);
	length = read_length(reader);
	contents = reader_bytes(reader, length);
	if (ret_whole)
		*ret_whole = reader_ok(reader) ? bytes_of(start, (size_t)(reader->at - start)) : bytes_of(NULL, 0);
	return contents;
}

struct reader der_enter(struct reader *reader, uint8_t tag)
{
	struct bytes contents = der_read(reader, tag, NULL);
	struct reader inside;

	reader_init(&inside, contents);
	if (!reader_ok(reader))
		reader_fail(&inside);
	return inside;
}

void der_leave(struct reader *reader, const struct reader *inside)
{
	if (!reader_done(inside))
		reader_fail(reader);
}

struct bytes der_unsigned(struct reader *reader)
{
	struct bytes value = der_read(reader, DER_INTEGER, NULL);

	if (value.size == 0 || value.data[0] & 0x80 || (value.size > 1 && value.data[0] == 0 && !(value.data[1] & 0x80))) {
		reader_fail(reader);
		return bytes_of(NULL, 0);
	}
	return value;
}

uint32_t der_number(struct reader *reader)
{
	struct bytes value = der_unsigned(reader);
	uint32_t number = 0;

	if (value.size > sizeof(number)) {
		reader_fail(reader);
		return 0;
	}
	for (size_t i = 0; i < value.size; i++)
		number = number << 8 | value.data[i];
	return number;
}

bool der_true(struct reader *reader)
{
	struct bytes value = der_read(reader, DER_BOOLEAN, NULL);

	if (value.size != 1 || value.data[0] != 0xff) {
		reader_fail(reader);
		return false;
	}
	return true;
}

struct bytes der_bits(struct reader *reader)
{
	struct bytes value = der_read(reader, DER_BIT_STRING, NULL);

	if (value.size == 0 || value.data[0] != 0) {
		reader_fail(reader);
		return bytes_of(NULL, 0);
	}
	return bytes_from(value, 1);
}

/* Base 128 with the high bit on all octets of an arc but the last; an arc does not begin with 80h. */
static bool oid_good(struct bytes oid)
{
	bool begins = true;

	for (size_t i = 0; i < oid.size; i++) {
		if (begins && oid.data[i] == 0x80)
			return false;
		begins = !(oid.data[i] & 0x80);
	}
	return oid.size > 0 && begins;
}

struct bytes der_oid(struct reader *reader)
{
	struct bytes oid = der_read(reader, DER_OID, NULL);

	if (!oid_good(oid)) {
		reader_fail(reader);
		return bytes_of(NULL, 0);
	}
	return oid;
}

/* "YYMMDDhhmmssZ", where YY of 50 and above is of the last century, or "YYYYMMDDhhmmssZ". */
int64_t der_time(struct reader *reader)
{
	bool utc = der_next_is(reader, DER_UTC_TIME);
	struct bytes value = der_read(reader, utc ? DER_UTC_TIME : DER_GENERALIZED_TIME, NULL);
	char year[4] = {'2', '0'}, text[] = "YYYY-MM-DDThh:mm:ssZ";
	static const uint8_t places[] = {5, 6, 8, 9, 11, 12, 14, 15, 17, 18};
	const uint8_t *at = value.data;
	int64_t seconds = 0;

	if (value.size != (utc ? 13U : 15U) || value.data[value.size - 1] != 'Z') {
		reader_fail(reader);
		return 0;
	}
	if (utc && *at >= '5') {
		year[0] = '1';
		year[1] = '9';
	}
	for (size_t i = utc ? 2 : 0; i < 4; i++)
		year[i] = (char)*at++;
	memcpy(text, year, 4);
	for (size_t i = 0; i < sizeof(places); i++)
		text[places[i]] = (char)*at++;
	if (time_parse(text, &seconds) < 0)
		reader_fail(reader);
	return seconds;
}

void der_oid_text(char to[static DER_OID_TEXT_MAX], struct bytes oid)
{
	uint64_t arc = 0;
	size_t used = 0;
	bool first = true;

	to[0] = '\0';
	for (size_t i = 0; i < oid.size && used < DER_OID_TEXT_MAX; i++) {
		arc = arc << 7 | (oid.data[i] & 0x7f);
		if (oid.data[i] & 0x80)
			continue;
		if (first) {
			uint64_t root = arc < 80 ? arc / 40 : 2;

			used += (size_t)snprintf(to, DER_OID_TEXT_MAX, "%u.%llu", (unsigned)root, (unsigned long long)(arc - root * 40));
		} else {
			used += (size_t)snprintf(to + used, DER_OID_TEXT_MAX - used, ".%llu", (unsigned long long)arc);
		}
		first = false;
		arc = 0;
	}
}

static const uint8_t oid_pss[] = {0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x0a};
static const uint8_t oid_mgf1[] = {0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x08};
static const uint8_t oid_sha384[] = {0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x02, 0x02};

static void expect_oid(struct reader *reader, const void *oid, size_t size)
{
	if (!bytes_equal(der_oid(reader), bytes_of(oid, size)))
		reader_fail(reader);
}

static void expect_sha384(struct reader *reader)
{
	struct reader hash = der_enter(reader, DER_SEQUENCE);

	expect_oid(&hash, oid_sha384, sizeof(oid_sha384));
	if (der_next_is(&hash, DER_NULL) && der_read(&hash, DER_NULL, NULL).size != 0)
		reader_fail(&hash);
	der_leave(reader, &hash);
}

static void expect_mgf1_sha384(struct reader *reader)
{
	struct reader mgf = der_enter(reader, DER_SEQUENCE);

	expect_oid(&mgf, oid_mgf1, sizeof(oid_mgf1));
	expect_sha384(&mgf);
	der_leave(reader, &mgf);
}

static void expect_number(struct reader *reader, uint32_t wanted)
{
	if (der_number(reader) != wanted)
		reader_fail(reader);
}

bool der_is_pss384(struct bytes algorithm)
{
	struct reader r, parameters, field;

	reader_init(&r, algorithm);
	expect_oid(&r, oid_pss, sizeof(oid_pss));
	parameters = der_enter(&r, DER_SEQUENCE);
	field = der_enter(&parameters, DER_EXPLICIT(0));
	expect_sha384(&field);
	der_leave(&parameters, &field);
	field = der_enter(&parameters, DER_EXPLICIT(1));
	expect_mgf1_sha384(&field);
	der_leave(&parameters, &field);
	field = der_enter(&parameters, DER_EXPLICIT(2));
	expect_number(&field, 48);
	der_leave(&parameters, &field);
	if (der_next_is(&parameters, DER_EXPLICIT(3))) {
		field = der_enter(&parameters, DER_EXPLICIT(3));
		expect_number(&field, 1);
		der_leave(&parameters, &field);
	}
	der_leave(&r, &parameters);
	return reader_done(&r);
}
