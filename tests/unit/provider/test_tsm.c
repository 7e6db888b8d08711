/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The provider `tsm` against the simulator's FUSE mount: the real procedure, and each error that it can meet. Arguments: sevattest-sim.
 * Exit 77 where FUSE cannot be mounted.
 */
#include <check.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "provider/provider.h"

#define SKIP 77

static char base[] = "/tmp/test_tsm.XXXXXX";
static char platform[64], mount_point[64];
static const char *sim;
static pid_t server;

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

/* Changes one setting of the running platform. */
static void set(const char *name, const char *value)
{
	char option[64];
	const char *const argv[] = {sim, "set", platform, option, value, NULL};

	(void)snprintf(option, sizeof(option), "--%s", name);
	ck_assert_int_eq(run(argv), 0);
}

static void reset(void)
{
	char path[96];

	(void)snprintf(path, sizeof(path), "%s/state.json", platform);
	(void)unlink(path);
}

static size_t entries(void)
{
	DIR *directory = opendir(mount_point);
	struct dirent *item;
	size_t count = 0;

	ck_assert_ptr_nonnull(directory);
	while ((item = readdir(directory)))
		count += item->d_name[0] != '.';
	(void)closedir(directory);
	return count;
}

static int collect(int vmpl, struct provider_evidence *ret, struct error *error)
{
	struct provider_config config = {"auto", mount_point, "/nonexistent/sev-guest", vmpl};
	uint8_t data[PROVIDER_REPORT_DATA_SIZE];
	int r;

	memset(data, 0xd7, sizeof(data));
	r = provider_collect(&config, data, ret, error);
	ck_assert_uint_eq(entries(), 0); /* on every path */
	return r;
}

/* The request must end so, with these words. */
static void expect(int vmpl, int outcome, const char *words)
{
	CLEANUP(provider_evidence_deinit) struct provider_evidence evidence = PROVIDER_EVIDENCE_NULL;
	struct error error = ERROR_NULL;
	int r = collect(vmpl, &evidence, &error);

	ck_assert_msg(r == outcome, "outcome %d instead of %d: %s", r, outcome, error_text(&error));
	ck_assert_msg(strstr(error_text(&error), words) != NULL, "\"%s\" is not in: %s", words, error_text(&error));
	ck_assert_uint_eq(evidence.report.size, 0);
}

START_TEST(report_and_certificates)
{
	CLEANUP(provider_evidence_deinit) struct provider_evidence evidence = PROVIDER_EVIDENCE_NULL;
	struct error error = ERROR_NULL;

	ck_assert_msg(!collect(PROVIDER_VMPL_OWN, &evidence, &error), "%s", error_text(&error));
	ck_assert_uint_eq(evidence.report.size, 1184);
	ck_assert_uint_eq(evidence.report.data[0x50], 0xd7);
	ck_assert_uint_gt(evidence.cert_table.size, 3000);
	ck_assert_str_eq(evidence.provider, "tsm");
	ck_assert_str_eq(evidence.note, "");
}
END_TEST

START_TEST(vmpl_is_written_as_text)
{
	CLEANUP(provider_evidence_deinit) struct provider_evidence evidence = PROVIDER_EVIDENCE_NULL;
	struct error error = ERROR_NULL;

	set("privlevel-floor", "1");
	ck_assert_msg(!collect(PROVIDER_VMPL_OWN, &evidence, &error), "%s", error_text(&error));
	ck_assert_uint_eq(evidence.report.data[0x30], 1);
	provider_evidence_deinit(&evidence);
	ck_assert_msg(!collect(3, &evidence, &error), "%s", error_text(&error));
	ck_assert_uint_eq(evidence.report.data[0x30], 3);
	expect(0, -EINVAL, "VMPL 0 cannot be had");
	expect(4, -EINVAL, "VMPL 4 cannot be had");
}
END_TEST

