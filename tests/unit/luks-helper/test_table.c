/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The kernel's answer about a mapping, made by hand in the form that linux/dm-ioctl.h describes, against a header: each check with a table in which exactly that one
 * fails. The real kernel is asked in tests/vm.
 */
#include <check.h>
#include <errno.h>
#include <linux/dm-ioctl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "luks-helper/table.h"

#define UUID "6f1b3c1e-0a2d-4d6c-9a53-0f8b2f7e9d01"
#define DM_UUID "CRYPT-LUKS2-6f1b3c1e0a2d4d6c9a530f8b2f7e9d01-data"
#define SECTORS 65536 /* 32 MiB */
#define LINE "aes-xts-plain64 :64:logon:cryptsetup:" UUID "-d0 0 7:3 32768"
#define SEGMENT "\"type\":\"crypt\",\"offset\":\"16777216\",\"size\":\"dynamic\",\"iv_tweak\":\"0\",\"encryption\":\"aes-xts-plain64\",\"sector_size\":512"
#define HEADER(segments, slots) "{\"segments\":{" segments "},\"keyslots\":{" slots "}}"
#define SLOT "\"0\":{\"key_size\":64}"
#define GOOD HEADER("\"0\":{" SEGMENT "}", SLOT)

/* What one test changes. */
struct made {
	uint32_t flags, count;
	uint64_t start, length;
	const char *uuid, *type, *line, *header;
};

static const struct made good = {DM_ACTIVE_PRESENT_FLAG, 1, 0, SECTORS - 32768, DM_UUID, "crypt", LINE, GOOD};

/* As the kernel writes it; 16 KiB as the request offers. */
static size_t make_answer(const struct made *made, uint8_t to[static 16384])
{
	struct dm_target_spec target = {.sector_start = made->start, .length = made->length};
	struct dm_ioctl head = {.version = {4, 47, 0}, .data_start = sizeof(head), .target_count = made->count, .flags = made->flags};
	size_t size = sizeof(head) + sizeof(target) + strlen(made->line) + 1;

	head.data_size = (uint32_t)size;
	(void)snprintf(head.name, sizeof(head.name), "data");
	(void)snprintf(head.uuid, sizeof(head.uuid), "%s", made->uuid);
	memcpy(target.target_type, made->type, strlen(made->type));
	memcpy(to, &head, sizeof(head));
	memcpy(to + sizeof(head), &target, sizeof(target));
	memcpy(to + sizeof(head) + sizeof(target), made->line, strlen(made->line) + 1);
	return size;
}

static int compare(const struct made *made, struct verdict *verdict)
{
	struct luks_header header = {.size = 16384};
	struct table_expected expected = {.volume = "data", .header = &header, .major = 7, .minor = 3, .device_sectors = SECTORS};
	static uint8_t answer[16384];
	struct error error = ERROR_NULL;
	struct dm_table table;
	int r;

	memcpy(header.uuid, UUID, sizeof(UUID));
	ck_assert_msg(json_read(bytes_of_text(made->header), &header.metadata, &error) == 0, "%s", error_text(&error));
	ck_assert_int_eq(dm_decode(bytes_of(answer, make_answer(made, answer)), &table), 0);
	r = table_compare(&table, &expected, verdict);
	luks_header_deinit(&header);
	return r;
}

static void fails(const struct made *made, const char *check, const char *expected, const char *actual)
{
	CLEANUP(verdict_deinit) struct verdict verdict = VERDICT_NULL;
	size_t failed = 0;

	ck_assert_int_eq(compare(made, &verdict), TABLE_E_DIFFERS);
	for (size_t i = 0; i < verdict.count; i++) {
		const struct finding *finding = &verdict.items[i];

		if (finding->state == FINDING_PASSED)
			continue;
		failed++;
		ck_assert_str_eq(finding->check, check);
		if (expected)
			ck_assert_str_eq(finding->expected, expected);
		if (actual)
			ck_assert_str_eq(finding->actual, actual);
	}
	ck_assert_uint_eq(failed, 1);
}

static void passes(const struct made *made)
{
	CLEANUP(verdict_deinit) struct verdict verdict = VERDICT_NULL;

	ck_assert_msg(compare(made, &verdict) == 0, "%s failed", verdict_first_failed(&verdict) ? verdict_first_failed(&verdict)->check : "?");
	ck_assert_uint_eq(verdict.count, 13);
}

