/* SPDX-License-Identifier: Apache-2.0 */
/* What tests/e2e/doctor.sh cannot put into a machine: the clock, exit codes, commands for strange files, a kernel's command line. */
#include <check.h>
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/files.h"
#include "doctor/look.h"

static char root[] = "/tmp/test_doctor.XXXXXX";

static void make_root(void)
{
	(void)strcpy(root + strlen(root) - 6, "XXXXXX");
	ck_assert_ptr_nonnull(mkdtemp(root));
}

static void run(const char *command)
{
	pid_t child = fork();
	int status;

	if (child == 0) {
		(void)execl("/bin/sh", "sh", "-c", command, (char *)NULL);
		_exit(127);
	}
	ck_assert_int_eq(waitpid(child, &status, 0), child);
	ck_assert_msg(status == 0, "%s", command);
}

static void remove_root(void)
{
	char command[64];

	(void)snprintf(command, sizeof(command), "rm -rf %s", root);
	run(command);
}

static enum finding_state state_of(const struct doctor_options *options, const char *check)
{
	CLEANUP(verdict_deinit) struct verdict verdict = VERDICT_NULL;
	const struct finding *finding;

	ck_assert_int_eq(doctor_run(options, &verdict, NULL), 0);
	finding = verdict_find(&verdict, check);
	ck_assert_msg(finding != NULL, "%s was not looked at", check);
	ck_assert(finding->state != FINDING_FAILED || (finding->why && finding->fix));
	return finding->state;
}

START_TEST(clock_behind_the_build)
{
	struct doctor_options options = {.root = root, .now = 2000, .build_time = 2000};

	ck_assert_int_eq(state_of(&options, "clock.build"), FINDING_PASSED);
	options.now = 1999;
	ck_assert_int_eq(state_of(&options, "clock.build"), FINDING_FAILED);
}
END_TEST

/* An empty directory is no machine, and what cannot be looked at has not passed. */
START_TEST(nothing_there)
{
	struct doctor_options options = {.root = root, .now = 2000};

	ck_assert_int_eq(state_of(&options, "kernel.version"), FINDING_NOT_CHECKED);
	ck_assert_int_eq(state_of(&options, "conf.agent"), FINDING_FAILED);
	ck_assert_int_eq(state_of(&options, "units.enabled"), FINDING_FAILED);
	ck_assert_int_eq(state_of(&options, "console.root"), FINDING_NOT_CHECKED);
	options.platform = DOCTOR_AZURE;
	ck_assert_int_eq(state_of(&options, "preflight.drivers"), FINDING_NOT_CHECKED);
	ck_assert_int_eq(state_of(&options, "preflight.uefi"), FINDING_FAILED);
}
END_TEST

START_TEST(exit_codes)
{
	static const struct {
		const char *check;
		enum finding_class class;
		enum finding_state state;
		int code;
	} cases[] = {{"conf.agent", FINDING_POLICY, FINDING_FAILED, EXIT_USAGE},
		{"broker.tls", FINDING_POLICY, FINDING_FAILED, EXIT_UNREACHABLE},
		{"kernel.version", FINDING_POLICY, FINDING_FAILED, EXIT_UNSUPPORTED},
		{"kernel.version", FINDING_POLICY, FINDING_NOT_CHECKED, EXIT_UNSUPPORTED},
		{"dump.cores", FINDING_ADVICE, FINDING_FAILED, EXIT_YES}, {"conf.agent", FINDING_POLICY, FINDING_PASSED, EXIT_YES}};
	struct verdict nothing = VERDICT_NULL;

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		CLEANUP(verdict_deinit) struct verdict verdict = VERDICT_NULL;

		verdict_pass(&verdict, "console.getty", FINDING_POLICY);
		(void)verdict_add(&verdict, cases[i].check, cases[i].class, cases[i].state);
		ck_assert_int_eq(doctor_exit(&verdict), cases[i].code);
	}
	ck_assert_int_eq(doctor_exit(&nothing), EXIT_INTERNAL);
}
END_TEST

