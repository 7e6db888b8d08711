/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which policies accept which evidence: what one policy trusts, and how strict it is on revocation and on a masked chip id, must not reach into another's answer,
 * whatever their order. Argument: a directory that keeps the simulated platform.
 */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "../snp/vectors.h"
#include "appraising.h"
#include "base/text.h"
#include "io/kds_object.h"
#include "scratch.h"

#define OTHER_PIN ",\"trust\":[\"%064x\"]"

static const char *platform;
static struct appraising a;

static void setup(void)
{
	appraising_open(&a, platform);
}

static void teardown(void)
{
	appraising_close(&a);
}

static const char *other_pin(unsigned number)
{
	static char text[128];

	(void)snprintf(text, sizeof(text), OTHER_PIN, number);
	return text;
}

static bool failed_check_is(const char *check)
{
	return strstr(a.answer.failed_checks, check) != NULL;
}

static void expect(const char *passed)
{
	const char *got = appraising_ask(&a);

	ck_assert_msg(strcmp(got, passed) == 0, "\"%s\" passed, not \"%s\"; failed: %s; %s", got, passed, a.answer.failed_checks,
		a.details ? json_object_to_json_string(a.details) : "");
}

/* The pin of one policy serves that policy only; twice, since the second time the chain is known. */
START_TEST(trust_is_the_policys_own)
{
	appraising_policy(&a, "amd", "", "");
	appraising_policy(&a, "other", other_pin(1), "");
	expect("");
	ck_assert(!a.answer.genuine);
	ck_assert(failed_check_is("chain.pin"));
	appraising_policy(&a, "sim", appraising_trust(&a), "");
	appraising_policy(&a, "amd-again", "", "");
	appraising_policy(&a, "sim-again", appraising_trust(&a), "");
	for (int i = 0; i < 2; i++) {
		expect("sim sim-again");
		ck_assert(a.answer.genuine);
		ck_assert_mem_eq(a.answer.chip_id, a.state.chip_id, sizeof(a.state.chip_id));
		ck_assert_mem_eq(a.answer.measurement, a.state.measurement, sizeof(a.state.measurement));
	}
}
END_TEST

START_TEST(trust_is_the_policys_own_in_any_order)
{
	appraising_policy(&a, "sim", appraising_trust(&a), "");
	appraising_policy(&a, "amd", "", "");
	appraising_policy(&a, "other", other_pin(1), "");
	expect("sim");
	appraising_no_policies(&a);
	appraising_policy(&a, "amd", "", "");
	expect("");
	ck_assert(!a.answer.genuine);
}
END_TEST

/* More kinds of verification than one request may cost: the policies past the limit admit nobody, the others are not harmed. */
START_TEST(too_many_kinds)
{
	char name[16];

	appraising_policy(&a, "first", appraising_trust(&a), "");
	for (unsigned i = 0; i < APPRAISING_POLICIES - 3; i++) {
		(void)snprintf(name, sizeof(name), "p%u", i);
		appraising_policy(&a, name, other_pin(i), "");
	}
	appraising_policy(&a, "again", appraising_trust(&a), "");
	appraising_policy(&a, "new", ",\"revocation\":\"off\"", "");
	expect("first again");
}
END_TEST

START_TEST(only_granted_policies)
{
	appraising_policy(&a, "one", appraising_trust(&a), "");
	appraising_policy(&a, "two", appraising_trust(&a), "");
	a.granted[0] = false;
	expect("two");
	a.granted[1] = false;
	expect("");
	ck_assert(!a.answer.genuine);
	ck_assert_ptr_null(a.details);
}
END_TEST

static void crl(const char *revoke)
{
	CLEANUP(buf_deinit) struct buf list = BUF_NULL;

	(void)snprintf(a.state.revoke, sizeof(a.state.revoke), "%s", revoke);
	ck_assert_int_eq(sim_crl(&a.platform, &a.state, time(NULL), &list), 0);
	appraising_file(&a, "crls", "milan.crl", buf_view(&list));
	appraising_reload(&a);
}

static void revocation_policy(const char *name, const char *mode)
{
	char more[256];

	(void)snprintf(more, sizeof(more), "%s,\"revocation\":\"%s\"", appraising_trust(&a), mode);
	appraising_policy(&a, name, more, "");
}

START_TEST(revocation)
{
	revocation_policy("require", "require");
	revocation_policy("if-present", "if-present");
	revocation_policy("off", "off");
	expect("if-present off");
	crl("");
	expect("require if-present off");
	crl("ask");
	expect("off");
	ck_assert(a.answer.genuine);
	appraising_forget(&a, "crls", "milan.crl");
	expect("off"); /* until the directory is read again */
	appraising_reload(&a);
	expect("if-present off");
}
END_TEST

