/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How much of a verification is the one P-384 operation that nobody can avoid. Reads what the simulator made, FOLDER/r0.bin... of one chip with its
 * certificates in FOLDER/table, and FOLDER/u0.bin... of one chip each with FOLDER/u0.table..., and prints rates per CPU second, one "name value"
 * per line; all ratios are of one run.
 *
 * usage: bench_verify ARK.pem FOLDER KNOWN UNSEEN
 */
#include <inttypes.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "appraise/appraise.h"
#include "base/files.h"
#include "base/text.h"
#include "snp/p384.h"
#include "snp/verify.h"

#define REPORTS_MAX 1000
#define MEASUREMENTS 100000
#define ROUNDS 5

/* Reports, and the table of the first or one for each. */
struct set {
	uint8_t reports[REPORTS_MAX][SNP_REPORT_SIZE];
	struct buf tables[REPORTS_MAX];
	size_t count;
	bool one_table;
};

struct input {
	struct set known, unseen;
	struct snp_pins pins;
};

static double clock_seconds(clockid_t clock)
{
	struct timespec at;

	(void)clock_gettime(clock, &at);
	return (double)at.tv_sec + (double)at.tv_nsec / 1e9;
}

static double cpu_seconds(void)
{
	return clock_seconds(CLOCK_PROCESS_CPUTIME_ID);
}

static int die(const char *what)
{
	(void)fprintf(stderr, "bench_verify: %s\n", what);
	return EXIT_FAILURE;
}

static int read_into(const char *folder, const char *name, size_t max, struct buf *ret)
{
	char path[4096];

	(void)snprintf(path, sizeof(path), "%s/%s", folder, name);
	return file_read(path, max, ret, NULL);
}

static int load_set(struct set *set, const char *folder, char letter, size_t count)
{
	for (size_t i = 0; i < count && i < REPORTS_MAX; i++) {
		CLEANUP(buf_deinit) struct buf report = BUF_NULL;
		char name[32];
		int r;

		(void)snprintf(name, sizeof(name), "%c%zu.bin", letter, i);
		r = read_into(folder, name, SNP_REPORT_SIZE, &report);
		(void)snprintf(name, sizeof(name), "%c%zu.table", letter, i);
		if (r == 0 && (i == 0 || !set->one_table))
			r = read_into(folder, set->one_table ? "table" : name, SNP_TABLE_SIZE_MAX, &set->tables[i]);
		if (r != 0 || report.size != SNP_REPORT_SIZE)
			return -1;
		memcpy(set->reports[i], report.data, SNP_REPORT_SIZE);
		set->count++;
	}
	return 0;
}

static int load(struct input *input, char **argv)
{
	CLEANUP(buf_deinit) struct buf ark = BUF_NULL;
	uint64_t known, unseen;
	int r = file_read(argv[1], 65536, &ark, NULL);

	input->known.one_table = true;
	if (r == 0)
		r = snp_pins_add_certificate(&input->pins, buf_view(&ark), NULL);
	if (r == 0)
		r = text_to_u64(argv[3], REPORTS_MAX, false, &known);
	if (r == 0)
		r = text_to_u64(argv[4], REPORTS_MAX, false, &unseen);
	if (r == 0)
		r = load_set(&input->known, argv[2], 'r', known);
	return r == 0 ? load_set(&input->unseen, argv[2], 'u', unseen) : r;
}

/* One verification from the table on; a fresh set of certificates each time, as a server has it. `ret` may be NULL. */
static bool verify_one(const struct input *input, const struct set *set, size_t index, struct snp_vek_cache *cache, uint64_t *operations,
	struct snp_verified *ret)
{
	CLEANUP(verdict_deinit) struct verdict verdict = VERDICT_NULL;
	CLEANUP(snp_certs_deinit) struct snp_certs certs;
	struct snp_verify_input in = {.report = bytes_of(set->reports[index], SNP_REPORT_SIZE), .certs = &certs, .revocation = SNP_REVOCATION_OFF,
		.extra_pins = &input->pins, .now = time(NULL), .cache = cache, .p384_operations = operations};
	struct snp_verified room;

	snp_certs_init(&certs);
	return snp_certs_add_table(&certs, buf_view(&set->tables[set->one_table ? 0 : index]), &verdict) == 0 &&
	       snp_verify(&in, ret ? ret : &room, &verdict) == 0 && verdict_ok(&verdict);
}

