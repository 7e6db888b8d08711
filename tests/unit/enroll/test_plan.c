/* SPDX-License-Identifier: Apache-2.0 */
/* The plan on a made root directory: what is read, printed and written, what a kill leaves, and what a whole volume needs. */
#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>

#include "base/files.h"
#include "enroll/device.h"
#include "enroll/guard.h"

#define KILLS 40

static char root[] = "/tmp/test_plan.XXXXXX";

static const char *in_root(const char *format, ...) PRINTF_LIKE(1, 2);
static const char *in_root(const char *format, ...)
{
	static char path[PATH_MAX];
	size_t size = (size_t)snprintf(path, sizeof(path), "%s", root);
	va_list arguments;

	va_start(arguments, format);
	(void)vsnprintf(path + size, sizeof(path) - size, format, arguments);
	va_end(arguments);
	return path;
}

static void put(const char *path, const char *text, mode_t mode)
{
	ck_assert_int_eq(file_write(in_root("%s", path), bytes_of_text(text), mode, NULL), 0);
}

static void expect(const char *path, const char *text)
{
	CLEANUP(buf_deinit) struct buf got = BUF_NULL;
	struct error error = ERROR_NULL;

	ck_assert_msg(file_read(in_root("%s", path), 65536, &got, &error) == 0, "%s", error.text);
	ck_assert_msg(bytes_equal(buf_view(&got), bytes_of_text(text)), "%s: %.*s", path, (int)got.size, (const char *)got.data);
}

static void make_root(void)
{
	static const char *const directories[] = {
		"/etc", "/dev", "/dev/disk", "/dev/disk/by-id", "/dev/disk/by-uuid", "/dev/disk/by-partuuid", "/dev/mapper"};
	static const struct {
		const char *link, *node;
	} links[] = {{"/dev/disk/by-id/virtio-data", "../../vdb"}, {"/dev/disk/by-id/wwn-0x5", "../../vdb"},
		{"/dev/disk/by-uuid/1f36", "../../vdb"}, {"/dev/disk/by-id/virtio-p", "../../vdc1"},
		{"/dev/disk/by-partuuid/aa-01", "../../vdc1"}, {"/dev/disk/by-uuid/77aa", "../../dm-0"}, {"/dev/mapper/data", "../dm-0"},
		{"/dev/disk/by-id/virtio-gone", "../../vdz"}, {"/dev/disk/by-id/away", "../../../etc/crypttab"},
		{"/dev/disk/by-uuid/bare", "../../vdd"}};

	(void)strcpy(root + strlen(root) - 6, "XXXXXX");
	ck_assert_ptr_nonnull(mkdtemp(root));
	for (size_t i = 0; i < ARRAY_SIZE(directories); i++)
		ck_assert_int_eq(mkdir(in_root("%s", directories[i]), 0755), 0);
	put("/dev/vdb", "", 0600);
	put("/dev/vdc1", "", 0600);
	put("/dev/vdd", "", 0600);
	put("/dev/dm-0", "", 0600);
	put("/etc/crypttab", "# mine\ndata UUID=1f36 none luks,discard\n", 0640);
	put("/etc/fstab", "/dev/vda1 / ext4 defaults 0 1\nUUID=77aa /srv/db ext4 defaults 0 2\n", 0644);
	for (size_t i = 0; i < ARRAY_SIZE(links); i++)
		ck_assert_int_eq(symlink(links[i].node, in_root("%s", links[i].link)), 0);
}

static void remove_root(void)
{
	pid_t child = fork();
	int status;

	if (child == 0) {
		(void)execlp("rm", "rm", "-rf", root, (char *)NULL);
		_exit(127);
	}
	ck_assert_int_eq(waitpid(child, &status, 0), child);
	ck_assert_int_eq(status, 0);
}

static char *printed(const struct plan *plan)
{
	char *text = NULL;
	size_t size;
	FILE *out = open_memstream(&text, &size);

	ck_assert_ptr_nonnull(out);
	plan_print(plan, out);
	(void)fclose(out);
	return text;
}

