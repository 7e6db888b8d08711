/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Every check: the cases of checks.json, each a genuine report, a policy, and the check that must fail first (or none). Each row of the
 * table of checks must fail in at least one case and pass in another.
 */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "appraise/check.h"
#include "base/files.h"
#include "base/hooks.h"
#include "cases.h"

#define NAMES_MAX 64

struct names {
	const char *items[NAMES_MAX];
	size_t count;
};

static struct names failed_names, passed_names;
static size_t disabled_count;

static void remember(struct names *names, const char *name)
{
	for (size_t i = 0; i < names->count; i++) {
		if (!strcmp(names->items[i], name))
			return;
	}
	ck_assert_uint_lt(names->count, NAMES_MAX);
	names->items[names->count++] = name;
}

static bool holds(const struct names *names, const char *name)
{
	size_t size = strlen(name);

	/* "guest_policy" stands for its bits. */
	for (size_t i = 0; i < names->count; i++) {
		if (!strncmp(names->items[i], name, size) && (names->items[i][size] == '\0' || names->items[i][size] == '.'))
			return true;
	}
	return false;
}

/* In a build with the test-only switch: without the check that refused, the case passes or fails elsewhere. */
static void run_disabled(const struct policy *policy, const struct claims *claims, const char *name, const char *check)
{
	CLEANUP(verdict_deinit) struct verdict verdict = VERDICT_NULL;
	const char *got;

	hook_disable(check);
	if (hook_disabled(check)) {
		ck_assert_int_eq(appraise(policy, claims, &verdict), 0);
		got = cases_first_failed(&verdict);
		ck_assert_msg(!got || strcmp(got, check) != 0, "%s: %s fails although it is disabled", name, check);
		disabled_count++;
	}
	hook_disable(NULL);
}

static void run_case(struct json_object *row)
{
	const char *name = json_get_text(row, "name", NULL), *expected = json_get_text(row, "first_failed", NULL), *got;
	CLEANUP(verdict_deinit) struct verdict verdict = VERDICT_NULL;
	POLICY_AUTO policy = cases_policy(row);
	static struct claims claims;

	cases_claims(row, &claims);
	ck_assert_int_eq(appraise(policy, &claims, &verdict), 0);
	got = cases_first_failed(&verdict);
	ck_assert_msg(!got == !expected && (!got || !strcmp(got, expected)), "%s: first failed is %s, not %s", name, got ? got : "none",
		expected ? expected : "none");
	ck_assert_int_eq(verdict_exit(&verdict), expected ? EXIT_POLICY : EXIT_YES);
	if (expected)
		run_disabled(policy, &claims, name, expected);
	for (size_t i = 0; i < verdict.count; i++) {
		const struct finding *finding = &verdict.items[i];

		if (finding->class != FINDING_POLICY)
			continue;
		if (finding->state == FINDING_FAILED)
			ck_assert_msg(finding->why != NULL, "%s: %s fails without a reason", name, finding->check);
		remember(finding->state == FINDING_PASSED ? &passed_names : &failed_names, finding->check);
	}
}

START_TEST(cases)
{
	JSON_AUTO rows = cases_read();
	size_t count;

	count = json_object_array_length(rows);
	ck_assert_uint_ge(count, 200);
	for (size_t i = 0; i < count; i++)
		run_case(json_object_array_get_idx(rows, i));
	for (size_t i = 0; i < all_checks_count; i++) {
		const struct check *check = &all_checks[i];

		/* What is not supported never passes. */
		ck_assert_msg(holds(&failed_names, check->name), "no case makes %s fail", check->name);
		if (check->eval != check_unsupported && check->eval != check_pcrs)
			ck_assert_msg(holds(&passed_names, check->name), "no case makes %s pass", check->name);
	}
	printf("%zu cases of %zu checks, %zu of them once more with their check disabled\n", count, all_checks_count, disabled_count);
}
END_TEST

static enum finding_state state_of(const char *json, const struct claims *claims, const char *check)
{
	CLEANUP(verdict_deinit) struct verdict verdict = VERDICT_NULL;
	struct error error = ERROR_NULL;
	POLICY_AUTO policy = NULL;
	const struct finding *finding;

	ck_assert_msg(policy_read(bytes_of_text(json), &policy, &error) == 0, "%s", error_text(&error));
	ck_assert_int_eq(appraise(policy, claims, &verdict), 0);
	finding = verdict_find(&verdict, check);
	return finding ? finding->state : FINDING_NOT_CHECKED;
}

