/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The verifier against the simulator, which shares no code with it: what a sound platform of each product signs is genuine once its root is
 * pinned, and each flaw that the simulator can show is refused by the check that is meant for it. Arguments: sevattest-sim, a directory
 * that keeps the platforms.
 */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/files.h"
#include "snp/verify.h"

#define FILE_MAX ((size_t)1 << 20)
#define OPTIONS_MAX 8

static const char *sim;
static const char *cache;
static char base[] = "/tmp/test_sim_verify.XXXXXX";

static const char *const products[] = {"milan", "genoa", "turin"};

static int run(const char *const *argv)
{
	pid_t child = fork();
	int status;

	if (!child) {
		(void)execv(argv[0], (char *const *)(uintptr_t)argv);
		_exit(127);
	}
	return child < 0 || waitpid(child, &status, 0) != child || !WIFEXITED(status) ? -1 : WEXITSTATUS(status);
}

static void in_cache(char to[static 256], const char *product, const char *name)
{
	(void)snprintf(to, 256, "%s/%s%s%s", cache, product, name ? "/" : "", name ? name : "");
}

static void read_file(const char *path, struct buf *to)
{
	struct error error = ERROR_NULL;

	ck_assert_msg(!file_read(path, FILE_MAX, to, &error), "%s", error_text(&error));
}

static void add(struct snp_certs *certs, const char *path, bool crl)
{
	CLEANUP(buf_deinit) struct buf data = BUF_NULL;
	struct error error = ERROR_NULL;
	int r;

	read_file(path, &data);
	r = crl ? snp_certs_add_crl(certs, buf_view(&data), &error) : snp_certs_add(certs, buf_view(&data), &error);
	ck_assert_msg(!r, "%s: %s", path, error_text(&error));
}

/* Lets the simulator make report, VEK and CRL with these options (NULL at the end). */
static void make(const char *product, const char *const *options)
{
	char platform[256], report[64], vek[64], crl[64];
	const char *argv[8 + 2 * OPTIONS_MAX] = {sim, "report", platform, "-o", report, "--vek", vek};
	const char *crl_argv[8 + 2 * OPTIONS_MAX] = {sim, "crl", platform, "-o", crl};
	size_t count = 7, crl_count = 5;

	in_cache(platform, product, NULL);
	(void)snprintf(report, sizeof(report), "%s/report", base);
	(void)snprintf(vek, sizeof(vek), "%s/vek", base);
	(void)snprintf(crl, sizeof(crl), "%s/crl", base);
	for (size_t i = 0; options[i]; i++)
		argv[count++] = crl_argv[crl_count++] = options[i];
	ck_assert_int_eq(run(argv), 0);
	ck_assert_int_eq(run(crl_argv), 0);
}

/* Verifies what make() left, with or without the simulator's pin. NULL when it is genuine, else the first failed check. */
static const char *verify(const char *product, bool vlek, bool pinned, struct verdict *verdict)
{
	CLEANUP(buf_deinit) struct buf report = BUF_NULL, ark = BUF_NULL;
	CLEANUP(snp_certs_deinit) struct snp_certs certs;
	struct snp_pins pins = {.count = 0};
	struct snp_verified verified;
	struct snp_verify_input input = {.certs = &certs, .revocation = SNP_REVOCATION_REQUIRE, .extra_pins = &pins, .now = time(NULL)};
	struct error error = ERROR_NULL;
	char path[256];

	snp_certs_init(&certs);
	(void)snprintf(path, sizeof(path), "%s/report", base);
	read_file(path, &report);
	(void)snprintf(path, sizeof(path), "%s/vek", base);
	add(&certs, path, false);
	in_cache(path, product, vlek ? "asvk.pem" : "ask.pem");
	add(&certs, path, false);
	in_cache(path, product, "ark.pem");
	add(&certs, path, false);
	read_file(path, &ark);
	(void)snprintf(path, sizeof(path), "%s/crl", base);
	add(&certs, path, true);
	if (pinned)
		ck_assert_int_eq(snp_pins_add_certificate(&pins, buf_view(&ark), &error), 0);
	input.report = buf_view(&report);
	ck_assert_int_eq(snp_verify(&input, &verified, verdict), 0);
	if (verdict_ok(verdict)) {
		ck_assert(verified.operator_trust);
		return NULL;
	}
	ck_assert_ptr_nonnull(verdict_first_failed(verdict));
	return verdict_first_failed(verdict)->check;
}

static const struct {
	const char *options[OPTIONS_MAX];
	bool vlek;
} sound[] = {
	{{NULL}, false},
	{{"--signer", "vlek"}, true},
	{{"--version", "2"}, false},
	{{"--version", "3"}, false},
	{{"--version", "4"}, false},
	{{"--version", "5", "--launch-mit", "0x3f", "--current-mit", "0xff"}, false},
	{{"--vmpl", "3"}, false},
	{{"--policy", "0xb0000"}, false}, /* a debug guest is genuine; whether it is wanted is appraised later */
	{{"--reported-tcb", "1,0,1,1,0"}, false},
};

