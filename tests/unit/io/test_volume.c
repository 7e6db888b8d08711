/* SPDX-License-Identifier: Apache-2.0 */
/* The files that say which volumes are guarded, and the frames between sevattest-luks and sevattestd: what is refused, one refusal a case. */
#include <check.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/files.h"
#include "io/frame.h"
#include "io/luks_frame.h"
#include "io/volume_conf.h"

#define GOOD "[volume]\nDevice = /dev/disk/by-id/virtio-data\nResource = prod/disk/data\n"
#define DIGITS "000102030405060708090a0b0c0d0e0f101112131415161718191A1B1C1D1E1F"

static char folder[] = "/tmp/test-volume.XXXXXX";

static const char *path_of(const char *name)
{
	static char path[256];

	(void)snprintf(path, sizeof(path), "%s/%s", folder, name);
	return path;
}

static void setup(void)
{
	memcpy(folder, "/tmp/test-volume.XXXXXX", sizeof(folder));
	ck_assert_ptr_nonnull(mkdtemp(folder));
}

static void teardown(void)
{
	for (const char *const *name = (const char *const[]){"data", "data.1", "z", "Z", "data~", ".x", NULL}; *name; name++)
		(void)unlink(path_of(*name));
	(void)rmdir(path_of("pipe"));
	(void)rmdir(folder);
}

static void put(const char *name, mode_t mode)
{
	struct error error = ERROR_NULL;

	ck_assert_int_eq(file_write(path_of(name), bytes_of_text(GOOD), mode, &error), 0);
}

START_TEST(names)
{
	static const char *const good[] = {"a", "data", "my-data_1", "A.b+c", "0", "control1"}, *const bad[] = {"", ".", "..", ".a", "-a", "a/b", "a b", "a\n", "\xc3\xa4", "a:b", "a\\x2db", "control"};
	char longest[VOLUME_NAME_MAX + 2];

	for (size_t i = 0; i < ARRAY_SIZE(good); i++)
		ck_assert_msg(volume_name_valid(good[i]), "%s", good[i]);
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
		ck_assert_msg(!volume_name_valid(bad[i]), "%s", bad[i]);
	memset(longest, 'a', sizeof(longest));
	longest[VOLUME_NAME_MAX + 1] = 0;
	ck_assert(!volume_name_valid(longest));
	longest[VOLUME_NAME_MAX] = 0;
	ck_assert(volume_name_valid(longest));
}
END_TEST

START_TEST(parses)
{
	CLEANUP(volume_conf_deinit) struct volume_conf conf = VOLUME_CONF_NULL, plain = VOLUME_CONF_NULL;
	struct error error = ERROR_NULL;

	ck_assert_msg(volume_conf_parse("x", bytes_of_text(GOOD "KeyCheck = " DIGITS "\n"), &conf, &error) == 0, "%s", error_text(&error));
	ck_assert_str_eq(conf.device, "/dev/disk/by-id/virtio-data");
	ck_assert_str_eq(conf.resource, "prod/disk/data");
	ck_assert(conf.has_key_check);
	for (size_t i = 0; i < sizeof(conf.key_check); i++)
		ck_assert_uint_eq(conf.key_check[i], i);
	ck_assert_int_eq(volume_conf_parse("x", bytes_of_text(GOOD), &plain, &error), 0);
	ck_assert(!plain.has_key_check);
	volume_conf_deinit(&plain);
}
END_TEST

static void refused(const char *text, const char *said)
{
	struct volume_conf conf = VOLUME_CONF_NULL;
	struct error error = ERROR_NULL;

	ck_assert_int_eq(volume_conf_parse("data", bytes_of_text(text), &conf, &error), -EINVAL);
	ck_assert_msg(strstr(error_text(&error), said) != NULL, "\"%s\" does not say \"%s\"", error_text(&error), said);
	ck_assert_ptr_null(conf.device);
}

START_TEST(parse_refusals)
{
	refused("", "Device= is missing");
	refused("[volume]\nResource = a/b/c\n", "Device= is missing");
	refused("[volume]\nDevice = /dev/a\n", "Resource= wants");
	refused("[volume]\nDevice = sda\nResource = a/b/c\n", "absolute path");
	refused("[volume]\nDevice = /dev/../etc/x\nResource = a/b/c\n", "absolute path");
	refused("[volume]\nDevice = /dev//x\nResource = a/b/c\n", "absolute path");
	refused("[volume]\nDevice = /dev/x/\nResource = a/b/c\n", "absolute path");
	refused("[volume]\nDevice = /dev/a b\nResource = a/b/c\n", "absolute path");
	refused("[volume]\nDevice = /dev/disk/by-uuid/1\nResource = a/b/c\n", "by-id");
	refused("[volume]\nDevice = /dev/disk/by-label/x\nResource = a/b/c\n", "by-id");
	refused("[volume]\nDevice = /dev/a\nResource = a b\n", "Resource= wants");
	refused(GOOD "KeyCheck = " DIGITS "00\n", "64 hex digits");
	refused(GOOD "KeyCheck = x\n", "64 hex digits");
	refused(GOOD "Key = x\n", "data:4: unknown key 'Key'");
	refused(GOOD GOOD, "given twice");
	refused("[disk]\nDevice = /dev/a\n", "unknown key");
}
END_TEST

