/* SPDX-License-Identifier: Apache-2.0 */
#include <check.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "common.h"

/* A public P-256 key (RFC 7515 A.3), and one of each kind. */
#define X256 "f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU"
#define Y256 "x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0"
#define X521 "AHKZLLOsCOzz5cY97ewNUajB957y-C-U88c3v13nmGZx6sYl_oJXu9A5RkTKqjqvjyekWF-7ytDyRXYgCF5cj0Kt"
#define Y521 "AdymlHvOiLxXkEhayXQnNCvDX4h9htZaCJN34kfmC6pV5OhQHiraVySsUdaQkAgDPrwQrJmbnX9cwlGfP-HqHZR1"

/* Field primes and 2^256 - 1 as coordinates, to be refused. */
#define PRIME256 "_____wAAAAEAAAAAAAAAAAAAAAD_______________8"

struct refusal {
	const char *what;
	const char *json;
	int expected;
};

#define EC(members) "{'kty':'EC','crv':'P-256','alg':'ECDH-ES+A256KW'," members "}"

static const struct refusal refusals[] = {
	{"the good one", EC("'x':'" X256 "','y':'" Y256 "'"), 0},
	{"more members", EC("'x':'" X256 "','y':'" Y256 "','kid':'a','use':'enc','key_ops':[]"), 0},
	{"not an object", "[]", JWK_E_MALFORMED},
	{"no kty", "{'crv':'P-256','alg':'ECDH-ES+A256KW','x':'" X256 "','y':'" Y256 "'}", JWK_E_KIND},
	{"kty oct", "{'kty':'oct','alg':'A256KW','k':'AAAA'}", JWK_E_KIND},
	{"kty in lower case", "{'kty':'ec','crv':'P-256','alg':'ECDH-ES+A256KW','x':'" X256 "','y':'" Y256 "'}", JWK_E_KIND},
	{"kty a list", "{'kty':['EC'],'crv':'P-256','alg':'ECDH-ES+A256KW','x':'" X256 "','y':'" Y256 "'}", JWK_E_KIND},
	{"crv P-384", "{'kty':'EC','crv':'P-384','alg':'ECDH-ES+A256KW','x':'" X256 "','y':'" Y256 "'}", JWK_E_KIND},
	{"crv secp256k1", "{'kty':'EC','crv':'secp256k1','alg':'ECDH-ES+A256KW','x':'" X256 "','y':'" Y256 "'}", JWK_E_KIND},
	{"crv missing", "{'kty':'EC','alg':'ECDH-ES+A256KW','x':'" X256 "','y':'" Y256 "'}", JWK_E_KIND},
	{"no alg", "{'kty':'EC','crv':'P-256','x':'" X256 "','y':'" Y256 "'}", JWK_E_ALG},
	{"alg null", "{'kty':'EC','crv':'P-256','alg':null,'x':'" X256 "','y':'" Y256 "'}", JWK_E_ALG},
	{"alg ECDH-ES", "{'kty':'EC','crv':'P-256','alg':'ECDH-ES','x':'" X256 "','y':'" Y256 "'}", JWK_E_ALG},
	{"alg ECDH-ES+A128KW", "{'kty':'EC','crv':'P-256','alg':'ECDH-ES+A128KW','x':'" X256 "','y':'" Y256 "'}", JWK_E_ALG},
	{"alg of RSA", "{'kty':'EC','crv':'P-256','alg':'RSA-OAEP-256','x':'" X256 "','y':'" Y256 "'}", JWK_E_ALG},
	{"alg none", "{'kty':'EC','crv':'P-256','alg':'none','x':'" X256 "','y':'" Y256 "'}", JWK_E_ALG},
	{"ES256 on P-521", "{'kty':'EC','crv':'P-521','alg':'ES256','x':'" X521 "','y':'" Y521 "'}", JWK_E_ALG},
	{"no x", EC("'y':'" Y256 "'"), JWK_E_MALFORMED},
	{"no y", EC("'x':'" X256 "'"), JWK_E_MALFORMED},
	{"x a number", EC("'x':1,'y':'" Y256 "'"), JWK_E_MALFORMED},
	{"x with padding", EC("'x':'" X256 "=','y':'" Y256 "'"), JWK_E_MALFORMED},
	{"x in the other alphabet", EC("'x':'" X256 "','y':'x/FEzRu9m36HLN/tue659LNpXW6pCyStikYjKIWI5a0'"), JWK_E_MALFORMED},
	{"x with trailing bits", EC("'x':'f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEV','y':'" Y256 "'"), JWK_E_MALFORMED},
	{"x empty", EC("'x':'','y':'" Y256 "'"), JWK_E_LENGTH},
	{"x a byte short", EC("'x':'f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVA','y':'" Y256 "'"), JWK_E_LENGTH},
	{"x a zero byte long", EC("'x':'AH_Nzidw9sRdQYPL7m_bS3tYBzM1e-nvE7rPbjx70VRF','y':'" Y256 "'"), JWK_E_LENGTH},
	{"x absurdly long", EC("'x':'" X521 X521 "','y':'" Y256 "'"), JWK_E_MALFORMED},
	{"not on the curve", EC("'x':'" X256 "','y':'" X256 "'"), JWK_E_POINT},
	{"x and y exchanged", EC("'x':'" Y256 "','y':'" X256 "'"), JWK_E_POINT},
	{"zero point", EC("'x':'AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA','y':'AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA'"), JWK_E_POINT},
	{"x is the prime", EC("'x':'" PRIME256 "','y':'" Y256 "'"), JWK_E_POINT},
	{"P-521 with 65 bytes", "{'kty':'EC','crv':'P-521','alg':'ECDH-ES+A256KW','x':'cpkss6wI7PPlxj3t7A1RqMH3nvL4L5Tzxze_XeeYZnHqxiX-gle70DlGRMqqOq-PJ6RYX7vK"
		"0PJFdiAIXlyPQq0','y':'" Y521 "'}", JWK_E_LENGTH},
	{"private", EC("'x':'" X256 "','y':'" Y256 "','d':'jpsQnnGQmL-YBIffH1136cspYG6-0iY7X1fCE9-E9LI'"), JWK_E_PRIVATE},
	{"RSA1_5", "{'kty':'RSA','alg':'RSA1_5','n':'AQAB','e':'AQAB'}", JWK_E_ALG},
	{"RSA-OAEP", "{'kty':'RSA','alg':'RSA-OAEP','n':'AQAB','e':'AQAB'}", JWK_E_ALG},
	{"RSA without alg", "{'kty':'RSA','n':'AQAB','e':'AQAB'}", JWK_E_ALG},
	{"RSA tiny", "{'kty':'RSA','alg':'RSA-OAEP-256','n':'AQAB','e':'AQAB'}", JWK_E_LENGTH},
	{"RSA n empty", "{'kty':'RSA','alg':'RSA-OAEP-256','n':'','e':'AQAB'}", JWK_E_MALFORMED},
	{"RSA n with a leading zero", "{'kty':'RSA','alg':'RSA-OAEP-256','n':'AAEAAQ','e':'AQAB'}", JWK_E_MALFORMED},
	{"RSA without e", "{'kty':'RSA','alg':'RSA-OAEP-256','n':'AQAB'}", JWK_E_MALFORMED},
};

