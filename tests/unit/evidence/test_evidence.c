/* SPDX-License-Identifier: Apache-2.0 */
/* Evidence in every form of the vectors: recorded KBS conversations, what clients publish, a configfs-tsm answer. */
#include <check.h>
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../snp/vectors.h"
#include "base/text.h"
#include "evidence/evidence.h"

#define KBS_SNP 4
#define KBS_AZURE 4
#define EVIDENCE 4
#define REPORTS 42
#define VERIFY_TIME "2026-06-01T00:00:00Z"

static const char *const quote_checks[] = {"quote.parse", "quote.magic", "quote.type", "quote.signature", "quote.nonce", "quote.selection",
	"quote.pcrs", "quote.pcr_digest", "quote.signer", "hcl.header", "hcl.runtime", "hcl.type", "hcl.binding", "hcl.claims"};

static struct json_object *read_json_file(const char *file)
{
	CLEANUP(buf_deinit) struct buf text = BUF_NULL;
	struct json_object *root = NULL;

	vectors_read(file, &text);
	ck_assert_int_eq(json_read(buf_view(&text), &root, NULL), 0);
	return root;
}

static void read_evidence(const char *file, struct evidence *ret)
{
	CLEANUP(buf_deinit) struct buf text = BUF_NULL;
	struct error error = ERROR_NULL;

	vectors_read(file, &text);
	ck_assert_msg(evidence_read(ret, buf_view(&text), &error) == 0, "%s: %s", file, error_text(&error));
}

/* The evidence holds only the VEK; the CA comes from elsewhere, of both products so that the right one must be found. */
static void add_ca(struct snp_certs *certs)
{
	static const char *const files[] = {
		"certs/ca/milan-ask.der", "certs/ca/milan-ark.der", "certs/ca/genoa-ask.der", "certs/ca/genoa-ark.der"};

	for (size_t i = 0; i < ARRAY_SIZE(files); i++) {
		CLEANUP(buf_deinit) struct buf der = BUF_NULL;

		vectors_read(files[i], &der);
		ck_assert_int_eq(snp_certs_add(certs, buf_view(&der), NULL), 0);
	}
}

/* Everything must pass, at a time within the windows of all these VCEKs. */
static void verify(const char *file, const struct evidence *evidence, struct bytes report_data)
{
	CLEANUP(verdict_deinit) struct verdict verdict = VERDICT_NULL;
	CLEANUP(snp_certs_deinit) struct snp_certs certs;
	struct evidence_verify_input input = {.extra_certs = &certs, .report_data = report_data};
	struct snp_verified verified;
	const struct finding *failed;

	snp_certs_init(&certs);
	add_ca(&certs);
	ck_assert_int_eq(time_parse(VERIFY_TIME, &input.now), 0);
	ck_assert_int_eq(evidence_verify(evidence, &input, &verified, &verdict), 0);
	failed = verdict_first_failed(&verdict);
	ck_assert_msg(verdict_ok(&verdict), "%s: %s: %s", file, failed ? failed->check : "", failed ? failed->why : "");
	for (size_t i = 0; evidence->kind == EVIDENCE_AZ_SNP_VTPM && i < ARRAY_SIZE(quote_checks); i++) {
		const struct finding *finding = verdict_find(&verdict, quote_checks[i]);
		bool unknown = report_data.size == 0 && strcmp(quote_checks[i], "quote.nonce") == 0;

		ck_assert_msg(finding && finding->state == (unknown ? FINDING_NOT_CHECKED : FINDING_PASSED), "%s: %s", file, quote_checks[i]);
	}
}

/* The same evidence with one bit of the nonce changed, or with a nonce where there was none. */
static void refuse_other_nonce(const char *file, const struct evidence *evidence, struct bytes nonce)
{
	CLEANUP(verdict_deinit) struct verdict verdict = VERDICT_NULL;
	struct snp_verified verified;
	uint8_t other[64] = {1};
	struct evidence_verify_input input = {.report_data = bytes_of(other, nonce.size ? nonce.size : sizeof(other))};

	if (nonce.size)
		memcpy(other, nonce.data, nonce.size);
	other[0] ^= nonce.size ? 1 : 0;
	ck_assert_int_eq(evidence_verify(evidence, &input, &verified, &verdict), 0);
	ck_assert_msg(strcmp(verdict_first_failed(&verdict)->check, "quote.nonce") == 0, "%s", file);
}

static void check_kbs_snp(const char *file)
{
	CLEANUP(evidence_deinit) struct evidence evidence = {0};
	CLEANUP(buf_deinit) struct buf report = BUF_NULL, written = BUF_NULL;
	JSON_AUTO original = read_json_file(file);
	JSON_AUTO ours = NULL;

	read_evidence(file, &evidence);
	ck_assert_int_eq(evidence.kind, EVIDENCE_SNP);
	ck_assert_int_eq(hex_decode_any(&report, SNP_REPORT_SIZE, vectors_text(original, "report_hex")), 0);
	ck_assert_msg(bytes_equal(buf_view(&evidence.report), buf_view(&report)), "%s: another report", file);
	ck_assert_int_eq(evidence_write_kbs(&evidence, &written), 0);
	ck_assert_int_eq(json_read(buf_view(&written), &ours, NULL), 0);
	ck_assert_msg(json_object_equal(ours, json_get_object(original, "primary_evidence")), "%s: written otherwise", file);
}

