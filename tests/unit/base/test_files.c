/* SPDX-License-Identifier: Apache-2.0 */
#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "base/files.h"
#include "base/secret.h"

/* The outcome of reading a secret from a file of this mode and owner. */
static int read_secret_of(mode_t mode, uid_t uid, gid_t gid)
{
	char path[] = "/tmp/test_base.XXXXXX";
	CLEANUP(secret_deinit) struct secret secret = SECRET_NULL;
	struct error error = ERROR_NULL;
	int fd = mkstemp(path);
	int r;

	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(write(fd, "key", 3), 3);
	ck_assert_int_eq(fchown(fd, uid, gid), 0);
	ck_assert_int_eq(fchmod(fd, mode), 0);
	ck_assert_int_eq(close(fd), 0);
	r = file_read_secret(path, 16, false, &secret, &error);
	ck_assert_int_eq(unlink(path), 0);
	ck_assert(r != 0 || secret.size == 3);
	return r;
}

/* What a folder may hold that others write: only a file is read, and nothing is waited for. */
START_TEST(only_regular_files)
{
	CLEANUP(buf_deinit) struct buf data = BUF_NULL;
	char folder[] = "/tmp/test_files.XXXXXX", file[64], link[64], pipe[64];

	ck_assert_ptr_nonnull(mkdtemp(folder));
	(void)snprintf(file, sizeof(file), "%s/file", folder);
	(void)snprintf(link, sizeof(link), "%s/link", folder);
	(void)snprintf(pipe, sizeof(pipe), "%s/pipe", folder);
	ck_assert_int_eq(file_write(file, bytes_of_text("text"), 0600, NULL), 0);
	ck_assert_int_eq(symlink(file, link), 0);
	ck_assert_int_eq(mkfifo(pipe, 0600), 0);
	ck_assert_int_eq(file_read(link, 16, &data, NULL), 0);
	ck_assert_int_eq(file_read_regular(file, 4, &data, NULL), 0);
	ck_assert(bytes_equal(buf_view(&data), bytes_of_text("text")));
	ck_assert_int_eq(file_read_regular(file, 3, &data, NULL), -EFBIG);
	ck_assert_int_eq(file_read_regular(link, 16, &data, NULL), -ELOOP);
	ck_assert_int_eq(file_read_regular(pipe, 16, &data, NULL), -EINVAL);
	ck_assert_int_eq(file_read_regular(folder, 16, &data, NULL), -EINVAL);
	ck_assert_int_eq(unlink(link) | unlink(pipe) | unlink(file) | rmdir(folder), 0);
	ck_assert_int_eq(file_read_regular(file, 16, &data, NULL), -ENOENT);
}
END_TEST

/* `-o /dev/null` of root must not make a file of it. */
START_TEST(devices_stay)
{
	char folder[] = "/tmp/test_files.XXXXXX", device[64];
	struct error error = ERROR_NULL;
	struct stat st;

	ck_assert_ptr_nonnull(mkdtemp(folder));
	(void)snprintf(device, sizeof(device), "%s/full", folder);
	if (mknod(device, S_IFCHR | 0600, makedev(1, 7))) {
		(void)printf("SKIP: no device can be made here: %s\n", strerror(errno));
	} else {
		int r = file_write(device, bytes_of_text("text"), 0600, &error);

		/* EACCES: devices do not count below a mount that says nodev. */
		ck_assert_msg(r == -ENOSPC || r == -EACCES, "%d: %s", r, error_text(&error));
		ck_assert_int_eq(lstat(device, &st), 0);
		ck_assert(S_ISCHR(st.st_mode));
		ck_assert_int_eq(unlink(device), 0);
	}
	ck_assert_int_eq(rmdir(folder), 0);
}
END_TEST

START_TEST(secret_file_is_private)
{
	static const mode_t open_to_others[] = {0640, 0604, 0620, 0602, 0610, 0601, 0644};

	ck_assert_int_eq(secret_process_init(65536), 0);
	ck_assert_int_eq(read_secret_of(0600, getuid(), getgid()), 0);
	ck_assert_int_eq(read_secret_of(0400, getuid(), getgid()), 0);
	for (size_t i = 0; i < ARRAY_SIZE(open_to_others) && getuid() == 0; i++)
		ck_assert_int_eq(read_secret_of(open_to_others[i], 0, 1), -EPERM);
	for (size_t i = 0; i < ARRAY_SIZE(open_to_others) && getuid() == 0; i++)
		ck_assert_int_eq(read_secret_of(open_to_others[i], 1, 0), -EPERM);
	/* As systemd 257 hands a credential over. */
	if (getuid() == 0)
		ck_assert_int_eq(read_secret_of(0440, 0, 0), 0);
	for (size_t i = 1; i < ARRAY_SIZE(open_to_others) && getuid() == 0; i++)
		ck_assert_int_eq(read_secret_of(open_to_others[i], 0, 0), -EPERM);
}
END_TEST

/* What a killed program left under the name that this one takes for its own temporary file: a file, and a link to somebody's file. */
START_TEST(stale_temporary)
{
	char folder[] = "/tmp/test_files.XXXXXX";
	CLEANUP(buf_deinit) struct buf content = BUF_NULL;
	struct error error = ERROR_NULL;
	char path[64], temporary[96], victim[64];

	ck_assert_ptr_nonnull(mkdtemp(folder));
	(void)snprintf(path, sizeof(path), "%s/state", folder);
	(void)snprintf(victim, sizeof(victim), "%s/victim", folder);
	(void)snprintf(temporary, sizeof(temporary), "%s/.state.%ld.new", folder, (long)getpid());
	ck_assert_int_eq(file_write(victim, bytes_of_text("victim"), 0600, &error), 0);
	ck_assert_int_eq(file_write(temporary, bytes_of_text("half a sta"), 0600, &error), 0);
	ck_assert_int_eq(file_write(path, bytes_of_text("one"), 0600, &error), 0);
	ck_assert_int_eq(symlink(victim, temporary), 0);
	ck_assert_int_eq(file_write(path, bytes_of_text("two"), 0600, &error), 0);
	ck_assert_int_eq(file_read(path, 64, &content, &error), 0);
	ck_assert(bytes_equal(buf_view(&content), bytes_of_text("two")));
	ck_assert_int_eq(file_read(victim, 64, &content, &error), 0);
	ck_assert(bytes_equal(buf_view(&content), bytes_of_text("victim")));
	ck_assert_int_ne(access(temporary, F_OK), 0);
	ck_assert_int_eq(unlink(path), 0);
	ck_assert_int_eq(unlink(victim), 0);
	ck_assert_int_eq(rmdir(folder), 0);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("files");
	TCase *tests = tcase_create("files");
	SRunner *runner;
	int failed;

	tcase_add_test(tests, only_regular_files);
	tcase_add_test(tests, devices_stay);
	tcase_add_test(tests, secret_file_is_private);
	tcase_add_test(tests, stale_temporary);
	suite_add_tcase(suite, tests);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
