/* SPDX-License-Identifier: Apache-2.0 */
/* Which Host headers the status pages answer to. */
#include <check.h>
#include <stdlib.h>

#include "base/compiler.h"
#include "httpd/host.h"

static char listed_name[] = "vm.example.org";
static char *listed[] = {listed_name};
static const struct config_list names = {listed, ARRAY_SIZE(listed)};

static const struct {
	const char *host;
	bool loopback; /* answered on a loopback port */
	bool any;      /* answered on a port that is open to others */
} rows[] = {
	{"localhost", true, true},
	{"LocalHost:9464", true, true},
	{"127.0.0.1", true, true},
	{"127.0.0.1:9464", true, true},
	{"127.1.2.3:1", true, true},
	{"[::1]", true, true},
	{"[::1]:9464", true, true},
	{"vm.example.org:9464", true, true},
	{"192.0.2.7:9464", false, true},
	{"[2001:db8::7]:9464", false, true},
	{"evil.example", false, false},
	{"evil.example:9464", false, false},
	{"localhost.evil.example", false, false},
	{"127.0.0.1.evil.example", false, false},
	{"localhost.", false, false},
	{"127.1", false, false},
	{"0x7f000001", false, false},
	{"2130706433", false, false},
	{"127.0.0.1:80:80", false, false},
	{"127.0.0.1:x", false, false},
	{"127.0.0.1 ", false, false},
	{"[::1", false, false},
	{"[::1]x", false, false},
	{"[::1]:x", false, false},
	{"::1", false, false},
	{"[127.0.0.1]", false, false},
	{"user@localhost", false, false},
	{"[]", false, false},
	{":9464", false, false},
	{"", false, false},
	{NULL, false, false},
};

START_TEST(hosts)
{
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		const char *host = rows[i].host ? rows[i].host : "(none)";

		ck_assert_msg(host_allowed(rows[i].host, false, &names) == rows[i].loopback, "%s on loopback", host);
		ck_assert_msg(host_allowed(rows[i].host, true, &names) == rows[i].any, "%s on any address", host);
	}
	ck_assert(!host_allowed("vm.example.org", true, NULL));
}
END_TEST

START_TEST(long_host)
{
	char host[400];

	for (size_t i = 0; i < sizeof(host) - 1; i++)
		host[i] = 'a';
	host[sizeof(host) - 1] = '\0';
	ck_assert(!host_allowed(host, true, &names));
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("httpd/host");
	TCase *tcase = tcase_create("all");
	SRunner *runner = srunner_create(suite);
	int failed;

	tcase_add_test(tcase, hosts);
	tcase_add_test(tcase, long_host);
	suite_add_tcase(suite, tcase);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? 1 : 0;
}
