/* SPDX-License-Identifier: Apache-2.0 */
/* netd's rules: which URL may be an origin, and what may be asked there. */
#include <check.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "netd/rules.h"

static const struct {
	enum origin_kind kind;
	const char *url;
	uint16_t port; /* 0: refused */
} urls[] = {
	{ORIGIN_BROKER, "https://broker.example", 443},
	{ORIGIN_BROKER, "https://broker.example:8080", 8080},
	{ORIGIN_BROKER, "https://192.0.2.1:1/prefix/a", 1},
	{ORIGIN_BROKER, "https://[2001:db8::1]:65535", 65535},
	{ORIGIN_BROKER, "https://[2001:db8::1]", 443},
	{ORIGIN_BROKER, "http://broker.example", 0},
	{ORIGIN_BROKER, "http://127.0.0.1", 0},
	{ORIGIN_BROKER, "HTTPS://broker.example", 0},
	{ORIGIN_BROKER, "https://", 0},
	{ORIGIN_BROKER, "https://broker.example/", 0},
	{ORIGIN_BROKER, "https://broker.example:", 0},
	{ORIGIN_BROKER, "https://broker.example:0", 0},
	{ORIGIN_BROKER, "https://broker.example:65536", 0},
	{ORIGIN_BROKER, "https://broker.example:443x", 0},
	{ORIGIN_BROKER, "https://broker.example?x", 0},
	{ORIGIN_BROKER, "https://broker.example/a?x", 0},
	{ORIGIN_BROKER, "https://broker.example/a#x", 0},
	{ORIGIN_BROKER, "https://user@broker.example", 0},
	{ORIGIN_BROKER, "https://broker example", 0},
	{ORIGIN_BROKER, "https://[2001:db8::1", 0},
	{ORIGIN_BROKER, "file:///etc/passwd", 0},
	{ORIGIN_BROKER, "", 0},
	{ORIGIN_KDS, "https://kdsintf.amd.com", 443},
	{ORIGIN_KDS, "http://127.0.0.1:8081", 8081},
	{ORIGIN_KDS, "http://localhost:8081", 8081},
	{ORIGIN_KDS, "http://[::1]:8081", 8081},
	{ORIGIN_KDS, "http://192.0.2.1:8081", 0},
	{ORIGIN_KDS, "http://127.0.0.1.example", 0},
	{ORIGIN_IMDS, "http://169.254.169.254", 80},
	{ORIGIN_IMDS, "http://[fe80::1]", 80},
	{ORIGIN_IMDS, "http://127.0.0.1:1234", 1234},
	{ORIGIN_IMDS, "https://169.254.169.254", 0},
	{ORIGIN_IMDS, "http://169.255.0.1", 0},
	{ORIGIN_IMDS, "http://metadata.google.internal", 0},
};

START_TEST(origins)
{
	struct error error = ERROR_NULL;
	int r = rules_url(urls[_i].kind, urls[_i].url, &error);

	ck_assert_msg(r == (urls[_i].port ? 0 : -EINVAL), "%s: %d %s", urls[_i].url, r, error_text(&error));
	if (urls[_i].port)
		ck_assert_uint_eq(rules_port(urls[_i].url), urls[_i].port);
	else
		ck_assert_uint_gt(strlen(error_text(&error)), 0);
}
END_TEST

#define HEX16 "0123456789abcdef"
#define HEX128 HEX16 HEX16 HEX16 HEX16 HEX16 HEX16 HEX16 HEX16
#define SPLS "blSPL=04&teeSPL=00&snpSPL=24&ucodeSPL=219"