START_TEST(host_gives_no_certificates)
{
	CLEANUP(provider_evidence_deinit) struct provider_evidence evidence = PROVIDER_EVIDENCE_NULL;
	struct error error = ERROR_NULL;

	set("aux", "empty");
	ck_assert_msg(!collect(PROVIDER_VMPL_OWN, &evidence, &error), "%s", error_text(&error));
	ck_assert_uint_eq(evidence.cert_table.size, 0);
	ck_assert_str_eq(evidence.note, "");
	set("auxblob-error", "EIO");
	provider_evidence_deinit(&evidence);
	ck_assert_msg(!collect(PROVIDER_VMPL_OWN, &evidence, &error), "%s", error_text(&error));
	ck_assert_uint_eq(evidence.report.size, 1184);
	ck_assert_ptr_nonnull(strstr(evidence.note, "could not be read"));
}
END_TEST

static const struct {
	const char *setting, *value;
	int outcome;
	const char *words;
} failures[] = {
	{"mkdir-error", "ENXIO", PROVIDER_E_ABSENT, "no report provider"},
	{"mkdir-error", "EACCES", PROVIDER_E_FAILED, "needs root"},
	{"mkdir-error", "EBUSY", PROVIDER_E_TEMPORARY, "busy"},
	{"mkdir-error", "ENOMEM", PROVIDER_E_FAILED, "cannot make an entry"},
	{"mkdir-error", "EEXIST", PROVIDER_E_FAILED, "cannot make an entry"},
	{"provider", "tdx_guest", PROVIDER_E_ABSENT, "\"tdx_guest\""},
	{"outblob-error", "EINVAL", PROVIDER_E_FAILED, "refused the request"},
	{"outblob-error", "EIO", PROVIDER_E_FAILED, "16 KiB"},
	{"outblob-error", "ENXIO", PROVIDER_E_FAILED, "went away"},
	{"outblob-error", "ETIMEDOUT", PROVIDER_E_FAILED, "throttled"},
	{"outblob-error", "ENOTTY", PROVIDER_E_FAILED, "VMPCK"},
	{"outblob-error", "EBADMSG", PROVIDER_E_FAILED, "restart the guest"},
	{"outblob-error", "EFBIG", PROVIDER_E_WRONG, "more bytes"},
	{"outblob-error", "ETXTBSY", PROVIDER_E_FAILED, "reading and writing"},
	{"outblob-error", "EACCES", PROVIDER_E_FAILED, "permission denied"},
	{"outblob-error", "EFAULT", PROVIDER_E_FAILED, "unexpected"},
	{"outblob-error", "EBUSY", PROVIDER_E_TEMPORARY, "busy"},
	{"outblob-error", "EAGAIN", PROVIDER_E_TEMPORARY, "busy"},
	{"outblob-empty", "yes", PROVIDER_E_WRONG, "empty"},
	{"outblob-stale", "yes", PROVIDER_E_WRONG, "other report data"},
	{"generation-skip", "1", PROVIDER_E_WRONG, "generation"},
	{"inblob-lost", "yes", PROVIDER_E_FAILED, "refused the request"},
};

START_TEST(failure)
{
	set(failures[_i].setting, failures[_i].value);
	expect(PROVIDER_VMPL_OWN, failures[_i].outcome, failures[_i].words);
}
END_TEST

START_TEST(stale_entries_are_cleaned)
{
	char path[128], own[128];

	/* A dead process: the largest number that the kernel gives is below this one. */
	(void)snprintf(path, sizeof(path), "%s/sevattest-%d-00000001", mount_point, 2147483646);
	(void)snprintf(own, sizeof(own), "%s/sevattest-%d-00000001", mount_point, (int)getpid());
	ck_assert_int_eq(mkdir(path, 0700), 0);
	expect(4, -EINVAL, "cannot be had");
	/* One of a living process, and one that is not ours, stay. */
	ck_assert_int_eq(mkdir(own, 0700), 0);
	ck_assert_uint_eq(entries(), 1);
	ck_assert_int_eq(rmdir(own), 0);
}
END_TEST