#define HEAD "{\"version\":1,\"name\":\"t\",\"os_identity\":\"unverified\",\"snp\":{\"guest_policy\":{\"debug\":false}"

START_TEST(masked_chip)
{
	static struct claims claims;

	claims = (struct claims){.product = SNP_MILAN, .line = SNP_LINE_MILAN, .signer = SNP_SIGNER_VCEK, .now = CASES_NOW};
	ck_assert_int_eq(state_of(HEAD "}}", &claims, "masked_chip_id"), FINDING_FAILED);
	ck_assert_int_eq(state_of(HEAD ",\"masked_chip_id\":true}}", &claims, "masked_chip_id"), FINDING_NOT_CHECKED);
	claims.signer = SNP_SIGNER_VLEK;
	ck_assert_int_eq(state_of(HEAD "}}", &claims, "masked_chip_id"), FINDING_PASSED);
	claims.signer = SNP_SIGNER_VCEK;
	claims.report.chip_id[63] = 1;
	ck_assert_int_eq(state_of(HEAD "}}", &claims, "masked_chip_id"), FINDING_PASSED);
}
END_TEST

START_TEST(unknown_line)
{
	static struct claims claims;

	claims = (struct claims){.product = SNP_TURIN, .line = SNP_LINE_UNKNOWN, .now = CASES_NOW};
	claims.report.has_cpuid = true;
	ck_assert_int_eq(state_of(HEAD "}}", &claims, "tcb_min"), FINDING_FAILED);
	claims.report.has_cpuid = false;
	claims.product = SNP_PRODUCT_UNKNOWN;
	ck_assert_int_eq(state_of(HEAD "}}", &claims, "tcb_min"), FINDING_FAILED);
}
END_TEST

/* PCR 4 in the quote is all zero, PCR 5 is not in the quote. */
START_TEST(pcrs)
{
	static uint8_t values[CLAIMS_PCRS][32];
	static struct claims claims;
	char text[512];

	claims = (struct claims){.product = SNP_MILAN, .line = SNP_LINE_MILAN, .now = CASES_NOW};
	claims_add_pcrs(&claims, 1u << 4, values);
	(void)snprintf(text, sizeof(text), HEAD "},\"tpm\":{\"bank\":\"sha256\",\"pcrs\":{\"4\":[\"%064d\"]}}}", 0);
	ck_assert_int_eq(state_of(text, &claims, "tpm.pcrs"), FINDING_PASSED);
	(void)snprintf(text, sizeof(text), HEAD "},\"tpm\":{\"bank\":\"sha256\",\"pcrs\":{\"4\":[\"%064d\"]}}}", 1);
	ck_assert_int_eq(state_of(text, &claims, "tpm.pcrs"), FINDING_FAILED);
	(void)snprintf(text, sizeof(text), HEAD "},\"tpm\":{\"bank\":\"sha256\",\"pcrs\":{\"5\":[\"%064d\"]}}}", 0);
	ck_assert_int_eq(state_of(text, &claims, "tpm.pcrs"), FINDING_FAILED);
	ck_assert_int_eq(state_of(HEAD "},\"tpm\":{\"bank\":\"sha256\",\"pcrs\":{}}}", &claims, "tpm.pcrs"), FINDING_FAILED);
	ck_assert_int_eq(state_of(HEAD "},\"tpm\":{\"bank\":\"sha256\",\"pcrs\":{\"4\":[]}}}", &claims, "tpm.pcrs"), FINDING_FAILED);
}
END_TEST

static bool have_vectors(void)
{
	const char *vectors = getenv("SEVATTEST_VECTORS");
	CLEANUP(buf_deinit) struct buf probe = BUF_NULL;
	char path[4096];

	(void)snprintf(path, sizeof(path), "%s/index.json", vectors ? vectors : "");
	return vectors && file_read(path, (size_t)64 << 20, &probe, NULL) == 0;
}

int main(void)
{
	TCase *tcase;
	Suite *suite;
	SRunner *runner;
	int failed;

	if (!have_vectors()) {
		printf("SKIP: no vectors in SEVATTEST_VECTORS\n");
		return 77;
	}
	suite = suite_create("checks");
	tcase = tcase_create("checks");
	tcase_set_timeout(tcase, 60);
	tcase_add_test(tcase, cases);
	tcase_add_test(tcase, masked_chip);
	tcase_add_test(tcase, unknown_line);
	tcase_add_test(tcase, pcrs);
	suite_add_tcase(suite, tcase);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? 1 : 0;
}
