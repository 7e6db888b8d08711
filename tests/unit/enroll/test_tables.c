/* SPDX-License-Identifier: Apache-2.0 */
/* crypttab, fstab and drop-ins as texts: what is changed, what stays, what is refused. */
#include <check.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "enroll/crypttab.h"
#include "enroll/dropins.h"
#include "enroll/fstab.h"

#define BY_ID "/dev/disk/by-id/virtio-data"
#define OURS "luks,_netdev,nofail,headless=yes,header=/run/sevattest-luks/data.header"
#define LINE "data " BY_ID " /run/sevattest/cryptsetup.sock " OURS

static const char *const names[] = {"/dev/vdb", "UUID=1f36", "/dev/disk/by-uuid/1f36"};
static const struct crypttab_volume data = {"data", BY_ID, names, ARRAY_SIZE(names)};
static const char *const inner[] = {"UUID=77aa", "/dev/disk/by-uuid/77aa"};
static const struct fstab_volume data_fs = {"data", inner, ARRAY_SIZE(inner)};

START_TEST(crypttab_lines)
{
	static const struct {
		const char *before, *after;
	} cases[] = {
		{"", LINE "\n"},
		{"# nothing\n", "# nothing\n" LINE "\n"},
		{"swap /dev/vdc /dev/urandom swap", "swap /dev/vdc /dev/urandom swap\n" LINE "\n"},
		{"data UUID=1f36 none luks\n", LINE "\n"},
		{"data UUID=1f36 none luks", LINE},
		{"data UUID=\"1f36\" none luks\n", LINE "\n"},
		{"  data\t/dev/vdb   none\n", LINE "\n"},
		{"data /dev/vdb\n", LINE "\n"},
		{"a /dev/vda none luks\n\n  # c\ndata " BY_ID " - discard,tries=1,key-slot=2,no-read-workqueue\nz x\n",
			"a /dev/vda none luks\n\n  # c\n" LINE ",discard,no-read-workqueue\nz x\n"},
		{"data UUID=1f36 none noauto,readonly,x-systemd.device-timeout=5,keyscript=/bin/x,header=/h,,headless=no\n",
			LINE ",readonly,x-systemd.device-timeout=5\n"},
		{"data2 /dev/vdc none luks\n#data UUID=1f36 none luks\n",
			"data2 /dev/vdc none luks\n#data UUID=1f36 none luks\n" LINE "\n"},
		{LINE "\n", LINE "\n"},
		{LINE ",discard\n", LINE ",discard\n"},
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		CLEANUP(buf_deinit) struct buf out = BUF_NULL;
		CLEANUP(buf_deinit) struct buf again = BUF_NULL;
		struct error error = ERROR_NULL;

		ck_assert_int_eq(crypttab_guard(bytes_of_text(cases[i].before), &data, &out, &error), 0);
		ck_assert_msg(bytes_equal(buf_view(&out), bytes_of_text(cases[i].after)), "case %zu: %.*s", i, (int)out.size,
			(const char *)out.data);
		ck_assert_int_eq(crypttab_guard(buf_view(&out), &data, &again, &error), 0);
		ck_assert(bytes_equal(buf_view(&out), buf_view(&again)));
	}
}
END_TEST

START_TEST(crypttab_refusals)
{
	static const struct {
		const char *text;
		int code;
		const char *why;
	} cases[] = {
		{"a b\ndata /dev/vdz none luks\n", -EEXIST, "line 2: data is the name of another device"},
		{"data_crypt UUID=1f36 none luks\n", -EEXIST, "opened as data_crypt"},
		{"data /dev/vdb none luks\ndata UUID=1f36 none luks\n", -EEXIST, "lines 1 and 2"},
		{"data /dev/vdb none luks,initramfs\n", -EOPNOTSUPP, "initramfs"},
		{"data /dev/vdb none x-initrd.attach\n", -EOPNOTSUPP, "in the initrd"},
		{"data /dev/vdb /dev/urandom swap,cipher=aes\n", -EOPNOTSUPP, "random key"},
		{"data /dev/vdb none plain\n", -EOPNOTSUPP, "no LUKS"},
		{"data /dev/vdb none tcrypt\n", -EOPNOTSUPP, "no LUKS"},
	};
	static const struct crypttab_volume bad[] = {{"da ta", BY_ID, NULL, 0}, {"", BY_ID, NULL, 0}, {"#a", BY_ID, NULL, 0},
		{"a/b", BY_ID, NULL, 0}, {"data", "UUID=1", NULL, 0}, {"data", "/dev/a b", NULL, 0}, {"data", "", NULL, 0}};
	CLEANUP(buf_deinit) struct buf out = BUF_NULL;

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct error error = ERROR_NULL;

		ck_assert_int_eq(crypttab_guard(bytes_of_text(cases[i].text), &data, &out, &error), cases[i].code);
		ck_assert_msg(strstr(error.text, cases[i].why) != NULL, "case %zu: %s", i, error.text);
	}
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
		ck_assert_int_eq(crypttab_guard(bytes_of_text(""), &bad[i], &out, NULL), -EINVAL);
	ck_assert_int_eq(crypttab_guard(bytes_of("a\0b", 3), &data, &out, NULL), -EINVAL);
	ck_assert_uint_eq(out.size, 0);
}
END_TEST

