/* SPDX-License-Identifier: Apache-2.0 */
/* The shared library, through nothing but its header: genuine and hostile reports, tables and HCL reports of the vectors, policies, and manners. */
#include <check.h>
#include <errno.h>
#include <sevattest.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../snp/vectors.h"
#include "base/text.h"

#define REPORTS 42
#define REPORTS_GENUINE 32
#define HOSTILE 254 /* 218 reports, 36 HCL reports */
#define HOSTILE_POLICY 18
#define HOSTILE_TABLES 16
#define CONTROLS 5
#define ROOTS_MAX 16

static void handle_freep(struct sevattest **handle)
{
	ck_assert_ptr_null(sevattest_free(*handle));
}

static void verdict_freep(struct sevattest_verdict **verdict)
{
	ck_assert_ptr_null(sevattest_verdict_free(*verdict));
}
#define HANDLE_AUTO CLEANUP(handle_freep) struct sevattest *
#define VERDICT_AUTO CLEANUP(verdict_freep) struct sevattest_verdict *

static bool is(struct json_object *entry, const char *kind, const char *type)
{
	const char *its_type = vectors_text(entry, "type");

	return strcmp(vectors_text(entry, "kind"), kind) == 0 && (!type || (its_type && strcmp(its_type, type) == 0));
}

/* Hands a file of the vectors to one of the functions that add something. */
static int add(struct sevattest *handle, const char *file, int (*function)(struct sevattest *handle, const void *data, size_t size))
{
	CLEANUP(buf_deinit) struct buf data = BUF_NULL;
	int r;

	if (!file)
		return 0;
	vectors_read(file, &data);
	r = function(handle, data.data, data.size);
	ck_assert_int_eq(r == 0, sevattest_error_text(handle)[0] == 0);
	return r;
}

/* A handle with all that an entry of the index names. A certificate that does not parse is one of the hostile things. */
static struct sevattest *make_handle(struct json_object *entry)
{
	struct json_object *certs = json_get_array(entry, "certs");
	const char *revocation = vectors_text(entry, "revocation"), *crl = vectors_text(entry, "crl");
	struct sevattest *handle;

	ck_assert_int_eq(sevattest_new(&handle), 0);
	ck_assert_str_eq(sevattest_error_text(handle), "");
	for (size_t i = 0; certs && i < json_object_array_length(certs); i++)
		ck_assert_int_ge(add(handle, json_object_get_string(json_object_array_get_idx(certs, i)), sevattest_add_certificates), 0);
	ck_assert_int_ge(add(handle, crl, sevattest_add_crl), 0);
	ck_assert_int_eq(add(handle, vectors_text(entry, "trust"), sevattest_add_trust), 0);
	ck_assert_int_eq(add(handle, vectors_text(entry, "policy"), sevattest_set_policy), 0);
	if (revocation && strcmp(revocation, "require") == 0)
		ck_assert_int_eq(sevattest_set_revocation(handle, SEVATTEST_REVOCATION_REQUIRE), 0);
	else
		ck_assert_int_eq(sevattest_set_revocation(handle, crl ? SEVATTEST_REVOCATION_IF_PRESENT : SEVATTEST_REVOCATION_OFF), 0);
	return handle;
}

static int64_t time_of(struct json_object *entry)
{
	const char *text = vectors_text(entry, "time");
	int64_t now = 0;

	if (!text)
		text = vectors_text(entry, "verify_time");
	if (text)
		ck_assert_int_eq(time_parse(text, &now), 0);
	return now;
}

