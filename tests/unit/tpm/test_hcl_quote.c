/* SPDX-License-Identifier: Apache-2.0 */
/* All HCL reports and quotes of the vectors, genuine, hostile and controls. How many there are of each is stated here and counted. */
#include <check.h>
#include <stdio.h>
#include <string.h>

#include "base/hooks.h"
#include "objects.h"

#define HCL_GENUINE 9
#define HCL_GENUINE_SNP 7
#define HCL_HOSTILE 36
#define HCL_HOSTILE_REPORT 1 /* the fault is in the hardware report: not for hcl_check() to see */
#define QUOTES 5
#define QUOTES_WITHOUT_AK 1
#define QUOTES_HOSTILE 29

static bool is(struct json_object *entry, const char *kind, const char *type)
{
	const char *its_type = vectors_text(entry, "type");

	return strcmp(vectors_text(entry, "kind"), kind) == 0 && (type ? its_type && strcmp(its_type, type) == 0 : true);
}

static bool expected(struct json_object *entry, const char *got)
{
	const char *step = vectors_text(json_get_object(entry, "expect"), "step");

	if (vectors_step_is(step, got))
		return true;
	(void)fprintf(stderr, "%s: failed first: %s, expected %s\n", vectors_text(entry, "file"), got, step);
	return false;
}

static void check_genuine_hcl(struct json_object *entry, bool is_snp)
{
	CLEANUP(verdict_deinit) struct verdict verdict = VERDICT_NULL;
	CLEANUP(buf_deinit) struct buf input = BUF_NULL, report = BUF_NULL;
	uint8_t modulus[QUOTE_AK_SIZE];
	struct hcl hcl = {0};

	vectors_read(vectors_text(entry, "file"), &input);
	ck_assert(hcl_looks_like(buf_view(&input)));
	ck_assert_str_eq(tpm_outcome(hcl_check(buf_view(&input), &hcl, &verdict), &verdict), is_snp ? "yes" : "hcl.type");
	if (!is_snp)
		return;
	tpm_modulus(vectors_text(entry, "ak_public_key"), modulus);
	ck_assert_mem_eq(hcl.ak_modulus, modulus, sizeof(modulus));
	vectors_read(vectors_text(entry, "report"), &report);
	ck_assert(bytes_equal(hcl.report, buf_view(&report)));
}

START_TEST(hcl_genuine)
{
	struct json_object *objects = vectors_objects();
	size_t count = 0, snp = 0;

	for (size_t i = 0; i < json_object_array_length(objects); i++) {
		struct json_object *entry = json_object_array_get_idx(objects, i);
		bool binds = false;

		if (!is(entry, "hcl-report", NULL))
			continue;
		(void)json_get_bool(entry, "report_data_binds_runtime", &binds);
		ck_assert_int_eq(binds, strcmp(vectors_text(entry, "hardware"), "snp") == 0);
		check_genuine_hcl(entry, binds);
		count++;
		snp += binds;
	}
	ck_assert_uint_eq(count, HCL_GENUINE);
	ck_assert_uint_eq(snp, HCL_GENUINE_SNP);
}
END_TEST

START_TEST(hcl_hostile)
{
	struct json_object *objects = vectors_objects();
	size_t count = 0, report = 0, wrong = 0;

	for (size_t i = 0; i < json_object_array_length(objects); i++) {
		struct json_object *entry = json_object_array_get_idx(objects, i);
		bool passed;

		if (!is(entry, "hostile", "hcl-report"))
			continue;
		wrong += !expected(entry, tpm_run_hcl(entry, &passed));
		report += passed;
		count++;
	}
	ck_assert_uint_eq(wrong, 0);
	ck_assert_uint_eq(count, HCL_HOSTILE);
	ck_assert_uint_eq(report, HCL_HOSTILE_REPORT);
}
END_TEST

START_TEST(quotes_genuine)
{
	struct json_object *objects = vectors_objects();
	size_t count = 0, without = 0;

	for (size_t i = 0; i < json_object_array_length(objects); i++) {
		struct json_object *entry = json_object_array_get_idx(objects, i);
		const char *nonce, *ak;

		if (!is(entry, "tpm-quote", NULL))
			continue;
		nonce = vectors_text(json_get_object(entry, "decoded"), "extra_data");
		ak = vectors_text(entry, "ak_public_key");
		/* Nobody published the key of one: it parses, and another key did not sign it. */
		ck_assert_str_eq(tpm_run_quote_of(entry, nonce, ak ? ak : "testpki/TEST-ak.pub.pem", true), ak ? "yes" : "quote.signature");
		without += !ak;
		count++;
	}
	ck_assert_uint_eq(count, QUOTES);
	ck_assert_uint_eq(without, QUOTES_WITHOUT_AK);
}
END_TEST