/* Written as KBS and as our JSON, and read again, it is the same. */
static void check_azure_again(const char *file, const struct evidence *evidence)
{
	JSON_AUTO object = evidence_to_json(evidence);
	unsigned version = evidence->azure_version < 2 ? 1 : 2;

	for (size_t i = 0; i < 2; i++) {
		CLEANUP(evidence_deinit) struct evidence again = {0};
		CLEANUP(buf_deinit) struct buf text = BUF_NULL;

		ck_assert_int_eq(i ? json_write(&text, object) : evidence_write_kbs(evidence, &text), 0);
		ck_assert_int_eq(evidence_read(&again, buf_view(&text), NULL), 0);
		ck_assert_msg(again.azure_version == version && again.kind == EVIDENCE_AZ_SNP_VTPM, "%s", file);
		ck_assert(bytes_equal(buf_view(&again.report), buf_view(&evidence->report)));
		ck_assert(bytes_equal(buf_view(&again.hcl), buf_view(&evidence->hcl)));
		ck_assert(bytes_equal(buf_view(&again.quote), buf_view(&evidence->quote)));
		ck_assert(bytes_equal(buf_view(&again.quote_signature), buf_view(&evidence->quote_signature)));
		ck_assert_mem_eq(again.pcrs, evidence->pcrs, sizeof(again.pcrs));
		verify(file, &again, bytes_of(NULL, 0));
	}
}

static void check_kbs_azure(const char *file)
{
	CLEANUP(evidence_deinit) struct evidence evidence = {0};
	CLEANUP(buf_deinit) struct buf nonce = BUF_NULL;
	JSON_AUTO original = read_json_file(file);

	read_evidence(file, &evidence);
	ck_assert_int_eq(evidence.kind, EVIDENCE_AZ_SNP_VTPM);
	ck_assert_int_eq(hex_decode_any(&nonce, 64, vectors_text(original, "expected_report_data_hex")), 0);
	verify(file, &evidence, buf_view(&nonce));
	verify(file, &evidence, bytes_of(NULL, 0));
	refuse_other_nonce(file, &evidence, buf_view(&nonce));
	check_azure_again(file, &evidence);
}

/* Runs `check` on each file kbs/PREFIX*.json; returns how many there were. */
static size_t each_kbs(const char *prefix, void (*check)(const char *file))
{
	char path[4096];
	struct dirent *item;
	size_t count = 0;
	DIR *folder;

	(void)snprintf(path, sizeof(path), "%s/kbs", vectors_folder());
	folder = opendir(path);
	ck_assert_ptr_nonnull(folder);
	while ((item = readdir(folder))) {
		if (!text_starts_with(item->d_name, prefix))
			continue;
		(void)snprintf(path, sizeof(path), "kbs/%s", item->d_name);
		check(path);
		count++;
	}
	(void)closedir(folder);
	return count;
}

START_TEST(kbs_snp)
{
	ck_assert_uint_eq(each_kbs("snp-", check_kbs_snp), KBS_SNP);
}
END_TEST

START_TEST(kbs_azure)
{
	ck_assert_uint_eq(each_kbs("az-snp-vtpm-", check_kbs_azure), KBS_AZURE);
}
END_TEST

/* evidence/NAME.json has its quote in the index as tpm/quote-NAME.msg: the nonce is that one's. */
static const char *nonce_of(const char *file)
{
	struct json_object *objects = vectors_objects();
	const char *name = strchr(file, '/') + 1;
	char quote[256];

	(void)snprintf(quote, sizeof(quote), "tpm/quote-%.*s.msg", (int)(strlen(name) - strlen(".json")), name);
	for (size_t i = 0; i < json_object_array_length(objects); i++) {
		struct json_object *entry = json_object_array_get_idx(objects, i);

		if (strcmp(vectors_text(entry, "file"), quote) == 0)
			return vectors_text(json_get_object(entry, "decoded"), "extra_data");
	}
	ck_abort_msg("%s: its quote is not in the index", file);
	return NULL;
}

static void check_azure(struct json_object *entry, const struct evidence *evidence)
{
	CLEANUP(buf_deinit) struct buf hcl = BUF_NULL, nonce = BUF_NULL;
	const char *file = vectors_text(entry, "file"), *hex = nonce_of(file);

	vectors_read(vectors_text(entry, "hcl_report"), &hcl);
	ck_assert(bytes_equal(buf_view(&evidence->hcl), buf_view(&hcl)));
	if (hex[0])
		ck_assert_int_eq(hex_decode_any(&nonce, 64, hex), 0);
	verify(file, evidence, buf_view(&nonce));
	refuse_other_nonce(file, evidence, buf_view(&nonce));
}

