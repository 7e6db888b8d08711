/* SPDX-License-Identifier: Apache-2.0 */
/* Who a peer says it is, and whose control group it is in: what systemd sends, at every limit, and what only looks like it. */
#include <check.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "agent/peer_name.h"

/* `text` is the abstract address without its NUL. */
static int parse_as(enum peer_kind kind, const char *text, struct peer_name *ret)
{
	char name[256] = "";

	(void)snprintf(name + 1, sizeof(name) - 1, "%s", text);
	return peer_name_parse(bytes_of(name, strlen(text) + 1), kind, ret);
}

static int parse(const char *text, struct peer_name *ret)
{
	return parse_as(PEER_CREDENTIAL, text, ret);
}

static const struct {
	const char *text, *unit, *id;
} good[] = {
	{"308e0a55/unit/app.service/db-pass", "app.service", "db-pass"},
	{"0/unit/a.swap/x", "a.swap", "x"},
	{"ffffffffffffffff/unit/app@one.service/tls.key", "app@one.service", "tls.key"},
	{"1/unit/my\\x2ddata_1.mount/id", "my\\x2ddata_1.mount", "id"},
	{"1/unit/app.socket/...", "app.socket", "..."},
	{"1/unit/app.service/with space", "app.service", "with space"},
	{"1/unit/app.service/\\", "app.service", "\\"},
};

START_TEST(names_of_systemd)
{
	for (size_t i = 0; i < ARRAY_SIZE(good); i++) {
		struct peer_name name;

		ck_assert_msg(parse(good[i].text, &name) == 0, "%s", good[i].text);
		ck_assert_str_eq(name.unit, good[i].unit);
		ck_assert_str_eq(name.id, good[i].id);
	}
}
END_TEST

static const struct {
	const char *text;
	int outcome;
} bad[] = {
	{"", PEER_NAME_E_FORM},
	{"1", PEER_NAME_E_FORM},
	{"/unit/app.service/id", PEER_NAME_E_FORM},
	{"01/unit/app.service/id", PEER_NAME_E_FORM},
	{"00/unit/app.service/id", PEER_NAME_E_FORM},
	{"1F/unit/app.service/id", PEER_NAME_E_FORM},
	{"x/unit/app.service/id", PEER_NAME_E_FORM},
	{"10000000000000000/unit/app.service/id", PEER_NAME_E_FORM},
	{"1/units/app.service/id", PEER_NAME_E_FORM},
	{"1/cryptsetup/data", PEER_NAME_E_FORM},
	{"1/unit/app.service", PEER_NAME_E_FORM},
	{"1//app.service/id", PEER_NAME_E_FORM},
	{"1/unit//id", PEER_NAME_E_UNIT},
	{"1/unit/app/id", PEER_NAME_E_UNIT},
	{"1/unit/.service/id", PEER_NAME_E_UNIT},
	{"1/unit/app.target/id", PEER_NAME_E_UNIT},
	{"1/unit/app.slice/id", PEER_NAME_E_UNIT},
	{"1/unit/app.scope/id", PEER_NAME_E_UNIT},
	{"1/unit/app.servic/id", PEER_NAME_E_UNIT},
	{"1/unit/@.service/id", PEER_NAME_E_UNIT},
	{"1/unit/a b.service/id", PEER_NAME_E_UNIT},
	{"1/unit/a\n.service/id", PEER_NAME_E_UNIT},
	{"1/unit/\xc3\xa4.service/id", PEER_NAME_E_UNIT},
	{"1/unit/app.service/", PEER_NAME_E_ID},
	{"1/unit/app.service/.", PEER_NAME_E_ID},
	{"1/unit/app.service/..", PEER_NAME_E_ID},
	{"1/unit/app.service/a/b", PEER_NAME_E_ID},
	{"1/unit/app.service/a:b", PEER_NAME_E_ID},
	{"1/unit/app.service/a\n", PEER_NAME_E_ID},
	{"1/unit/app.service/\xc3\xa4", PEER_NAME_E_ID},
};