static int read_it(const char *name, const char *said)
{
	struct volume_conf conf = VOLUME_CONF_NULL;
	struct error error = ERROR_NULL;
	int r = volume_conf_read(folder, name, &conf, &error);

	ck_assert((r == 0) == (conf.device != NULL));
	ck_assert_msg(!said || strstr(error_text(&error), said), "\"%s\" does not say \"%s\"", error_text(&error), said);
	volume_conf_deinit(&conf);
	return r;
}

START_TEST(reads)
{
	put("data", 0644);
	ck_assert_int_eq(read_it("data", NULL), 0);
	ck_assert_int_eq(read_it("../data", "no name of a volume"), -EINVAL);
	ck_assert_int_eq(read_it("none", "No such file"), -ENOENT);
	put("data", 0664);
	ck_assert_int_eq(read_it("data", "others may write"), -EPERM);
	put("data", 0646);
	ck_assert_int_eq(read_it("data", "others may write"), -EPERM);
	put("data", 0644);
	ck_assert_int_eq(symlink("data", path_of("z")), 0);
	ck_assert_int_eq(read_it("z", "not a file"), -EINVAL);
	ck_assert_int_eq(mkdir(path_of("pipe"), 0700), 0);
	ck_assert_int_eq(read_it("pipe", "not a file"), -EINVAL);
	if (geteuid() == 0) {
		ck_assert_int_eq(chown(path_of("data"), 1234, 0), 0);
		ck_assert_int_eq(read_it("data", "belongs to user 1234"), -EPERM);
	}
}
END_TEST

START_TEST(lists)
{
	CLEANUP(volume_conf_list_deinit) struct config_list list = {NULL, 0}, none = {NULL, 0};
	struct error error = ERROR_NULL;

	for (const char *const *name = (const char *const[]){"z", "data.1", "Z", "data", "data~", ".x", NULL}; *name; name++)
		put(*name, 0644);
	ck_assert_int_eq(volume_conf_list(folder, &list, &error), 0);
	ck_assert_uint_eq(list.count, 4);
	for (size_t i = 0; i < 4; i++)
		ck_assert_str_eq(list.items[i], ((const char *const[]){"Z", "data", "data.1", "z"})[i]);
	ck_assert_int_eq(volume_conf_list(path_of("none"), &none, &error), 0);
	ck_assert_uint_eq(none.count, 0);
	ck_assert_int_eq(volume_conf_list(path_of("data"), &list, &error), -ENOTDIR);
	ck_assert_uint_eq(list.count, 4); /* untouched */
}
END_TEST

START_TEST(frames)
{
	CLEANUP(buf_deinit) struct buf payload = BUF_NULL;
	struct luks_frame_response response = {.verdict = LUKS_FRAME_OPEN, .copy = LUKS_FRAME_SECONDARY}, got;
	char volume[VOLUME_NAME_MAX + 1];

	ck_assert_int_eq(luks_frame_request_encode(&payload, "my-data_1"), 0);
	ck_assert_int_eq(luks_frame_request_decode(buf_view(&payload), volume), 0);
	ck_assert_str_eq(volume, "my-data_1");
	ck_assert_int_eq(luks_frame_request_encode(&payload, "a/b"), -EINVAL);
	buf_deinit(&payload);
	ck_assert_int_eq(luks_frame_response_encode(&payload, &response), 0);
	ck_assert_uint_eq(payload.size, 4);
	ck_assert_int_eq(luks_frame_response_decode(buf_view(&payload), &got), 0);
	ck_assert_int_eq(got.verdict, LUKS_FRAME_OPEN);
	ck_assert_int_eq(got.copy, LUKS_FRAME_SECONDARY);
	buf_deinit(&payload);
	ck_assert_int_eq(luks_frame_refusal_encode(&payload, "luks.segment", "it says\ncipher_null\x1b", "one\ntwo"), 0);
	ck_assert_int_eq(luks_frame_response_decode(buf_view(&payload), &got), 0);
	ck_assert_int_eq(got.verdict, LUKS_FRAME_REFUSED);
	ck_assert(bytes_equal(got.check, bytes_of_text("luks.segment")));
	ck_assert(bytes_equal(got.reason, bytes_of_text("it says\\x0acipher_null\\x1b")));
	ck_assert(bytes_equal(got.fix, bytes_of_text("one\\x0atwo")));
	for (size_t size = 0; size < 4; size++)
		ck_assert_int_eq(luks_frame_response_decode(bytes_of(payload.data, size), &got), LUKS_FRAME_E_TRUNCATED);
	ck_assert_uint_eq(frame_cap(FRAME_LUKS_RESPONSE), 4 + 4096);
	ck_assert_uint_eq(frame_cap(FRAME_LUKS_REQUEST), VOLUME_NAME_MAX);
}
END_TEST