START_TEST(diffs)
{
	static const char old[] = "1\n2\n3\n4\n5\n6\n7\n8\n9";
	CLEANUP(plan_deinit) struct plan plan = PLAN_NULL;
	char expected[1024], *text;

	put("/etc/numbers", old, 0600);
	ck_assert_int_eq(plan_init(&plan, root), 0);
	ck_assert_int_eq(plan_write(&plan, "/etc/same", 0644, bytes_of_text("x\n"), NULL), 0);
	ck_assert_int_eq(plan_write(&plan, "/etc/numbers", 0644, bytes_of_text("1\n2\n3\n4\nfive\n6\n7\n8\n9"), NULL), 0);
	ck_assert_int_eq(plan_write(&plan, "/etc/fstab", 0644,
				 bytes_of_text("/dev/vda1 / ext4 defaults 0 1\nUUID=77aa /srv/db ext4 defaults 0 2\n"), NULL),
		0);
	ck_assert_int_eq(plan_remove(&plan, "/etc/crypttab", NULL), 0);
	ck_assert_int_eq(plan_remove(&plan, "/etc/nothing", NULL), 0);
	ck_assert_uint_eq(plan.count, 3);
	(void)snprintf(expected, sizeof(expected),
		"--- /dev/null\n+++ %s/etc/same\n@@ -0,0 +1,1 @@\n+x\n"
		"--- %s/etc/numbers\n+++ %s/etc/numbers\n@@ -2,7 +2,7 @@\n 2\n 3\n 4\n-5\n+five\n 6\n 7\n 8\n"
		"--- %s/etc/crypttab\n+++ /dev/null\n@@ -1,2 +0,0 @@\n-# mine\n-data UUID=1f36 none luks,discard\n",
		root, root, root, root);
	text = printed(&plan);
	ck_assert_str_eq(text, expected);
	free(text);
	expect("/etc/numbers", old);
}
END_TEST

START_TEST(no_newline)
{
	CLEANUP(plan_deinit) struct plan plan = PLAN_NULL;
	char *text;

	put("/etc/end", "a\nb", 0600);
	ck_assert_int_eq(plan_init(&plan, root), 0);
	ck_assert_int_eq(plan_write(&plan, "/etc/end", 0644, bytes_of_text("a\nb\nc"), NULL), 0);
	text = printed(&plan);
	ck_assert_ptr_nonnull(
		strstr(text, "@@ -1,2 +1,3 @@\n a\n-b\n\\ No newline at end of file\n+b\n+c\n\\ No newline at end of file\n"));
	free(text);
}
END_TEST

START_TEST(applies)
{
	CLEANUP(plan_deinit) struct plan plan = PLAN_NULL;
	CLEANUP(buf_deinit) struct buf text = BUF_NULL;
	struct error error = ERROR_NULL;
	struct stat info;
	bool exists;

	ck_assert_int_eq(plan_init(&plan, root), 0);
	ck_assert_int_eq(plan_write(&plan, "/etc/crypttab", 0644, bytes_of_text("new\n"), &error), 0);
	ck_assert_int_eq(plan_write(&plan, "/etc/a/b.d/c.conf", 0600, bytes_of_text("deep\n"), &error), 0);
	ck_assert_int_eq(plan_remove(&plan, "/etc/fstab", &error), 0);
	ck_assert_int_eq(plan_read(&plan, "/etc/crypttab", &text, &exists, &error), 0);
	ck_assert(exists && bytes_equal(buf_view(&text), bytes_of_text("new\n")));
	ck_assert_int_eq(plan_read(&plan, "/etc/fstab", &text, &exists, &error), 0);
	ck_assert(!exists && text.size == 0);
	ck_assert_msg(plan_apply(&plan, &error) == 0, "%s", error.text);
	expect("/etc/crypttab", "new\n");
	expect("/etc/a/b.d/c.conf", "deep\n");
	ck_assert_int_eq(stat(in_root("/etc/crypttab"), &info), 0);
	ck_assert_uint_eq(info.st_mode & 07777, 0640);
	ck_assert_int_eq(stat(in_root("/etc/a/b.d/c.conf"), &info), 0);
	ck_assert_uint_eq(info.st_mode & 07777, 0600);
	ck_assert_int_ne(access(in_root("/etc/fstab"), F_OK), 0);
	/* What was planned and taken back is no edit. */
	ck_assert_int_eq(plan_write(&plan, "/etc/one", 0644, bytes_of_text("1"), NULL), 0);
	ck_assert_int_eq(plan_remove(&plan, "/etc/one", NULL), 0);
	ck_assert_ptr_null(plan_find(&plan, "/etc/one"));
}
END_TEST