/* A file that is no CRL is passed over: it must neither count as one nor spoil what is good. */
START_TEST(junk_in_the_directories)
{
	revocation_policy("require", "require");
	revocation_policy("if-present", "if-present");
	appraising_file(&a, "crls", "a-junk.crl", bytes_of_text("no CRL"));
	appraising_file(&a, "certs", "a-junk.pem", bytes_of_text("no certificate"));
	appraising_reload(&a);
	expect("if-present");
	crl("");
	expect("require if-present");
}
END_TEST

static void put_ca(void)
{
	CLEANUP(buf_deinit) struct buf ask = BUF_NULL, ark = BUF_NULL;

	ck_assert_int_eq(sim_ca_write(&a.platform, SIM_ASK, false, &ask), 0);
	ck_assert_int_eq(sim_ca_write(&a.platform, SIM_ARK, true, &ark), 0);
	appraising_file(&a, "certs", "ask.der", buf_view(&ask));
	appraising_file(&a, "certs", "ark.pem", buf_view(&ark));
	appraising_reload(&a);
}

static void chip_file(struct bytes vek, char to[static KDS_FILE_NAME_MAX])
{
	struct kds_object object;

	ck_assert_int_eq(kds_object_of_vek(vek, &object), 0);
	kds_object_file(&object, to);
}

/* Evidence without certificates: the cache has the chip's, or nobody passes. What the cache holds is not believed. */
START_TEST(chip_cache)
{
	CLEANUP(buf_deinit) struct buf vek = BUF_NULL;
	char name[KDS_FILE_NAME_MAX];

	a.state.aux = SIM_AUX_EMPTY;
	appraising_policy(&a, "sim", appraising_trust(&a), "");
	revocation_policy("require", "require");
	put_ca();
	crl("");
	expect("");
	ck_assert(failed_check_is("chain.names"));
	ck_assert_int_eq(sim_vek_certificate(&a.platform, &a.state, &a.state.reported, time(NULL), &vek), 0);
	chip_file(buf_view(&vek), name);
	appraising_file(&a, "cache", name, buf_view(&vek));
	expect("sim require");
	appraising_file(&a, "cache", name, bytes_of_text("rubbish"));
	expect("");
	vek.data[vek.size - 1] ^= 1;
	appraising_file(&a, "cache", name, buf_view(&vek));
	expect("");
	ck_assert(failed_check_is("chain.signature"));
	ck_assert(!a.answer.genuine);
}
END_TEST

static const char *masked(const char *value)
{
	static char text[64];

	(void)snprintf(text, sizeof(text), ",\"masked_chip_id\":%s", value);
	return text;
}

START_TEST(masked_chip_id)
{
	appraising_policy(&a, "strict", appraising_trust(&a), masked("false"));
	appraising_policy(&a, "lax", appraising_trust(&a), masked("true"));
	expect("strict lax");
	a.state.mask_chip_id = true;
	expect("lax");
	ck_assert(a.answer.genuine);
	appraising_no_policies(&a);
	appraising_policy(&a, "lax", appraising_trust(&a), masked("true"));
	appraising_policy(&a, "strict", appraising_trust(&a), masked("false"));
	appraising_policy(&a, "unsaid", appraising_trust(&a), "");
	expect("lax");
	appraising_no_policies(&a);
	appraising_policy(&a, "strict", appraising_trust(&a), masked("false"));
	expect("");
	ck_assert(!a.answer.genuine);
	ck_assert(failed_check_is("vek.hwid"));
}
END_TEST

/* The operator reads which check of which policy failed, the guest only the names of checks. */
START_TEST(details)
{
	struct json_object *row, *checks;
	uint64_t version;

	appraising_policy(&a, "svn", appraising_trust(&a), ",\"vmpl\":{\"max\":0},\"products\":[\"Genoa\"]");
	appraising_policy(&a, "good", appraising_trust(&a), "");
	expect("good");
	ck_assert_uint_eq(json_object_array_length(a.details), 1);
	row = json_object_array_get_idx(a.details, 0);
	ck_assert_str_eq(json_get_text(row, "policy", NULL), "svn");
	ck_assert(json_get_u64(row, "version", 100, &version) && version == 7);
	checks = json_get_array(row, "checks");
	ck_assert_uint_eq(json_object_array_length(checks), 1);
	ck_assert_str_eq(json_get_text(json_object_array_get_idx(checks, 0), "check", NULL), "products");
	ck_assert_str_eq(a.answer.failed_checks, "");
	a.granted[1] = false;
	expect("");
	ck_assert(a.answer.genuine);
	ck_assert_str_eq(a.answer.failed_checks, "products");
}
END_TEST

static void put_amd_ca(void)
{
	static const char *const names[] = {"milan-ask", "milan-ark", "genoa-ask", "genoa-ark"};

	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		CLEANUP(buf_deinit) struct buf der = BUF_NULL;
		char path[64];

		(void)snprintf(path, sizeof(path), "certs/ca/%s.der", names[i]);
		vectors_read(path, &der);
		appraising_file(&a, "certs", names[i], buf_view(&der));
	}
	appraising_reload(&a);
}

