/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Each check can fail alone. checks.tsv names for every check an object in which it is the first to fail; here the object is judged, then once
 * more with that check switched off, and must then pass or fail elsewhere. Prints the table. A check without a row, a row without a check, or
 * an object that fails for another reason is a failed test: whoever adds a check adds its row.
 */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../appraise/cases.h"
#include "../tpm/objects.h"
#include "appraise/check.h"
#include "base/hooks.h"
#include "base/text.h"
#include "evidence/evidence.h"
#include "made.h"

#define ROWS_MAX 160
#define AZURE "az-snp-vtpm-v1-milan"
#define GENUINE "reports/v3-genoa-vcek-vmpl0-azure-aci-a782748b.bin"

struct row {
	char check[48], spec[48], kind[16], object[128];
	bool run;
};

static struct row rows[ROWS_MAX];
static size_t row_count;

/* Advice decides nothing, so it is looked for by its name. */
static const char *first_of(const struct verdict *verdict, const char *check)
{
	const struct finding *named = verdict_find(verdict, check), *failed = verdict_first_failed(verdict);

	if (named && named->class == FINDING_ADVICE && named->state == FINDING_FAILED)
		failed = named;
	if (!failed)
		return verdict_ok(verdict) ? "yes" : "not checked";
	/* Somebody has to act on it who never read AMD's specification. */
	ck_assert_msg(failed->why && failed->why[0], "%s fails without a reason", failed->check);
	ck_assert_msg(failed->fix && failed->fix[0], "%s fails without saying what to do", failed->check);
	/* What is not supported yet has nothing to compare. */
	ck_assert_msg(strncmp(failed->check, "tpm.", 4) == 0 || (failed->expected && failed->actual), "%s fails without expected and actual: %s",
		failed->check, failed->why);
	return failed->check;
}

static struct json_object *index_entry(const char *file)
{
	struct json_object *objects = vectors_objects();

	for (size_t i = 0; i < json_object_array_length(objects); i++) {
		struct json_object *entry = json_object_array_get_idx(objects, i);

		if (strcmp(vectors_text(entry, "file"), file) == 0)
			return entry;
	}
	ck_abort_msg("%s is not in the index of the vectors", file);
	return NULL;
}

static const char *judge(const struct snp_verify_input *input, const char *check)
{
	CLEANUP(verdict_deinit) struct verdict verdict = VERDICT_NULL;
	struct snp_verified verified;

	ck_assert_int_eq(snp_verify(input, &verified, &verdict), 0);
	return first_of(&verdict, check);
}

static const char *run_vector(const struct row *row)
{
	CLEANUP(vector_case_deinit) struct vector_case c;

	vector_case_init(&c, index_entry(row->object));
	return judge(&c.input, row->check);
}

static const char *run_made(const struct row *row)
{
	CLEANUP(made_deinit) struct made made = {0};

	ck_assert_msg(made_init(&made, row->object), "nobody makes %s", row->object);
	return judge(&made.input, row->check);
}

static const char *run_hcl(const struct row *row)
{
	bool passed;

	return tpm_run_hcl(index_entry(row->object), &passed);
}

static const char *run_quote(const struct row *row)
{
	struct json_object *entry = index_entry(row->object);

	return tpm_run_quote(entry, vectors_text(entry, "nonce"), vectors_text(entry, "ak_public_key"));
}

/* The control's key signs well, but nobody knows what else it signs. */
static const char *run_signer(const struct row *row)
{
	struct json_object *entry = index_entry(row->object);

	return tpm_run_quote_of(entry, vectors_text(entry, "nonce"), vectors_text(entry, "ak_public_key"), true);
}