START_TEST(each_refusal)
{
	const struct refusal *refusal = &refusals[_i];
	JSON_AUTO json = json_of("%s", refusal->json);
	struct error error = ERROR_NULL;
	JWK_AUTO key = NULL;
	int r = jwk_import(json, JWK_PUBLIC, &key, &error);

	ck_assert_msg(r == refusal->expected, "%s: %d (%s)", refusal->what, r, error_text(&error));
	ck_assert_int_eq(r == 0, key != NULL);
	if (r)
		ck_assert_uint_gt(strlen(error_text(&error)), 0);
}
END_TEST

/* A public RSA key whose modulus is all ones of `bits` bits but for the low byte, which is `low`. */
static int import_modulus(size_t size, uint8_t first, uint8_t low, const char *e)
{
	CLEANUP(buf_deinit) struct buf n = BUF_NULL;
	char *text;
	JSON_AUTO json = NULL;
	JWK_AUTO key = NULL;
	int r;

	ck_assert_int_eq(buf_u8(&n, first), 0);
	for (size_t i = 2; i < size; i++)
		ck_assert_int_eq(buf_u8(&n, 0xff), 0);
	ck_assert_int_eq(buf_u8(&n, low), 0);
	text = base64_new(BASE64_URL, buf_view(&n));
	json = json_of("{'kty':'RSA','alg':'RSA-OAEP-256','n':'%s','e':'%s'}", text, e);
	r = jwk_import(json, JWK_PUBLIC, &key, NULL);
	free(text);
	return r;
}