/* Genuine evidence chains to AMD's root: every policy may share that, also those that trust more. */
START_TEST(genuine)
{
	CLEANUP(buf_deinit) struct buf report = BUF_NULL;
	uint8_t report_data[64];

	put_amd_ca();
	vectors_read("evidence/snp-trustee-e2e-genoa.report.bin", &report);
	memcpy(report_data, report.data + 0x50, sizeof(report_data));
	appraising_policy(&a, "sim", appraising_trust(&a), "");
	appraising_policy(&a, "amd", "", "");
	for (unsigned i = 0; i < 18; i++)
		appraising_policy(&a, "p", other_pin(i), "");
	ck_assert_str_eq(appraising_ask_vector(&a, "evidence/snp-trustee-e2e-genoa.json", KBS_TEE_SNP, bytes_of(report_data, 64)),
		"sim amd p p p p p p p p p p p p p p p p p p");
	report_data[0] ^= 1;
	ck_assert_str_eq(appraising_ask_vector(&a, "evidence/snp-trustee-e2e-genoa.json", KBS_TEE_SNP, bytes_of(report_data, 64)), "");
	ck_assert(failed_check_is("report_data"));
}
END_TEST

/* Version 2 of Azure's evidence over the nonce that its quote carries; its PCRs are claims. */
START_TEST(azure)
{
	static const char file[] = "evidence/az-snp-vtpm-v2-milan.json";
	uint8_t report_data[64] = {0};
	CLEANUP(buf_deinit) struct buf nonce = BUF_NULL;
	struct json_object *objects = vectors_objects();

	for (size_t i = 0; i < json_object_array_length(objects); i++) {
		struct json_object *entry = json_object_array_get_idx(objects, i);

		if (strcmp(vectors_text(entry, "file"), "tpm/quote-az-snp-vtpm-v2-milan.msg") == 0)
			ck_assert_int_eq(hex_decode_any(&nonce, 64, vectors_text(json_get_object(entry, "decoded"), "extra_data")), 0);
	}
	ck_assert_uint_eq(nonce.size, 48);
	memcpy(report_data, nonce.data, nonce.size);
	put_amd_ca();
	appraising_policy(&a, "any", "", "");
	appraising_policy(&a, "pcr", ",\"tpm\":{\"bank\":\"sha256\",\"pcrs\":{\"4\":[\"0000000000000000000000000000000000000000000000000000000000000000\"]}}", "");
	ck_assert_str_eq(appraising_ask_vector(&a, file, KBS_TEE_AZ_SNP_VTPM, bytes_of(report_data, 64)), "any");
	ck_assert(a.answer.genuine);
	/* It is not what the handshake of another TEE may bring. */
	ck_assert_str_eq(appraising_ask_vector(&a, file, KBS_TEE_SNP, bytes_of(report_data, 64)), "");
	ck_assert(failed_check_is("evidence.format"));
	report_data[47] ^= 1;
	ck_assert_str_eq(appraising_ask_vector(&a, file, KBS_TEE_AZ_SNP_VTPM, bytes_of(report_data, 64)), "");
	ck_assert(failed_check_is("quote.nonce"));
}
END_TEST

static bool have_vectors(void)
{
	const char *folder = getenv("SEVATTEST_VECTORS");
	bool have = folder && access(folder, F_OK) == 0;

	if (!have)
		(void)printf("SKIP: genuine evidence: SEVATTEST_VECTORS is not there\n");
	return have;
}

int main(int argc, char **argv)
{
	Suite *suite = suite_create("appraiser");
	TCase *sim = tcase_create("sim"), *published = tcase_create("published");
	SRunner *runner;
	int failed;

	if (argc != 2)
		return EXIT_FAILURE;
	platform = argv[1];
	tcase_set_timeout(sim, 100);
	tcase_add_checked_fixture(sim, setup, teardown);
	tcase_add_test(sim, trust_is_the_policys_own);
	tcase_add_test(sim, trust_is_the_policys_own_in_any_order);
	tcase_add_test(sim, too_many_kinds);
	tcase_add_test(sim, only_granted_policies);
	tcase_add_test(sim, revocation);
	tcase_add_test(sim, junk_in_the_directories);
	tcase_add_test(sim, chip_cache);
	tcase_add_test(sim, masked_chip_id);
	tcase_add_test(sim, details);
	suite_add_tcase(suite, sim);
	tcase_set_timeout(published, 100);
	tcase_add_checked_fixture(published, setup, teardown);
	tcase_add_test(published, genuine);
	tcase_add_test(published, azure);
	if (have_vectors())
		suite_add_tcase(suite, published);
	scratch_begin();
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? 1 : 0;
}