START_TEST(no_such_place)
{
	struct provider_config config = {"tsm", "/nonexistent/tsm", NULL, PROVIDER_VMPL_OWN};
	CLEANUP(provider_evidence_deinit) struct provider_evidence evidence = PROVIDER_EVIDENCE_NULL;
	uint8_t data[PROVIDER_REPORT_DATA_SIZE] = {0};
	struct error error = ERROR_NULL;

	ck_assert_int_eq(provider_collect(&config, data, &evidence, &error), PROVIDER_E_ABSENT);
	config = (struct provider_config){"auto", base, "/nonexistent/sev-guest", PROVIDER_VMPL_OWN}; /* a directory of another kind */
	error_clear(&error);
	ck_assert_int_eq(provider_collect(&config, data, &evidence, &error), PROVIDER_E_ABSENT);
	ck_assert_ptr_nonnull(strstr(error_text(&error), "no source of SEV-SNP evidence"));
	config.name = "sgx";
	error_clear(&error);
	ck_assert_int_eq(provider_collect(&config, data, &evidence, &error), -EINVAL);
	ck_assert_int_eq(provider_exit(PROVIDER_E_ABSENT), EXIT_UNSUPPORTED);
	ck_assert_int_eq(provider_exit(PROVIDER_E_TEMPORARY), EXIT_UNREACHABLE);
	ck_assert_int_eq(provider_exit(PROVIDER_E_WRONG), EXIT_EVIDENCE);
}
END_TEST

