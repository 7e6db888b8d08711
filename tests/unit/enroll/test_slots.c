/* SPDX-License-Identifier: Apache-2.0 */
/* Edits of a header in memory, with the library that does them. Keys are of no use to anybody. */
#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "enroll/slots.h"
#include "luks/header.h"

#define DEVICE_SIZE ((uint64_t)64 << 20)
#define AREA ((size_t)16 << 20)

static struct bytes first = {(const uint8_t *)"the first key, 32 bytes long ...", 32};
static struct bytes second = {(const uint8_t *)"another key, also 32 bytes ... .", 32};
static struct bytes stranger = {(const uint8_t *)"a key that nobody ever enrolled.", 32};

static struct slots *fresh(void)
{
	struct error error = ERROR_NULL;
	struct slots *slots = NULL;

	ck_assert_msg(!slots_format(DEVICE_SIZE, 512, "data", first, &slots, &error), "%s", error_text(&error));
	return slots;
}

static struct luks_header header_of(struct slots *slots)
{
	CLEANUP(buf_deinit) struct buf area = BUF_NULL;
	struct luks_header header = LUKS_HEADER_NULL;
	struct error error = ERROR_NULL;

	ck_assert_int_eq(slots_area(slots, AREA, &area, &error), 0);
	ck_assert_msg(!luks_header_read(buf_view(&area), LUKS_PRIMARY, &header, &error), "%s", error_text(&error));
	return header;
}

static const char *member(struct json_object *object, const char *a, const char *b, const char *c)
{
	return json_get_text(json_get_object(json_get_object(object, a), b), c, NULL);
}

START_TEST(format)
{
	SLOTS_AUTO slots = fresh();
	CLEANUP(luks_header_deinit) struct luks_header header = header_of(slots);
	struct json_object *kdf = json_get_object(json_get_object(json_get_object(header.metadata, "keyslots"), "0"), "kdf");
	uint64_t number;

	ck_assert_str_eq(header.label, "data");
	ck_assert_str_eq(member(header.metadata, "segments", "0", "encryption"), "aes-xts-plain64");
	ck_assert_str_eq(member(header.metadata, "segments", "0", "offset"), "16777216");
	ck_assert_str_eq(json_get_text(kdf, "type", NULL), "pbkdf2");
	ck_assert(json_get_u64(kdf, "iterations", 100000, &number) && number == SLOTS_ITERATIONS);
	ck_assert(json_get_u64(json_get_object(json_get_object(header.metadata, "keyslots"), "0"), "priority", 9, &number) && number == 2);
}
END_TEST

START_TEST(keys)
{
	SLOTS_AUTO slots = fresh();
	SLOTS_AUTO again = NULL;
	CLEANUP(buf_deinit) struct buf area = BUF_NULL;
	struct error error = ERROR_NULL;
	int slot = -1;

	ck_assert_int_eq(slots_test(slots, first, &slot, &error), 0);
	ck_assert_int_eq(slot, 0);
	ck_assert_int_eq(slots_test(slots, second, &slot, NULL), SLOTS_E_KEY);
	ck_assert_int_eq(slots_test(slots, bytes_of("", 0), &slot, NULL), SLOTS_E_KEY);
	ck_assert_int_eq(slots_add(slots, stranger, second, true, &slot, NULL), SLOTS_E_KEY);
	ck_assert_int_eq(slots_add(slots, first, second, true, &slot, &error), 0);
	ck_assert_int_eq(slot, 1);
	ck_assert_int_eq(slots_area(slots, AREA, &area, &error), 0);
	/* What was taken out is a header area of its own. */
	ck_assert_int_eq(slots_open(buf_view(&area), DEVICE_SIZE, &again, &error), 0);
	ck_assert_int_eq(slots_test(again, second, &slot, &error), 0);
	ck_assert_int_eq(slot, 1);
	ck_assert_int_eq(slots_remove(again, 0, &error), 0);
	ck_assert_int_eq(slots_test(again, first, &slot, NULL), SLOTS_E_KEY);
	ck_assert_int_eq(slots_test(again, second, &slot, &error), 0);
	/* The other copy did not change. */
	ck_assert_int_eq(slots_test(slots, first, &slot, &error), 0);
	ck_assert_int_ne(slots_remove(again, 0, NULL), 0);
}
END_TEST

START_TEST(tokens)
{
	SLOTS_AUTO slots = fresh();
	struct error error = ERROR_NULL;

	ck_assert_int_eq(slots_add_token(slots, "{\"type\":\"sevattest\",\"keyslots\":[\"0\"]}", &error), 0);
	{
		CLEANUP(luks_header_deinit) struct luks_header header = header_of(slots);

		ck_assert_str_eq(member(header.metadata, "tokens", "0", "type"), "sevattest");
	}
	ck_assert_int_ne(slots_add_token(slots, "{\"type\":1}", NULL), 0);
	ck_assert_int_eq(slots_remove_token(slots, 0, &error), 0);
	{
		CLEANUP(luks_header_deinit) struct luks_header header = header_of(slots);

		ck_assert_ptr_null(json_get_object(json_get_object(header.metadata, "tokens"), "0"));
	}
}
END_TEST

START_TEST(full)
{
	SLOTS_AUTO slots = fresh();
	int slot, r = 0, made = 0;

	while (!r && made < 40) {
		r = slots_add(slots, first, second, true, &slot, NULL);
		made++;
	}
	ck_assert_int_eq(r, SLOTS_E_FULL);
	ck_assert_int_gt(made, 30);
}
END_TEST

START_TEST(no_header)
{
	CLEANUP(buf_deinit) struct buf area = BUF_NULL;
	struct error error = ERROR_NULL;
	struct slots *slots = NULL;

	ck_assert_int_eq(buf_reserve(&area, AREA), 0);
	memset(area.data, 0, AREA);
	area.size = AREA;
	ck_assert_int_eq(slots_open(buf_view(&area), DEVICE_SIZE, &slots, &error), SLOTS_E_HEADER);
	ck_assert_ptr_null(slots);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("enroll/slots");
	TCase *tests = tcase_create("slots");
	SRunner *runner;
	int failed;

	tcase_set_timeout(tests, 240);
	tcase_add_test(tests, format);
	tcase_add_test(tests, keys);
	tcase_add_test(tests, tokens);
	tcase_add_test(tests, full);
	tcase_add_test(tests, no_header);
	suite_add_tcase(suite, tests);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
