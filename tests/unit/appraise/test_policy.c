/* SPDX-License-Identifier: Apache-2.0 */
/* policy_read() on the documents of policies/: good-* are accepted, bad-* refused for the reason that expected.txt states. */
#include <check.h>
#include <errno.h>
#include <glob.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "appraise/policy.h"
#include "appraise/policy_model.h"
#include "base/files.h"
#include "base/text.h"

static const char *policies(void)
{
	const char *path = getenv("SEVATTEST_TEST_POLICIES");

	ck_assert_msg(path != NULL, "SEVATTEST_TEST_POLICIES is not set");
	return path;
}

static int read_file(const char *path, struct policy **ret, struct error *error)
{
	CLEANUP(buf_deinit) struct buf text = BUF_NULL;

	ck_assert_int_eq(file_read(path, POLICY_TEXT_MAX, &text, error), 0);
	return policy_read(buf_view(&text), ret, error);
}

static struct policy *read_named(const char *name)
{
	struct error error = ERROR_NULL;
	struct policy *policy = NULL;
	char path[4096];

	(void)snprintf(path, sizeof(path), "%s/%s", policies(), name);
	ck_assert_msg(read_file(path, &policy, &error) == 0, "%s: %s", name, error_text(&error));
	return policy;
}

START_TEST(good)
{
	char pattern[4096];
	glob_t files;

	(void)snprintf(pattern, sizeof(pattern), "%s/good-*.json", policies());
	ck_assert_int_eq(glob(pattern, 0, NULL, &files), 0);
	for (size_t i = 0; i < files.gl_pathc; i++) {
		struct error error = ERROR_NULL;
		POLICY_AUTO policy = NULL;

		ck_assert_msg(read_file(files.gl_pathv[i], &policy, &error) == 0, "%s: %s", files.gl_pathv[i], error_text(&error));
		ck_assert_str_eq(policy_name(policy), "p");
	}
	globfree(&files);
}
END_TEST

START_TEST(bad)
{
	char path[4096], line[512];
	size_t count = 0;
	FILE *list;

	(void)snprintf(path, sizeof(path), "%s/expected.txt", policies());
	list = fopen(path, "re");
	ck_assert_ptr_nonnull(list);
	while (fgets(line, sizeof(line), list)) {
		char *why = strchr(line, '\t');
		struct error error = ERROR_NULL;
		struct policy *policy = NULL;
		int r;

		ck_assert_ptr_nonnull(why);
		*why++ = '\0';
		why[strcspn(why, "\n")] = '\0';
		(void)snprintf(path, sizeof(path), "%s/%s", policies(), line);
		r = read_file(path, &policy, &error);
		ck_assert_msg(r == -EINVAL || r == -E2BIG, "%s gives %d", line, r);
		ck_assert_ptr_null(policy);
		ck_assert_msg(strstr(error_text(&error), why), "%s: \"%s\" does not say \"%s\"", line, error_text(&error), why);
		count++;
	}
	ck_assert_int_eq(fclose(list), 0);
	ck_assert_uint_gt(count, 70);
}
END_TEST

START_TEST(everything)
{
	struct policy *policy = read_named("good-everything.json");

	ck_assert_uint_eq(policy->measurement.count, 3);
	ck_assert_uint_eq(policy->guest_svn_min.value, UINT32_MAX);
	ck_assert_int_eq(policy->guest_bits[0], POLICY_FALSE);
	ck_assert_int_eq(policy->guest_bits[5], POLICY_TRUE);
	ck_assert_int_eq(policy->guest_bits[6], POLICY_ANY);
	ck_assert_int_eq(policy->platform_bits[2], POLICY_TRUE);
	ck_assert(policy->abi_min.stated && policy->abi_min.major == 1 && policy->abi_min.minor == 51);
	ck_assert(policy->firmware_min.stated && policy->firmware_min.build == 29);
	ck_assert(!policy->floor_name);
	ck_assert(policy->floors[0].stated && policy->floors[0].min[TCB_SNP] == 24 && policy->floors[0].min[TCB_MICROCODE] == 219);
	ck_assert(policy->floors[1].stated && !policy->floors[2].stated && policy->floors[3].stated);
	ck_assert(policy->floors[6].stated && policy->floors[6].min[TCB_FMC] == 1);
	ck_assert_uint_eq(policy->mitigations_launch.mask, 6);
	ck_assert(policy->mitigations_current.stated && policy->mitigations_current.mask == 0);
	ck_assert_int_eq(policy_revocation(policy, SNP_REVOCATION_OFF), SNP_REVOCATION_REQUIRE);
	ck_assert_uint_eq(policy_pins(policy)->count, 4);
	ck_assert_str_eq(policy_pins(policy)->items[2].label, "lab");
	ck_assert_str_eq(policy_pins(policy)->items[3].label, "sim");
	ck_assert(policy->tpm.pcrs[4].stated && policy->tpm.pcrs[11].stated && !policy->tpm.pcrs[7].stated);
	policy_free(policy);
}
END_TEST

