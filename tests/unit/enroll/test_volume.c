/* SPDX-License-Identifier: Apache-2.0 */
/* The four writes on an image file: what each changes, what it leaves alone, and that nobody can come in between unseen. */
#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "enroll/slots.h"
#include "enroll/volume.h"

#define DEVICE_SIZE ((uint64_t)64 << 20)

static struct bytes first = {(const uint8_t *)"the first key, 32 bytes long ...", 32};
static struct bytes second = {(const uint8_t *)"another key, also 32 bytes ... .", 32};

static char path[] = "/tmp/sevattest-volume-XXXXXX";
static struct buf before = BUF_NULL, after = BUF_NULL; /* with one slot, with two */
static struct luks_header header = LUKS_HEADER_NULL;   /* of `after` */

static void setup(void)
{
	SLOTS_AUTO slots = NULL;
	struct error error = ERROR_NULL;
	int slot, fd;

	ck_assert_msg(!slots_format(DEVICE_SIZE, 512, NULL, first, &slots, &error), "%s", error_text(&error));
	ck_assert_int_eq(slots_area(slots, VOLUME_AREA_MAX, &before, &error), 0);
	ck_assert_int_eq(slots_add(slots, first, second, true, &slot, &error), 0);
	ck_assert_int_eq(slots_area(slots, VOLUME_AREA_MAX, &after, &error), 0);
	ck_assert_int_eq(luks_header_read(buf_view(&after), LUKS_PRIMARY, &header, &error), 0);
	fd = mkstemp(path);
	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(ftruncate(fd, (off_t)DEVICE_SIZE), 0);
	ck_assert_int_eq(pwrite(fd, before.data, before.size, 0), (ssize_t)before.size);
	ck_assert_int_eq(close(fd), 0);
}

static void teardown(void)
{
	(void)unlink(path);
	memcpy(path + sizeof(path) - 7, "XXXXXX", 6);
	buf_deinit(&before);
	buf_deinit(&after);
	luks_header_deinit(&header);
}

/* Does the device have `a` from `from` up to `to`? */
static bool holds(const struct volume *volume, const struct buf *a, size_t from, size_t to)
{
	CLEANUP(buf_deinit) struct buf now = BUF_NULL;

	ck_assert_int_eq(volume_read(volume, &now, NULL), 0);
	ck_assert_uint_eq(now.size, VOLUME_AREA_MAX);
	return !memcmp(now.data + from, a->data + from, to - from);
}

START_TEST(order)
{
	CLEANUP(volume_close) struct volume volume = VOLUME_NULL;
	struct error error = ERROR_NULL;
	struct volume_image image = {buf_view(&after), &header};
	size_t size = (size_t)header.size;

	ck_assert_msg(!volume_open(path, true, false, &volume, &error), "%s", error_text(&error));
	ck_assert_uint_eq(volume.size, DEVICE_SIZE);
	ck_assert_int_eq(volume_unchanged(&volume, buf_view(&before), &error), 0);
	/* No slot is named: nothing is written. */
	ck_assert_int_eq(volume_write_slots(&volume, &image, 0, &error), 0);
	ck_assert(holds(&volume, &before, 0, VOLUME_AREA_MAX));
	ck_assert_int_eq(volume_write_slots(&volume, &image, 2, &error), 0);
	ck_assert(holds(&volume, &before, 0, 2 * size));
	ck_assert(holds(&volume, &after, 2 * size, VOLUME_AREA_MAX));
	ck_assert_int_eq(volume_write_copy(&volume, LUKS_SECONDARY, &image, &error), 0);
	ck_assert(holds(&volume, &before, 0, size));
	ck_assert(holds(&volume, &after, size, VOLUME_AREA_MAX));
	ck_assert_int_eq(volume_write_copy(&volume, LUKS_PRIMARY, &image, &error), 0);
	ck_assert(holds(&volume, &after, 0, VOLUME_AREA_MAX));
	ck_assert_int_eq(volume_unchanged(&volume, buf_view(&before), &error), VOLUME_E_CHANGED);
}
END_TEST

START_TEST(rest)
{
	CLEANUP(volume_close) struct volume volume = VOLUME_NULL;
	struct volume_image image = {buf_view(&after), &header};

	ck_assert_int_eq(volume_open(path, true, false, &volume, NULL), 0);
	ck_assert_int_eq(volume_write_rest(&volume, &image, NULL), 0);
	ck_assert(holds(&volume, &after, 0, VOLUME_AREA_MAX));
}
END_TEST

START_TEST(locked)
{
	CLEANUP(volume_close) struct volume volume = VOLUME_NULL;
	struct volume other = VOLUME_NULL;

	ck_assert_int_eq(volume_open(path, false, false, &volume, NULL), 0);
	ck_assert_int_eq(volume_open(path, true, false, &other, NULL), VOLUME_E_BUSY);
	volume_close(&volume);
	ck_assert_int_eq(volume_open(path, true, false, &other, NULL), 0);
	volume_close(&other);
}
END_TEST

START_TEST(kinds)
{
	struct volume volume = VOLUME_NULL;

	ck_assert_int_eq(volume_open("/dev/null", false, false, &volume, NULL), VOLUME_E_KIND);
	ck_assert_int_eq(volume_open("/nonexistent", false, false, &volume, NULL), -ENOENT);
	ck_assert_int_eq(truncate(path, 1000), 0);
	ck_assert_int_eq(volume_open(path, false, false, &volume, NULL), VOLUME_E_KIND);
}
END_TEST

/* A file that is shorter than the header area is read as far as it goes, and never written past its end. */
START_TEST(small)
{
	CLEANUP(volume_close) struct volume volume = VOLUME_NULL;
	CLEANUP(buf_deinit) struct buf now = BUF_NULL;
	struct volume_image image = {buf_view(&after), &header};

	ck_assert_int_eq(truncate(path, 1 << 20), 0);
	ck_assert_int_eq(volume_open(path, true, false, &volume, NULL), 0);
	ck_assert_int_eq(volume_read(&volume, &now, NULL), 0);
	ck_assert_uint_eq(now.size, 1 << 20);
	ck_assert_int_eq(volume_write_rest(&volume, &image, NULL), -EINVAL);
	ck_assert_int_eq(volume_unchanged(&volume, buf_view(&now), NULL), 0);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("enroll/volume");
	TCase *tests = tcase_create("volume");
	SRunner *runner;
	int failed;

	tcase_set_timeout(tests, 240);
	tcase_add_checked_fixture(tests, setup, teardown);
	tcase_add_test(tests, order);
	tcase_add_test(tests, rest);
	tcase_add_test(tests, locked);
	tcase_add_test(tests, kinds);
	tcase_add_test(tests, small);
	suite_add_tcase(suite, tests);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