START_TEST(strange_files)
{
	CLEANUP(plan_deinit) struct plan plan = PLAN_NULL;
	struct error error = ERROR_NULL;

	ck_assert_int_eq(plan_init(&plan, root), 0);
	ck_assert_int_eq(symlink("crypttab", in_root("/etc/link")), 0);
	ck_assert_int_eq(plan_write(&plan, "/etc/link", 0644, bytes_of_text("x"), &error), -EINVAL);
	ck_assert_ptr_nonnull(strstr(error.text, "symbolic link"));
	ck_assert_int_eq(mkfifo(in_root("/etc/pipe"), 0600), 0);
	ck_assert_int_eq(plan_write(&plan, "/etc/pipe", 0644, bytes_of_text("x"), NULL), -EINVAL);
	ck_assert_int_eq(plan_write(&plan, "/etc", 0644, bytes_of_text("x"), NULL), -EINVAL);
	ck_assert_int_eq(truncate(in_root("/dev/vdd"), PLAN_FILE_MAX + 1), 0);
	ck_assert_int_eq(plan_write(&plan, "/dev/vdd", 0644, bytes_of_text("x"), NULL), -EFBIG);
	ck_assert_uint_eq(plan.count, 0);
	for (size_t i = 0; i < PLAN_EDITS_MAX; i++) {
		char path[64];

		(void)snprintf(path, sizeof(path), "/etc/n%zu", i);
		ck_assert_int_eq(plan_write(&plan, path, 0644, bytes_of_text("x"), NULL), 0);
	}
	ck_assert_int_eq(plan_write(&plan, "/etc/more", 0644, bytes_of_text("x"), NULL), -E2BIG);
}
END_TEST

static void write_for_ever(const char *first, const char *second)
{
	for (size_t i = 0;; i++) {
		CLEANUP(plan_deinit) struct plan plan = PLAN_NULL;

		if (plan_init(&plan, root) || plan_write(&plan, "/etc/crypttab", 0644, bytes_of_text(i % 2 ? first : second), NULL) ||
			plan_apply(&plan, NULL))
			_exit(1);
	}
}

/* A kill at any time leaves one of the two texts, whole, and nothing that the next one trips over. */
START_TEST(killed)
{
	static char first[60001], second[50001];
	unsigned seen[2] = {0};

	memset(first, 'a', sizeof(first) - 1);
	memset(second, 'b', sizeof(second) - 1);
	put("/etc/crypttab", first, 0640);
	for (int i = 0; i < KILLS; i++) {
		CLEANUP(buf_deinit) struct buf got = BUF_NULL;
		struct timespec wait = {0, 1000000 + i * 137000};
		pid_t child = fork();
		int status;

		if (child == 0)
			write_for_ever(first, second);
		(void)nanosleep(&wait, NULL);
		ck_assert_int_eq(kill(child, SIGKILL), 0);
		ck_assert_int_eq(waitpid(child, &status, 0), child);
		ck_assert(WIFSIGNALED(status));
		ck_assert_int_eq(file_read(in_root("/etc/crypttab"), 65536, &got, NULL), 0);
		if (bytes_equal(buf_view(&got), bytes_of_text(first)))
			seen[0]++;
		else if (bytes_equal(buf_view(&got), bytes_of_text(second)))
			seen[1]++;
	}
	ck_assert_uint_eq(seen[0] + seen[1], KILLS);
	ck_assert_uint_gt(seen[1], 0);
}
END_TEST