START_TEST(sound_platform)
{
	const char *product = products[_i / (int)ARRAY_SIZE(sound)];
	size_t i = (size_t)_i % ARRAY_SIZE(sound);
	CLEANUP(verdict_deinit) struct verdict verdict = VERDICT_NULL;
	const char *failed;

	make(product, sound[i].options);
	failed = verify(product, sound[i].vlek, true, &verdict);
	ck_assert_msg(!failed, "%s %s: %s: %s", product, sound[i].options[0] ? sound[i].options[0] : "", failed,
		failed && verdict_first_failed(&verdict)->why ? verdict_first_failed(&verdict)->why : "");
}
END_TEST

START_TEST(not_pinned)
{
	CLEANUP(verdict_deinit) struct verdict verdict = VERDICT_NULL;

	make(products[_i], sound[0].options);
	ck_assert_str_eq(verify(products[_i], false, false, &verdict), "chain.pin");
}
END_TEST

static const struct {
	const char *options[OPTIONS_MAX];
	const char *check;
} flaws[] = {
	{{"--revoke", "ask"}, "crl.revoked"},
	{{"--vek-age-days", "2600"}, "chain.validity"},
	{{"--mask-chip-key", "yes"}, "report.signer"},
	{{"--signer", "none"}, "report.signer"},
	{{"--vmpl", "4"}, "report.vmpl"},
	{{"--version", "6"}, "report.version"},
	{{"--policy", "0x10000"}, "report.policy"},
	{{"--cpuid", "0x19,0x11,1"}, "report.product|vek.product|chain.names|chain.pin"},
	{{"--cpuid", "0x1a,2,1"}, "report.reserved"}, /* bytes of the TCB that Turin does not have */
	{{"--cpuid", "0x17,1,1"}, "report.product"},
	{{"--mask-chip-id", "yes"}, "vek.hwid"},
	{{"--current-tcb", "3,0,20,200"}, "report.tcb_order"},
};

START_TEST(flaw)
{
	CLEANUP(verdict_deinit) struct verdict verdict = VERDICT_NULL;
	const char *failed;

	make("milan", flaws[_i].options);
	failed = verify("milan", false, true, &verdict);
	ck_assert_msg(failed && strstr(flaws[_i].check, failed), "%s %s: first failed is %s instead of %s", flaws[_i].options[0],
		flaws[_i].options[1], failed ? failed : "nothing", flaws[_i].check);
}
END_TEST

/* A VEK of another TCB, and one of another chip, for an otherwise sound report. */
START_TEST(foreign_vek)
{
	static const char *const options[][3] = {{"--reported-tcb", "3,0,20,200", NULL}, {"--chip-id", NULL, NULL}};
	static const char *const checks[] = {"vek.tcb", "vek.hwid"};
	CLEANUP(verdict_deinit) struct verdict verdict = VERDICT_NULL;
	CLEANUP(buf_deinit) struct buf report = BUF_NULL;
	const char *with[3] = {options[_i][0], options[_i][1], NULL};
	char chip[129], path[64];

	memset(chip, 'a', 128);
	chip[128] = 0;
	if (!with[1])
		with[1] = chip;
	(void)snprintf(path, sizeof(path), "%s/report", base);
	make("milan", sound[0].options);
	read_file(path, &report);
	make("milan", with);
	ck_assert_int_eq(file_write(path, buf_view(&report), 0600, NULL), 0);
	ck_assert_str_eq(verify("milan", false, true, &verdict), checks[_i]);
}
END_TEST

int main(int argc, char **argv)
{
	TCase *cases = tcase_create("verifier");
	Suite *suite = suite_create("sim_verify");
	SRunner *runner;
	int failed;

	if (argc != 3 || !mkdtemp(base))
		return 2;
	sim = argv[1];
	cache = argv[2];
	(void)mkdir(cache, 0755);
	for (size_t i = 0; i < ARRAY_SIZE(products); i++) {
		char platform[256];
		const char *const init[] = {sim, "init", platform, "--product", products[i], "--chip-seed", "cache", NULL};

		in_cache(platform, products[i], NULL);
		if (run(init))
			return 2;
	}
	tcase_set_timeout(cases, 60);
	tcase_add_loop_test(cases, sound_platform, 0, (int)(ARRAY_SIZE(products) * ARRAY_SIZE(sound)));
	tcase_add_loop_test(cases, not_pinned, 0, (int)ARRAY_SIZE(products));
	tcase_add_loop_test(cases, flaw, 0, (int)ARRAY_SIZE(flaws));
	tcase_add_loop_test(cases, foreign_vek, 0, 2);
	suite_add_tcase(suite, cases);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	{
		const char *const remove_all[] = {"/bin/rm", "-rf", base, NULL};

		(void)run(remove_all);
	}
	return failed ? 1 : 0;
}