START_TEST(names_of_others)
{
	struct peer_name name;

	for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
		ck_assert_msg(parse(bad[i].text, &name) == bad[i].outcome, "%s: %d", bad[i].text, parse(bad[i].text, &name));
	ck_assert_int_eq(peer_name_parse(bytes_of(NULL, 0), PEER_CREDENTIAL, &name), PEER_NAME_E_ABSENT);
	ck_assert_int_eq(peer_name_parse(bytes_of_text("/run/client.sock"), PEER_CREDENTIAL, &name), PEER_NAME_E_ABSENT);
	/* A NUL inside ends nothing: it is a character that no name has. */
	ck_assert_int_eq(peer_name_parse(bytes_of("\0001/unit/app.service/a\0b", 25), PEER_CREDENTIAL, &name), PEER_NAME_E_ID);
	ck_assert_int_eq(peer_name_parse(bytes_of("\0001/unit/app.service\0/ab", 25), PEER_CREDENTIAL, &name), PEER_NAME_E_UNIT);
	for (int outcome = PEER_NAME_E_ABSENT; outcome <= PEER_NAME_E_VOLUME; outcome++)
		ck_assert_str_ne(peer_name_error_text(outcome), "unknown");
}
END_TEST

/* sun_path has 108 bytes; an abstract address may fill it. */
START_TEST(names_at_the_limit)
{
	for (size_t size = 106; size <= 109; size++) {
		char text[128], unit[128];
		struct peer_name name;
		int r;

		(void)snprintf(text, sizeof(text), "1/unit/%.*s.service/id", (int)(size - 1 - 7 - 8 - 3),
			"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa");
		ck_assert_uint_eq(strlen(text) + 1, size);
		r = parse(text, &name);
		ck_assert_int_eq(r, size <= 108 ? 0 : PEER_NAME_E_FORM);
		(void)snprintf(unit, sizeof(unit), "%.*s", (int)(size - 1 - 7 - 3), text + 7);
		if (!r)
			ck_assert_str_eq(name.unit, unit);
	}
}
END_TEST

/* What systemd-cryptsetup's connections say, and the unit that systemd-escape(1) makes of it. */
static const struct {
	const char *text, *volume, *unit;
} volumes[] = {
	{"308e0a55/cryptsetup/data", "data", "systemd-cryptsetup@data.service"},
	{"0/cryptsetup/my-data_1", "my-data_1", "systemd-cryptsetup@my\\x2ddata_1.service"},
	{"ffffffffffffffff/cryptsetup/_a.b+c", "_a.b+c", "systemd-cryptsetup@_a.b\\x2bc.service"},
	{"1/cryptsetup/+", "+", "systemd-cryptsetup@\\x2b.service"},
	{"1/cryptsetup/A9", "A9", "systemd-cryptsetup@A9.service"},
};

START_TEST(volumes_of_systemd)
{
	for (size_t i = 0; i < ARRAY_SIZE(volumes); i++) {
		char unit[UNIT_SYSTEM_MAX + 1];
		struct peer_name name;

		ck_assert_msg(parse_as(PEER_VOLUME, volumes[i].text, &name) == 0, "%s", volumes[i].text);
		ck_assert_str_eq(name.id, volumes[i].volume);
		ck_assert_str_eq(name.unit, "");
		ck_assert_int_eq(peer_name_unit(&name, unit), 0);
		ck_assert_str_eq(unit, volumes[i].unit);
		/* The other socket does not know it. */
		ck_assert_int_eq(parse(volumes[i].text, &name), PEER_NAME_E_FORM);
	}
}
END_TEST

static const struct {
	const char *text;
	int outcome;
} bad_volumes[] = {
	{"", PEER_NAME_E_FORM},
	{"1/cryptsetup", PEER_NAME_E_FORM},
	{"/cryptsetup/data", PEER_NAME_E_FORM},
	{"01/cryptsetup/data", PEER_NAME_E_FORM},
	{"1F/cryptsetup/data", PEER_NAME_E_FORM},
	{"10000000000000000/cryptsetup/data", PEER_NAME_E_FORM},
	{"1/cryptsetup-tpm2/data", PEER_NAME_E_FORM}, /* these ask for an encrypted blob */
	{"1/cryptsetup-fido2/data", PEER_NAME_E_FORM},
	{"1/cryptsetup-fido2-salt/data", PEER_NAME_E_FORM},
	{"1/cryptsetup-pkcs11/data", PEER_NAME_E_FORM},
	{"1/Cryptsetup/data", PEER_NAME_E_FORM},
	{"1/unit/app.service/data", PEER_NAME_E_FORM},
	{"1/cryptsetup/", PEER_NAME_E_VOLUME},
	{"1/cryptsetup/a/b", PEER_NAME_E_VOLUME},
	{"1/cryptsetup//data", PEER_NAME_E_VOLUME},
	{"1/cryptsetup/data/", PEER_NAME_E_VOLUME},
	{"1/cryptsetup/.data", PEER_NAME_E_VOLUME},
	{"1/cryptsetup/..", PEER_NAME_E_VOLUME},
	{"1/cryptsetup/-data", PEER_NAME_E_VOLUME},
	{"1/cryptsetup/da ta", PEER_NAME_E_VOLUME},
	{"1/cryptsetup/data\n", PEER_NAME_E_VOLUME},
	{"1/cryptsetup/da@ta", PEER_NAME_E_VOLUME},
	{"1/cryptsetup/da:ta", PEER_NAME_E_VOLUME},
	{"1/cryptsetup/\xc3\xa4", PEER_NAME_E_VOLUME},
};