START_TEST(rsa_limits)
{
	ck_assert_int_eq(import_modulus(256, 0x7f, 0xfd, "AQAB"), JWK_E_LENGTH); /* 2047 bits */
	ck_assert_int_eq(import_modulus(513, 0x01, 0xfd, "AQAB"), JWK_E_LENGTH); /* 4097 bits */
	ck_assert_int_eq(import_modulus(1024, 0xff, 0xfd, "AQAB"), JWK_E_MALFORMED);
	ck_assert_int_eq(import_modulus(256, 0xff, 0xfe, "AQAB"), JWK_E_POINT); /* even */
}
END_TEST

START_TEST(rsa_exponents)
{
	static const struct {
		const char *e;
		int expected;
	} rows[] = {{"AQAB", 0}, {"AQ", JWK_E_POINT}, {"Aw", JWK_E_POINT}, {"AQAA", JWK_E_POINT}, {"AAEAAQ", JWK_E_MALFORMED}, {"AQAAAAE", JWK_E_POINT}};
	JWK_AUTO key = private_key(JWK_RSA);
	JSON_AUTO json = NULL;

	ck_assert_int_eq(jwk_export_public(key, &json), 0);
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		JWK_AUTO again = NULL;

		ck_assert_int_eq(json_add_text(json, "e", rows[i].e), 0);
		ck_assert_msg(jwk_import(json, JWK_PUBLIC, &again, NULL) == rows[i].expected, "%s", rows[i].e);
	}
}
END_TEST

START_TEST(private_must_fit)
{
	JSON_AUTO all = data_json("rfc.json");
	struct json_object *json = json_get_object(json_get_object(all, "rfc7515-a3"), "key");
	JWK_AUTO key = NULL;
	JWK_AUTO other = NULL;

	ck_assert_int_eq(jwk_import(json, JWK_PRIVATE, &key, NULL), 0);
	ck_assert(jwk_is_private(key));
	ck_assert_int_eq(json_add_text(json, "d", "jpsQnnGQmL-YBIffH1136cspYG6-0iY7X1fCE9-E9LJ"), 0); /* trailing bits */
	ck_assert_int_eq(jwk_import(json, JWK_PRIVATE, &other, NULL), JWK_E_MALFORMED);
	ck_assert_int_eq(json_add_text(json, "d", "jpsQnnGQmL-YBIffH1136cspYG6-0iY7X1fCE9-E9LM"), 0);
	ck_assert_int_eq(jwk_import(json, JWK_PRIVATE, &other, NULL), JWK_E_POINT);
	ck_assert_int_eq(json_add_text(json, "d", "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"), 0);
	ck_assert_int_eq(jwk_import(json, JWK_PRIVATE, &other, NULL), JWK_E_POINT);
	ck_assert_int_eq(json_add_text(json, "d", "AAAA"), 0);
	ck_assert_int_eq(jwk_import(json, JWK_PRIVATE, &other, NULL), JWK_E_LENGTH);
	json_object_object_del(json, "d");
	ck_assert_int_eq(jwk_import(json, JWK_PRIVATE, &other, NULL), JWK_E_MALFORMED);
}
END_TEST

START_TEST(recipients)
{
	JWK_AUTO signer = NULL;
	JWK_AUTO key = NULL;
	JSON_AUTO json = NULL;

	ck_assert_int_eq(jwk_generate_signer(&signer), 0);
	ck_assert_int_eq(jwk_export_public(signer, &json), 0);
	ck_assert_int_eq(jwk_import_recipient(&key, json, NULL), JWK_E_ALG);
	ck_assert_int_eq(json_add_text(json, "alg", "ECDH-ES+A256KW"), 0);
	ck_assert_int_eq(jwk_import_recipient(&key, json, NULL), 0);
	ck_assert_int_eq(jwk_alg(key), JWK_ECDH_ES_A256KW);
}
END_TEST

