/* SPDX-License-Identifier: Apache-2.0 */
/* Words: every bit of the guest policy and of PLATFORM_INFO changes the meaning of its own line and of no other; so does every part of each TCB. */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "appraise/check.h"
#include "appraise/explain.h"

#define POLICY_GOOD 0x30000

static struct snp_report report_of(uint64_t policy, uint64_t platform)
{
	struct snp_report report = {.version = 5, .has_cpuid = true, .has_mit_vectors = true, .policy = policy, .platform_info = platform};

	report.product = SNP_MILAN;
	report.cpuid_family = 0x19;
	report.cpuid_model = 1;
	return report;
}

/* The one line that differs, or NULL; more than one fails. */
static const char *differs(struct json_object *a, struct json_object *b)
{
	const char *found = NULL;

	ck_assert_uint_eq(json_object_array_length(a), json_object_array_length(b));
	for (size_t i = 0; i < json_object_array_length(a); i++) {
		struct json_object *x = json_object_array_get_idx(a, i), *y = json_object_array_get_idx(b, i);

		if (json_object_equal(x, y))
			continue;
		ck_assert_ptr_null(found);
		ck_assert(strcmp(json_get_text(x, "value", NULL), json_get_text(y, "value", NULL)) != 0);
		found = json_get_text(x, "field", NULL);
	}
	return found;
}

static void expect_one(const struct snp_report *changed, const char *field)
{
	struct snp_report start = report_of(POLICY_GOOD, 0);
	JSON_AUTO a = explain_report(&start);
	JSON_AUTO b = explain_report(changed);
	const char *found;

	ck_assert(a && b);
	found = differs(a, b);
	ck_assert_msg(found && strcmp(found, field) == 0, "%s changes %s", field, found ? found : "nothing");
}

START_TEST(bits)
{
	struct snp_report report;

	for (size_t i = 0; i < POLICY_GUEST_BITS; i++) {
		report = report_of(POLICY_GOOD ^ UINT64_C(1) << policy_guest_bits[i].bit, 0);
		expect_one(&report, policy_guest_bits[i].check);
	}
	for (size_t i = 0; i < POLICY_PLATFORM_BITS; i++) {
		report = report_of(POLICY_GOOD, UINT64_C(1) << policy_platform_bits[i].bit);
		expect_one(&report, policy_platform_bits[i].check);
	}
	report = report_of(POLICY_GOOD + 0x136, 0);
	expect_one(&report, "guest_policy.abi");
}
END_TEST

START_TEST(parts)
{
	struct snp_report report = report_of(POLICY_GOOD, 0);

	report.reported_tcb.microcode = report.current_tcb.microcode = report.committed_tcb.microcode = 0;
	report.launch_mit_vector = 5;
	expect_one(&report, "launch_mit_vector");
	report = report_of(POLICY_GOOD, 0);
	report.vmpl = 1;
	expect_one(&report, "vmpl");
	report = report_of(POLICY_GOOD, 0);
	report.chip_id[0] = 1;
	expect_one(&report, "chip_id");
	report = report_of(POLICY_GOOD, 0);
	report.cpuid_model = 0x11;
	expect_one(&report, "cpuid");
}
END_TEST

static bool says(struct json_object *lines, const char *field, const char *value)
{
	for (size_t i = 0; i < json_object_array_length(lines); i++) {
		struct json_object *line = json_object_array_get_idx(lines, i);

		if (strcmp(json_get_text(line, "field", NULL), field) == 0)
			return strcmp(json_get_text(line, "value", NULL), value) == 0;
	}
	return false;
}

/* What is reserved, unknown or too old to tell is said so. */
START_TEST(edges)
{
	struct snp_report report = report_of(UINT64_C(1) << 40, UINT64_C(1) << 63);
	JSON_AUTO strange = explain_report(&report);
	JSON_AUTO old = NULL;

	ck_assert(says(strange, "guest_policy.reserved", "0") && says(strange, "guest_policy.unknown", "0x10000000000"));
	ck_assert(says(strange, "platform_info.unknown", "0x8000000000000000"));
	report = (struct snp_report){.version = 2, .policy = POLICY_GOOD};
	report.reported_tcb = (struct snp_tcb){.snp = 24, .microcode = 219, .raw = {[6] = 24, [7] = 219}};
	old = explain_report(&report);
	ck_assert(says(old, "platform_info.alias_check_complete", "-") && says(old, "current_mit_vector", "-") && says(old, "reported_tcb.microcode", "219"));
	ck_assert(says(old, "reported_tcb", "not as current") && says(old, "launch_tcb", "as current"));
	for (unsigned signer = 0; signer < 8; signer++) {
		JSON_AUTO lines = NULL;
		char value[4];

		report.key_info = signer << 2;
		lines = explain_report(&report);
		(void)snprintf(value, sizeof(value), "%u", signer);
		ck_assert(says(lines, "signer_info.signing_key", value));
	}
}
END_TEST

START_TEST(policy)
{
	static const char text[] = "{\"version\":1,\"name\":\"t\",\"os_identity\":\"unverified\",\"snp\":{\"guest_policy\":{\"debug\":false,\"smt\":true},\"products\":[],"
				   "\"platform_info\":{\"ecc\":true}}}";
	static const char *const expected[] = {"products", "masked_chip_id", "guest_policy.debug", "guest_policy.smt", "platform_info.ecc", "tcb_min"};
	struct error error = ERROR_NULL;
	POLICY_AUTO read = NULL;
	JSON_AUTO lines = NULL;

	ck_assert_msg(policy_read(bytes_of_text(text), &read, &error) == 0, "%s", error_text(&error));
	lines = explain_policy(read);
	ck_assert_uint_eq(json_object_array_length(lines), ARRAY_SIZE(expected));
	for (size_t i = 0; i < ARRAY_SIZE(expected); i++)
		ck_assert_str_eq(json_get_text(json_object_array_get_idx(lines, i), "check", NULL), expected[i]);
	ck_assert_str_eq(json_get_text(json_object_array_get_idx(lines, 3), "demands", NULL), "SMT is allowed on the host");
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("explain");
	TCase *tcase = tcase_create("explain");
	SRunner *runner;
	int failed;

	tcase_add_test(tcase, bits);
	tcase_add_test(tcase, parts);
	tcase_add_test(tcase, edges);
	tcase_add_test(tcase, policy);
	suite_add_tcase(suite, tcase);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? 1 : 0;
}