static bool has(const struct device_names *names, const char *name)
{
	for (size_t i = 0; i < names->count; i++) {
		if (strcmp(names->items[i], name) == 0)
			return true;
	}
	return false;
}

START_TEST(devices)
{
	static const struct {
		const char *source, *stable;
	} cases[] = {
		{"UUID=1f36", "/dev/disk/by-id/virtio-data"},
		{"UUID=\"1f36\"", "/dev/disk/by-id/virtio-data"},
		{"/dev/vdb", "/dev/disk/by-id/virtio-data"},
		{"/dev/disk/by-id/wwn-0x5", "/dev/disk/by-id/wwn-0x5"},
		{"/dev/vdc1", "/dev/disk/by-partuuid/aa-01"},
		{"/dev/disk/by-id/virtio-p", "/dev/disk/by-id/virtio-p"},
		{"PARTUUID=aa-01", "/dev/disk/by-partuuid/aa-01"},
		{"ID=virtio-data", "/dev/disk/by-id/virtio-data"},
	};
	static const char *const none[] = {
		"vdb", "", "UUID=", "UUID=\"\"", "UUID=../by-id/virtio-data", "/dev/disk/by-id/away", "/etc/fstab"};
	CLEANUP(device_names_deinit) struct device_names names = DEVICE_NAMES_NULL;

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct error error = ERROR_NULL;

		device_names_deinit(&names);
		ck_assert_msg(device_names(root, cases[i].source, &names, &error) == 0, "%s", error.text);
		ck_assert_str_eq(names.stable, cases[i].stable);
	}
	for (size_t i = 0; i < ARRAY_SIZE(none); i++)
		ck_assert_msg(device_names(root, none[i], &names, NULL) == -EINVAL, "%s", none[i]);
	ck_assert_int_eq(device_names(root, "/dev/disk/by-id/virtio-gone", &names, NULL), -ENOENT);
	device_names_deinit(&names);
	ck_assert_int_eq(device_names(root, "/dev/vdd", &names, NULL), 0);
	ck_assert_ptr_null(names.stable);
	ck_assert(has(&names, "UUID=bare") && has(&names, "/dev/vdd") && !has(&names, "UUID=1f36"));
	ck_assert(device_is_stable("/dev/disk/by-partuuid/a-1"));
	ck_assert(!device_is_stable("/dev/disk/by-uuid/a") && !device_is_stable("/dev/disk/by-id/") &&
		  !device_is_stable("/dev/disk/by-id/../x"));
	ck_assert(!device_is_stable("/dev/disk/by-id/..") && !device_is_stable("/dev/disk/by-id/a b") && !device_is_stable("/dev/vdb"));
}
END_TEST

