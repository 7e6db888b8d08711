/* SPDX-License-Identifier: Apache-2.0 */
/*
 * All reports, certificate tables, controls and ambiguous objects of the vectors. How many there are of each is stated here and counted: a
 * loop that ran over fewer has failed.
 *
 * Our answers to the ambiguous ones: s replaced by n-s is accepted, as ECDSA does (report bytes are never an identity); a hwID inside an
 * OCTET STRING of exactly its length is accepted, AMD has issued such; a VEK's common name is never looked at, so a wrong one is accepted;
 * an INTEGER that is not minimal is refused (exact DER); a VLEK issued by the ASK is refused (the intermediate's kind must fit the signer).
 */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "vectors.h"

#define REPORTS 42
#define REPORTS_THAT_VERIFY 32
#define HOSTILE_REPORTS 218
#define HOSTILE_POLICY 18 /* genuine evidence that a policy or --report-data refuses: exit 4 */
#define HOSTILE_TABLES 16
#define CONTROLS 4
#define AMBIGUOUS 5

static bool is(struct json_object *entry, const char *kind, const char *type)
{
	const char *its_type = vectors_text(entry, "type");

	return strcmp(vectors_text(entry, "kind"), kind) == 0 && (type ? its_type && strcmp(its_type, type) == 0 : true);
}

/* Runs and says the first finding that failed, or "yes". */
static const char *outcome(const struct vector_case *c, struct snp_verified *verified, struct verdict *verdict)
{
	const struct finding *failed;

	ck_assert_int_eq(snp_verify(&c->input, verified, verdict), 0);
	if (verdict_ok(verdict)) {
		ck_assert_int_eq(verdict_exit(verdict), EXIT_YES);
		return "yes";
	}
	ck_assert_int_eq(verdict_exit(verdict), EXIT_EVIDENCE);
	failed = verdict_first_failed(verdict);
	ck_assert_ptr_nonnull(failed);
	return failed->check;
}

static const char *run(struct json_object *entry)
{
	CLEANUP(verdict_deinit) struct verdict verdict = VERDICT_NULL;
	CLEANUP(vector_case_deinit) struct vector_case c;
	struct snp_verified verified;

	vector_case_init(&c, entry);
	return outcome(&c, &verified, &verdict);
}

static void compare_decoded(struct json_object *entry, const struct snp_report *report)
{
	JSON_AUTO ours = snp_report_to_json(report);
	struct json_object *theirs = json_get_object(entry, "decoded");

	ck_assert_ptr_nonnull(ours);
	json_object_object_foreach (theirs, member, value) {
		struct json_object *mine = NULL;

		ck_assert_msg(json_object_object_get_ex(ours, member, &mine), "%s: no %s", vectors_text(entry, "file"), member);
		ck_assert_msg(json_object_equal(mine, value), "%s: %s is %s, not %s", vectors_text(entry, "file"), member,
			json_object_to_json_string(mine), json_object_to_json_string(value));
	}
	ck_assert_int_eq(json_object_object_length(ours), json_object_object_length(theirs));
}

static void compare_vek(struct json_object *entry, const struct snp_vek *vek)
{
	static const char *const members[] = {
		"not_before", "not_after", "product_name", "hwid", "csp_id", "bootloader", "tee", "snp", "microcode", "fmc"};
	JSON_AUTO ours = snp_vek_to_json(vek);
	struct json_object *theirs = json_get_object(entry, "vek");

	for (size_t i = 0; i < ARRAY_SIZE(members); i++) {
		struct json_object *mine = NULL, *value = NULL;

		(void)json_object_object_get_ex(ours, members[i], &mine);
		(void)json_object_object_get_ex(theirs, members[i], &value);
		ck_assert_msg(json_object_equal(mine, value), "%s: %s", vectors_text(entry, "file"), members[i]);
	}
}

static void check_genuine(struct json_object *entry, bool verifies)
{
	CLEANUP(verdict_deinit) struct verdict verdict = VERDICT_NULL;
	CLEANUP(vector_case_deinit) struct vector_case c;
	struct snp_verified verified;
	const char *got;

	vector_case_init(&c, entry);
	got = outcome(&c, &verified, &verdict);
	compare_decoded(entry, &verified.report);
	ck_assert_msg((strcmp(got, "yes") == 0) == verifies, "%s: %s: %s", vectors_text(entry, "file"), got,
		verdict_first_failed(&verdict) ? verdict_first_failed(&verdict)->why : "");
	if (!verifies)
		return;
	compare_vek(entry, &verified.vek);
	ck_assert_str_eq(snp_product_name(verified.product), vectors_text(entry, "product"));
	ck_assert_int_eq(verified.operator_trust, false);
	ck_assert_ptr_nonnull(strstr(verified.trust_text, snp_product_name(verified.product)));
}

START_TEST(genuine_reports)
{
	struct json_object *objects = vectors_objects();
	size_t count = 0, verify = 0;

	for (size_t i = 0; i < json_object_array_length(objects); i++) {
		struct json_object *entry = json_object_array_get_idx(objects, i);
		bool verifies = false;

		if (!is(entry, "report", NULL))
			continue;
		ck_assert(json_get_bool(entry, "verifies", &verifies));
		check_genuine(entry, verifies);
		count++;
		verify += verifies;
	}
	ck_assert_uint_eq(count, REPORTS);
	ck_assert_uint_eq(verify, REPORTS_THAT_VERIFY);
}
END_TEST