/* The longest texts still make a frame. */
START_TEST(long_refusal)
{
	CLEANUP(buf_deinit) struct buf payload = BUF_NULL;
	struct luks_frame_response got;
	char text[8192];

	memset(text, '\1', sizeof(text) - 1);
	text[sizeof(text) - 1] = 0;
	ck_assert_int_eq(luks_frame_refusal_encode(&payload, text, text, text), 0);
	ck_assert_uint_le(payload.size, LUKS_FRAME_RESPONSE_MAX);
	ck_assert_int_eq(luks_frame_response_decode(buf_view(&payload), &got), 0);
}
END_TEST

static int decode(const char *data, size_t size)
{
	struct luks_frame_response got;

	return luks_frame_response_decode(bytes_of(data, size), &got);
}
#define DECODE(text) decode(text, sizeof(text) - 1)

START_TEST(frame_refusals)
{
	char volume[VOLUME_NAME_MAX + 1], big[LUKS_FRAME_RESPONSE_MAX + 1] = "\1\0\0\0c\nr\n";

	ck_assert_int_eq(luks_frame_request_decode(bytes_of_text(""), volume), LUKS_FRAME_E_TRUNCATED);
	ck_assert_int_eq(luks_frame_request_decode(bytes_of("a\0b", 3), volume), LUKS_FRAME_E_NAME);
	ck_assert_int_eq(luks_frame_request_decode(bytes_of_text("a/b"), volume), LUKS_FRAME_E_NAME);
	ck_assert_int_eq(luks_frame_request_decode(bytes_of(big, VOLUME_NAME_MAX + 1), volume), LUKS_FRAME_E_NAME);
	ck_assert_int_eq(DECODE("\1\0\0\0c\nr\n"), 0);
	ck_assert_int_eq(DECODE("\2\0\0\0"), LUKS_FRAME_E_VERDICT);
	ck_assert_int_eq(DECODE("\0\2\0\0"), LUKS_FRAME_E_VERDICT);
	ck_assert_int_eq(DECODE("\1\1\0\0c\nr\n"), LUKS_FRAME_E_VERDICT);
	ck_assert_int_eq(DECODE("\0\0\1\0"), LUKS_FRAME_E_RESERVED);
	ck_assert_int_eq(DECODE("\0\0\0\1"), LUKS_FRAME_E_RESERVED);
	ck_assert_int_eq(DECODE("\0\0\0\0c\nr\n"), LUKS_FRAME_E_TEXT); /* open, and a reason not to */
	ck_assert_int_eq(DECODE("\1\0\0\0c\nr"), LUKS_FRAME_E_TEXT);
	ck_assert_int_eq(DECODE("\1\0\0\0\nr\n"), LUKS_FRAME_E_TEXT);
	ck_assert_int_eq(DECODE("\1\0\0\0c\n\n"), LUKS_FRAME_E_TEXT);
	ck_assert_int_eq(DECODE("\1\0\0\0c\nr\x1b\n"), LUKS_FRAME_E_TEXT);
	ck_assert_int_eq(DECODE("\1\0\0\0c\nr\n\xff"), LUKS_FRAME_E_TEXT);
	memset(big + 8, 'f', sizeof(big) - 8);
	ck_assert_int_eq(decode(big, sizeof(big)), LUKS_FRAME_E_SIZE);
	ck_assert_int_eq(decode(big, sizeof(big) - 1), 0);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("volume");
	TCase *conf = tcase_create("conf"), *frame = tcase_create("frame");
	SRunner *runner;
	int failed;

	tcase_add_checked_fixture(conf, setup, teardown);
	tcase_add_test(conf, names);
	tcase_add_test(conf, parses);
	tcase_add_test(conf, parse_refusals);
	tcase_add_test(conf, reads);
	tcase_add_test(conf, lists);
	tcase_add_test(frame, frames);
	tcase_add_test(frame, long_refusal);
	tcase_add_test(frame, frame_refusals);
	suite_add_tcase(suite, conf);
	suite_add_tcase(suite, frame);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