/* All that one volume needs, from the files of a machine that had it with a passphrase; done twice it changes nothing. */
START_TEST(whole_volume)
{
	static const char *const services[] = {"postgresql@15-main.service"};
	static const uint8_t check[32] = {0xab, 1};
	struct guard guard = {"data", "/dev/disk/by-id/virtio-data", "prod/disk/data", check, NULL, services, 1, NULL, 0};
	CLEANUP(fstab_mounts_deinit) struct fstab_mounts mounts = {.count = 0};
	CLEANUP(plan_deinit) struct plan again = PLAN_NULL;
	CLEANUP(plan_deinit) struct plan plan = PLAN_NULL;
	struct error error = ERROR_NULL;

	ck_assert_int_eq(plan_init(&plan, root), 0);
	ck_assert_msg(guard_plan(&plan, &guard, &mounts, &error) == 0, "%s", error.text);
	ck_assert_uint_eq(mounts.count, 1);
	ck_assert_str_eq(mounts.items[0], "/srv/db");
	ck_assert_uint_eq(plan.count, 6);
	ck_assert_str_eq(plan.items[5].path, "/etc/crypttab");
	ck_assert_int_eq(plan_apply(&plan, &error), 0);
	expect("/etc/crypttab", "# mine\ndata /dev/disk/by-id/virtio-data /run/sevattest/cryptsetup.sock "
				"luks,_netdev,nofail,headless=yes,header=/run/sevattest-luks/data.header,discard\n");
	expect("/etc/fstab", "/dev/vda1 / ext4 defaults 0 1\n/dev/mapper/data /srv/db ext4 "
			     "defaults,_netdev,nofail,x-systemd.device-timeout=infinity 0 2\n");
	expect("/etc/sevattest/volumes/data",
		"# By `sevattest enroll`.\n[volume]\nDevice = /dev/disk/by-id/virtio-data\nResource = prod/disk/data\n"
		"KeyCheck = ab01000000000000000000000000000000000000000000000000000000000000\n");
	expect("/etc/systemd/system/postgresql@15-main.service.d/50-sevattest-data.conf",
		"# By `sevattest enroll`.\n[Unit]\nRequiresMountsFor=/srv/db\nDefaultDependencies=no\nRequires=sysinit.target\n"
		"After=sysinit.target basic.target\nConflicts=shutdown.target\nBefore=shutdown.target\n");
	ck_assert_int_eq(plan_init(&again, root), 0);
	ck_assert_int_eq(guard_plan(&again, &guard, NULL, &error), 0);
	ck_assert_uint_eq(again.count, 0);
}
END_TEST

/* The root directory of a guest whose device is not here: its crypttab names the disk by what the header or the partition table says. */
START_TEST(header_names)
{
	static const char *const ours[] = {"UUID=9f0e8d7c-01", "UUID=\"9f0e8d7c-01\"", "/dev/disk/by-uuid/9f0e8d7c-01", "PARTUUID=aa-01",
		"/dev/disk/by-partuuid/aa-01", "/dev/disk/by-id/virtio-p", "/dev/disk/by-id/virtio-far"};
	static const char *const others[] = {"UUID=9f0e8d7c-02", "UUID=9f0e8d7c-0", "PARTUUID=9f0e8d7c-01", "/dev/vdc1", "LABEL=aa-01"};
	CLEANUP(device_names_deinit) struct device_names here = DEVICE_NAMES_NULL;
	CLEANUP(device_names_deinit) struct device_names names = DEVICE_NAMES_NULL;
	CLEANUP(device_names_deinit) struct device_names none = DEVICE_NAMES_NULL;
	struct guard guard = {.name = "data", .device = "/dev/disk/by-id/virtio-far", .resource = "prod/disk/data"};

	ck_assert_int_eq(device_names(root, "/dev/vdc1", &here, NULL), 0);
	ck_assert_int_eq(device_header_names("9f0e8d7c-01", &here, &names), 0);
	ck_assert(has(&names, "UUID=9f0e8d7c-01") && has(&names, "PARTUUID=aa-01") && !has(&names, "/dev/vdc1"));
	ck_assert_int_eq(device_header_names("9f /x", &none, &none), 0);
	ck_assert_uint_eq(none.count, 0);
	guard.names = (const char *const *)names.items;
	guard.name_count = names.count;
	for (size_t i = 0; i < ARRAY_SIZE(ours) + ARRAY_SIZE(others); i++) {
		bool is_ours = i < ARRAY_SIZE(ours);
		CLEANUP(plan_deinit) struct plan plan = PLAN_NULL;
		struct error error = ERROR_NULL;
		char line[128];

		(void)snprintf(line, sizeof(line), "data %s none luks\n", is_ours ? ours[i] : others[i - ARRAY_SIZE(ours)]);
		put("/etc/crypttab", line, 0644);
		ck_assert_int_eq(plan_init(&plan, root), 0);
		ck_assert_msg(guard_plan_crypttab(&plan, &guard, &error) == (is_ours ? 0 : -EEXIST), "%s: %s", line, error.text);
		if (!is_ours)
			continue;
		ck_assert_int_eq(plan_apply(&plan, &error), 0);
		expect("/etc/crypttab", "data /dev/disk/by-id/virtio-far /run/sevattest/cryptsetup.sock "
					"luks,_netdev,nofail,headless=yes,header=/run/sevattest-luks/data.header\n");
	}
}
END_TEST