START_TEST(crypttab_finds)
{
	struct bytes text = bytes_of_text("# data x\nx /dev/vda\ndata UUID=1f36 /k luks,header=/a,header=/b\\,c,discard\n");
	struct crypttab_entry entry;
	struct bytes value;

	ck_assert(crypttab_find(text, "data", &entry));
	ck_assert_uint_eq(entry.number, 3);
	ck_assert(table_equal(entry.key, "/k"));
	ck_assert(table_option(entry.options, "header", &value) && table_equal(value, "/b\\,c"));
	ck_assert(table_option(entry.options, "discard", &value) && value.size == 0);
	ck_assert(!table_option(entry.options, "head", &value));
	ck_assert(crypttab_find_device(text, &data, &entry) && table_equal(entry.volume, "data"));
	ck_assert(!crypttab_find(text, "dat", &entry));
	ck_assert(crypttab_find(text, "x", &entry) && entry.options.size == 0 && entry.key.size == 0);
}
END_TEST

#define FS_OPTIONS "_netdev,nofail,x-systemd.device-timeout=infinity"

START_TEST(fstab_lines)
{
	static const struct {
		const char *before, *after;
	} cases[] = {
		{"", ""},
		{"# /dev/mapper/data /x\n/dev/vda1 / ext4 defaults 0 1", "# /dev/mapper/data /x\n/dev/vda1 / ext4 defaults 0 1"},
		{"/dev/mapper/data /srv ext4 defaults 0 2\n", "/dev/mapper/data /srv ext4 defaults," FS_OPTIONS " 0 2\n"},
		{"UUID=77aa\t/srv\text4\tnoatime\t0\t2 # mine\n", "/dev/mapper/data\t/srv\text4\tnoatime," FS_OPTIONS "\t0\t2 # mine\n"},
		{"  UUID=\"77aa\" /srv xfs rw", "  /dev/mapper/data /srv xfs rw," FS_OPTIONS},
		{"/dev/disk/by-uuid/77aa /srv auto nofail,x-systemd.device-timeout=5s,_netdev,a\n",
			"/dev/mapper/data /srv auto nofail,_netdev,a,x-systemd.device-timeout=infinity\n"},
		{"/dev/mapper/data none swap sw 0 0\n", "/dev/mapper/data none swap sw," FS_OPTIONS " 0 0\n"},
		{"/dev/mapper/data /srv ext4\n", "/dev/mapper/data /srv ext4 " FS_OPTIONS "\n"},
		{"/dev/mapper/data /srv\n", "/dev/mapper/data /srv auto " FS_OPTIONS "\n"},
		{"/dev/mapper/data\n", "/dev/mapper/data\n"},
		{"/dev/mapper/data2 /srv ext4 ro 0 0\nUUID=77aab /x ext4 ro\nUUID=\"77a\" /y\n",
			"/dev/mapper/data2 /srv ext4 ro 0 0\nUUID=77aab /x ext4 ro\nUUID=\"77a\" /y\n"},
		{"/dev/mapper/data /a ext4 " FS_OPTIONS "\nUUID=77aa /b btrfs subvol=b 0 0\n",
			"/dev/mapper/data /a ext4 " FS_OPTIONS "\n/dev/mapper/data /b btrfs subvol=b," FS_OPTIONS " 0 0\n"},
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		CLEANUP(buf_deinit) struct buf out = BUF_NULL;
		CLEANUP(buf_deinit) struct buf again = BUF_NULL;

		ck_assert_int_eq(fstab_guard(bytes_of_text(cases[i].before), &data_fs, &out, NULL), 0);
		ck_assert_msg(bytes_equal(buf_view(&out), bytes_of_text(cases[i].after)), "case %zu: %.*s", i, (int)out.size,
			(const char *)out.data);
		ck_assert_int_eq(fstab_guard(buf_view(&out), &data_fs, &again, NULL), 0);
		ck_assert(bytes_equal(buf_view(&out), buf_view(&again)));
	}
}
END_TEST

START_TEST(fstab_refusals)
{
	CLEANUP(buf_deinit) struct buf out = BUF_NULL;
	struct error error = ERROR_NULL;

	ck_assert_int_eq(fstab_guard(bytes_of("UUID=77aa /a ext4 r\0w\n", 21), &data_fs, &out, NULL), -EINVAL);
	ck_assert_int_eq(fstab_guard(bytes_of_text("\nUUID=77aa /a ext4 rw\\\n"), &data_fs, &out, &error), -EINVAL);
	ck_assert(strstr(error.text, "line 2") != NULL);
	ck_assert_int_eq(fstab_guard(bytes_of_text("UUID=77aa /a ext4 rw\\\\\n"), &data_fs, &out, NULL), 0);
	ck_assert_int_eq(fstab_guard(bytes_of_text("UUID=78 /a ext4 rw\\\n"), &data_fs, &out, NULL), 0);
}
END_TEST