START_TEST(volumes_of_others)
{
	struct peer_name name;

	for (size_t i = 0; i < ARRAY_SIZE(bad_volumes); i++)
		ck_assert_msg(parse_as(PEER_VOLUME, bad_volumes[i].text, &name) == bad_volumes[i].outcome, "%s", bad_volumes[i].text);
	ck_assert_int_eq(peer_name_parse(bytes_of(NULL, 0), PEER_VOLUME, &name), PEER_NAME_E_ABSENT);
	ck_assert_int_eq(peer_name_parse(bytes_of("\0001/cryptsetup/a\0", 16), PEER_VOLUME, &name), PEER_NAME_E_VOLUME);
}
END_TEST

/* The address has 108 bytes at most, so a volume's name 94; a unit's name 255, and each character may become four. */
START_TEST(volumes_at_the_limit)
{
	char text[160], unit[UNIT_SYSTEM_MAX + 1];
	struct peer_name name;

	for (size_t size = 93; size <= 96; size++) {
		(void)snprintf(text, sizeof(text), "1/cryptsetup/%.*s", (int)size,
			"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa");
		ck_assert_int_eq(parse_as(PEER_VOLUME, text, &name), size <= 94 ? 0 : PEER_NAME_E_FORM);
	}
	for (size_t size = 57; size <= 58; size++) { /* "systemd-cryptsetup@", ".service" and 228 bytes */
		(void)snprintf(text, sizeof(text), "1/cryptsetup/%.*s", (int)size, "++++++++++++++++++++++++++++++++++++++++++++++++++++++++++++++");
		ck_assert_int_eq(parse_as(PEER_VOLUME, text, &name), 0);
		ck_assert_int_eq(peer_name_unit(&name, unit), size == 57 ? 0 : -ENAMETOOLONG);
	}
}
END_TEST

/* As `systemd-escape` of systemd 252 and 257 writes them. */
START_TEST(escapes)
{
	static const struct {
		const char *from, *to;
	} rows[] = {{"my-data_1", "p@my\\x2ddata_1.service"}, {".a+b/c\\d@e:f.g", "p@\\x2ea\\x2bb-c\\x5cd\\x40e:f.g.service"},
		{"a b\xc3\xa4", "p@a\\x20b\\xc3\\xa4.service"}};
	char unit[UNIT_SYSTEM_MAX + 1], prefix[UNIT_SYSTEM_MAX + 8];

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		ck_assert_int_eq(unit_name_instance(unit, "p", bytes_of_text(rows[i].from)), 0);
		ck_assert_str_eq(unit, rows[i].to);
	}
	ck_assert_int_eq(unit_name_instance(unit, "p", bytes_of("", 0)), -EINVAL);
	ck_assert_int_eq(unit_name_instance(unit, "p", bytes_of("a\0b", 3)), -EINVAL);
	memset(prefix, 'p', sizeof(prefix));
	for (size_t size = 245; size <= UNIT_SYSTEM_MAX + 1; size++) {
		prefix[size] = 0;
		ck_assert_int_eq(unit_name_instance(unit, prefix, bytes_of_text("i")), size == 245 ? 0 : -ENAMETOOLONG);
		prefix[size] = 'p';
	}
}
END_TEST

START_TEST(names_of_volumes)
{
	static const char *const good_ones[] = {"a", "0", "_", "+", "a-b", "a.b", "data_1"}, *const bad_ones[] = {"", ".", "-", "control", ".a", "-a", "a/b", "a b", "a\n", "\xe4"};
	char text[UNIT_VOLUME_MAX + 2];

	for (size_t i = 0; i < ARRAY_SIZE(good_ones); i++)
		ck_assert_msg(unit_volume_valid(bytes_of_text(good_ones[i])), "%s", good_ones[i]);
	for (size_t i = 0; i < ARRAY_SIZE(bad_ones); i++)
		ck_assert_msg(!unit_volume_valid(bytes_of_text(bad_ones[i])), "%s", bad_ones[i]);
	memset(text, 'a', sizeof(text));
	ck_assert(unit_volume_valid(bytes_of(text, UNIT_VOLUME_MAX)));
	ck_assert(!unit_volume_valid(bytes_of(text, UNIT_VOLUME_MAX + 1)));
	ck_assert(!unit_volume_valid(bytes_of("a\0", 2)));
}
END_TEST

