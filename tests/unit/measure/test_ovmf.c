/* SPDX-License-Identifier: Apache-2.0 */
/* Firmware images of the vectors: each malformed one is refused for its reason, each good one is read, and what a good one says is what was put into it. */
#include <check.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/files.h"
#include "base/json.h"
#include "measure/ovmf.h"

#define MALFORMED 45
#define GOOD_MIN 150

static int read_under(const char *name, struct buf *ret)
{
	const char *vectors = getenv("SEVATTEST_VECTORS");
	struct error error = ERROR_NULL;
	char path[4096];

	(void)snprintf(path, sizeof(path), "%s/measure/%s", vectors ? vectors : "", name);
	return file_read(path, (size_t)16 << 20, ret, &error);
}

static struct json_object *read_cases(const char *name)
{
	CLEANUP(buf_deinit) struct buf text = BUF_NULL;
	struct error error = ERROR_NULL;
	struct json_object *rows = NULL;

	ck_assert_int_eq(read_under(name, &text), 0);
	ck_assert_msg(json_read(buf_view(&text), &rows, &error) == 0, "%s", error_text(&error));
	return rows;
}

/* What a launch with these settings would be told. */
static int judge(struct json_object *row, struct bytes image, struct ovmf *ovmf, struct error *error)
{
	uint64_t vcpus = 0;
	int r = ovmf_read(image, ovmf, error);

	(void)json_get_u64(row, "vcpus", 4096, &vcpus);
	if (r == 0)
		r = ovmf_check_vcpus(ovmf, (unsigned)vcpus, error);
	if (r == 0 && json_get_text(row, "kernel", NULL))
		r = ovmf_check_kernel_hashes(ovmf, error);
	return r;
}

START_TEST(malformed)
{
	JSON_AUTO rows = read_cases("malformed.json");
	size_t count = json_object_array_length(rows);

	ck_assert_uint_eq(count, MALFORMED);
	for (size_t i = 0; i < count; i++) {
		struct json_object *row = json_object_array_get_idx(rows, i), *shown;
		const char *name = json_get_text(row, "name", NULL), *expected = json_get_text(row, "expect_error", NULL);
		CLEANUP(buf_deinit) struct buf image = BUF_NULL;
		struct error error = ERROR_NULL;
		static struct ovmf ovmf;
		int r;

		ck_assert_int_eq(read_under(json_get_text(row, "ovmf", NULL), &image), 0);
		r = judge(row, buf_view(&image), &ovmf, &error);
		ck_assert_msg(r > 0, "%s is taken", name);
		ck_assert_msg(strcmp(ovmf_error_name((enum ovmf_error)r), expected) == 0, "%s: %s (%s), expected %s", name, ovmf_error_name((enum ovmf_error)r),
			error_text(&error), expected);
		ck_assert_msg(error_text(&error)[0], "%s is refused without a reason", name);
		shown = ovmf_to_json(&ovmf);
		ck_assert_ptr_nonnull(shown);
		(void)json_object_put(shown);
	}
	printf("%zu malformed images refused, each for its reason\n", count);
}
END_TEST

START_TEST(good)
{
	JSON_AUTO rows = read_cases("cases.json");
	size_t read = 0, absent = 0;

	for (size_t i = 0; i < json_object_array_length(rows); i++) {
		struct json_object *row = json_object_array_get_idx(rows, i);
		CLEANUP(buf_deinit) struct buf image = BUF_NULL;
		struct error error = ERROR_NULL;
		static struct ovmf ovmf;

		/* The large one is packed. */
		if (read_under(json_get_text(row, "ovmf", NULL), &image) != 0) {
			absent++;
			continue;
		}
		ck_assert_msg(judge(row, buf_view(&image), &ovmf, &error) == 0, "%s: %s", json_get_text(row, "name", NULL), error_text(&error));
		ck_assert(ovmf_looks_like(buf_view(&image)));
		read++;
	}
	ck_assert_uint_ge(read, GOOD_MIN);
	printf("%zu good cases read, %zu images are packed\n", read, absent);
}
END_TEST

/* The real layout of an AmdSevX64 build, edk2-stable202405. */
START_TEST(real)
{
	static const struct ovmf_section sections[] = {{0x800000, 0x9000, 1}, {0x80a000, 0x3000, 1}, {0x80d000, 0x1000, 2}, {0x80e000, 0x1000, 3},
		{0x80f000, 0x1000, 4}, {0x810000, 0x1000, 0x10}, {0x811000, 0xf000, 1}};
	CLEANUP(buf_deinit) struct buf image = BUF_NULL;
	struct error error = ERROR_NULL;
	char text[OVMF_GUID_TEXT_MAX];
	static struct ovmf ovmf;

	ck_assert_int_eq(read_under("images/virtee-ovmf-amdsev-suffix.bin", &image), 0);
	ck_assert_msg(ovmf_read(buf_view(&image), &ovmf, &error) == 0, "%s", error_text(&error));
	ck_assert_uint_eq(ovmf.reset_address, 0x0080b004);
	ck_assert_uint_eq(ovmf.section_count, ARRAY_SIZE(sections));
	ck_assert_int_eq(memcmp(ovmf.sections, sections, sizeof(sections)), 0);
	ck_assert(ovmf.has_hash_table && ovmf.hash_table_base == 0x810c00 && ovmf.hash_table_size == 0x400);
	ck_assert_int_eq(ovmf_check_kernel_hashes(&ovmf, &error), 0);
	ck_assert_str_eq(ovmf_guid_name(ovmf.entries[0].guid), "SEV-ES reset block");
	ovmf_guid_text(text, ovmf.entries[0].guid);
	ck_assert_str_eq(text, "00f771de-1a7e-4fcb-890e-68c77e2fb44e");
}
END_TEST

int main(void)
{
	CLEANUP(buf_deinit) struct buf probe = BUF_NULL;
	Suite *suite = suite_create("ovmf");
	TCase *tcase = tcase_create("ovmf");
	SRunner *runner;
	int failed;

	if (read_under("malformed.json", &probe) != 0) {
		printf("SKIP: no vectors in SEVATTEST_VECTORS\n");
		return 77;
	}
	tcase_add_test(tcase, malformed);
	tcase_add_test(tcase, good);
	tcase_add_test(tcase, real);
	suite_add_tcase(suite, tcase);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? 1 : 0;
}