START_TEST(generated)
{
	static const enum jwk_kind kinds[] = {JWK_P256, JWK_P521, JWK_RSA};
	CLEANUP(buf_deinit) struct buf written = BUF_NULL;
	CLEANUP(buf_deinit) struct buf canonical = BUF_NULL;
	CLEANUP(secret_deinit) struct secret der = SECRET_NULL;
	char print[JWK_THUMBPRINT_SIZE], again_print[JWK_THUMBPRINT_SIZE];
	JWK_AUTO key = private_key(kinds[_i]);
	JWK_AUTO again = NULL;
	JWK_AUTO public = NULL;
	JSON_AUTO json = NULL;

	ck_assert_int_eq(jwk_kind(key), kinds[_i]);
	ck_assert_int_eq(jwk_export_public(key, &json), 0);
	ck_assert_int_eq(json_write(&written, json), 0);
	ck_assert_int_eq(json_canonical(&canonical, json), 0);
	ck_assert(bytes_equal(buf_view(&written), buf_view(&canonical)));
	ck_assert_int_eq(jwk_private_write(key, &der), 0);
	ck_assert_int_eq(jwk_private_read(secret_view(&der), jwk_alg(key), &again), 0);
	ck_assert_int_eq(jwk_thumbprint(key, print), 0);
	ck_assert_int_eq(jwk_thumbprint(again, again_print), 0);
	ck_assert_str_eq(print, again_print);
	ck_assert_int_eq(jwk_import(json, JWK_PUBLIC, &public, NULL), 0);
	ck_assert(!jwk_is_private(public));
	ck_assert_int_eq(jwk_private_write(public, &der), -EINVAL);
}
END_TEST

START_TEST(private_der_refused)
{
	CLEANUP(secret_deinit) struct secret der = SECRET_NULL;
	CLEANUP(buf_deinit) struct buf longer = BUF_NULL;
	JWK_AUTO key = private_key(JWK_P521);
	JWK_AUTO again = NULL;

	ck_assert_int_eq(jwk_private_write(key, &der), 0);
	ck_assert_int_eq(jwk_private_read(secret_view(&der), JWK_ES256, &again), -EINVAL);
	ck_assert_int_eq(jwk_private_read(secret_view(&der), JWK_RSA_OAEP_256, &again), -EINVAL);
	ck_assert_int_eq(jwk_private_read(bytes_of(der.data, der.size - 1), JWK_ECDH_ES_A256KW, &again), -EINVAL);
	ck_assert_int_eq(jwk_private_read(bytes_of(NULL, 0), JWK_ECDH_ES_A256KW, &again), -EINVAL);
	ck_assert_int_eq(buf_append(&longer, der.data, der.size), 0);
	ck_assert_int_eq(buf_u8(&longer, 0), 0);
	ck_assert_int_eq(jwk_private_read(buf_view(&longer), JWK_ECDH_ES_A256KW, &again), -EINVAL);
	ck_assert_ptr_null(again);
}
END_TEST

START_TEST(generate_refused)
{
	JWK_AUTO key = NULL;

	ck_assert_int_eq(jwk_generate(JWK_RSA, 1024, &key), -EINVAL);
	ck_assert_int_eq(jwk_generate(JWK_RSA, 8192, &key), -EINVAL);
	ck_assert_int_eq(jwk_generate((enum jwk_kind)9, 0, &key), -EINVAL);
	ck_assert_ptr_null(key);
}
END_TEST

START_TEST(rfc_thumbprints)
{
	static const char *const names[] = {"rfc7638-3.1", "rfc7520-3.2"};
	JSON_AUTO all = data_json("rfc.json");
	struct json_object *row = json_get_object(all, names[_i]);
	struct json_object *json = json_get_object(row, "key");
	char print[JWK_THUMBPRINT_SIZE];
	JWK_AUTO key = NULL;

	ck_assert_int_eq(jwk_import(json, json_get(json, "d") ? JWK_PRIVATE : JWK_PUBLIC, &key, NULL), 0);
	ck_assert_int_eq(jwk_thumbprint(key, print), 0);
	ck_assert_str_eq(print, json_get_text(row, "thumbprint", NULL));
}
END_TEST