/* The three forms of one answer agree. */
static void check_verdict(const struct sevattest_verdict *verdict)
{
	JSON_AUTO object = NULL;
	struct sevattest_finding finding;
	struct json_object *findings;
	size_t count = sevattest_verdict_count(verdict);
	uint64_t exit_code;
	bool appraised;

	ck_assert_int_eq(json_read(bytes_of_text(sevattest_verdict_json(verdict)), &object, NULL), 0);
	ck_assert(json_get_u64(object, "exit", 4, &exit_code) && json_get_bool(object, "appraised", &appraised));
	ck_assert_uint_eq(exit_code, (uint64_t)sevattest_verdict_outcome(verdict));
	ck_assert_int_eq(appraised, sevattest_verdict_appraised(verdict));
	findings = json_get_array(object, "findings");
	ck_assert_uint_eq(json_object_array_length(findings), count);
	ck_assert_uint_gt(count, 0);
	for (size_t i = 0; i < count; i++) {
		ck_assert_int_eq(sevattest_verdict_finding(verdict, i, &finding), 0);
		ck_assert_str_eq(finding.check, vectors_text(json_object_array_get_idx(findings, i), "check"));
		/* A yes has every finding passed that decides. */
		ck_assert(sevattest_verdict_outcome(verdict) != SEVATTEST_YES || finding.kind == SEVATTEST_CLASS_ADVICE || finding.state == SEVATTEST_PASSED);
	}
	ck_assert_int_eq(sevattest_verdict_finding(verdict, count, &finding), -ERANGE);
	ck_assert_int_eq(sevattest_verdict_first_failed(verdict, &finding), exit_code ? 0 : -ENOENT);
}

/* Verifies the entry's file; what the index says of report data is demanded. */
static struct sevattest_verdict *run(struct json_object *entry)
{
	HANDLE_AUTO handle = make_handle(entry);
	CLEANUP(buf_deinit) struct buf data = BUF_NULL, expected = BUF_NULL;
	struct sevattest_verdict *verdict;
	const char *report_data = vectors_text(entry, "report_data");
	uint8_t asked[SEVATTEST_REPORT_DATA_SIZE];

	vectors_read(vectors_text(entry, "file"), &data);
	if (report_data)
		ck_assert_int_eq(hex_decode_any(&expected, SEVATTEST_REPORT_DATA_SIZE, report_data), 0);
	/* One of the vectors has only 63 bytes, which this API cannot ask for. */
	memset(asked, 0xff, sizeof(asked));
	if (expected.size)
		memcpy(asked, expected.data, expected.size);
	ck_assert_int_eq(sevattest_verify(handle, data.data, data.size, report_data ? asked : NULL, time_of(entry), &verdict), 0);
	check_verdict(verdict);
	return verdict;
}

START_TEST(genuine)
{
	struct json_object *objects = vectors_objects();
	size_t count = 0, yes = 0;

	for (size_t i = 0; i < json_object_array_length(objects); i++) {
		struct json_object *entry = json_object_array_get_idx(objects, i);
		VERDICT_AUTO verdict = NULL;
		bool verifies = false;

		if (!is(entry, "report", NULL))
			continue;
		(void)json_get_bool(entry, "verifies", &verifies);
		verdict = run(entry);
		ck_assert_msg((sevattest_verdict_outcome(verdict) == SEVATTEST_YES) == verifies, "%s", vectors_text(entry, "file"));
		ck_assert_int_eq(sevattest_verdict_appraised(verdict), 0);
		yes += verifies;
		count++;
	}
	ck_assert_uint_eq(count, REPORTS);
	ck_assert_uint_eq(yes, REPORTS_GENUINE);
}
END_TEST

/* Without its magic an HCL report is not known as one: then it is a report of a wrong size. */
static bool is_unknown(struct json_object *entry, const char *check)
{
	CLEANUP(buf_deinit) struct buf data = BUF_NULL;

	vectors_read(vectors_text(entry, "file"), &data);
	return is(entry, "hostile", "hcl-report") && (data.size < 4 || memcmp(data.data, "HCLA", 4) != 0) && strcmp(check, "report.size") == 0;
}

