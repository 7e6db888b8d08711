/* SPDX-License-Identifier: Apache-2.0 */
/* Who a peer says it is, and whose control group it is in: what systemd sends, at every limit, and what only looks like it. */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "agent/peer_name.h"

/* `text` is the abstract address without its NUL. */
static int parse(const char *text, struct peer_name *ret)
{
	char name[256] = "";

	(void)snprintf(name + 1, sizeof(name) - 1, "%s", text);
	return peer_name_parse(bytes_of(name, strlen(text) + 1), ret);
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
	ck_assert_int_eq(peer_name_parse(bytes_of(NULL, 0), &name), PEER_NAME_E_ABSENT);
	ck_assert_int_eq(peer_name_parse(bytes_of_text("/run/client.sock"), &name), PEER_NAME_E_ABSENT);
	/* A NUL inside ends nothing: it is a character that no name has. */
	ck_assert_int_eq(peer_name_parse(bytes_of("\0001/unit/app.service/a\0b", 25), &name), PEER_NAME_E_ID);
	ck_assert_int_eq(peer_name_parse(bytes_of("\0001/unit/app.service\0/ab", 25), &name), PEER_NAME_E_UNIT);
	for (int outcome = PEER_NAME_E_ABSENT; outcome <= PEER_NAME_E_ID; outcome++)
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
		char unit[PEER_UNIT_MAX + 1] = "";
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
	tcase_add_test(cases, control_groups);
	suite_add_tcase(suite, cases);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
