/* SPDX-License-Identifier: Apache-2.0 */
/* What the vectors have no object for: reports made here and signed by the test PKI, the cache, revocation modes, certificates in a heap. */
#include <check.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "pki.h"

#define MILAN "reports/v3-milan-vcek-vmpl0-azure-cvm-14fd2b6e.bin"
#define GENOA "reports/v3-genoa-vcek-vmpl0-azure-aci-a782748b.bin"
#define TURIN "reports/v5-turin-vcek-vmpl0-other-56b3ee54.bin"
#define VLEK "reports/v3-milan-vlek-vmpl1-aws-decdab94.bin"

static void open_case(struct vector_case *c, const char *file)
{
	struct json_object *objects = vectors_objects();

	for (size_t i = 0; i < json_object_array_length(objects); i++) {
		struct json_object *entry = json_object_array_get_idx(objects, i);

		if (strcmp(vectors_text(entry, "file"), file) == 0) {
			vector_case_init(c, entry);
			return;
		}
	}
	ck_abort_msg("%s is not in the index", file);
}

/* The first finding that failed and decides, or "yes". */
static const char *verify(const struct vector_case *c, struct snp_verified *ret)
{
	CLEANUP(verdict_deinit) struct verdict verdict = VERDICT_NULL;
	struct snp_verified room;

	ck_assert_int_eq(snp_verify(&c->input, ret ? ret : &room, &verdict), 0);
	if (verdict_ok(&verdict))
		return "yes";
	return verdict_first_failed(&verdict) ? verdict_first_failed(&verdict)->check : "not checked";
}

static enum finding_state state_of(const struct vector_case *c, const char *check)
{
	CLEANUP(verdict_deinit) struct verdict verdict = VERDICT_NULL;
	const struct finding *finding;
	struct snp_verified room;

	ck_assert_int_eq(snp_verify(&c->input, &room, &verdict), 0);
	finding = verdict_find(&verdict, check);
	ck_assert_msg(finding != NULL, "no finding %s", check);
	return finding->state;
}

static void sign(struct vector_case *c, const char *key_file)
{
	pki_sign_report(c->report.data, key_file);
}

static void open_control(struct vector_case *c)
{
	open_case(c, "controls/control-milan.bin");
}

static void resign(struct vector_case *c)
{
	sign(c, "testpki/TEST-vcek.key.pem");
}

START_TEST(tcb_order)
{
	static const size_t current = 0x38, reported = 0x180, committed = 0x1e0;
	CLEANUP(vector_case_deinit) struct vector_case c;

	open_control(&c);
	ck_assert_str_eq(verify(&c, NULL), "yes");
	ck_assert_int_eq(state_of(&c, "report.tcb_committed"), FINDING_PASSED);
	for (size_t part = 0; part < 8; part += part == 1 ? 5 : 1) { /* bootloader, tee, snp, microcode */
		uint8_t before = c.report.data[committed + part];

		c.report.data[committed + part] = (uint8_t)(c.report.data[current + part] + 1);
		resign(&c);
		ck_assert_str_eq(verify(&c, NULL), "report.tcb_order");
		c.report.data[committed + part] = before;
	}
	c.report.data[committed + 7] = (uint8_t)(c.report.data[reported + 7] - 1);
	resign(&c);
	ck_assert_str_eq(verify(&c, NULL), "yes");
	ck_assert_int_eq(state_of(&c, "report.tcb_committed"), FINDING_FAILED);
	c.report.data[current + 7] = (uint8_t)(c.report.data[reported + 7] - 1);
	resign(&c);
	ck_assert_str_eq(verify(&c, NULL), "report.tcb_order");
}
END_TEST