START_TEST(hostile)
{
	struct json_object *objects = vectors_objects();
	size_t count = 0, unwanted = 0;

	for (size_t i = 0; i < json_object_array_length(objects); i++) {
		struct json_object *entry = json_object_array_get_idx(objects, i);
		struct json_object *expect = json_get_object(entry, "expect");
		VERDICT_AUTO verdict = NULL;
		struct sevattest_finding failed;
		uint64_t exit_code;

		if (!is(entry, "hostile", "report") && !is(entry, "hostile", "hcl-report"))
			continue;
		verdict = run(entry);
		ck_assert(json_get_u64(expect, "exit", 4, &exit_code));
		ck_assert_msg((uint64_t)sevattest_verdict_outcome(verdict) == exit_code, "%s", vectors_text(entry, "file"));
		ck_assert_int_eq(sevattest_verdict_first_failed(verdict, &failed), 0);
		/* What the policy refuses is named by its members: that is the appraisal's own test. */
		if (exit_code == SEVATTEST_NOT_GENUINE)
			ck_assert_msg(vectors_step_is(vectors_text(expect, "step"), failed.check) || is_unknown(entry, failed.check), "%s: %s",
				vectors_text(entry, "file"), failed.check);
		unwanted += exit_code == SEVATTEST_NOT_WANTED;
		count++;
	}
	ck_assert_uint_eq(count, HOSTILE);
	ck_assert_uint_eq(unwanted, HOSTILE_POLICY);
}
END_TEST

START_TEST(controls)
{
	struct json_object *objects = vectors_objects();
	size_t count = 0;

	for (size_t i = 0; i < json_object_array_length(objects); i++) {
		struct json_object *entry = json_object_array_get_idx(objects, i);
		VERDICT_AUTO verdict = NULL;

		if (!is(entry, "control", "report") && !is(entry, "control", "hcl-report"))
			continue;
		verdict = run(entry);
		ck_assert_int_eq(sevattest_verdict_outcome(verdict), SEVATTEST_YES);
		ck_assert_ptr_nonnull(strstr(sevattest_verdict_json(verdict), "\"trust\""));
		ck_assert_ptr_null(strstr(sevattest_verdict_json(verdict), "\"trust\":\"AMD\""));
		count++;
	}
	ck_assert_uint_eq(count, CONTROLS);
}
END_TEST

/* The first genuine report that verifies. */
static struct json_object *one_genuine(void)
{
	struct json_object *objects = vectors_objects();

	for (size_t i = 0; i < json_object_array_length(objects); i++) {
		struct json_object *entry = json_object_array_get_idx(objects, i);
		bool verifies = false;

		if (is(entry, "report", NULL) && json_get_bool(entry, "verifies", &verifies) && verifies)
			return entry;
	}
	ck_abort_msg("there is no genuine report");
	return NULL;
}

/* A table without a byte that is not zero: the host has no certificates, which is for chain.missing to say. */
static bool is_empty(const char *file)
{
	return strcmp(file, "hostile/table-empty.bin") == 0 || strcmp(file, "hostile/table-empty-table.bin") == 0;
}

/* A broken table is refused when it is given, and the report does not pass because of certificates beside it. */
static void check_table(struct json_object *report, const char *file)
{
	HANDLE_AUTO handle = is_empty(file) ? NULL : make_handle(report);
	CLEANUP(buf_deinit) struct buf data = BUF_NULL;
	VERDICT_AUTO verdict = NULL;
	struct sevattest_finding failed;

	if (!handle)
		ck_assert_int_eq(sevattest_new(&handle), 0);
	vectors_read(vectors_text(report, "file"), &data);
	ck_assert_int_eq(add(handle, file, sevattest_add_certificate_table), is_empty(file) ? 0 : SEVATTEST_E_MALFORMED);
	ck_assert_int_eq(sevattest_verify(handle, data.data, data.size, NULL, time_of(report), &verdict), 0);
	ck_assert_int_eq(sevattest_verdict_outcome(verdict), SEVATTEST_NOT_GENUINE);
	ck_assert_int_eq(sevattest_verdict_first_failed(verdict, &failed), 0);
	ck_assert_str_eq(failed.check, is_empty(file) ? "chain.missing" : "cert.parse");
}

