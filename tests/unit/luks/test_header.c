/* SPDX-License-Identifier: Apache-2.0 */
/* LUKS2 headers made byte by byte: a good one of each copy, and each way to be bad alone. A header that cryptsetup made is read in tests/e2e. */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/crypto.h"
#include "luks/header.h"

#define SIZE LUKS_HEADER_MIN
#define DOCUMENT "{\"keyslots\":{},\"segments\":{\"0\":{\"type\":\"crypt\"}}}"

static uint8_t image[LUKS_HEADER_MAX];

static void put_u64(size_t at, uint64_t value)
{
	for (size_t i = 0; i < 8; i++)
		image[at + i] = (uint8_t)(value >> (56 - 8 * i));
}

static void make(enum luks_copy which)
{
	memset(image, 0, sizeof(image));
	memcpy(image, which == LUKS_PRIMARY ? "LUKS\xba\xbe" : "SKUL\xba\xbe", 6);
	image[7] = 2;
	put_u64(8, SIZE);
	put_u64(16, 42);
	memcpy(image + 24, "data", 4);
	memcpy(image + 72, "sha256", 6);
	memset(image + 104, 0x5a, 64);
	memcpy(image + 168, "0ca3b1d4-5e6f-4a7b-8c9d-0e1f2a3b4c5d", 36);
	put_u64(256, which == LUKS_PRIMARY ? 0 : SIZE);
	memcpy(image + LUKS_BINARY_SIZE, DOCUMENT, sizeof(DOCUMENT));
}

static void sum(size_t size)
{
	memset(image + 448, 0, 64);
	ck_assert_int_eq(sha256(image + 448, bytes_of(image, size)), 0);
}

static int read_it(size_t size, enum luks_copy which, struct luks_header *ret, struct error *error)
{
	/* On the heap, so that a sanitizer sees a read past its end. */
	uint8_t *copy = malloc(size ? size : 1);
	int r;

	ck_assert_ptr_nonnull(copy);
	memcpy(copy, image, size);
	r = luks_header_read(bytes_of(copy, size), which, ret, error);
	free(copy);
	return r;
}

START_TEST(good)
{
	for (enum luks_copy which = LUKS_PRIMARY; which <= LUKS_SECONDARY; which++) {
		CLEANUP(luks_header_deinit) struct luks_header header = LUKS_HEADER_NULL;
		struct error error = ERROR_NULL;

		make(which);
		sum(SIZE);
		ck_assert_int_eq(luks_looks_like(bytes_of(image, SIZE)), which == LUKS_PRIMARY);
		ck_assert_msg(read_it(SIZE + 100, which, &header, &error) == 0, "%s", error_text(&error));
		ck_assert(header.size == SIZE && header.seqid == 42 && header.offset == (which == LUKS_PRIMARY ? 0 : SIZE));
		ck_assert_str_eq(header.label, "data");
		ck_assert_str_eq(header.uuid, "0ca3b1d4-5e6f-4a7b-8c9d-0e1f2a3b4c5d");
		ck_assert_uint_eq(header.salt[63], 0x5a);
		ck_assert_str_eq(json_get_text(json_get_object(json_get_object(header.metadata, "segments"), "0"), "type", NULL), "crypt");
	}
}
END_TEST

START_TEST(sizes)
{
	for (size_t size = LUKS_HEADER_MIN; size <= LUKS_HEADER_MAX; size *= 2) {
		CLEANUP(luks_header_deinit) struct luks_header header = LUKS_HEADER_NULL, other = LUKS_HEADER_NULL;
		struct error error = ERROR_NULL;

		make(LUKS_PRIMARY);
		put_u64(8, size);
		sum(size);
		ck_assert_int_eq(read_it(size, LUKS_PRIMARY, &header, &error), 0);
		ck_assert_int_eq(read_it(size - 1, LUKS_PRIMARY, &other, &error), LUKS_E_TRUNCATED);
	}
}
END_TEST