/* A host's table, together with a genuine report and the certificates that it needs. */
static const char *run_table(const struct row *row)
{
	CLEANUP(verdict_deinit) struct verdict verdict = VERDICT_NULL;
	CLEANUP(vector_case_deinit) struct vector_case c;
	CLEANUP(buf_deinit) struct buf table = BUF_NULL;
	struct snp_verified verified;

	vector_case_init(&c, index_entry(GENUINE));
	vectors_read(row->object, &table);
	ck_assert_int_eq(snp_certs_add_table(&c.certs, buf_view(&table), &verdict), 0);
	ck_assert_int_eq(snp_verify(&c.input, &verified, &verdict), 0);
	return first_of(&verdict, row->check);
}

static const char *run_case(const struct row *row)
{
	JSON_AUTO all = cases_read();

	for (size_t i = 0; i < json_object_array_length(all); i++) {
		CLEANUP(verdict_deinit) struct verdict verdict = VERDICT_NULL;
		struct json_object *entry = json_object_array_get_idx(all, i);
		POLICY_AUTO policy = NULL;
		static struct claims claims;
		const char *failed;

		if (strcmp(json_get_text(entry, "name", NULL), row->object) != 0)
			continue;
		policy = cases_policy(entry);
		cases_claims(entry, &claims);
		ck_assert_int_eq(appraise(policy, &claims, &verdict), 0);
		failed = cases_first_failed(&verdict);
		return failed ? first_of(&verdict, failed) : "yes";
	}
	ck_abort_msg("%s is no case of checks.json", row->object);
	return NULL;
}

static const char *judge_evidence(const struct evidence *evidence, struct bytes report_data, const char *check)
{
	static const char *const authorities[] = {"milan-ask", "milan-ark", "genoa-ask", "genoa-ark"};
	CLEANUP(verdict_deinit) struct verdict verdict = VERDICT_NULL;
	CLEANUP(snp_certs_deinit) struct snp_certs certs;
	struct evidence_verify_input input = {.extra_certs = &certs, .now = PKI_NOW, .report_data = report_data};
	struct snp_verified verified;

	snp_certs_init(&certs);
	for (size_t i = 0; i < ARRAY_SIZE(authorities); i++) {
		CLEANUP(buf_deinit) struct buf der = BUF_NULL;
		char path[64];

		(void)snprintf(path, sizeof(path), "certs/ca/%s.der", authorities[i]);
		vectors_read(path, &der);
		ck_assert_int_eq(snp_certs_add(&certs, buf_view(&der), NULL), 0);
	}
	ck_assert_int_eq(evidence_verify(evidence, &input, &verified, &verdict), 0);
	return first_of(&verdict, check);
}

/* A file of evidence and a nonce with its last bit wrong; with "azure" genuine evidence of version 1 that is passed off as version 2. */
static const char *run_evidence(const struct row *row)
{
	CLEANUP(evidence_deinit) struct evidence evidence = {0};
	CLEANUP(buf_deinit) struct buf text = BUF_NULL, nonce = BUF_NULL;
	bool azure = strstr(row->object, "az-snp-vtpm") != NULL;

	vectors_read(row->object, &text);
	ck_assert_int_eq(evidence_read(&evidence, buf_view(&text), NULL), 0);
	if (azure) {
		struct json_object *decoded = json_get_object(index_entry("tpm/quote-" AZURE ".msg"), "decoded");

		ck_assert_int_eq(hex_decode_any(&nonce, 64, vectors_text(decoded, "extra_data")), 0);
		evidence.azure_version = 2;
	} else {
		ck_assert_int_eq(buf_append(&nonce, evidence.report.data + 0x50, 64), 0);
		nonce.data[63] ^= 1;
	}
	return judge_evidence(&evidence, buf_view(&nonce), row->check);
}

static const struct {
	const char *kind;
	const char *(*run)(const struct row *row);
} kinds[] = {{"vector", run_vector}, {"made", run_made}, {"hcl", run_hcl}, {"quote", run_quote}, {"signer", run_signer}, {"table", run_table}, {"case", run_case},
	{"evidence", run_evidence}};