START_TEST(fstab_points)
{
	CLEANUP(fstab_mounts_deinit) struct fstab_mounts mounts = {.count = 0};
	CLEANUP(buf_deinit) struct buf many = BUF_NULL;
	struct error error = ERROR_NULL;

	ck_assert_int_eq(
		fstab_mounts(bytes_of_text("UUID=77aa /a\\040b ext4\n/dev/mapper/data none swap\n/dev/vda / ext4\nUUID=77aa /c ext4\n"),
			&data_fs, &mounts, &error),
		0);
	ck_assert_uint_eq(mounts.count, 2);
	ck_assert_uint_eq(mounts.lines, 3);
	ck_assert_str_eq(mounts.items[0], "/a b");
	ck_assert_str_eq(mounts.items[1], "/c");
	ck_assert_int_eq(fstab_mounts(bytes_of_text("\nUUID=77aa /a\\09 ext4\n"), &data_fs, &mounts, &error), -EINVAL);
	ck_assert(strstr(error.text, "line 2") != NULL);
	ck_assert_int_eq(fstab_mounts(bytes_of_text("UUID=77aa /a\\000 ext4\n"), &data_fs, &mounts, NULL), -EINVAL);
	ck_assert_int_eq(fstab_mounts(bytes_of_text("UUID=77aa /a\\04"), &data_fs, &mounts, NULL), -EINVAL);
	for (size_t i = 0; i <= FSTAB_MOUNTS_MAX; i++)
		ck_assert_int_eq(buf_printf(&many, "UUID=77aa /m%zu\n", i), 0);
	ck_assert_int_eq(fstab_mounts(buf_view(&many), &data_fs, &mounts, NULL), -E2BIG);
	ck_assert_uint_eq(mounts.count, 2);
}
END_TEST

/* The lines that were proven in spec/systemd.md 11.2 and 11.3. */
START_TEST(drop_ins)
{
	CLEANUP(dropin_deinit) struct dropin dropin = DROPIN_NULL;
	static const char *const mounts[] = {"/var/lib/postgresql", "/a b/100%\\"};
	struct error error = ERROR_NULL;

	ck_assert_int_eq(dropin_device("my-data_1", "/dev/disk/by-id/virtio-data", &dropin), 0);
	ck_assert_str_eq(dropin.path, "/etc/systemd/system/sevattest-luks@my\\x2ddata_1.service.d/device.conf");
	ck_assert(bytes_equal(buf_view(&dropin.text),
		bytes_of_text("# By `sevattest enroll`.\n[Unit]\nBindsTo=dev-disk-by\\x2did-virtio\\x2ddata.device\n"
			      "After=dev-disk-by\\x2did-virtio\\x2ddata.device\n")));
	ck_assert_int_eq(dropin_device("data", "UUID=1", &dropin), -EINVAL);
	ck_assert_int_eq(dropin_cryptsetup("my-data_1", &dropin), 0);
	ck_assert_str_eq(dropin.path, "/etc/systemd/system/systemd-cryptsetup@my\\x2ddata_1.service.d/sevattest.conf");
	ck_assert(bytes_equal(buf_view(&dropin.text), bytes_of_text("# By `sevattest enroll`.\n[Unit]\nRequires=sevattest-luks@%i.service\n"
								    "After=sevattest-luks@%i.service\n\n[Service]\n"
								    "ExecStartPost=/usr/lib/sevattest/sevattest-luks verify %I\n")));
	ck_assert_int_eq(dropin_service("postgresql@15-main.service", "data", mounts, 2, &dropin, &error), 0);
	ck_assert_str_eq(dropin.path, "/etc/systemd/system/postgresql@15-main.service.d/50-sevattest-data.conf");
	ck_assert(bytes_equal(
		buf_view(&dropin.text), bytes_of_text("# By `sevattest enroll`.\n[Unit]\nRequiresMountsFor=/var/lib/postgresql\n"
						      "RequiresMountsFor=\"/a b/100%%\\\\\"\n"
						      "DefaultDependencies=no\nRequires=sysinit.target\nAfter=sysinit.target basic.target\n"
						      "Conflicts=shutdown.target\nBefore=shutdown.target\n")));
	ck_assert_int_eq(dropin_service("postgresql@.service", "data", mounts, 2, &dropin, &error), -EINVAL);
	ck_assert_int_eq(dropin_service("../x.service", "data", mounts, 2, &dropin, NULL), -EINVAL);
	ck_assert_int_eq(dropin_service("data.mount", "data", mounts, 2, &dropin, NULL), -EINVAL);
	ck_assert_int_eq(dropin_service("postgresql", "data", mounts, 2, &dropin, NULL), -EINVAL);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("tables");
	TCase *tests = tcase_create("tables");
	SRunner *runner;
	int failed;

	tcase_add_test(tests, crypttab_lines);
	tcase_add_test(tests, crypttab_refusals);
	tcase_add_test(tests, crypttab_finds);
	tcase_add_test(tests, fstab_lines);
	tcase_add_test(tests, fstab_refusals);
	tcase_add_test(tests, fstab_points);
	tcase_add_test(tests, drop_ins);
	suite_add_tcase(suite, tests);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed != 0;
}