START_TEST(hostile_reports)
{
	struct json_object *objects = vectors_objects();
	size_t count = 0, policy = 0, wrong = 0;

	for (size_t i = 0; i < json_object_array_length(objects); i++) {
		struct json_object *entry = json_object_array_get_idx(objects, i), *expect;
		const char *got, *step;
		uint64_t exit_code = 0;

		if (!is(entry, "hostile", "report"))
			continue;
		expect = json_get_object(entry, "expect");
		ck_assert(json_get_u64(expect, "exit", 7, &exit_code));
		got = run(entry);
		step = exit_code == EXIT_POLICY ? "yes" : vectors_text(expect, "step");
		policy += exit_code == EXIT_POLICY;
		count++;
		if (vectors_step_is(step, got))
			continue;
		wrong++;
		(void)fprintf(stderr, "%s: failed first: %s, expected %s\n", vectors_text(entry, "file"), got, step);
	}
	ck_assert_uint_eq(wrong, 0);
	ck_assert_uint_eq(count, HOSTILE_REPORTS);
	ck_assert_uint_eq(policy, HOSTILE_POLICY);
}
END_TEST

static const char *run_table(const char *file)
{
	CLEANUP(verdict_deinit) struct verdict verdict = VERDICT_NULL;
	CLEANUP(snp_certs_deinit) struct snp_certs certs;
	CLEANUP(buf_deinit) struct buf table = BUF_NULL;

	snp_certs_init(&certs);
	vectors_read(file, &table);
	ck_assert_int_eq(snp_certs_add_table(&certs, buf_view(&table), &verdict), 0);
	if (verdict_ok(&verdict)) {
		ck_assert_uint_ge(certs.count, 1);
		ck_assert_str_eq(certs.bad_certificate, "");
		return "yes";
	}
	ck_assert_uint_eq(certs.count, 0);
	ck_assert_int_eq(verdict_exit(&verdict), EXIT_EVIDENCE);
	return verdict_first_failed(&verdict)->check;
}

START_TEST(tables)
{
	struct json_object *objects = vectors_objects();
	size_t hostile = 0, genuine = 0;

	for (size_t i = 0; i < json_object_array_length(objects); i++) {
		struct json_object *entry = json_object_array_get_idx(objects, i);
		const char *file = vectors_text(entry, "file");

		if (is(entry, "certificate-table", NULL)) {
			ck_assert_str_eq(run_table(file), "yes");
			genuine++;
		} else if (is(entry, "hostile", "certificate-table")) {
			ck_assert_msg(vectors_step_is(vectors_text(json_get_object(entry, "expect"), "step"), run_table(file)), "%s", file);
			hostile++;
		}
	}
	ck_assert_uint_eq(genuine, 1);
	ck_assert_uint_eq(hostile, HOSTILE_TABLES);
}
END_TEST

START_TEST(controls)
{
	struct json_object *objects = vectors_objects();
	size_t count = 0;

	for (size_t i = 0; i < json_object_array_length(objects); i++) {
		CLEANUP(verdict_deinit) struct verdict verdict = VERDICT_NULL;
		struct json_object *entry = json_object_array_get_idx(objects, i);
		struct snp_verified verified;
		struct vector_case c;

		if (!is(entry, "control", "report"))
			continue;
		vector_case_init(&c, entry);
		ck_assert_str_eq(outcome(&c, &verified, &verdict), "yes");
		ck_assert(verified.operator_trust);
		c.input.extra_pins = NULL;
		verdict_deinit(&verdict);
		ck_assert_str_eq(outcome(&c, &verified, &verdict), "chain.pin");
		vector_case_deinit(&c);
		count++;
	}
	ck_assert_uint_eq(count, CONTROLS);
}
END_TEST

START_TEST(ambiguous)
{
	static const struct {
		const char *file, *answer;
	} answers[] = {{"ambiguous/ambiguous-high-s.bin", "yes"}, {"ambiguous/vek-hwid-wrapped.bin", "yes"},
		{"ambiguous/vek-wrong-cn.bin", "yes"}, {"ambiguous/vek-spl-not-minimal.bin", "vek.extensions"},
		{"ambiguous/vek-vlek-by-ask.bin", "chain.intermediate"}};
	struct json_object *objects = vectors_objects();
	size_t count = 0;

	for (size_t i = 0; i < json_object_array_length(objects); i++) {
		struct json_object *entry = json_object_array_get_idx(objects, i);

		if (!is(entry, "ambiguous", "report"))
			continue;
		for (size_t j = 0; j < ARRAY_SIZE(answers); j++)
			if (strcmp(answers[j].file, vectors_text(entry, "file")) == 0) {
				ck_assert_str_eq(run(entry), answers[j].answer);
				count++;
			}
	}
	ck_assert_uint_eq(count, AMBIGUOUS);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("vectors");
	TCase *all = tcase_create("all");
	SRunner *runner;
	int failed;

	(void)vectors_folder();
	tcase_set_timeout(all, 100);
	tcase_add_test(all, genuine_reports);
	tcase_add_test(all, hostile_reports);
	tcase_add_test(all, tables);
	tcase_add_test(all, controls);
	tcase_add_test(all, ambiguous);
	suite_add_tcase(suite, all);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? 1 : 0;
}