/* Version 2 says no product: it comes from the chain, and with it the layout of the TCBs. */
START_TEST(version_2)
{
	CLEANUP(vector_case_deinit) struct vector_case c, turin;
	struct snp_verified verified;

	open_control(&c);
	c.report.data[0] = 2;
	memset(c.report.data + 0x188, 0, 3);
	resign(&c);
	ck_assert_str_eq(verify(&c, &verified), "yes");
	ck_assert_int_eq(verified.product, SNP_MILAN);
	c.report.data[0x1f4] = 1;
	resign(&c);
	ck_assert_str_eq(verify(&c, NULL), "report.tcb_reserved");

	open_case(&turin, "controls/control-turin.bin");
	turin.report.data[0] = 2;
	memset(turin.report.data + 0x188, 0, 3);
	memset(turin.report.data + 0x1f8, 0, 16);
	sign(&turin, "testpki/TEST-vcek-turin.key.pem");
	ck_assert_str_eq(verify(&turin, &verified), "yes");
	ck_assert_int_eq(verified.product, SNP_TURIN);
	ck_assert(verified.report.reported_tcb.has_fmc);
	turin.report.data[0x1f0 + 5] = 1;
	sign(&turin, "testpki/TEST-vcek-turin.key.pem");
	ck_assert_str_eq(verify(&turin, NULL), "report.tcb_reserved");
}
END_TEST

/* Version 4 is not published: 1F8h..207h may hold anything. */
START_TEST(version_4)
{
	CLEANUP(vector_case_deinit) struct vector_case c;

	open_control(&c);
	c.report.data[0] = 4;
	c.report.data[0x1f8] = 1;
	c.report.data[0x207] = 1;
	resign(&c);
	ck_assert_str_eq(verify(&c, NULL), "yes");
}
END_TEST

START_TEST(masked_chip_id)
{
	CLEANUP(vector_case_deinit) struct vector_case c;

	open_case(&c, "hostile/signed-chip-id-zero.bin");
	ck_assert_str_eq(verify(&c, NULL), "vek.hwid");
	c.input.allow_masked_chip_id = true;
	ck_assert_str_eq(verify(&c, NULL), "yes");
}
END_TEST

START_TEST(host_requested)
{
	CLEANUP(vector_case_deinit) struct vector_case c;

	open_control(&c);
	memset(c.report.data + 0x30, 0xff, 4);
	resign(&c);
	ck_assert_str_eq(verify(&c, NULL), "report.vmpl");
}
END_TEST

START_TEST(unknown_platform_bits)
{
	CLEANUP(vector_case_deinit) struct vector_case c;

	open_control(&c);
	memset(c.report.data + 0x40, 0xff, 8);
	resign(&c);
	ck_assert_str_eq(verify(&c, NULL), "yes");
}
END_TEST

START_TEST(masked_chip_key_with_vlek)
{
	CLEANUP(vector_case_deinit) struct vector_case c;

	open_case(&c, "controls/control-vlek.bin");
	c.report.data[0x48] |= 2; /* the VCEK is forbidden; a VLEK may sign */
	sign(&c, "testpki/TEST-vlek.key.pem");
	ck_assert_str_eq(verify(&c, NULL), "yes");
}
END_TEST

START_TEST(operations_are_counted)
{
	CLEANUP(vector_case_deinit) struct vector_case c;
	uint64_t operations = 0;

	open_control(&c);
	c.input.p384_operations = &operations;
	ck_assert_str_eq(verify(&c, NULL), "yes");
	ck_assert_uint_eq(operations, 1);
	c.report.data[0x4c] = 1;
	ck_assert_str_eq(verify(&c, NULL), "report.reserved");
	ck_assert_uint_eq(operations, 1);
}
END_TEST

START_TEST(cache_keeps_no_verdict)
{
	CLEANUP(snp_vek_cache_freep) struct snp_vek_cache *cache = NULL;
	CLEANUP(vector_case_deinit) struct vector_case c;
	int64_t now;

	open_control(&c);
	ck_assert_int_eq(snp_vek_cache_new(8, &cache), 0);
	c.input.cache = cache;
	now = c.input.now;
	ck_assert_str_eq(verify(&c, NULL), "yes");
	ck_assert_str_eq(verify(&c, NULL), "yes");
	ck_assert_uint_eq(snp_vek_cache_stats(cache).hits, 1);
	ck_assert_uint_eq(snp_vek_cache_stats(cache).misses, 1);
	c.input.now = INT64_C(4102444800);
	ck_assert_str_eq(verify(&c, NULL), "chain.validity");
	c.input.now = now;
	c.report.data[0x90] ^= 1;
	ck_assert_str_eq(verify(&c, NULL), "report.signature");
	c.report.data[0x90] ^= 1;
	c.report.data[0x1a0] ^= 1;
	ck_assert_str_eq(verify(&c, NULL), "vek.hwid");
	c.report.data[0x1a0] ^= 1;
	c.input.revocation = SNP_REVOCATION_REQUIRE;
	ck_assert_str_eq(verify(&c, NULL), "crl.missing");
	c.input.revocation = SNP_REVOCATION_OFF;
	c.input.extra_pins = NULL;
	ck_assert_str_eq(verify(&c, NULL), "chain.pin");
	c.input.extra_pins = &c.pins;
	ck_assert_str_eq(verify(&c, NULL), "yes");
	c.pins.items[0].product = SNP_GENOA;
	ck_assert_str_eq(verify(&c, NULL), "chain.pin");
}
END_TEST