static const char *run(const struct row *row)
{
	for (size_t i = 0; i < ARRAY_SIZE(kinds); i++)
		if (strcmp(kinds[i].kind, row->kind) == 0)
			return kinds[i].run(row);
	ck_abort_msg("%s: there is no kind of object %s", row->check, row->kind);
	return NULL;
}

static void read_rows(void)
{
	FILE *file = fopen(getenv("SEVATTEST_CHECKS"), "re");
	char line[512];

	ck_assert_msg(file != NULL, "checks.tsv is not at SEVATTEST_CHECKS");
	while (fgets(line, sizeof(line), file)) {
		struct row *row = &rows[row_count];

		if (line[0] == '#' || line[0] == '\n')
			continue;
		ck_assert_uint_lt(row_count, ROWS_MAX);
		ck_assert_msg(sscanf(line, "%47[^\t]\t%47[^\t]\t%15[^\t]\t%127[^\n]", row->check, row->spec, row->kind, row->object) == 4,
			"four columns: %s", line);
		row_count++;
	}
	(void)fclose(file);
}

/* Returns true when the row did what it must. */
static bool run_row(struct row *row)
{
	const char *first = run(row), *then;
	bool good;

	hook_disable(row->check);
	then = run(row);
	hook_disable(NULL);
	good = strcmp(first, row->check) == 0 && strcmp(then, row->check) != 0;
	row->run = true;
	(void)printf("%-38s %-18s %-8s %-52s %-26s %s%s\n", row->check, row->spec, row->kind, row->object, first,
		strcmp(then, "yes") == 0 ? "passes" : then, good ? "" : "   WRONG");
	return good;
}

static size_t lacking;

static void need(const char *check)
{
	for (size_t i = 0; i < row_count; i++)
		if (strcmp(rows[i].check, check) == 0)
			return;
	(void)printf("%-38s NO ROW in checks.tsv\n", check);
	lacking++;
}

static void need_all(const char *const *names)
{
	for (size_t i = 0; names[i]; i++)
		need(names[i]);
}

/* Every name that a verdict can have. The rows of the bits stand for one check for each bit. */
static void need_everything(void)
{
	need("cert.table");
	need("report_data");
	need("hcl.user_data");
	need_all(snp_check_names);
	need_all(hcl_check_names);
	need_all(quote_check_names);
	for (size_t i = 0; i < all_checks_count; i++)
		if (all_checks[i].eval != check_guest_policy && all_checks[i].eval != check_platform_info)
			need(all_checks[i].name);
	for (size_t i = 0; i < POLICY_GUEST_BITS; i++)
		need(policy_guest_bits[i].check);
	for (size_t i = 0; i < POLICY_PLATFORM_BITS; i++)
		need(policy_platform_bits[i].check);
}

START_TEST(alone)
{
	size_t wrong = 0;

	read_rows();
	(void)printf("%-38s %-18s %-8s %-52s %-26s %s\n", "CHECK", "DEMANDED BY", "KIND", "OBJECT", "FAILS FIRST", "WITH THE CHECK OFF");
	for (size_t i = 0; i < row_count; i++)
		wrong += !run_row(&rows[i]);
	need_everything();
	(void)printf("%zu checks have an object each, %zu wrong, %zu without one\n", row_count, wrong, lacking);
	ck_assert_uint_eq(wrong, 0);
	ck_assert_uint_eq(lacking, 0);
	ck_assert_uint_ge(row_count, 90);
}
END_TEST

/* What the made objects are made from is good. */
START_TEST(made_good)
{
	CLEANUP(made_deinit) struct made made = {0};

	ck_assert(made_init(&made, "good"));
	ck_assert_str_eq(judge(&made.input, "report.tcb_committed"), "yes");
	ck_assert(!made_init(&made, "nobody makes this"));
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("alone");
	TCase *all = tcase_create("all");
	SRunner *runner;
	int failed;

	(void)vectors_folder();
	tcase_set_timeout(all, 100);
	tcase_add_test(all, alone);
	tcase_add_test(all, made_good);
	suite_add_tcase(suite, all);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? 1 : 0;
}
