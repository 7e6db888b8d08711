/* SPDX-License-Identifier: Apache-2.0 */
/* The disk resource: what is read, what is refused and why, and that what is written reads back. */
#include <check.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "base/text.h"
#include "luks/disk.h"

#define H1 "\"00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff\""
#define H2 "\"ff112233445566778899aabbccddeeff00112233445566778899aabbccddeeff\""
#define KEY "\"a2V5+/8=\"" /* "key", fb, ff */

static const uint8_t key[] = {'k', 'e', 'y', 0xfb, 0xff};

static int read_text(struct bytes text, struct luks_disk *ret, struct error *error)
{
	/* On the heap, so that a sanitizer sees a read past its end. */
	uint8_t *copy = malloc(text.size ? text.size : 1);
	int r;

	ck_assert_ptr_nonnull(copy);
	if (text.size)
		memcpy(copy, text.data, text.size);
	r = luks_disk_read(bytes_of(copy, text.size), ret, error);
	free(copy);
	return r;
}

static const struct {
	const char *text;
	size_t headers;
} good[] = {
	{"{\"sevattest-disk\":1,\"key\":" KEY ",\"headers\":[" H1 "]}", 1},
	{"{\"sevattest-disk\":1,\"key\":" KEY ",\"headers\":[" H1 "," H2 "]}", 2},
	{" { \"headers\" : [ " H1 " ,\n" H2 "\t] , \"key\" : " KEY " ,\r\"sevattest-disk\" : 1 } \n", 2},
	{"{\"sevattest-disk\":1,\"key\":\"a2V5+\\/8=\",\"headers\":[" H1 "]}", 1},
};

START_TEST(reads)
{
	CLEANUP(luks_disk_deinit) struct luks_disk disk = LUKS_DISK_NULL;
	struct error error = ERROR_NULL;

	ck_assert_msg(read_text(bytes_of_text(good[_i].text), &disk, &error) == 0, "%s", error_text(&error));
	ck_assert(bytes_equal(secret_view(&disk.key), bytes_of(key, sizeof(key))));
	ck_assert_uint_eq(disk.header_count, good[_i].headers);
	ck_assert_uint_eq(disk.headers[0][1], 0x11);
	ck_assert_uint_eq(disk.headers[good[_i].headers - 1][0], good[_i].headers == 2 ? 0xff : 0);
	ck_assert(!disk.key_checked);
}
END_TEST

#define A "{\"sevattest-disk\":1,\"key\":" KEY ",\"headers\":"
static const struct {
	const char *text, *says;
} bad[] = {
	{A "[]}", "a header is no text"},
	{A "[" H1 "," H1 "]}", "listed twice"},
	{A "[" H1 "," H2 "," H1 "]}", "more than 2 headers"},
	{A "[" H1 ",]}", "a header is no text"},
	{A "[" H1 " " H2 "]}", "does not end"},
	{A "[\"00\"]}", "a header is no text"},
	{A "[\"00112233445566778899AABBCCDDEEFF00112233445566778899aabbccddeeff\"]}", "lower case"},
	{A "[\"0x112233445566778899aabbccddeeff00112233445566778899aabbccddeeff\"]}", "lower case"},
	{A H1 "}", "no list"},
	{A "[" H1 "]", "malformed"},
	{A "[" H1 "]}}", "malformed"},
	{A "[" H1 "]} x", "malformed"},
	{A "[" H1 "],}", "malformed"},
	{A "[" H1 "],\"key\":" KEY "}", "\"key\" stands there twice"},
	{A "[" H1 "],\"headers\":[" H2 "]}", "\"headers\" stands there twice"},
	{A "[" H1 "],\"sevattest-disk\":1}", "twice"},
	{A "[" H1 "],\"uuid\":\"x\"}", "an unknown member"},
	{"{\"sevattest-disk\":2,\"key\":" KEY ",\"headers\":[" H1 "]}", "number 1"},
	{"{\"sevattest-disk\":11,\"key\":" KEY ",\"headers\":[" H1 "]}", "malformed"},
	{"{\"sevattest-disk\":\"1\",\"key\":" KEY ",\"headers\":[" H1 "]}", "number 1"},
	{"{\"sevattest-disk\":1,\"headers\":[" H1 "]}", "all three"},
	{"{\"sevattest-disk\":1,\"key\":" KEY "}", "all three"},
	{"{\"key\":" KEY ",\"headers\":[" H1 "],\"x\":\"sevattest-disk\"}", "an unknown member"},
	{"{\"sevattest-disk\":1,\"key\":\"\",\"headers\":[" H1 "]}", "no base64"},
	{"{\"sevattest-disk\":1,\"key\":\"a2V5+/8\",\"headers\":[" H1 "]}", "no base64"},
	{"{\"sevattest-disk\":1,\"key\":\"a2V5+/9=\",\"headers\":[" H1 "]}", "no base64"},
	{"{\"sevattest-disk\":1,\"key\":\"a2V5-_8=\",\"headers\":[" H1 "]}", "no base64"},
	{"{\"sevattest-disk\":1,\"key\":\"a2V5 +/8=\",\"headers\":[" H1 "]}", "no base64"},
	{"{\"sevattest-disk\":1,\"key\":\"\\u0061\",\"headers\":[" H1 "]}", "no base64"},
	{"{\"sevattest-disk\":1,\"key\":\"\\\",\"headers\":[" H1 "]}", "no base64"},
	{"{\"sevattest-disk\":1,\"key\":5,\"headers\":[" H1 "]}", "no text"},
	{"{\"sevattest-disk\":1,\"key\":null,\"headers\":[" H1 "]}", "no text"},
	{"{\"sevattest-disk\"", "malformed"},
	{"{\"sevattest-disk\":", "number 1"},
	{"{\"sevattest-disk\":1,\"key\":\"", "no text"},
	{"", "0 bytes"},
};

