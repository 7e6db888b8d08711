/* SPDX-License-Identifier: Apache-2.0 */
/* What is stated about the root file system against made /proc and /sys trees. */
#include <check.h>
#include <errno.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/files.h"
#include "io/root_trust.h"

static char root[] = "/tmp/test_root_trust.XXXXXX";

/* Writes ROOT + path, with the directories that are missing. */
static void put(const char *path, const char *text)
{
	char name[PATH_MAX];

	(void)snprintf(name, sizeof(name), "%s%s", root, path);
	for (char *slash = strchr(name + strlen(root) + 1, '/'); slash; slash = strchr(slash + 1, '/')) {
		*slash = 0;
		(void)mkdir(name, 0755);
		*slash = '/';
	}
	ck_assert_int_eq(file_write(name, bytes_of_text(text), 0644, NULL), 0);
}

static void mount_is(const char *device, const char *type, const char *source)
{
	char text[512];

	(void)snprintf(text, sizeof(text),
		"1 1 0:1 / / rw - rootfs none rw\n22 1 %s / / rw,noatime shared:1 - %s %s rw\n30 22 0:5 / /proc rw - proc proc rw\n",
		device, type, source);
	put("/proc/self/mountinfo", text);
}

static void make_root(void)
{
	(void)strcpy(root + strlen(root) - 6, "XXXXXX");
	ck_assert_ptr_nonnull(mkdtemp(root));
	put("/proc/cmdline", "quiet roothash=0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef ro\n");
	put("/sys/dev/block/253:0/dm/uuid", "CRYPT-LUKS2-1f36-data\n");
	put("/sys/dev/block/253:0/dm/name", "data\n");
	put("/sys/class/block/dm-0/dm/uuid", "CRYPT-LUKS2-1f36-data\n");
	put("/sys/class/block/dm-0/dm/name", "data\n");
	put("/sys/dev/block/253:1/dm/uuid", "LVM-abc\n");
	put("/sys/dev/block/253:1/dm/name", "vg-root\n");
	put("/sys/dev/block/253:1/slaves/dm-0/dm/uuid", "CRYPT-LUKS2-1f36-data\n");
	put("/sys/dev/block/253:1/slaves/dm-0/dm/name", "data\n");
	put("/sys/dev/block/253:2/dm/uuid", "LVM-abd\n");
	put("/sys/dev/block/253:2/slaves/dm-0/dm/uuid", "CRYPT-LUKS2-1f36-data\n");
	put("/sys/dev/block/253:2/slaves/dm-0/dm/name", "data\n");
	put("/sys/dev/block/253:2/slaves/vda1/size", "1\n");
	put("/sys/dev/block/253:3/dm/uuid", "CRYPT-VERITY-aa-root\n");
	put("/sys/dev/block/253:3/dm/name", "root\n");
	put("/sys/dev/block/8:1/size", "1\n");
	put("/sys/class/dmi/id/sys_vendor", "Microsoft Corporation\n");
	put("/sys/class/tpm/tpm0/tpm_version_major", "2\n");
	put("/etc/sevattest/volumes/data", "[volume]\nDevice = /dev/disk/by-id/virtio-data\nResource = prod/disk/data\n");
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
}

static void expect(enum root_trust stated, int code, const char *words)
{
	char shown[ROOT_TRUST_TEXT_MAX];
	struct error error = ERROR_NULL;
	int r = root_trust_check(root, stated, shown, &error);

	ck_assert_msg(r == code, "%s: %d %s (%s)", root_trust_name(stated), r, error.text, shown);
	ck_assert_msg(strstr(error.text, words) != NULL, "%s", error.text);
	ck_assert(code < 0 || *shown);
}

START_TEST(names)
{
	enum root_trust trust = ROOT_TRUST_LUKS;
	struct error error = ERROR_NULL;

	ck_assert_int_eq(root_trust_parse(NULL, &trust, NULL), 0);
	ck_assert_int_eq(trust, ROOT_TRUST_NONE);
	for (int i = ROOT_TRUST_LUKS; i <= ROOT_TRUST_PLATFORM; i++) {
		ck_assert_int_eq(root_trust_parse(root_trust_name((enum root_trust)i), &trust, NULL), 0);
		ck_assert_int_eq(trust, i);
	}
	ck_assert_int_eq(root_trust_parse("none", &trust, &error), -EINVAL);
	ck_assert_int_eq(root_trust_parse("", &trust, NULL), -EINVAL);
	ck_assert_ptr_nonnull(strstr(error.text, "platform"));
}
END_TEST