START_TEST(command_lines)
{
	char text[] = "ro  panic=30 resume quiet=1 console=ttyS0,9600 x=no\n";
	struct look look = {.cmdline = text};
	const char *value;

	ck_assert(look_cmdline(&look, "panic", &value) && strncmp(value, "30 ", 3) == 0);
	ck_assert(look_cmdline(&look, "resume", &value) && *value == ' ');
	ck_assert(!look_cmdline(&look, "pani", NULL));
	ck_assert(look_cmdline_is(&look, "x", "no") && !look_cmdline_is(&look, "x", "n") && !look_cmdline_is(&look, "panic", "3"));
	ck_assert(look_cmdline(&look, "ro", NULL) && !look_cmdline(&look, "quie", NULL));
}
END_TEST

/* A plan becomes a command that does what the plan does, whatever the lines hold; one that is too long is none. */
static void plan_as_command(const char *old, const char *new, bool command)
{
	struct finding finding = {.check = "x"};
	CLEANUP(plan_deinit) struct plan plan = PLAN_NULL;
	CLEANUP(buf_deinit) struct buf got = BUF_NULL;
	char path[PATH_MAX];

	(void)snprintf(path, sizeof(path), "%s/a'b", root);
	if (old)
		ck_assert_int_eq(file_write(path, bytes_of_text(old), 0644, NULL), 0);
	else
		(void)unlink(path);
	ck_assert_int_eq(plan_init(&plan, root), 0);
	ck_assert_int_eq(plan_write(&plan, "/a'b", 0644, bytes_of_text(new), NULL), 0);
	fix_plan(&finding, &plan);
	ck_assert_ptr_nonnull(finding.fix);
	ck_assert_int_eq(strncmp(finding.fix, "run: ", 5) == 0, command);
	if (command) {
		run(finding.fix + 5);
		ck_assert_int_eq(file_read(path, 65536, &got, NULL), 0);
		ck_assert_msg(
			bytes_equal(buf_view(&got), bytes_of_text(new)), "%s: %.*s", finding.fix, (int)got.size, (const char *)got.data);
	}
	free(finding.fix);
}

START_TEST(plans_as_commands)
{
	char long_line[1200];

	memset(long_line, 'x', sizeof(long_line) - 1);
	long_line[sizeof(long_line) - 2] = '\n';
	long_line[sizeof(long_line) - 1] = 0;
	plan_as_command(NULL, "one\ntwo 'quoted' $(id) \\x2d %s\n", true);
	plan_as_command("a\nb\nc\n", "a\n  b\\x2d 'q' & / \\1 ;\nc\n", true);
	plan_as_command("a\nb\n", "x\ny\n", true);
	plan_as_command("a\nb\n", "a\nb\nc \\ d\n", true);
	plan_as_command("a\nb", "a\nb\nc\n", true);
	plan_as_command("a\nb\nc\n", "b\nc\n", true);
	plan_as_command("", "a\n", true);
	plan_as_command(NULL, long_line, false);
}
END_TEST

START_TEST(platforms)
{
	enum doctor_platform platform = DOCTOR_HERE;

	ck_assert_int_eq(doctor_platform_parse("kvm", &platform, NULL), 0);
	ck_assert_int_eq(platform, DOCTOR_KVM);
	ck_assert_int_eq(doctor_platform_parse("", &platform, NULL), -EINVAL);
	ck_assert_int_eq(doctor_platform_parse("AWS", &platform, NULL), -EINVAL);
	ck_assert_int_eq(platform, DOCTOR_KVM);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("doctor");
	TCase *tests = tcase_create("doctor");
	SRunner *runner;
	int failed;

	tcase_add_checked_fixture(tests, make_root, remove_root);
	tcase_add_test(tests, clock_behind_the_build);
	tcase_add_test(tests, nothing_there);
	tcase_add_test(tests, exit_codes);
	tcase_add_test(tests, command_lines);
	tcase_add_test(tests, plans_as_commands);
	tcase_add_test(tests, platforms);
	tcase_set_timeout(tests, 30);
	suite_add_tcase(suite, tests);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed != 0;
}