static void check_snp(struct json_object *entry, const struct evidence *evidence)
{
	CLEANUP(buf_deinit) struct buf report = BUF_NULL;

	vectors_read(vectors_text(entry, "report_rebuilt"), &report);
	ck_assert(bytes_equal(buf_view(&evidence->report), buf_view(&report)));
	verify(vectors_text(entry, "file"), evidence, bytes_of(evidence->report.data + 0x50, 64));
}

START_TEST(published)
{
	struct json_object *objects = vectors_objects();
	size_t count = 0;

	for (size_t i = 0; i < json_object_array_length(objects); i++) {
		CLEANUP(evidence_deinit) struct evidence evidence = {0};
		struct json_object *entry = json_object_array_get_idx(objects, i);

		if (strcmp(vectors_text(entry, "kind"), "evidence") != 0)
			continue;
		read_evidence(vectors_text(entry, "file"), &evidence);
		ck_assert_str_eq(evidence_tee(&evidence), vectors_text(entry, "tee"));
		if (evidence.kind == EVIDENCE_AZ_SNP_VTPM)
			check_azure(entry, &evidence);
		else
			check_snp(entry, &evidence);
		count++;
	}
	ck_assert_uint_eq(count, EVIDENCE);
}
END_TEST

/* What the serde form cannot carry comes back as zeros: genuine reports have nothing there. */
START_TEST(reports_through_kbs)
{
	struct json_object *objects = vectors_objects();
	size_t count = 0, lost = 0;

	for (size_t i = 0; i < json_object_array_length(objects); i++) {
		CLEANUP(evidence_deinit) struct evidence evidence = {0}, again = {0};
		CLEANUP(buf_deinit) struct buf report = BUF_NULL, text = BUF_NULL;
		struct json_object *entry = json_object_array_get_idx(objects, i);

		if (strcmp(vectors_text(entry, "kind"), "report") != 0)
			continue;
		vectors_read(vectors_text(entry, "file"), &report);
		ck_assert_int_eq(evidence_from_report(&evidence, buf_view(&report), bytes_of(NULL, 0)), 0);
		ck_assert_int_eq(evidence_write_kbs(&evidence, &text), 0);
		ck_assert_int_eq(evidence_read(&again, buf_view(&text), NULL), 0);
		if (!bytes_equal(buf_view(&again.report), buf_view(&report))) {
			(void)fprintf(stderr, "%s: not the same after KBS JSON\n", vectors_text(entry, "file"));
			lost++;
		}
		count++;
	}
	ck_assert_uint_eq(count, REPORTS);
	ck_assert_uint_eq(lost, 0);
}
END_TEST

/* What is no evidence at all leaves the output as it was. */
START_TEST(binary)
{
	CLEANUP(evidence_deinit) struct evidence evidence = {0};
	uint8_t short_report[SNP_REPORT_SIZE - 1] = {0};

	ck_assert_int_eq(evidence_read(&evidence, bytes_of(short_report, sizeof(short_report)), NULL), EVIDENCE_E_SIZE);
	ck_assert_int_eq(evidence_read(&evidence, bytes_of(NULL, 0), NULL), EVIDENCE_E_SIZE);
	ck_assert_int_eq(evidence_read(&evidence, bytes_of_text("{}"), NULL), EVIDENCE_E_MALFORMED);
	ck_assert_int_eq(evidence_read(&evidence, bytes_of_text("{"), NULL), EVIDENCE_E_MALFORMED);
	ck_assert_int_eq(evidence.kind, EVIDENCE_NONE);
}
END_TEST

START_TEST(tsm)
{
	CLEANUP(evidence_deinit) struct evidence evidence = {0}, again = {0};
	CLEANUP(buf_deinit) struct buf table = BUF_NULL, written = BUF_NULL;
	JSON_AUTO ours = NULL;

	read_evidence("certtables/veraison-tsm-report.json", &evidence);
	ck_assert_int_eq(evidence.kind, EVIDENCE_SNP);
	vectors_read("certtables/veraison-genoa-9e37aaf8.bin", &table);
	ck_assert(bytes_equal(buf_view(&evidence.cert_table), buf_view(&table)));
	verify("veraison-tsm-report.json", &evidence, bytes_of(evidence.report.data + 0x50, 64));
	ours = evidence_to_json(&evidence);
	ck_assert_int_eq(json_write(&written, ours), 0);
	ck_assert_int_eq(evidence_read(&again, buf_view(&written), NULL), 0);
	ck_assert(bytes_equal(buf_view(&again.report), buf_view(&evidence.report)));
	ck_assert(bytes_equal(buf_view(&again.cert_table), buf_view(&evidence.cert_table)));
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("evidence");
	TCase *all = tcase_create("all");
	SRunner *runner;
	int failed;

	(void)vectors_folder();
	tcase_set_timeout(all, 100);
	tcase_add_test(all, kbs_snp);
	tcase_add_test(all, kbs_azure);
	tcase_add_test(all, published);
	tcase_add_test(all, reports_through_kbs);
	tcase_add_test(all, binary);
	tcase_add_test(all, tsm);
	suite_add_tcase(suite, all);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? 1 : 0;
}