START_TEST(good_tables)
{
	struct made made = good;

	passes(&made);
	made.line = LINE " 3 allow_discards no_read_workqueue no_write_workqueue";
	passes(&made);
	made.line = "aes-xts-plain64 "
		    "00000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000 0 7:3 32768";
	passes(&made);
	made.line = LINE " 1 sector_size:4096";
	made.header = HEADER("\"0\":{\"type\":\"crypt\",\"offset\":\"16777216\",\"size\":\"dynamic\",\"iv_tweak\":\"0\",\"encryption\":\"aes-xts-plain64\","
			     "\"sector_size\":4096}", SLOT);
	passes(&made);
	made = good;
	made.header = HEADER("\"0\":{\"type\":\"crypt\",\"offset\":\"16777216\",\"size\":\"1048576\",\"iv_tweak\":\"0\",\"encryption\":\"aes-xts-plain64\","
			     "\"sector_size\":512}", SLOT ",\"1\":{\"key_size\":64}");
	made.length = 2048;
	passes(&made);
}
END_TEST

#define CASE(member, value, check, expected, actual) {struct made made = good; made.member = value; fails(&made, check, expected, actual);}

START_TEST(each_alone)
{
	CASE(flags, DM_ACTIVE_PRESENT_FLAG | DM_SUSPEND_FLAG, "table.state", "live", "suspended")
	CASE(flags, DM_ACTIVE_PRESENT_FLAG | DM_INTERNAL_SUSPEND_FLAG, "table.state", "live", "suspended")
	CASE(flags, DM_ACTIVE_PRESENT_FLAG | DM_INACTIVE_PRESENT_FLAG, "table.state", "live", "live, with a second table that waits")
	CASE(flags, 0, "table.state", "live", "no table")
	CASE(count, 2, "table.targets", "1", "2")
	CASE(uuid, "CRYPT-LUKS2-6f1b3c1e0a2d4d6c9a530f8b2f7e9d02-data", "table.uuid", DM_UUID, NULL)
	CASE(uuid, "CRYPT-PLAIN-data", "table.uuid", NULL, "CRYPT-PLAIN-data")
	CASE(uuid, "", "table.uuid", NULL, "")
	CASE(type, "linear", "table.target", "crypt", "linear")
	CASE(start, 8, "table.start", "0", "8")
	CASE(length, SECTORS - 32769, "table.length", "32768", "32767")
	CASE(line, "cipher_null-ecb :64:logon:x 0 7:3 32768", "table.cipher", "aes-xts-plain64", "cipher_null-ecb")
	CASE(line, "aes-xts-plain64 :32:logon:x 0 7:3 32768", "table.key_size", "64", "32")
	CASE(line, "aes-xts-plain64 - 0 7:3 32768", "table.key_size", "64", "0")
	CASE(line, "aes-xts-plain64 0011 0 7:3 32768", "table.key_size", "64", "2")
	CASE(line, "aes-xts-plain64 :64:logon:x 8 7:3 32768", "table.iv_offset", "0", "8")
	CASE(line, "aes-xts-plain64 :64:logon:x 0 7:4 32768", "table.device", "7:3", "7:4")
	CASE(line, "aes-xts-plain64 :64:logon:x 0 /dev/sda 32768", "table.device", "7:3", "/dev/sda")
	CASE(line, "aes-xts-plain64 :64:logon:x 0 7:3 32760", "table.offset", "32768", "32760")
	CASE(line, LINE " 1 sector_size:4096", "table.sector_size", "512", "4096")
	CASE(line, LINE " 1 iv_large_sectors", "table.options", NULL, "iv_large_sectors")
	CASE(line, LINE " 2 allow_discards integrity:28:aead", "table.options", NULL, "integrity:28:aead")
}
END_TEST

START_TEST(forms)
{
	static const char *const bad[] = {"", "aes-xts-plain64", "aes-xts-plain64 :64:logon:x 0 7:3", LINE " 2 allow_discards",
		LINE " 1 allow_discards same_cpu_crypt", LINE " x", "aes-xts-plain64 :64 0 7:3 32768", "aes-xts-plain64 zz 0 7:3 32768", "aes-xts-plain64 :64:k -1 7:3 32768",
		"aes-xts-plain64  :64:k 0 7:3 32768", LINE " 18446744073709551616"};

	for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
		CASE(line, bad[i], "table.form", NULL, NULL)
}
END_TEST