START_TEST(defaults)
{
	struct policy *policy = read_named("good-minimal.json"), *nulls = read_named("good-nulls.json");

	ck_assert_str_eq(policy->floor_name, "entrysign");
	ck_assert_str_eq(nulls->floor_name, "entrysign");
	ck_assert_int_eq(policy_revocation(policy, SNP_REVOCATION_IF_PRESENT), SNP_REVOCATION_IF_PRESENT);
	ck_assert_uint_eq(policy_pins(policy)->count, 0);
	ck_assert(!policy->chip_id.stated && !nulls->chip_id.stated);
	policy_free(policy);
	policy_free(nulls);
}
END_TEST

static size_t warnings_of(const char *name, const char *check)
{
	CLEANUP(verdict_deinit) struct verdict verdict = VERDICT_NULL;
	struct policy *policy = read_named(name);
	const struct finding *finding;

	policy_warnings(policy, &verdict);
	finding = verdict_find(&verdict, check);
	for (size_t i = 0; i < verdict.count; i++)
		ck_assert(verdict.items[i].class == FINDING_ADVICE && verdict.items[i].state == FINDING_FAILED && verdict.items[i].fix);
	policy_free(policy);
	return finding ? 1 : 0;
}

START_TEST(warnings)
{
	ck_assert_uint_eq(warnings_of("good-minimal.json", "warning.chip_id"), 1);
	ck_assert_uint_eq(warnings_of("good-everything.json", "warning.chip_id"), 0);
	ck_assert_uint_eq(warnings_of("good-unverified.json", "warning.os_identity"), 1);
	ck_assert_uint_eq(warnings_of("good-minimal.json", "warning.os_identity"), 0);
	ck_assert_uint_eq(warnings_of("good-warned.json", "warning.measurement"), 1);
	ck_assert_uint_eq(warnings_of("good-warned.json", "warning.guest_svn"), 1);
	ck_assert_uint_eq(warnings_of("good-warned.json", "warning.family_id"), 1);
	ck_assert_uint_eq(warnings_of("good-warned.json", "warning.image_id"), 1);
	ck_assert_uint_eq(warnings_of("good-warned.json", "warning.pcrs"), 1);
	ck_assert_uint_eq(warnings_of("good-everything.json", "warning.guest_svn"), 0);
	ck_assert_uint_eq(warnings_of("good-pcrs.json", "warning.pcrs"), 0);
}
END_TEST

/* A document of `count` measurements; the i-th is i in its last digits. */
static void big_document(struct buf *text, size_t count)
{
	ck_assert_int_eq(buf_append_text(text, "{\"version\":1,\"name\":\"big\",\"os_identity\":\"kernel-hashes\",\"snp\":{"
					       "\"guest_policy\":{\"debug\":false},\"measurement\":["),
		0);
	for (size_t i = 0; i < count; i++)
		ck_assert_int_eq(buf_printf(text, "%s\"%096zx\"", i ? "," : "", i * 2654435761u % 4294967291u), 0);
	ck_assert_int_eq(buf_append_text(text, "]}}"), 0);
}

START_TEST(hundred_thousand)
{
	CLEANUP(buf_deinit) struct buf text = BUF_NULL;
	struct error error = ERROR_NULL;
	POLICY_AUTO policy = NULL;
	uint8_t value[48] = {0};

	big_document(&text, 100000);
	ck_assert_msg(policy_read(buf_view(&text), &policy, &error) == 0, "%s", error_text(&error));
	ck_assert_uint_eq(policy->measurement.count, 100000);
	ck_assert_ptr_nonnull(allow_find(&policy->measurement, value, sizeof(value)));
	value[0] = 1;
	ck_assert_ptr_null(allow_find(&policy->measurement, value, sizeof(value)));
	for (size_t i = 1; i < policy->measurement.count; i++)
		ck_assert_int_lt(memcmp(policy->measurement.entries[i - 1].value, policy->measurement.entries[i].value, 64), 0);
}
END_TEST

