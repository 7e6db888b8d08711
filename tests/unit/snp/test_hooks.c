/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Every refusal is that of the check that says so: each hostile report is judged once more with the check switched off that failed first,
 * and must then pass or fail elsewhere. Prints which check has which object.
 */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/hooks.h"
#include "vectors.h"

/* These give the later checks what they work on, so they cannot be switched off: without a report, certificates or a chain there is nothing
 * to look at. */
static const char *const fixed[] = {"report.size", "cert.parse", "chain.missing"};

/* No object of the vectors: test_verify.c makes one for each. */
static const char *const made_elsewhere[] = {"report.tcb_reserved", "report.tcb_order", "report.tcb_committed"};

static bool listed(const char *const *names, size_t count, const char *name)
{
	for (size_t i = 0; i < count; i++)
		if (strcmp(names[i], name) == 0)
			return true;
	return false;
}

static const char *first_failed(const struct vector_case *c)
{
	CLEANUP(verdict_deinit) struct verdict verdict = VERDICT_NULL;
	const struct finding *failed;
	struct snp_verified verified;

	ck_assert_int_eq(snp_verify(&c->input, &verified, &verdict), 0);
	if (verdict_ok(&verdict))
		return "yes";
	failed = verdict_first_failed(&verdict);
	return failed ? failed->check : "not checked";
}

static void without(const struct vector_case *c, const char *check)
{
	const char *then;

	if (listed(fixed, ARRAY_SIZE(fixed), check))
		return;
	hook_disable(check);
	then = first_failed(c);
	hook_disable(NULL);
	ck_assert_msg(strcmp(then, check) != 0, "%s: %s refuses although it is switched off", vectors_text(c->entry, "file"), check);
}

static const char *object_of[64];

START_TEST(switched_off)
{
	struct json_object *objects = vectors_objects();
	size_t lacking = 0;

	for (size_t i = 0; i < json_object_array_length(objects); i++) {
		CLEANUP(vector_case_deinit) struct vector_case c = {0};
		struct json_object *entry = json_object_array_get_idx(objects, i);
		const char *type = vectors_text(entry, "type"), *kind = vectors_text(entry, "kind"), *check;

		if ((strcmp(kind, "hostile") != 0 && strcmp(kind, "ambiguous") != 0) || strcmp(type, "report") != 0)
			continue;
		vector_case_init(&c, entry);
		check = first_failed(&c);
		if (strcmp(check, "yes") == 0)
			continue;
		without(&c, check);
		for (size_t j = 0; snp_check_names[j]; j++)
			if (strcmp(snp_check_names[j], check) == 0)
				object_of[j] = vectors_text(entry, "file");
	}
	for (size_t j = 0; snp_check_names[j]; j++) {
		bool elsewhere = listed(made_elsewhere, ARRAY_SIZE(made_elsewhere), snp_check_names[j]);

		(void)printf("%-24s %s\n", snp_check_names[j],
			object_of[j] ? object_of[j]
			: elsewhere  ? "(made in test_verify.c)"
				     : "LACKING");
		lacking += !object_of[j] && !elsewhere;
	}
	ck_assert_uint_eq(lacking, 0);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("hooks");
	TCase *all = tcase_create("all");
	SRunner *runner;
	int failed;

	(void)vectors_folder();
	tcase_set_timeout(all, 100);
	tcase_add_test(all, switched_off);
	suite_add_tcase(suite, all);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? 1 : 0;
}