/* Verifications per CPU second; each report once. 0 when one failed. */
static double rate_verify(const struct input *input, const struct set *set, struct snp_vek_cache *cache, uint64_t *operations)
{
	double start = cpu_seconds();

	for (size_t i = 0; i < set->count; i++)
		if (!verify_one(input, set, i, cache, operations, NULL))
			return 0;
	return (double)set->count / (cpu_seconds() - start);
}

/* A policy with 100,000 other measurements and then that of the report. */
static int policy_of(const struct snp_report *report, struct policy **ret)
{
	CLEANUP(buf_deinit) struct buf text = BUF_NULL;
	char hex[2 * sizeof(report->measurement) + 1];
	int r = buf_append_text(&text, "{\"version\":1,\"name\":\"b\",\"os_identity\":\"kernel-hashes\",\"snp\":{\"guest_policy\":{\"debug\":false},"
				       "\"tcb_min\":{\"Milan\":{}},\"measurement\":[");

	for (unsigned i = 0; r == 0 && i < MEASUREMENTS; i++)
		r = buf_printf(&text, "\"%08x%088x\",", i * 2654435761U, i);
	hex_encode(hex, report->measurement, sizeof(report->measurement));
	if (r == 0)
		r = buf_printf(&text, "\"%s\"]}}", hex);
	return r == 0 ? policy_read(buf_view(&text), ret, NULL) : r;
}

/* CPU seconds of one appraisal under such a policy; 0 when it failed. */
static double cost_appraise(const struct input *input)
{
	static struct snp_verified verified;
	POLICY_AUTO policy = NULL;
	static struct claims claims;
	double start;
	size_t count = 2000;

	if (!verify_one(input, &input->known, 0, NULL, NULL, &verified) || policy_of(&verified.report, &policy) < 0)
		return 0;
	claims_from_verified(&claims, &verified, time(NULL));
	start = cpu_seconds();
	for (size_t i = 0; i < count; i++) {
		CLEANUP(verdict_deinit) struct verdict verdict = VERDICT_NULL;

		if (appraise(policy, &claims, &verdict) < 0 || !verdict_ok(&verdict))
			return 0;
	}
	return (cpu_seconds() - start) / (double)count;
}

struct worker {
	const struct input *input;
	struct snp_vek_cache *cache;
	bool good;
};

static void *work(void *context)
{
	struct worker *worker = context;

	worker->good = true;
	for (size_t i = 0; i < worker->input->known.count; i++)
		worker->good = worker->good && verify_one(worker->input, &worker->input->known, i, worker->cache, NULL, NULL);
	return NULL;
}

/* Elapsed seconds in which `count` threads verify all reports each, with one cache for all; 0 when one failed. */
static double elapsed_with(const struct input *input, struct snp_vek_cache *cache, size_t count)
{
	struct worker workers[2] = {{input, cache, false}, {input, cache, false}};
	double start = clock_seconds(CLOCK_MONOTONIC);
	pthread_t threads[2];
	bool good = true;

	for (size_t i = 0; i < count; i++)
		if (pthread_create(&threads[i], NULL, work, &workers[i]) != 0)
			return 0;
	for (size_t i = 0; i < count; i++) {
		(void)pthread_join(threads[i], NULL);
		good = good && workers[i].good;
	}
	return good ? clock_seconds(CLOCK_MONOTONIC) - start : 0;
}

/* How many times as much two threads do in the same time: at most 2, and less when the machine has other work. The best of some rounds. */
static double gain_of_two(const struct input *input, struct snp_vek_cache *cache)
{
	double best = 0;

	for (size_t i = 0; i < ROUNDS; i++) {
		double one = elapsed_with(input, cache, 1), two = elapsed_with(input, cache, 2);

		if (one <= 0 || two <= 0)
			return 0;
		if (2 * one / two > best)
			best = 2 * one / two;
	}
	return best;
}

