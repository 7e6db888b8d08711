/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How much of a verification is the one P-384 operation that nobody can avoid. Reads reports and one certificate table that the simulator made, and prints rates
 * per CPU second of this process, one "name value" per line; all ratios are of one run.
 *
 * usage: bench_verify ARK.pem TABLE REPORT...
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/files.h"
#include "snp/p384.h"
#include "snp/verify.h"

#define REPORTS_MAX 1000

struct input {
	uint8_t reports[REPORTS_MAX][SNP_REPORT_SIZE];
	size_t count;
	struct buf table;
	struct snp_pins pins;
};

static double cpu_seconds(void)
{
	struct timespec at;

	(void)clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &at);
	return (double)at.tv_sec + (double)at.tv_nsec / 1e9;
}

static int die(const char *what)
{
	(void)fprintf(stderr, "bench_verify: %s\n", what);
	return EXIT_FAILURE;
}

static int load(struct input *input, int argc, char **argv)
{
	CLEANUP(buf_deinit) struct buf ark = BUF_NULL;
	int r = file_read(argv[1], 65536, &ark, NULL);

	if (r == 0)
		r = snp_pins_add_certificate(&input->pins, buf_view(&ark), NULL);
	if (r == 0)
		r = file_read(argv[2], SNP_TABLE_SIZE_MAX, &input->table, NULL);
	for (int i = 3; r == 0 && i < argc && input->count < REPORTS_MAX; i++) {
		CLEANUP(buf_deinit) struct buf report = BUF_NULL;

		r = file_read(argv[i], SNP_REPORT_SIZE, &report, NULL);
		if (r == 0 && report.size != SNP_REPORT_SIZE)
			r = -1;
		if (r == 0)
			memcpy(input->reports[input->count++], report.data, SNP_REPORT_SIZE);
	}
	return r;
}

/* One verification from the table on; a fresh set of certificates each time, as a server has it. */
static bool verify_one(const struct input *input, size_t index, struct snp_vek_cache *cache, uint64_t *operations)
{
	CLEANUP(verdict_deinit) struct verdict verdict = VERDICT_NULL;
	CLEANUP(snp_certs_deinit) struct snp_certs certs;
	struct snp_verify_input in = {.report = bytes_of(input->reports[index], SNP_REPORT_SIZE), .certs = &certs,
		.revocation = SNP_REVOCATION_OFF, .extra_pins = &input->pins, .now = time(NULL), .cache = cache, .p384_operations = operations};
	struct snp_verified verified;

	snp_certs_init(&certs);
	return snp_certs_add_table(&certs, buf_view(&input->table), &verdict) == 0 && snp_verify(&in, &verified, &verdict) == 0 && verdict_ok(&verdict);
}

/* Verifications per CPU second; each report once. 0 when one failed. */
static double rate_verify(const struct input *input, struct snp_vek_cache *cache, uint64_t *operations)
{
	double start = cpu_seconds();

	for (size_t i = 0; i < input->count; i++)
		if (!verify_one(input, i, cache, operations))
			return 0;
	return (double)input->count / (cpu_seconds() - start);
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

int main(int argc, char **argv)
{
	static struct input input;
	CLEANUP(snp_vek_cache_freep) struct snp_vek_cache *cache = NULL;
	double raw, openssl, cold, known;
	uint64_t operations = 0;

	if (argc < 4 || load(&input, argc, argv) != 0 || snp_vek_cache_new(64, &cache) != 0)
		return die("usage: bench_verify ARK.pem TABLE REPORT...");
	openssl = rate_raw(p384_openssl_verify, 500);
	raw = rate_raw(p384_verify, 1000);
	cold = rate_verify(&input, NULL, &operations);
	if (operations != input.count)
		return die("the number of P-384 operations is not the number of reports");
	if (!verify_one(&input, 0, cache, NULL))
		return die("a report did not verify");
	known = rate_verify(&input, cache, NULL);
	if (raw <= 0 || openssl <= 0 || cold <= 0 || known <= 0)
		return die("a verification failed");
	(void)printf("p384_raw_openssl %.0f\np384_backend_vs_openssl %.2f\nverify_known_vs_raw %.3f\nverify_cold_vs_raw %.3f\nverify_reports %zu\n", openssl,
		raw / openssl, known / raw, cold / raw, input.count);
	(void)printf("verify_p384_operations %" PRIu64 "\n", operations);
	return EXIT_SUCCESS;
}