/* What sevattestd needs before it opens a volume cannot be on one. */
START_TEST(early_mounts)
{
	static const char *const refused[] = {"/", "//", "/var", "/var/", "/var//cache", "/var/cache/sevattest/", "/var/tmp", "/tmp", "/usr", "/etc"};
	static const char *const taken[] = {"/srv", "/var/lib", "/var/cache/apt", "/var/cachex", "/var/cac", "/tmpx", "/home", "/variable", "none"};
	const struct guard guard = {.name = "data", .device = "/dev/disk/by-id/virtio-data", .resource = "prod/disk/data"};

	for (size_t i = 0; i < ARRAY_SIZE(refused) + ARRAY_SIZE(taken); i++) {
		bool is_refused = i < ARRAY_SIZE(refused);
		const char *point = is_refused ? refused[i] : taken[i - ARRAY_SIZE(refused)];
		CLEANUP(plan_deinit) struct plan plan = PLAN_NULL;
		struct error error = ERROR_NULL;
		char line[128];

		(void)snprintf(line, sizeof(line), "/dev/vda1 / ext4 defaults 0 1\n/dev/mapper/data %s ext4 defaults 0 2\n", point);
		put("/etc/fstab", line, 0644);
		ck_assert_int_eq(plan_init(&plan, root), 0);
		ck_assert_msg(guard_plan_fstab(&plan, &guard, NULL, &error) == (is_refused ? -EDEADLK : 0), "%s: %s", point, error.text);
		ck_assert_msg(!is_refused || (strstr(error.text, "sevattestd") && !plan.count), "%s: %s", point, error.text);
	}
}
END_TEST

START_TEST(volume_refusals)
{
	static const char *const services[] = {"app.service"};
	struct guard guard = {"data", "/dev/vdb", "prod/disk/data", NULL, NULL, services, 1, NULL, 0};
	CLEANUP(plan_deinit) struct plan plan = PLAN_NULL;
	struct error error = ERROR_NULL;
	size_t cursor = 0;

	ck_assert_int_eq(plan_init(&plan, root), 0);
	ck_assert_int_eq(guard_plan(&plan, &guard, NULL, &error), -EINVAL);
	guard.device = "/dev/disk/by-id/virtio-p";
	guard.name = "other";
	error_clear(&error);
	ck_assert_int_eq(guard_plan(&plan, &guard, NULL, &error), -ENOENT);
	ck_assert_ptr_nonnull(strstr(error.text, "app.service"));
	guard.inner_uuid = "7 7";
	ck_assert_int_eq(guard_plan(&plan, &guard, NULL, NULL), -EINVAL);
	ck_assert_str_eq(guard_known_service("/var/lib/postgresql/15", &cursor), "postgresql@*.service");
	ck_assert_ptr_null(guard_known_service("/var/lib/postgresql/15", &cursor));
	cursor = 0;
	ck_assert_ptr_null(guard_known_service("/var/lib/postgres", &cursor));
	cursor = 0;
	ck_assert_ptr_nonnull(guard_known_service("/var", &cursor));
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("plan");
	TCase *tests = tcase_create("plan");
	SRunner *runner;
	int failed;

	tcase_add_checked_fixture(tests, make_root, remove_root);
	tcase_add_test(tests, diffs);
	tcase_add_test(tests, no_newline);
	tcase_add_test(tests, applies);
	tcase_add_test(tests, strange_files);
	tcase_add_test(tests, killed);
	tcase_add_test(tests, devices);
	tcase_add_test(tests, whole_volume);
	tcase_add_test(tests, header_names);
	tcase_add_test(tests, early_mounts);
	tcase_add_test(tests, volume_refusals);
	tcase_set_timeout(tests, 30);
	suite_add_tcase(suite, tests);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed != 0;
}