/* One byte changed; `summed`: the checksum is right again. */
static const struct spoiled {
	size_t at;
	uint8_t value;
	bool summed;
	enum luks_error expected;
} rows[] = {
	{0, 'X', true, LUKS_E_MAGIC},
	{5, 0, true, LUKS_E_MAGIC},
	{7, 1, true, LUKS_E_VERSION},
	{7, 3, true, LUKS_E_VERSION},
	{6, 1, true, LUKS_E_VERSION},
	{14, 0x50, true, LUKS_E_FORM},  /* 20 KiB */
	{14, 0x20, true, LUKS_E_FORM},  /* 8 KiB */
	{8, 1, true, LUKS_E_FORM},      /* 2^56 */
	{71, 'x', true, LUKS_E_FORM},   /* the label has no end, or something behind it */
	{28, 1, true, LUKS_E_FORM},     /* not printable */
	{72, 'S', true, LUKS_E_FORM},   /* checksum algorithm */
	{77, '7', true, LUKS_E_FORM},
	{207, 'x', true, LUKS_E_FORM},  /* the UUID */
	{255, 'x', true, LUKS_E_FORM},  /* the subsystem */
	{263, 1, true, LUKS_E_FORM},    /* where it says that it is */
	{300, 1, true, LUKS_E_FORM},    /* padding */
	{104, 0, false, LUKS_E_CHECKSUM},
	{448, 0, false, LUKS_E_CHECKSUM},
	{480, 1, false, LUKS_E_CHECKSUM}, /* behind the 32 bytes of SHA-256 */
	{SIZE - 1, 1, false, LUKS_E_CHECKSUM},
	{SIZE - 1, 1, true, LUKS_E_JSON},               /* something behind the text */
	{LUKS_BINARY_SIZE, '[', true, LUKS_E_JSON},     /* malformed */
	{LUKS_BINARY_SIZE, 0, true, LUKS_E_JSON},       /* empty, and something behind it */
};

START_TEST(bad)
{
	const struct spoiled *row = &rows[_i];
	struct luks_header header = LUKS_HEADER_NULL;
	struct error error = ERROR_NULL;
	int r;

	make(LUKS_PRIMARY);
	sum(SIZE);
	image[row->at] = image[row->at] == row->value ? (uint8_t)(row->value + 1) : row->value;
	if (row->summed)
		sum(SIZE);
	r = read_it(SIZE, LUKS_PRIMARY, &header, &error);
	ck_assert_msg(r == (int)row->expected, "byte %zu = %u: %d (%s), expected %d", row->at, row->value, r, error_text(&error), (int)row->expected);
	ck_assert_ptr_null(header.metadata);
}
END_TEST

static int with_document(const char *document, size_t fill)
{
	CLEANUP(luks_header_deinit) struct luks_header header = LUKS_HEADER_NULL;
	struct error error = ERROR_NULL;

	make(LUKS_PRIMARY);
	memset(image + LUKS_BINARY_SIZE, 0, SIZE - LUKS_BINARY_SIZE);
	memset(image + LUKS_BINARY_SIZE, ' ', fill);
	memcpy(image + LUKS_BINARY_SIZE + fill, document, strlen(document));
	sum(SIZE);
	return read_it(SIZE, LUKS_PRIMARY, &header, &error);
}

START_TEST(documents)
{
	size_t area = SIZE - LUKS_BINARY_SIZE;

	ck_assert_int_eq(with_document("{}", 0), 0);
	ck_assert_int_eq(with_document("{}", area - 3), 0);
	ck_assert_int_eq(with_document("{}", area - 2), LUKS_E_JSON); /* no NUL at its end */
	ck_assert_int_eq(with_document("[]", 0), LUKS_E_JSON);
	ck_assert_int_eq(with_document("", 0), LUKS_E_JSON);
	ck_assert_int_eq(with_document("{\"a\":1,\"a\":2}", 0), LUKS_E_JSON);
	ck_assert_int_eq(with_document("{} x", 0), LUKS_E_JSON);
}
END_TEST

/* A copy in the place of the other, and every way to be cut off. */
START_TEST(places)
{
	struct luks_header header = LUKS_HEADER_NULL;
	struct error error = ERROR_NULL;

	make(LUKS_SECONDARY);
	sum(SIZE);
	ck_assert_int_eq(read_it(SIZE, LUKS_PRIMARY, &header, &error), LUKS_E_MAGIC);
	make(LUKS_PRIMARY);
	sum(SIZE);
	ck_assert_int_eq(read_it(SIZE, LUKS_SECONDARY, &header, &error), LUKS_E_MAGIC);
	for (size_t size = 0; size < 512; size++)
		ck_assert_int_eq(read_it(size, LUKS_PRIMARY, &header, &error), size < 8 ? LUKS_E_MAGIC : LUKS_E_TRUNCATED);
	ck_assert_int_eq(read_it(SIZE - 1, LUKS_PRIMARY, &header, &error), LUKS_E_TRUNCATED);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("luks header");
	TCase *tcase = tcase_create("luks header");
	SRunner *runner;
	int failed;

	tcase_add_test(tcase, good);
	tcase_add_test(tcase, sizes);
	tcase_add_loop_test(tcase, bad, 0, ARRAY_SIZE(rows));
	tcase_add_test(tcase, documents);
	tcase_add_test(tcase, places);
	suite_add_tcase(suite, tcase);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? 1 : 0;
}
