/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Every single-bit flip of one genuine report for each product and of one that a VLEK signed is refused, and so are seeded flips in each
 * certificate of their chains: nothing in them is left unsigned. Takes half a minute, so it is not among the quick tests.
 */
#include <check.h>
#include <stdio.h>
#include <string.h>

#include "vectors.h"

#define BITS (8 * (size_t)SNP_REPORT_SIZE)
#define PIECES 8 /* a test for each eighth, so that no one of them takes long under sanitizers */
#define CERTIFICATE_FLIPS 2000
#define SEED 20260601u

static const char *const files[] = {"reports/v3-milan-vcek-vmpl0-azure-cvm-14fd2b6e.bin", "reports/v3-genoa-vcek-vmpl0-azure-aci-a782748b.bin",
	"reports/v5-turin-vcek-vmpl0-other-56b3ee54.bin", "reports/v3-milan-vlek-vmpl1-aws-decdab94.bin"};

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

static bool genuine(const struct vector_case *c)
{
	CLEANUP(verdict_deinit) struct verdict verdict = VERDICT_NULL;
	struct snp_verified verified;

	ck_assert_int_eq(snp_verify(&c->input, &verified, &verdict), 0);
	ck_assert(verdict_ok(&verdict) || verdict_first_failed(&verdict));
	return verdict_ok(&verdict);
}

START_TEST(report)
{
	const char *file = files[_i / PIECES];
	CLEANUP(snp_vek_cache_freep) struct snp_vek_cache *cache = NULL;
	CLEANUP(vector_case_deinit) struct vector_case c;
	size_t tried = 0;

	ck_assert_int_eq(snp_vek_cache_new(256, &cache), 0);
	open_case(&c, file);
	c.input.cache = cache;
	ck_assert(genuine(&c));
	for (size_t bit = (size_t)_i % PIECES; bit < BITS; bit += PIECES) {
		c.report.data[bit / 8] ^= (uint8_t)(1U << bit % 8);
		ck_assert_msg(!genuine(&c), "%s: bit %zu", file, bit);
		c.report.data[bit / 8] ^= (uint8_t)(1U << bit % 8);
		tried++;
	}
	ck_assert(genuine(&c));
	ck_assert_uint_eq(tried, BITS / PIECES);
}
END_TEST

START_TEST(certificate)
{
	CLEANUP(vector_case_deinit) struct vector_case c;
	uint32_t state = SEED + (uint32_t)_i;
	uint8_t *der;
	size_t size;

	open_case(&c, files[_i / 3]);
	der = (uint8_t *)(uintptr_t)c.certs.items[_i % 3].der.data;
	size = c.certs.items[_i % 3].der.size;
	for (size_t i = 0; i < CERTIFICATE_FLIPS; i++) {
		size_t bit;

		state = state * 1664525u + 1013904223u;
		bit = (state >> 8) % (8 * size);
		der[bit / 8] ^= (uint8_t)(1U << bit % 8);
		ck_assert_msg(!genuine(&c), "%s: certificate %d, bit %zu (seed %u)", files[_i / 3], _i % 3, bit, SEED + (uint32_t)_i);
		der[bit / 8] ^= (uint8_t)(1U << bit % 8);
	}
	ck_assert(genuine(&c));
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("flips");
	TCase *all = tcase_create("all");
	SRunner *runner;
	int failed;

	(void)vectors_folder();
	tcase_set_timeout(all, 300);
	tcase_add_loop_test(all, report, 0, PIECES * (int)ARRAY_SIZE(files));
	tcase_add_loop_test(all, certificate, 0, 3 * (int)ARRAY_SIZE(files));
	suite_add_tcase(suite, all);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	if (!failed)
		(void)printf("%zu reports, %zu flips each; %zu certificates, %d flips each: all refused\n", ARRAY_SIZE(files), BITS,
			3 * ARRAY_SIZE(files), CERTIFICATE_FLIPS);
	return failed ? 1 : 0;
}
