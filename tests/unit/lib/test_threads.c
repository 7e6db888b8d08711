/* SPDX-License-Identifier: Apache-2.0 */
/* Threads that verify at once, through one handle and through one small cache in which they crowd each other out. Meant for ThreadSanitizer. */
#include <check.h>
#include <pthread.h>
#include <sevattest.h>
#include <stdlib.h>
#include <string.h>

#include "../snp/vectors.h"

#define THREADS 2
#define ROUNDS 12
#define REPORTS_MAX 64
#define REPORTS_GENUINE 32
#define ROOM 4 /* chains: fewer than there are reports */

struct report {
	struct vector_case c;
	uint8_t bytes[SNP_REPORT_SIZE];
};

static struct report reports[REPORTS_MAX];
static size_t report_count;
static struct sevattest *handle;
static struct snp_vek_cache *cache;

static void load(void)
{
	struct json_object *objects = vectors_objects();

	ck_assert_int_eq(sevattest_new(&handle), 0);
	ck_assert_int_eq(snp_vek_cache_new(ROOM, &cache), 0);
	for (size_t i = 0; i < json_object_array_length(objects); i++) {
		struct json_object *entry = json_object_array_get_idx(objects, i);
		struct report *report = &reports[report_count];
		bool verifies = false;

		if (strcmp(vectors_text(entry, "kind"), "report") != 0 || !json_get_bool(entry, "verifies", &verifies) || !verifies)
			continue;
		ck_assert_uint_lt(report_count, REPORTS_MAX);
		vector_case_init(&report->c, entry);
		memcpy(report->bytes, report->c.report.data, sizeof(report->bytes));
		for (size_t j = 0; j < report->c.certs.count; j++)
			ck_assert_int_eq(sevattest_add_certificates(handle, report->c.certs.items[j].der.data, report->c.certs.items[j].der.size), 0);
		report->c.input.cache = cache;
		report_count++;
	}
	ck_assert_uint_eq(report_count, REPORTS_GENUINE);
}

static void unload(void)
{
	for (size_t i = 0; i < report_count; i++)
		vector_case_deinit(&reports[i].c);
	(void)snp_vek_cache_free(cache);
	(void)sevattest_free(handle);
}

/* Each thread begins elsewhere. */
static const struct report *nth(size_t thread, size_t i)
{
	return &reports[(i + thread * report_count / THREADS) % report_count];
}

static void *through_handle(void *context)
{
	size_t thread = (size_t)(uintptr_t)context, bad = 0;

	for (size_t i = 0; i < report_count * ROUNDS / 4; i++) {
		const struct report *report = nth(thread, i);
		struct sevattest_verdict *verdict = NULL;

		if (sevattest_verify(handle, report->bytes, sizeof(report->bytes), NULL, report->c.input.now, &verdict) != 0 ||
			sevattest_verdict_outcome(verdict) != SEVATTEST_YES)
			bad++;
		(void)sevattest_verdict_free(verdict);
	}
	return (void *)(uintptr_t)bad;
}

static void *through_cache(void *context)
{
	size_t thread = (size_t)(uintptr_t)context, bad = 0;

	for (size_t i = 0; i < report_count * ROUNDS; i++) {
		CLEANUP(verdict_deinit) struct verdict verdict = VERDICT_NULL;
		struct snp_verified verified;

		/* The same one often, so that there are hits while the other thread writes. */
		if (snp_verify(&nth(thread, i / 4)->c.input, &verified, &verdict) != 0 || !verdict_ok(&verdict))
			bad++;
	}
	return (void *)(uintptr_t)bad;
}

static void run(void *(*function)(void *context))
{
	pthread_t threads[THREADS];

	for (size_t i = 0; i < THREADS; i++)
		ck_assert_int_eq(pthread_create(&threads[i], NULL, function, (void *)(uintptr_t)i), 0);
	for (size_t i = 0; i < THREADS; i++) {
		void *bad = NULL;

		ck_assert_int_eq(pthread_join(threads[i], &bad), 0);
		ck_assert_uint_eq((size_t)(uintptr_t)bad, 0);
	}
}

START_TEST(one_handle)
{
	run(through_handle);
}
END_TEST

START_TEST(one_cache)
{
	struct snp_vek_cache_stats stats;

	run(through_cache);
	stats = snp_vek_cache_stats(cache);
	ck_assert_uint_eq(stats.hits + stats.misses, THREADS * ROUNDS * report_count);
	ck_assert_uint_gt(stats.hits, THREADS * ROUNDS * report_count / 2);
	ck_assert_uint_gt(stats.misses, report_count);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("threads");
	TCase *all = tcase_create("all");
	SRunner *runner;
	int failed;

	(void)vectors_folder();
	tcase_set_timeout(all, 200);
	tcase_add_unchecked_fixture(all, load, unload);
	tcase_add_test(all, one_handle);
	tcase_add_test(all, one_cache);
	suite_add_tcase(suite, all);
	runner = srunner_create(suite);
	srunner_set_fork_status(runner, CK_NOFORK); /* ThreadSanitizer does not follow into a child that makes threads */
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? 1 : 0;
}