/* A cached chain with its revocation list: the list's window is judged anew. */
START_TEST(cache_and_revocation)
{
	CLEANUP(snp_vek_cache_freep) struct snp_vek_cache *cache = NULL;
	CLEANUP(vector_case_deinit) struct vector_case c, revoked;

	ck_assert_int_eq(snp_vek_cache_new(8, &cache), 0);
	open_case(&c, "controls/control-crl.bin");
	open_case(&revoked, "hostile/crl-ask-revoked.bin");
	c.input.cache = cache;
	revoked.input.cache = cache;
	for (size_t i = 0; i < 2; i++) {
		ck_assert_str_eq(verify(&c, NULL), "yes");
		ck_assert_str_eq(verify(&revoked, NULL), "crl.revoked");
	}
	ck_assert_uint_eq(snp_vek_cache_stats(cache).hits, 2);
	c.input.now = INT64_C(1830297600); /* 2028: the list ended with 2026 */
	ck_assert_str_eq(verify(&c, NULL), "crl.fresh");
	revoked.input.now = c.input.now; /* out of date, but nothing is ever taken off the list */
	ck_assert_int_eq(state_of(&revoked, "crl.revoked"), FINDING_FAILED);
}
END_TEST

START_TEST(cache_is_bounded)
{
	CLEANUP(snp_vek_cache_freep) struct snp_vek_cache *cache = NULL;
	CLEANUP(vector_case_deinit) struct vector_case c;

	ck_assert_int_eq(snp_vek_cache_new(0, &cache), -EINVAL);
	ck_assert_int_eq(snp_vek_cache_new(SNP_VEK_CACHE_MAX + 1, &cache), -EINVAL);
	ck_assert_int_eq(snp_vek_cache_new(1, &cache), 0);
	open_control(&c);
	c.input.cache = cache;
	for (size_t i = 0; i < 12; i++) {
		(void)snprintf(c.pins.items[0].label, sizeof(c.pins.items[0].label), "label %zu", i);
		ck_assert_str_eq(verify(&c, NULL), "yes");
	}
	ck_assert_uint_eq(snp_vek_cache_stats(cache).misses, 12);
	ck_assert_str_eq(verify(&c, NULL), "yes");
	ck_assert_uint_eq(snp_vek_cache_stats(cache).hits, 1);
}
END_TEST

static void add_file(struct vector_case *c, const char *file, bool crl)
{
	CLEANUP(buf_deinit) struct buf data = BUF_NULL;

	vectors_read(file, &data);
	ck_assert_int_eq(crl ? snp_certs_add_crl(&c->certs, buf_view(&data), NULL) : snp_certs_add(&c->certs, buf_view(&data), NULL), 0);
}

START_TEST(revocation_modes)
{
	CLEANUP(vector_case_deinit) struct vector_case c, two;

	open_case(&c, GENOA);
	c.input.revocation = SNP_REVOCATION_IF_PRESENT;
	ck_assert_str_eq(verify(&c, NULL), "yes");
	ck_assert_int_eq(state_of(&c, "crl.missing"), FINDING_NOT_CHECKED);
	add_file(&c, "testpki/TEST-milan.crl.der", true); /* of another root: as if none were there */
	ck_assert_str_eq(verify(&c, NULL), "yes");
	c.input.revocation = SNP_REVOCATION_REQUIRE;
	ck_assert_str_eq(verify(&c, NULL), "crl.issuer");

	open_case(&two, "hostile/crl-expired.bin"); /* an old list beside a present one does no harm */
	ck_assert_str_eq(verify(&two, NULL), "crl.fresh");
	add_file(&two, "testpki/TEST-milan.crl.der", true);
	ck_assert_str_eq(verify(&two, NULL), "yes");
	add_file(&two, "hostile/crl-ask-revoked.crl.der", true); /* and one that revokes decides */
	ck_assert_str_eq(verify(&two, NULL), "crl.revoked");
}
END_TEST