#define EIGHT(x) x x x x x x x x
#define CHIP_A EIGHT("1111111111111111")
#define CHIP_B EIGHT("2222222222222222")
#define POLICY_OF(members) "{\"version\":1,\"name\":\"chips\",\"os_identity\":\"unverified\",\"snp\":{\"guest_policy\":{\"debug\":false}" members "}}"

/* Before anything is fetched for a chip: could this policy admit it? */
START_TEST(chips)
{
	static const struct {
		const char *policy;
		bool a, b;
	} rows[] = {{POLICY_OF(""), true, true}, {POLICY_OF(",\"chip_id\":[]"), false, false},
		{POLICY_OF(",\"chip_id\":[\"" CHIP_A "\"]"), true, false}, {POLICY_OF(",\"chip_id_denied\":[\"" CHIP_A "\"]"), false, true},
		{POLICY_OF(",\"chip_id\":[{\"value\":\"" CHIP_A "\",\"not_after\":\"2020-01-01T00:00:00Z\"},\"" CHIP_B "\"]"), false, true},
		{POLICY_OF(",\"chip_id_denied\":[{\"value\":\"" CHIP_A "\",\"not_after\":\"2020-01-01T00:00:00Z\"}]"), true, true}};
	uint8_t a[64], b[64];

	memset(a, 0x11, sizeof(a));
	memset(b, 0x22, sizeof(b));
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct error error = ERROR_NULL;
		POLICY_AUTO policy = NULL;

		ck_assert_msg(policy_read(bytes_of_text(rows[i].policy), &policy, &error) == 0, "%s", error_text(&error));
		ck_assert_str_eq(policy_name(policy), "chips");
		ck_assert_str_eq(policy_os_identity(policy), "unverified");
		ck_assert_msg(policy_may_admit_chip(policy, a, 1780272000) == rows[i].a && policy_may_admit_chip(policy, b, 1780272000) == rows[i].b,
			"row %zu", i);
	}
}
END_TEST

/* Why and since when a chip is denied is said to whoever is refused. */
START_TEST(denied_words)
{
	static const struct {
		const char *entry, *label;
	} rows[] = {{"\"" CHIP_A "\"", NULL}, {"{\"value\":\"" CHIP_A "\",\"reason\":\"stolen\"}", "stolen"},
		{"{\"value\":\"" CHIP_A "\",\"label\":\"stolen\"}", "stolen"},
		{"{\"value\":\"" CHIP_A "\",\"reason\":\"stolen\",\"date\":\"2026-05-01\"}", "stolen (since 2026-05-01)"},
		{"{\"value\":\"" CHIP_A "\",\"date\":\"2026-05-01\"}", "since 2026-05-01"}};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct error error = ERROR_NULL;
		POLICY_AUTO policy = NULL;
		char text[1024];

		(void)snprintf(text, sizeof(text), POLICY_OF(",\"chip_id_denied\":[%s]"), rows[i].entry);
		ck_assert_msg(policy_read(bytes_of_text(text), &policy, &error) == 0, "%s", error_text(&error));
		ck_assert_pstr_eq(policy->chip_id_denied.entries[0].label, rows[i].label);
	}
}
END_TEST

START_TEST(too_large)
{
	static uint8_t spaces[1];
	struct error error = ERROR_NULL;
	struct policy *policy = NULL;

	ck_assert_int_eq(policy_read(bytes_of(spaces, POLICY_TEXT_MAX + 1), &policy, &error), -E2BIG);
	ck_assert_ptr_null(policy);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("policy");
	TCase *tcase = tcase_create("policy");
	SRunner *runner;
	int failed;

	tcase_set_timeout(tcase, 60);
	tcase_add_test(tcase, good);
	tcase_add_test(tcase, bad);
	tcase_add_test(tcase, everything);
	tcase_add_test(tcase, defaults);
	tcase_add_test(tcase, warnings);
	tcase_add_test(tcase, hundred_thousand);
	tcase_add_test(tcase, chips);
	tcase_add_test(tcase, denied_words);
	tcase_add_test(tcase, too_large);
	suite_add_tcase(suite, tcase);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? 1 : 0;
}