START_TEST(plain_root)
{
	mount_is("8:1", "ext4", "/dev/sda1");
	expect(ROOT_TRUST_NONE, ROOT_TRUST_E_NOT_STATED, "not set");
	expect(ROOT_TRUST_LUKS, ROOT_TRUST_E_DIFFERS, "no encrypted volume of ours");
	expect(ROOT_TRUST_VERITY, ROOT_TRUST_E_DIFFERS, "no dm-verity");
	expect(ROOT_TRUST_INITRD, ROOT_TRUST_E_DIFFERS, "was left");
	expect(ROOT_TRUST_PLATFORM, ROOT_TRUST_E_DIFFERS, "no encrypted");
	mount_is("9:9", "ext4", "/dev/gone");
	expect(ROOT_TRUST_LUKS, ROOT_TRUST_E_DIFFERS, "no block device");
	put("/proc/self/mountinfo", "30 22 0:5 / /proc rw - proc proc rw\n\n1 2 3\n");
	expect(ROOT_TRUST_LUKS, -ENODATA, "no mount on /");
}
END_TEST

START_TEST(luks_root)
{
	mount_is("253:0", "ext4", "/dev/mapper/data");
	expect(ROOT_TRUST_LUKS, 0, "");
	expect(ROOT_TRUST_PLATFORM, 0, "");
	expect(ROOT_TRUST_VERITY, ROOT_TRUST_E_DIFFERS, "no dm-verity");
	mount_is("253:1", "ext4", "/dev/mapper/vg-root");
	expect(ROOT_TRUST_LUKS, 0, "");
	/* A part of the volume group lies in the clear. */
	mount_is("253:2", "ext4", "/dev/mapper/vg-mixed");
	expect(ROOT_TRUST_LUKS, ROOT_TRUST_E_DIFFERS, "no encrypted volume of ours");
	mount_is("0:33", "btrfs", "/dev/mapper/data");
	expect(ROOT_TRUST_LUKS, 0, "");
	mount_is("0:33", "btrfs", "/dev/mapper/other");
	expect(ROOT_TRUST_LUKS, ROOT_TRUST_E_DIFFERS, "no block device");
	put("/sys/dev/block/253:0/dm/name", "other\n");
	mount_is("253:0", "ext4", "/dev/mapper/other");
	expect(ROOT_TRUST_LUKS, ROOT_TRUST_E_DIFFERS, "no volume of ours");
	expect(ROOT_TRUST_PLATFORM, 0, "");
	put("/sys/class/tpm/tpm0/tpm_version_major", "\n");
	expect(ROOT_TRUST_PLATFORM, ROOT_TRUST_E_DIFFERS, "vTPM");
	put("/sys/class/dmi/id/sys_vendor", "QEMU\n");
	expect(ROOT_TRUST_PLATFORM, ROOT_TRUST_E_DIFFERS, "QEMU");
}
END_TEST

START_TEST(verity_root)
{
	mount_is("253:3", "squashfs", "/dev/mapper/root");
	expect(ROOT_TRUST_VERITY, 0, "");
	expect(ROOT_TRUST_LUKS, ROOT_TRUST_E_DIFFERS, "no encrypted");
	put("/proc/cmdline", "roothash=0123 ro\n");
	expect(ROOT_TRUST_VERITY, ROOT_TRUST_E_DIFFERS, "no roothash=");
	put("/proc/cmdline", "dm-mod.create=\"root,,,ro,0 8 verity 1 8:1 8:2 4096 4096 1 1 sha256 ab 00\"\n");
	expect(ROOT_TRUST_VERITY, 0, "");
	put("/proc/cmdline", "dm-mod.create=\"root,,,ro,0 8 linear 8:1 0\"\n");
	expect(ROOT_TRUST_VERITY, ROOT_TRUST_E_DIFFERS, "no roothash=");
}
END_TEST

START_TEST(initrd_root)
{
	put("/proc/self/mountinfo", "1 1 0:1 / / rw - rootfs rootfs rw\n");
	expect(ROOT_TRUST_INITRD, 0, "");
	expect(ROOT_TRUST_LUKS, ROOT_TRUST_E_DIFFERS, "no block device");
	mount_is("0:20", "tmpfs", "tmpfs");
	expect(ROOT_TRUST_INITRD, 0, "");
	mount_is("0:20", "overlay", "overlay");
	expect(ROOT_TRUST_INITRD, ROOT_TRUST_E_DIFFERS, "was left");
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("root_trust");
	TCase *tests = tcase_create("root_trust");
	SRunner *runner;
	int failed;

	tcase_add_checked_fixture(tests, make_root, remove_root);
	tcase_add_test(tests, names);
	tcase_add_test(tests, plain_root);
	tcase_add_test(tests, luks_root);
	tcase_add_test(tests, verity_root);
	tcase_add_test(tests, initrd_root);
	suite_add_tcase(suite, tests);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed != 0;
}