START_TEST(headers)
{
	static const char *const bad[] = {"{}", HEADER("", SLOT), HEADER("\"1\":{" SEGMENT "}", SLOT), HEADER("\"0\":{" SEGMENT "},\"1\":{" SEGMENT "}", SLOT),
		HEADER("\"0\":{" SEGMENT "}", ""), HEADER("\"0\":{" SEGMENT "}", SLOT ",\"1\":{\"key_size\":32}"), HEADER("\"0\":{" SEGMENT "}", "\"0\":{}"),
		HEADER("\"0\":{\"offset\":\"1\"}", SLOT),
		HEADER("\"0\":{\"offset\":\"16777216\",\"size\":\"all\",\"iv_tweak\":\"0\",\"encryption\":\"aes-xts-plain64\",\"sector_size\":512}", SLOT)};

	for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
		CASE(header, bad[i], "table.header", NULL, NULL)
}
END_TEST

/* The key is never in what is said, in whatever form the kernel tells it. */
START_TEST(no_key_shown)
{
	CLEANUP(verdict_deinit) struct verdict verdict = VERDICT_NULL;
	struct made made = good;

	made.line = "aes-xts-plain64 5ec2e75ec2e75ec2e75ec2e75ec2e75e 0 7:3 1 1 sector_size:1";
	ck_assert_int_eq(compare(&made, &verdict), TABLE_E_DIFFERS);
	for (size_t i = 0; i < verdict.count; i++) {
		const struct finding *finding = &verdict.items[i];

		ck_assert(!finding->actual || !strstr(finding->actual, "5ec2e7"));
		ck_assert(!finding->expected || !strstr(finding->expected, "5ec2e7"));
		ck_assert(!finding->why || !strstr(finding->why, "5ec2e7"));
	}
}
END_TEST

/* Without a target there is nothing to compare, and that is no yes. */
START_TEST(no_target)
{
	CLEANUP(verdict_deinit) struct verdict verdict = VERDICT_NULL;
	struct made made = good;

	made.count = 0;
	ck_assert_int_eq(compare(&made, &verdict), TABLE_E_DIFFERS);
	ck_assert_str_eq(verdict_first_failed(&verdict)->check, "table.targets");
}
END_TEST

START_TEST(answers)
{
	static uint8_t answer[16384];
	size_t size = make_answer(&good, answer), head = sizeof(struct dm_ioctl);
	struct dm_table table;
	struct dm_ioctl changed;

	for (size_t i = 0; i < size; i++)
		ck_assert_int_eq(dm_decode(bytes_of(answer, i), &table), DM_E_TRUNCATED);
	ck_assert_int_eq(dm_decode(bytes_of(answer, sizeof(answer)), &table), 0); /* the buffer may be larger than the answer */
	ck_assert(bytes_equal(table.parameters, bytes_of_text(LINE)));
	memcpy(&changed, answer, head);
	changed.flags |= DM_BUFFER_FULL_FLAG;
	memcpy(answer, &changed, head);
	ck_assert_int_eq(dm_decode(bytes_of(answer, size), &table), DM_E_FULL);
	changed.flags = DM_ACTIVE_PRESENT_FLAG;
	changed.data_start = changed.data_size + 1;
	memcpy(answer, &changed, head);
	ck_assert_int_eq(dm_decode(bytes_of(answer, size), &table), DM_E_TRUNCATED);
	changed.data_start = 8;
	memcpy(answer, &changed, head);
	ck_assert_int_eq(dm_decode(bytes_of(answer, size), &table), DM_E_TRUNCATED);
	changed.data_start = changed.data_size - 8;
	memcpy(answer, &changed, head);
	ck_assert_int_eq(dm_decode(bytes_of(answer, size), &table), DM_E_TRUNCATED);
	(void)make_answer(&good, answer);
	answer[size - 1] = 'x'; /* the parameters have no end */
	ck_assert_int_eq(dm_decode(bytes_of(answer, size), &table), DM_E_FORM);
	(void)make_answer(&good, answer);
	memset(answer + offsetof(struct dm_ioctl, uuid), 'u', DM_UUID_LEN);
	ck_assert_int_eq(dm_decode(bytes_of(answer, size), &table), DM_E_FORM);
	(void)make_answer(&good, answer);
	memset(answer + head + offsetof(struct dm_target_spec, target_type), 't', DM_MAX_TYPE_NAME);
	ck_assert_int_eq(dm_decode(bytes_of(answer, size), &table), DM_E_FORM);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("table");
	TCase *tests = tcase_create("table");
	SRunner *runner;
	int failed;

	tcase_add_test(tests, good_tables);
	tcase_add_test(tests, each_alone);
	tcase_add_test(tests, forms);
	tcase_add_test(tests, headers);
	tcase_add_test(tests, no_key_shown);
	tcase_add_test(tests, no_target);
	tcase_add_test(tests, answers);
	suite_add_tcase(suite, tests);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