static const struct {
	const char *text;
	int outcome;
	const char *unit;
} groups[] = {
	{"0::/system.slice/app.service\n", 0, "app.service"},
	{"0::/system.slice/system-app.slice/app@1.service\n", 0, "app@1.service"},
	{"0::/app.service\n", 0, "app.service"},
	{"0::/system.slice/app.service/.control\n", 0, "app.service"},
	{"0::/system.slice/_cpu.service\n", 0, "cpu.service"}, /* systemd's escape */
	{"0::/system.slice/__a.service\n", 0, "_a.service"},
	{"0::/system.slice/my\\x2ddata.mount\n", 0, "my\\x2ddata.mount"},
	{"0::/system.slice/system-systemd\\x2dcryptsetup.slice/systemd-cryptsetup@my\\x2ddata.service\n", 0, "systemd-cryptsetup@my\\x2ddata.service"},
	{"9:name=systemd:/system.slice/app.service\n8:pids:/\n0::/\n", 0, "app.service"},
	{"9:name=systemd:/\n8:pids:/other.service\n0::/system.slice/app.service\n", 0, "app.service"},
	{"9:name=systemd:/a.slice/app.service\n0::/b.slice/app.service\n", 0, "app.service"},
	/* What a unit makes below its own group stays its own. */
	{"0::/system.slice/evil.service/app.service\n", 0, "evil.service"},
	{"0::/user.slice/user-0.slice/user@0.service/app.slice/app.service\n", 0, "user@0.service"},
	{"0::/system.slice/evil.service/system.slice/app.service\n", 0, "evil.service"},
	{"0::/\n", PEER_CGROUP_E_NONE, ""},
	{"0::/system.slice\n", PEER_CGROUP_E_NONE, ""},
	{"0::/user.slice/user-0.slice/session-1.scope\n", PEER_CGROUP_E_NONE, ""},
	{"0::/init.scope\n", PEER_CGROUP_E_NONE, ""},
	{"0::/machine.slice/x/app.service\n", PEER_CGROUP_E_NONE, ""},
	{"8:pids:/system.slice/app.service\n", PEER_CGROUP_E_NONE, ""},
	{"8:name=other:/system.slice/app.service\n", PEER_CGROUP_E_NONE, ""},
	{"1::/system.slice/app.service\n", PEER_CGROUP_E_NONE, ""},
	{"", PEER_CGROUP_E_NONE, ""},
	{"0::/system.slice/app.service (deleted)\n", PEER_CGROUP_E_DIFFERENT, ""},
	{"9:name=systemd:/system.slice/a.service\n0::/system.slice/b.service\n", PEER_CGROUP_E_DIFFERENT, ""},
	{"0::system.slice/app.service\n", PEER_CGROUP_E_FORM, ""},
	{"0::/system.slice/app.service", PEER_CGROUP_E_FORM, ""},
	{"0:\n", PEER_CGROUP_E_FORM, ""},
	{"::/system.slice/app.service\n", PEER_CGROUP_E_FORM, ""},
	{"\n", PEER_CGROUP_E_FORM, ""},
};

START_TEST(control_groups)
{
	for (size_t i = 0; i < ARRAY_SIZE(groups); i++) {
		char unit[UNIT_SYSTEM_MAX + 1] = "";
		int r = peer_cgroup_unit(bytes_of_text(groups[i].text), unit);

		ck_assert_msg(r == groups[i].outcome, "%s: %d", groups[i].text, r);
		ck_assert_str_eq(unit, groups[i].unit);
	}
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("peer_name");
	TCase *cases = tcase_create("peer_name");
	SRunner *runner;
	int failed;

	tcase_add_test(cases, names_of_systemd);
	tcase_add_test(cases, names_of_others);
	tcase_add_test(cases, names_at_the_limit);
	tcase_add_test(cases, volumes_of_systemd);
	tcase_add_test(cases, volumes_of_others);
	tcase_add_test(cases, volumes_at_the_limit);
	tcase_add_test(cases, escapes);
	tcase_add_test(cases, names_of_volumes);
	tcase_add_test(cases, control_groups);
	suite_add_tcase(suite, cases);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