START_TEST(quotes_hostile)
{
	struct json_object *objects = vectors_objects();
	size_t count = 0, wrong = 0;

	for (size_t i = 0; i < json_object_array_length(objects); i++) {
		struct json_object *entry = json_object_array_get_idx(objects, i);

		if (!is(entry, "hostile", "tpm-quote"))
			continue;
		wrong += !expected(entry, tpm_run_quote(entry, vectors_text(entry, "nonce"), vectors_text(entry, "ak_public_key")));
		count++;
	}
	ck_assert_uint_eq(wrong, 0);
	ck_assert_uint_eq(count, QUOTES_HOSTILE);
}
END_TEST

START_TEST(controls)
{
	struct json_object *objects = vectors_objects();
	size_t hcl = 0, quote = 0;

	for (size_t i = 0; i < json_object_array_length(objects); i++) {
		struct json_object *entry = json_object_array_get_idx(objects, i);
		bool passed;

		if (is(entry, "control", "hcl-report")) {
			ck_assert_str_eq(tpm_run_hcl(entry, &passed), "yes");
			hcl++;
		} else if (is(entry, "control", "tpm-quote")) {
			ck_assert_str_eq(tpm_run_quote(entry, vectors_text(entry, "nonce"), vectors_text(entry, "ak_public_key")), "yes");
			quote++;
		}
	}
	ck_assert_uint_eq(hcl, 1);
	ck_assert_uint_eq(quote, 1);
}
END_TEST

/* These give the later checks what they work on: without a TPMS_ATTEST there is nothing to look at. */
static const char *const fixed[] = {"quote.parse"};

static bool switchable(const char *check)
{
	for (size_t i = 0; i < ARRAY_SIZE(fixed); i++)
		if (strcmp(fixed[i], check) == 0)
			return false;
	return strncmp(check, "hcl.", 4) == 0 || strncmp(check, "quote.", 6) == 0;
}

static const char *run_hostile(struct json_object *entry, bool quote)
{
	bool passed;

	return quote ? tpm_run_quote(entry, vectors_text(entry, "nonce"), vectors_text(entry, "ak_public_key")) : tpm_run_hcl(entry, &passed);
}

/* Every refusal is that of the check that says so: with it switched off the object passes or fails elsewhere. */
START_TEST(switched_off)
{
	struct json_object *objects = vectors_objects();
	size_t count = 0;

	for (size_t i = 0; i < json_object_array_length(objects); i++) {
		struct json_object *entry = json_object_array_get_idx(objects, i);
		bool quote = is(entry, "hostile", "tpm-quote");
		const char *check, *then;

		if (!quote && !is(entry, "hostile", "hcl-report"))
			continue;
		check = run_hostile(entry, quote);
		if (!switchable(check))
			continue;
		hook_disable(check);
		then = run_hostile(entry, quote);
		hook_disable(NULL);
		ck_assert_msg(strcmp(then, check) != 0, "%s: %s refuses although it is switched off", vectors_text(entry, "file"), check);
		count++;
	}
	ck_assert_uint_ge(count, (HCL_HOSTILE + QUOTES_HOSTILE) / 2);
}
END_TEST

/* The switch exists in builds with test_hooks only. */
static bool have_switch(void)
{
	bool have;

	hook_disable("quote.magic");
	have = hook_disabled("quote.magic");
	hook_disable(NULL);
	return have;
}

int main(void)
{
	Suite *suite = suite_create("hcl-quote");
	TCase *all = tcase_create("all");
	SRunner *runner;
	int failed;

	(void)vectors_folder();
	tcase_set_timeout(all, 100);
	tcase_add_test(all, hcl_genuine);
	tcase_add_test(all, hcl_hostile);
	tcase_add_test(all, quotes_genuine);
	tcase_add_test(all, quotes_hostile);
	tcase_add_test(all, controls);
	if (have_switch())
		tcase_add_test(all, switched_off);
	suite_add_tcase(suite, all);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? 1 : 0;
}