START_TEST(tables)
{
	struct json_object *objects = vectors_objects(), *report = one_genuine();
	size_t count = 0;

	for (size_t i = 0; i < json_object_array_length(objects); i++) {
		struct json_object *entry = json_object_array_get_idx(objects, i);

		if (!is(entry, "hostile", "certificate-table"))
			continue;
		check_table(report, vectors_text(entry, "file"));
		count++;
	}
	ck_assert_uint_eq(count, HOSTILE_TABLES);
}
END_TEST

START_TEST(report_data)
{
	struct json_object *entry = one_genuine();
	HANDLE_AUTO handle = make_handle(entry);
	CLEANUP(buf_deinit) struct buf data = BUF_NULL;
	uint8_t expected[SEVATTEST_REPORT_DATA_SIZE];

	vectors_read(vectors_text(entry, "file"), &data);
	memcpy(expected, data.data + 0x50, sizeof(expected));
	for (size_t wrong = 0; wrong < 2; wrong++) {
		VERDICT_AUTO verdict = NULL;

		expected[63] ^= (uint8_t)wrong;
		ck_assert_int_eq(sevattest_verify(handle, data.data, data.size, expected, time_of(entry), &verdict), 0);
		ck_assert_int_eq(sevattest_verdict_outcome(verdict), wrong ? SEVATTEST_NOT_WANTED : SEVATTEST_YES);
		check_verdict(verdict);
	}
}
END_TEST

START_TEST(policies)
{
	static const char wrong[] = "{\"version\": 1, \"nam\": \"x\"}";
	static const char good[] = "{\"version\": 1, \"name\": \"t\", \"os_identity\": \"unverified\", \"revocation\": \"require\","
				   "\"snp\": {\"guest_policy\": {\"debug\": false}, \"tcb_min\": {}}}";
	struct json_object *entry = one_genuine();
	HANDLE_AUTO handle = make_handle(entry);
	CLEANUP(buf_deinit) struct buf data = BUF_NULL;
	VERDICT_AUTO verdict = NULL;
	VERDICT_AUTO strict = NULL;
	struct sevattest_finding failed;

	vectors_read(vectors_text(entry, "file"), &data);
	ck_assert_int_eq(sevattest_set_policy(handle, wrong, strlen(wrong)), SEVATTEST_E_MALFORMED);
	ck_assert_ptr_nonnull(strstr(sevattest_error_text(handle), "nam"));
	ck_assert_int_eq(sevattest_set_policy(handle, good, strlen(good)), 0);
	ck_assert_str_eq(sevattest_error_text(handle), "");
	/* A floor without an entry for this silicon is a no, after everything else was a yes. */
	ck_assert_int_eq(sevattest_verify(handle, data.data, data.size, NULL, time_of(entry), &verdict), 0);
	ck_assert_int_eq(sevattest_verdict_outcome(verdict), SEVATTEST_NOT_WANTED);
	ck_assert_int_eq(sevattest_verdict_appraised(verdict), 1);
	/* The policy's word on revocation counts where the handle has none. */
	ck_assert_int_eq(sevattest_set_revocation(handle, SEVATTEST_REVOCATION_POLICY), 0);
	ck_assert_int_eq(sevattest_verify(handle, data.data, data.size, NULL, time_of(entry), &strict), 0);
	ck_assert_int_eq(sevattest_verdict_outcome(strict), SEVATTEST_NOT_GENUINE);
	ck_assert_int_eq(sevattest_verdict_appraised(strict), 0);
	ck_assert_int_eq(sevattest_verdict_first_failed(strict, &failed), 0);
	ck_assert_str_eq(failed.check, "crl.missing");
}
END_TEST

START_TEST(decoding)
{
	struct json_object *entry = one_genuine();
	CLEANUP(buf_deinit) struct buf data = BUF_NULL;
	JSON_AUTO object = NULL;
	char *json = NULL;

	vectors_read(vectors_text(entry, "file"), &data);
	ck_assert_int_eq(sevattest_decode(data.data, data.size, &json), 0);
	ck_assert_int_eq(json_read(bytes_of_text(json), &object, NULL), 0);
	ck_assert(json_object_equal(json_get_object(object, "report"), json_get_object(entry, "decoded")));
	free(json);
	json = NULL;
	ck_assert_int_eq(sevattest_decode(data.data, data.size - 1, &json), SEVATTEST_E_MALFORMED);
	ck_assert_int_eq(sevattest_decode(NULL, 0, &json), SEVATTEST_E_MALFORMED);
	ck_assert_ptr_null(json);
}
END_TEST

