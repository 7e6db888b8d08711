/* SPDX-License-Identifier: Apache-2.0 */
/* One report, one verdict, whatever it comes in: binary, our JSON, the JSON of a KBS. All reports of the vectors, genuine and hostile; counted. */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../snp/vectors.h"
#include "evidence/evidence.h"
#include "evidence/table.h"

#define REPORTS 269 /* 42 genuine, 218 hostile, 4 controls, 5 ambiguous */
#define OTHER_SIZE 7 /* are not 1184 bytes: those are no evidence in JSON */
#define GENUINE 32  /* come once more with their certificates in the host's table */

enum form { BINARY, OURS, KBS, FORMS };

static bool is_report(struct json_object *entry)
{
	const char *kind = vectors_text(entry, "kind"), *type = vectors_text(entry, "type");

	return strcmp(kind, "report") == 0 || (type && strcmp(type, "report") == 0 && strcmp(kind, "test-pki") != 0);
}

/* `evidence` written in a form and read again. */
static void pass_on(const struct evidence *evidence, enum form form, struct evidence *ret)
{
	CLEANUP(buf_deinit) struct buf text = BUF_NULL;
	JSON_AUTO object = NULL;

	if (form == BINARY) {
		ck_assert_int_eq(evidence_from_report(ret, buf_view(&evidence->report), buf_view(&evidence->cert_table)), 0);
		return;
	}
	if (form == OURS) {
		object = evidence_to_json(evidence);
		ck_assert_int_eq(json_write(&text, object), 0);
	} else {
		ck_assert_int_eq(evidence_write_kbs(evidence, &text), 0);
	}
	ck_assert_int_eq(evidence_read(ret, buf_view(&text), NULL), 0);
}

/* All findings as text. */
static void judge(const struct vector_case *c, const struct evidence *evidence, bool own_certificates, struct buf *ret, bool *ret_yes)
{
	CLEANUP(verdict_deinit) struct verdict verdict = VERDICT_NULL;
	struct evidence_verify_input input = {.extra_certs = own_certificates ? NULL : &c->certs, .pins = &c->pins, .revocation = c->input.revocation,
		.now = c->input.now};
	struct snp_verified verified;
	JSON_AUTO findings = NULL;

	ck_assert_int_eq(evidence_verify(evidence, &input, &verified, &verdict), 0);
	findings = verdict_to_json(&verdict);
	ck_assert_int_eq(json_write(ret, findings), 0);
	*ret_yes = verdict_ok(&verdict);
}

/* How many forms kept the report whole; each of those has the same findings as the binary. */
static size_t same_everywhere(const struct vector_case *c, const struct evidence *evidence, bool own_certificates, bool *ret_yes)
{
	CLEANUP(buf_deinit) struct buf expected = BUF_NULL;
	size_t whole = 0;

	judge(c, evidence, own_certificates, &expected, ret_yes);
	for (enum form form = BINARY; form < FORMS; form++) {
		CLEANUP(evidence_deinit) struct evidence again = {0};
		CLEANUP(buf_deinit) struct buf findings = BUF_NULL;
		bool yes;

		pass_on(evidence, form, &again);
		if (!bytes_equal(buf_view(&again.report), buf_view(&evidence->report)))
			continue;
		judge(c, &again, own_certificates, &findings, &yes);
		ck_assert_msg(bytes_equal(buf_view(&findings), buf_view(&expected)), "%s, form %d: %.*s", vectors_text(c->entry, "file"), (int)form,
			(int)findings.size, (const char *)findings.data);
		whole++;
	}
	return whole;
}

START_TEST(all_reports)
{
	struct json_object *objects = vectors_objects();
	size_t count = 0, other_size = 0, yes = 0, kbs_narrow = 0;

	for (size_t i = 0; i < json_object_array_length(objects); i++) {
		CLEANUP(evidence_deinit) struct evidence evidence = {0};
		CLEANUP(vector_case_deinit) struct vector_case c = {0};
		bool genuine;
		size_t whole;

		if (!is_report(json_object_array_get_idx(objects, i)))
			continue;
		vector_case_init(&c, json_object_array_get_idx(objects, i));
		count++;
		if (evidence_from_report(&evidence, buf_view(&c.report), bytes_of(NULL, 0)) == EVIDENCE_E_SIZE) {
			other_size++;
			continue;
		}
		whole = same_everywhere(&c, &evidence, false, &genuine);
		ck_assert_uint_ge(whole, 2);
		/* The JSON of a KBS has no place for what is reserved: no genuine report has anything there. */
		kbs_narrow += whole == 2;
		ck_assert(whole == 3 || !genuine);
		yes += genuine;
	}
	(void)printf("%zu reports in 3 forms: %zu genuine; %zu of another size, %zu with something in reserved places\n", count, yes, other_size,
		kbs_narrow);
	ck_assert_uint_eq(count, REPORTS);
	ck_assert_uint_eq(other_size, OTHER_SIZE);
	ck_assert_uint_ge(yes, GENUINE);
}
END_TEST

/* VEK, intermediate, root: in the order of the index. */
static void add_table(const struct vector_case *c, bool vlek, struct buf *to)
{
	const enum snp_table_kind kinds[] = {vlek ? SNP_TABLE_VLEK : SNP_TABLE_VCEK, SNP_TABLE_ASK, SNP_TABLE_ARK};
	struct evidence_cert certs[3];

	ck_assert_uint_eq(c->certs.count, 3);
	for (size_t i = 0; i < 3; i++) {
		ck_assert(evidence_guid(kinds[i], certs[i].guid));
		certs[i].data = c->certs.items[i].der;
	}
	ck_assert_int_eq(evidence_table_write(to, certs, 3), 0);
}

START_TEST(with_table)
{
	struct json_object *objects = vectors_objects();
	size_t count = 0;

	for (size_t i = 0; i < json_object_array_length(objects); i++) {
		CLEANUP(evidence_deinit) struct evidence evidence = {0};
		CLEANUP(vector_case_deinit) struct vector_case c = {0};
		CLEANUP(buf_deinit) struct buf table = BUF_NULL;
		struct json_object *entry = json_object_array_get_idx(objects, i);
		bool verifies = false, yes;

		if (strcmp(vectors_text(entry, "kind"), "report") != 0 || !json_get_bool(entry, "verifies", &verifies) || !verifies)
			continue;
		vector_case_init(&c, entry);
		add_table(&c, strstr(vectors_text(entry, "file"), "-vlek-") != NULL, &table);
		ck_assert_int_eq(evidence_from_report(&evidence, buf_view(&c.report), buf_view(&table)), 0);
		ck_assert_uint_eq(same_everywhere(&c, &evidence, true, &yes), 3);
		ck_assert_msg(yes, "%s", vectors_text(entry, "file"));
		count++;
	}
	ck_assert_uint_eq(count, GENUINE);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("forms");
	TCase *all = tcase_create("all");
	SRunner *runner;
	int failed;

	(void)vectors_folder();
	tcase_set_timeout(all, 100);
	tcase_add_test(all, all_reports);
	tcase_add_test(all, with_table);
	suite_add_tcase(suite, all);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? 1 : 0;
}