/* All of AMD's CA certificates, the revoked ASK among them, and every VEK: the fitting ones are found, in any order. */
START_TEST(heap)
{
	static const char *const authorities[] = {"genoa-ask-revoked", "genoa-ask", "genoa-ark", "genoa-asvk", "milan-ark", "milan-ask",
		"milan-asvk", "turin-ask", "turin-ark", "turin-asvk"};
	struct json_object *objects = vectors_objects();
	struct snp_certs certs;
	size_t count = 0;
	char path[128];

	snp_certs_init(&certs);
	for (int pass = 0; pass < 2; pass++)
		for (size_t i = 0; i < json_object_array_length(objects); i++) {
			struct json_object *entry = json_object_array_get_idx(objects, i);
			struct vector_case c;
			bool verifies = false;

			if (!json_get_bool(entry, "verifies", &verifies) || !verifies || strcmp(vectors_text(entry, "kind"), "report") != 0)
				continue;
			vector_case_init(&c, entry);
			if (pass == 0) {
				ck_assert_int_eq(snp_certs_add(&certs, c.certs.items[0].der, NULL), 0);
			} else {
				c.input.certs = &certs;
				ck_assert_str_eq(verify(&c, NULL), "yes");
				count++;
			}
			for (size_t j = 0; pass == 0 && j < ARRAY_SIZE(authorities); j++) {
				CLEANUP(buf_deinit) struct buf der = BUF_NULL;

				(void)snprintf(path, sizeof(path), "certs/ca/%s.der", authorities[j]);
				vectors_read(path, &der);
				ck_assert_int_eq(snp_certs_add(&certs, buf_view(&der), NULL), 0);
			}
			vector_case_deinit(&c);
		}
	ck_assert_uint_eq(count, 32);
	snp_certs_deinit(&certs);
}
END_TEST

START_TEST(no_certificates)
{
	CLEANUP(vector_case_deinit) struct vector_case c;

	open_case(&c, MILAN);
	snp_certs_deinit(&c.certs);
	ck_assert_str_eq(verify(&c, NULL), "chain.missing");
	ck_assert_int_eq(state_of(&c, "report.signature"), FINDING_NOT_CHECKED);
	ck_assert_int_eq(state_of(&c, "report.version"), FINDING_PASSED);
}
END_TEST

/* The names and their order are an interface. */
START_TEST(order_of_findings)
{
	CLEANUP(verdict_deinit) struct verdict verdict = VERDICT_NULL;
	CLEANUP(vector_case_deinit) struct vector_case c;
	struct snp_verified verified;
	size_t at = 0;

	open_case(&c, "controls/control-crl.bin");
	ck_assert_int_eq(snp_verify(&c.input, &verified, &verdict), 0);
	for (size_t i = 0; i < verdict.count; i++) {
		while (snp_check_names[at] && strcmp(snp_check_names[at], verdict.items[i].check) != 0)
			at++;
		ck_assert_msg(snp_check_names[at] != NULL, "%s is not listed, or not in its place", verdict.items[i].check);
		at++;
	}
	ck_assert_uint_ge(verdict.count, 30);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("verify");
	TCase *all = tcase_create("all");
	SRunner *runner;
	int failed;

	(void)vectors_folder();
	tcase_set_timeout(all, 100);
	tcase_add_test(all, tcb_order);
	tcase_add_test(all, version_2);
	tcase_add_test(all, version_4);
	tcase_add_test(all, masked_chip_id);
	tcase_add_test(all, host_requested);
	tcase_add_test(all, unknown_platform_bits);
	tcase_add_test(all, masked_chip_key_with_vlek);
	tcase_add_test(all, operations_are_counted);
	tcase_add_test(all, cache_keeps_no_verdict);
	tcase_add_test(all, cache_and_revocation);
	tcase_add_test(all, cache_is_bounded);
	tcase_add_test(all, revocation_modes);
	tcase_add_test(all, heap);
	tcase_add_test(all, no_certificates);
	tcase_add_test(all, order_of_findings);
	suite_add_tcase(suite, all);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? 1 : 0;
}