START_TEST(refuses)
{
	struct luks_disk disk = LUKS_DISK_NULL;
	struct error error = ERROR_NULL;

	ck_assert_int_eq(read_text(bytes_of_text(bad[_i].text), &disk, &error), -EINVAL);
	ck_assert_msg(strstr(error_text(&error), bad[_i].says), "%s: %s", bad[_i].text, error_text(&error));
	ck_assert_msg(!strstr(error_text(&error), "a2V5"), "%s", error_text(&error));
	ck_assert_ptr_null(disk.key.data);
}
END_TEST

/* Nothing but the whole text is a resource. */
START_TEST(cut_off)
{
	size_t whole = strlen(good[1].text);

	for (size_t size = sizeof("{\"sevattest-disk\""); size < whole; size++) {
		struct luks_disk disk = LUKS_DISK_NULL;
		struct error error = ERROR_NULL;

		ck_assert_int_eq(read_text(bytes_of(good[1].text, size), &disk, &error), -EINVAL);
	}
}
END_TEST

START_TEST(plain)
{
	static const char *const keys[] = {"x", "{", "{}", "{\"key\":1}", " sevattest-disk", "\"sevattest-disk\"", "passphrase with \"sevattest-disk\""};
	static uint8_t large[LUKS_DISK_KEY_MAX + 1];
	struct error error = ERROR_NULL;
	struct luks_disk none = LUKS_DISK_NULL;

	for (size_t i = 0; i < ARRAY_SIZE(keys); i++) {
		CLEANUP(luks_disk_deinit) struct luks_disk disk = LUKS_DISK_NULL;

		ck_assert_int_eq(read_text(bytes_of_text(keys[i]), &disk, &error), 0);
		ck_assert(bytes_equal(secret_view(&disk.key), bytes_of_text(keys[i])));
		ck_assert_uint_eq(disk.header_count, 0);
	}
	ck_assert_int_eq(read_text(bytes_of(large, sizeof(large)), &none, &error), -EINVAL);
	ck_assert_int_eq(read_text(bytes_of(large, sizeof(large) - 1), &none, &error), 0);
	luks_disk_deinit(&none);
}
END_TEST

/* Every size of a key, there and back; an independent reader of JSON sees the same. */
START_TEST(writes)
{
	for (size_t size = 1; size <= 70; size++) {
		CLEANUP(luks_disk_deinit) struct luks_disk disk = LUKS_DISK_NULL, again = LUKS_DISK_NULL;
		CLEANUP(secret_deinit) struct secret text = SECRET_NULL;
		struct error error = ERROR_NULL;
		JSON_AUTO document = NULL;

		ck_assert_int_eq(secret_random(&disk.key, size), 0);
		disk.header_count = 1 + size % 2;
		memset(disk.headers[1], 7, SHA256_SIZE);
		ck_assert_int_eq(luks_disk_write(&disk, &text), 0);
		ck_assert_msg(read_text(secret_view(&text), &again, &error) == 0, "%s", error_text(&error));
		ck_assert(bytes_equal(secret_view(&disk.key), secret_view(&again.key)));
		ck_assert(again.header_count == disk.header_count && memcmp(again.headers, disk.headers, disk.header_count * SHA256_SIZE) == 0);
		ck_assert_int_eq(json_read(secret_view(&text), &document, NULL), 0);
		ck_assert_uint_eq(json_object_array_length(json_get_array(document, "headers")), disk.header_count);
	}
}
END_TEST

START_TEST(writes_no_half)
{
	CLEANUP(luks_disk_deinit) struct luks_disk disk = LUKS_DISK_NULL;
	struct secret text = SECRET_NULL;

	disk.header_count = 1;
	ck_assert_int_eq(luks_disk_write(&disk, &text), -EINVAL);
	ck_assert_int_eq(secret_random(&disk.key, LUKS_DISK_KEY_MAX), 0);
	ck_assert_int_eq(luks_disk_write(&disk, &text), 0);
	secret_deinit(&text);
	disk.header_count = 0;
	ck_assert_int_eq(luks_disk_write(&disk, &text), -EINVAL);
	disk.header_count = 3;
	ck_assert_int_eq(luks_disk_write(&disk, &text), -EINVAL);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("luks disk");
	TCase *tcase = tcase_create("luks disk");
	SRunner *runner;
	int failed;

	if (secret_process_init(1 << 20))
		return 1;
	tcase_add_loop_test(tcase, reads, 0, ARRAY_SIZE(good));
	tcase_add_loop_test(tcase, refuses, 0, ARRAY_SIZE(bad));
	tcase_add_test(tcase, cut_off);
	tcase_add_test(tcase, plain);
	tcase_add_test(tcase, writes);
	tcase_add_test(tcase, writes_no_half);
	suite_add_tcase(suite, tcase);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? 1 : 0;
}