/* What is no evidence is a no with a reason; what is no question has no answer, and no answer is a no. */
START_TEST(manners)
{
	static const struct {
		const char *text, *check;
	} cases[] = {{"", "report.size"}, {"x", "report.size"}, {"{", "evidence.parse"}, {"{}", "evidence.parse"}, {"HCLA", "hcl.header"}};
	HANDLE_AUTO handle = NULL;
	struct sevattest_verdict *none = NULL;
	struct sevattest_finding finding;

	ck_assert_int_eq(sevattest_new(&handle), 0);
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		VERDICT_AUTO verdict = NULL;

		ck_assert_int_eq(sevattest_verify(handle, cases[i].text, strlen(cases[i].text), NULL, 0, &verdict), 0);
		ck_assert_int_eq(sevattest_verdict_outcome(verdict), SEVATTEST_NOT_GENUINE);
		ck_assert_int_eq(sevattest_verdict_first_failed(verdict, &finding), 0);
		ck_assert_str_eq(finding.check, cases[i].check);
		check_verdict(verdict);
	}
	ck_assert_int_eq(sevattest_verify(handle, NULL, 1, NULL, 0, &none), -EINVAL);
	ck_assert_int_eq(sevattest_verify(NULL, "", 0, NULL, 0, &none), -EINVAL);
	ck_assert_ptr_null(none);
	ck_assert_int_eq(sevattest_verdict_outcome(NULL), SEVATTEST_NOT_GENUINE);
	ck_assert_int_eq(sevattest_verdict_appraised(NULL), 0);
	ck_assert_uint_eq(sevattest_verdict_count(NULL), 0);
	ck_assert_int_eq(sevattest_verdict_finding(NULL, 0, &finding), -ERANGE);
	ck_assert_int_eq(sevattest_verdict_first_failed(NULL, &finding), -ENOENT);
	ck_assert_ptr_null(sevattest_verdict_json(NULL));
	ck_assert_int_eq(sevattest_set_revocation(handle, (enum sevattest_revocation)9), -EINVAL);
	ck_assert_str_ne(sevattest_error_text(handle), "");
	ck_assert_int_eq(sevattest_add_trust(handle, "x", 1), SEVATTEST_E_MALFORMED);
	ck_assert_int_eq(sevattest_add_certificate_table(handle, NULL, 0), 0);
	ck_assert_str_eq(sevattest_error_text(handle), "");
	ck_assert_str_ne(sevattest_version(), "");
}
END_TEST

START_TEST(too_many_roots)
{
	HANDLE_AUTO handle = NULL;

	ck_assert_int_eq(sevattest_new(&handle), 0);
	for (size_t i = 0; i < ROOTS_MAX; i++)
		ck_assert_int_eq(add(handle, "testpki/TEST-ark.pem", sevattest_add_trust), 0);
	ck_assert_int_eq(add(handle, "testpki/TEST-ark.pem", sevattest_add_trust), SEVATTEST_E_LIMIT);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("lib");
	TCase *all = tcase_create("all");
	SRunner *runner;
	int failed;

	(void)vectors_folder();
	tcase_set_timeout(all, 100);
	tcase_add_test(all, genuine);
	tcase_add_test(all, hostile);
	tcase_add_test(all, controls);
	tcase_add_test(all, tables);
	tcase_add_test(all, report_data);
	tcase_add_test(all, policies);
	tcase_add_test(all, decoding);
	tcase_add_test(all, manners);
	tcase_add_test(all, too_many_roots);
	suite_add_tcase(suite, all);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? 1 : 0;
}