/* The look-alike itself: what the kernel was measured to do. */
static int put(const char *entry, const char *name, const void *data, size_t size)
{
	char path[160];
	int fd, r;

	(void)snprintf(path, sizeof(path), "%s/%s/%s", mount_point, entry, name);
	fd = open(path, O_WRONLY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	r = write(fd, data, size) == (ssize_t)size ? 0 : -errno;
	(void)close(fd);
	return r;
}

static int get(const char *entry, const char *name, char *to, size_t size)
{
	char path[160];
	ssize_t got;
	int fd;

	(void)snprintf(path, sizeof(path), "%s/%s/%s", mount_point, entry, name);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	got = read(fd, to, size - 1);
	if (got < 0)
		got = -errno;
	else
		to[got] = 0;
	(void)close(fd);
	return (int)got;
}

START_TEST(kernel_semantics)
{
	char path[128], text[2048];
	uint8_t data[65] = {1};

	(void)snprintf(path, sizeof(path), "%s/e", mount_point);
	ck_assert_int_eq(mkdir(path, 0700), 0);
	ck_assert_int_eq(mkdir(path, 0700), -1);
	ck_assert_int_eq(errno, EEXIST);
	ck_assert_int_eq(get("e", "outblob", text, sizeof(text)), -EINVAL); /* before inblob */
	ck_assert_int_eq(put("e", "inblob", data, 65), -EFBIG);
	ck_assert_int_eq(put("e", "inblob", data, 32), 0);
	ck_assert_int_eq(get("e", "outblob", text, sizeof(text)), -EINVAL); /* the provider wants 64 */
	ck_assert_int_eq(put("e", "privlevel", "9", 1), -EINVAL);
	ck_assert_int_eq(put("e", "privlevel", "\1", 1), -EINVAL);
	ck_assert_int_eq(put("e", "privlevel", "2\n", 2), 0);
	ck_assert_int_eq(put("e", "inblob", data, 64), 0);
	ck_assert_int_gt(get("e", "generation", text, sizeof(text)), 0);
	ck_assert_str_eq(text, "4\n"); /* every accepted write counts, and the one of 65 bytes as one of none */
	ck_assert_int_eq(get("e", "outblob", text, sizeof(text)), 1184);
	ck_assert_int_eq(text[0x30], 2);
	ck_assert_int_eq(get("e", "inblob", text, sizeof(text)), -EACCES);
	ck_assert_int_eq(put("e", "outblob", data, 1), -EACCES);
	ck_assert_int_eq(get("e", "manifestblob", text, sizeof(text)), -ENOENT); /* only under an SVSM */
	ck_assert_int_eq(get("e", "privlevel_floor", text, sizeof(text)), 2);
	ck_assert_int_eq(rmdir(path), 0);
}
END_TEST

START_TEST(one_request_per_generation)
{
	char path[128], first[2048], second[2048];
	uint8_t data[64] = {7};

	(void)snprintf(path, sizeof(path), "%s/g", mount_point);
	ck_assert_int_eq(mkdir(path, 0700), 0);
	ck_assert_int_eq(put("g", "inblob", data, 64), 0);
	ck_assert_int_eq(get("g", "outblob", first, sizeof(first)), 1184);
	ck_assert_int_eq(get("g", "outblob", second, sizeof(second)), 1184);
	ck_assert_mem_eq(first, second, 1184); /* the signature is random: it was one request */
	ck_assert_int_eq(put("g", "inblob", data, 64), 0);
	ck_assert_int_eq(get("g", "outblob", second, sizeof(second)), 1184);
	ck_assert_mem_ne(first, second, 1184);
	ck_assert_int_eq(rmdir(path), 0);
}
END_TEST

/* Starts `serve` and waits for its "ready". */
static int server_start(void)
{
	int pipe_fds[2];
	char text[256];
	size_t size = 0;

	if (pipe(pipe_fds))
		return -1;
	server = fork();
	if (!server) {
		(void)dup2(pipe_fds[1], STDOUT_FILENO);
		(void)execl(sim, sim, "serve", platform, "--mount", mount_point, (char *)NULL);
		_exit(127);
	}
	(void)close(pipe_fds[1]);
	while (size < sizeof(text) - 1) {
		ssize_t got = read(pipe_fds[0], text + size, sizeof(text) - 1 - size);

		if (got <= 0)
			break;
		size += (size_t)got;
		text[size] = 0;
		if (strstr(text, "ready\n")) {
			(void)close(pipe_fds[0]);
			return 0;
		}
	}
	(void)close(pipe_fds[0]);
	return -1;
}

static int setup(void)
{
	const char *const init[] = {sim, "init", platform, "--chip-seed", "test_tsm", NULL};

	if (access("/dev/fuse", R_OK | W_OK)) {
		(void)printf("SKIP: /dev/fuse: %s\n", strerror(errno));
		return SKIP;
	}
	if (!mkdtemp(base))
		return 1;
	(void)snprintf(platform, sizeof(platform), "%s/platform", base);
	(void)snprintf(mount_point, sizeof(mount_point), "%s/report", base);
	if (mkdir(mount_point, 0755) || run(init))
		return 1;
	if (server_start()) {
		(void)printf("SKIP: the simulator could not mount\n");
		return SKIP;
	}
	return 0;
}

static void teardown(void)
{
	const char *const remove_all[] = {"/bin/rm", "-rf", base, NULL};

	if (server > 0) {
		(void)kill(server, SIGTERM);
		(void)waitpid(server, NULL, 0);
	}
	if (strstr(base, "XXXXXX") == NULL)
		(void)run(remove_all);
}

static Suite *suite(void)
{
	Suite *all = suite_create("tsm");
	TCase *cases = tcase_create("provider");

	tcase_add_checked_fixture(cases, reset, reset);
	tcase_set_timeout(cases, 60);
	tcase_add_test(cases, report_and_certificates);
	tcase_add_test(cases, vmpl_is_written_as_text);
	tcase_add_test(cases, host_gives_no_certificates);
	tcase_add_loop_test(cases, failure, 0, (int)ARRAY_SIZE(failures));
	tcase_add_test(cases, stale_entries_are_cleaned);
	tcase_add_test(cases, no_such_place);
	tcase_add_test(cases, kernel_semantics);
	tcase_add_test(cases, one_request_per_generation);
	suite_add_tcase(all, cases);
	return all;
}

int main(int argc, char **argv)
{
	SRunner *runner;
	int failed, r;

	if (argc != 2)
		return 2;
	sim = argv[1];
	r = setup();
	if (r) {
		teardown();
		return r;
	}
	runner = srunner_create(suite());
	srunner_set_fork_status(runner, CK_FORK);
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	teardown();
	return failed ? 1 : 0;
}