/* A signature that does not verify costs the same; no key material is needed here: the base point is a point of the curve. */
static double rate_raw(p384_verify_fn *verify, size_t count)
{
	static const uint8_t generator[2 * P384_SIZE] = {0xaa, 0x87, 0xca, 0x22, 0xbe, 0x8b, 0x05, 0x37, 0x8e, 0xb1, 0xc7, 0x1e, 0xf3, 0x20, 0xad, 0x74,
		0x6e, 0x1d, 0x3b, 0x62, 0x8b, 0xa7, 0x9b, 0x98, 0x59, 0xf7, 0x41, 0xe0, 0x82, 0x54, 0x2a, 0x38, 0x55, 0x02, 0xf2, 0x5d, 0xbf, 0x55, 0x29, 0x6c,
		0x3a, 0x54, 0x5e, 0x38, 0x72, 0x76, 0x0a, 0xb7, 0x36, 0x17, 0xde, 0x4a, 0x96, 0x26, 0x2c, 0x6f, 0x5d, 0x9e, 0x98, 0xbf, 0x92, 0x92, 0xdc, 0x29,
		0xf8, 0xf4, 0x1d, 0xbd, 0x28, 0x9a, 0x14, 0x7c, 0xe9, 0xda, 0x31, 0x13, 0xb5, 0xf0, 0xb8, 0xc0, 0x0a, 0x60, 0xb1, 0xce, 0x1d, 0x7e, 0x81, 0x9d,
		0x7a, 0x43, 0x1d, 0x7c, 0x90, 0xea, 0x0e, 0x5f};
	uint8_t digest[P384_SIZE], r[P384_SIZE], s[P384_SIZE];
	double start;

	memset(digest, 0x5a, sizeof(digest));
	memset(r, 0x3c, sizeof(r));
	memset(s, 0x71, sizeof(s));
	start = cpu_seconds();
	for (size_t i = 0; i < count; i++) {
		digest[0] = (uint8_t)i;
		if (verify(generator, digest, r, s) != P384_E_BAD_SIGNATURE)
			return 0;
	}
	return (double)count / (cpu_seconds() - start);
}

/* Rates, and what they are compared with. */
struct rates {
	double raw, openssl, cold, known, unseen, appraise, two;
	double known_share; /* known over raw */
};

static int by_size(const void *a, const void *b)
{
	const double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

/*
 * The bare operation and the whole verification by turns, and the median of their ratios: the two differ by a few parts of a hundred, and so does a machine's
 * clock between one second and the next.
 */
static bool measure_known(const struct input *input, struct snp_vek_cache *cache, struct rates *ret)
{
	double shares[ROUNDS], raws[ROUNDS], knowns[ROUNDS];

	for (size_t i = 0; i < ROUNDS; i++) {
		raws[i] = rate_raw(p384_verify, input->known.count);
		knowns[i] = rate_verify(input, &input->known, cache, NULL);
		if (raws[i] <= 0 || knowns[i] <= 0)
			return false;
		shares[i] = knowns[i] / raws[i];
	}
	qsort(shares, ROUNDS, sizeof(*shares), by_size);
	qsort(raws, ROUNDS, sizeof(*raws), by_size);
	qsort(knowns, ROUNDS, sizeof(*knowns), by_size);
	ret->known_share = shares[ROUNDS / 2];
	ret->raw = raws[ROUNDS / 2];
	ret->known = knowns[ROUNDS / 2];
	return true;
}

static bool measure(const struct input *input, struct snp_vek_cache *cache, struct rates *ret, uint64_t *ret_operations)
{
	ret->openssl = rate_raw(p384_openssl_verify, 500);
	ret->cold = rate_verify(input, &input->known, NULL, ret_operations);
	if (!verify_one(input, &input->known, 0, cache, NULL, NULL) || !measure_known(input, cache, ret))
		return false;
	ret->unseen = rate_verify(input, &input->unseen, cache, NULL);
	ret->appraise = cost_appraise(input);
	ret->two = gain_of_two(input, cache);
	return ret->openssl > 0 && ret->cold > 0 && ret->unseen > 0 && ret->appraise > 0 && ret->two > 0;
}

int main(int argc, char **argv)
{
	static struct input input;
	CLEANUP(snp_vek_cache_freep) struct snp_vek_cache *cache = NULL;
	struct rates rates = {0};
	uint64_t operations = 0;

	if (argc != 5 || load(&input, argv) != 0 || snp_vek_cache_new(2048, &cache) != 0)
		return die("usage: bench_verify ARK.pem FOLDER KNOWN UNSEEN");
	if (!measure(&input, cache, &rates, &operations))
		return die("a verification failed");
	if (operations != input.known.count)
		return die("the number of P-384 operations is not the number of reports");
	(void)printf("p384_raw_openssl %.0f\np384_backend_vs_openssl %.2f\nverify_known_vs_raw %.3f\nverify_unseen_vs_raw %.3f\nverify_cold_vs_raw %.3f\n",
		rates.openssl, rates.raw / rates.openssl, rates.known_share, rates.unseen / rates.raw, rates.cold / rates.raw);
	(void)printf("appraise_100k_share %.4f\nverify_two_threads %.2f\n", rates.appraise / (rates.appraise + 1 / rates.known), rates.two);
	(void)printf("verify_reports %zu\nverify_p384_operations %" PRIu64 "\n", input.known.count, operations);
	return EXIT_SUCCESS;
}