/* The keys of the vectors: the export is the text that is hashed into the report data. */
START_TEST(vector_keys)
{
	JSON_AUTO all = vector_json("report-data.json");
	size_t count = json_object_array_length(all);

	for (size_t i = 0; i < count; i++) {
		struct json_object *row = json_object_array_get_idx(all, i);
		CLEANUP(buf_deinit) struct buf text = BUF_NULL;
		JWK_AUTO public = NULL;
		JWK_AUTO private = NULL;
		JSON_AUTO json = NULL;
		const char *primary = json_get_text(row, "primary_text", NULL);

		ck_assert_int_eq(jwk_import_recipient(&public, json_get(row, "tee_pubkey_as_sent"), NULL), 0);
		ck_assert_int_eq(jwk_import(json_get(row, "private"), JWK_PRIVATE, &private, NULL), 0);
		ck_assert_int_eq(jwk_export_public(private, &json), 0);
		ck_assert_int_eq(json_write(&text, json), 0);
		ck_assert_ptr_nonnull(memmem(primary, strlen(primary), text.data, text.size));
	}
	ck_assert_uint_eq(count, 6);
}
END_TEST

/* Keys that a Trustee accepts at /attest and cannot encrypt to: we refuse them at once. */
START_TEST(vector_bad_keys)
{
	static const struct {
		const char *file;
		int expected;
	} rows[] = {
		{"bad-jwe-key-alg-a128kw.json", JWK_E_ALG},     {"bad-jwe-key-alg-ecdh-es.json", JWK_E_ALG},
		{"bad-jwe-key-crv-p384.json", JWK_E_KIND},      {"bad-jwe-key-not-on-curve.json", JWK_E_POINT},
		{"bad-jwe-key-rsa-oaep-sha1.json", JWK_E_ALG},  {"bad-jwe-key-x-padded.json", JWK_E_MALFORMED},
		{"bad-jwe-key-x-short.json", JWK_E_LENGTH},
	};
	JSON_AUTO scenario = vector_json(rows[_i].file);
	struct json_object *exchanges = json_get_array(scenario, "exchanges");
	size_t found = 0;

	for (size_t i = 0; i < json_object_array_length(exchanges); i++) {
		const char *request = json_get_text(json_object_array_get_idx(exchanges, i), "request", NULL);
		const char *body = strstr(request, "\r\n\r\n");
		JSON_AUTO json = NULL;
		JWK_AUTO key = NULL;
		struct json_object *sent;
		struct error error = ERROR_NULL;

		if (!body || json_read(bytes_of_text(body + 4), &json, NULL))
			continue;
		sent = json_get(json_get(json, "runtime-data"), "tee-pubkey");
		if (!sent)
			continue;
		found++;
		ck_assert_msg(jwk_import_recipient(&key, sent, &error) == rows[_i].expected, "%s: %s", rows[_i].file, error_text(&error));
	}
	ck_assert_uint_gt(found, 0);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("jwk");
	TCase *tcase = tcase_create("all");
	SRunner *runner = srunner_create(suite);
	int failed;

	vectors_need();
	tcase_set_timeout(tcase, 60);
	tcase_add_checked_fixture(tcase, jose_setup, NULL);
	tcase_add_loop_test(tcase, each_refusal, 0, ARRAY_SIZE(refusals));
	tcase_add_test(tcase, rsa_limits);
	tcase_add_test(tcase, rsa_exponents);
	tcase_add_test(tcase, private_must_fit);
	tcase_add_test(tcase, recipients);
	tcase_add_loop_test(tcase, generated, 0, 3);
	tcase_add_test(tcase, private_der_refused);
	tcase_add_test(tcase, generate_refused);
	tcase_add_loop_test(tcase, rfc_thumbprints, 0, 2);
	tcase_add_test(tcase, vector_keys);
	tcase_add_loop_test(tcase, vector_bad_keys, 0, 7);
	suite_add_tcase(suite, tcase);
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? 1 : 0;
}