static const struct {
	enum origin_kind kind;
	enum http_method method;
	const char *path;
	bool yes;
} requests[] = {
	{ORIGIN_BROKER, HTTP_POST, "/kbs/v0/auth", true},
	{ORIGIN_BROKER, HTTP_GET, "/kbs/v0/resource/default/key/web-1.2_3", true},
	{ORIGIN_BROKER, HTTP_PUT, "/kbs/v0/auth", false},
	{ORIGIN_BROKER, HTTP_DELETE, "/kbs/v0/auth", false},
	{ORIGIN_BROKER, HTTP_GET, "/kbs/v0/", false},
	{ORIGIN_BROKER, HTTP_GET, "/kbs/v0/a/", false},
	{ORIGIN_BROKER, HTTP_GET, "/kbs/v0/a//b", false},
	{ORIGIN_BROKER, HTTP_GET, "/kbs/v0/../x", false},
	{ORIGIN_BROKER, HTTP_GET, "/kbs/v0/./x", false},
	{ORIGIN_BROKER, HTTP_GET, "/kbs/v0/a%2e", false},
	{ORIGIN_BROKER, HTTP_GET, "/kbs/v0/a?b=c", false},
	{ORIGIN_BROKER, HTTP_GET, "/kbs/v00/a", false},
	{ORIGIN_BROKER, HTTP_GET, "/metrics", false},
	{ORIGIN_KDS, HTTP_GET, "/vcek/v1/Milan/cert_chain", true},
	{ORIGIN_KDS, HTTP_GET, "/vlek/v1/Turin/crl", true},
	{ORIGIN_KDS, HTTP_GET, "/vcek/v1/Milan/" HEX128 "?" SPLS, true},
	{ORIGIN_KDS, HTTP_GET, "/vcek/v1/Turin/" HEX16 "?fmcSPL=1&" SPLS, true},
	{ORIGIN_KDS, HTTP_POST, "/vcek/v1/Milan/crl", false},
	{ORIGIN_KDS, HTTP_GET, "/vcek/v1/Milan/" HEX128, false},
	{ORIGIN_KDS, HTTP_GET, "/vcek/v1/Milan/" HEX128 "0?" SPLS, false},
	{ORIGIN_KDS, HTTP_GET, "/vcek/v1/Milan/" HEX128 "?" SPLS "&blSPL=1", false},
	{ORIGIN_KDS, HTTP_GET, "/vcek/v1/Milan/" HEX128 "?x=1", false},
	{ORIGIN_KDS, HTTP_GET, "/vcek/v1/Milan/" HEX128 "?blSPL=0001", false},
	{ORIGIN_KDS, HTTP_GET, "/vcek/v1/Milan/" HEX128 "?blSPL=", false},
	{ORIGIN_KDS, HTTP_GET, "/vlek/v1/Milan/" HEX128 "?" SPLS, false},
	{ORIGIN_KDS, HTTP_GET, "/vcek/v2/Milan/crl", false},
	{ORIGIN_KDS, HTTP_GET, "/vcek/v1/Mi.lan/crl", false},
	{ORIGIN_KDS, HTTP_GET, "/vcek/v1/Milan/../crl", false},
	{ORIGIN_KDS, HTTP_GET, "/vcek/v1/Milan/crl?x", false},
	{ORIGIN_KDS, HTTP_GET, "/vcek/v1//crl", false},
	{ORIGIN_KDS, HTTP_GET, "/", false},
	{ORIGIN_IMDS, HTTP_GET, "/metadata/THIM/amd/certification", true},
	{ORIGIN_IMDS, HTTP_POST, "/metadata/THIM/amd/certification", false},
	{ORIGIN_IMDS, HTTP_GET, "/metadata/identity/oauth2/token", false},
	{ORIGIN_IMDS, HTTP_GET, "/metadata/THIM/amd/certification/x", false},
};

START_TEST(paths)
{
	struct fetch_frame_request request = {.method = requests[_i].method, .path = bytes_of_text(requests[_i].path)};
	const char *why = NULL;

	ck_assert_msg(rules_request(requests[_i].kind, &request, &why) == requests[_i].yes, "%s: %s", requests[_i].path, why);
}
END_TEST

/* Nothing but the path goes to those who need nothing but the path. */
START_TEST(headers)
{
	struct fetch_frame_request request = {.method = HTTP_GET, .path = bytes_of_text("/vcek/v1/Milan/crl")};
	struct bytes *fields[] = {&request.cookie, &request.authorization, &request.content_type, &request.body};
	const char *why = NULL;

	for (size_t i = 0; i < ARRAY_SIZE(fields); i++) {
		ck_assert(rules_request(ORIGIN_KDS, &request, &why));
		*fields[i] = bytes_of_text("x");
		ck_assert(!rules_request(ORIGIN_KDS, &request, &why));
		*fields[i] = bytes_of(NULL, 0);
	}
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("netd_rules");
	TCase *tcase = tcase_create("all");
	SRunner *runner;
	int failed;

	tcase_add_loop_test(tcase, origins, 0, (int)ARRAY_SIZE(urls));
	tcase_add_loop_test(tcase, paths, 0, (int)ARRAY_SIZE(requests));
	tcase_add_test(tcase, headers);
	suite_add_tcase(suite, tcase);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
