/* SPDX-License-Identifier: Apache-2.0 */
#include <check.h>
#include <errno.h>
#include <string.h>

#include "base/text.h"
#include "common.h"
#include "jose/jwe.h"
#include "jose/jws.h"
#include "kbs/release.h"
#include "kbs/token.h"

#define NOW INT64_C(1795578238)
#define STATE "c2VhbGVkIHNlc3Npb24"
#define NONCE "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8="
#define RESOURCE "default/key/one"

static struct jwk *signer(void)
{
	struct jwk *key = NULL;

	ck_assert_int_eq(jwk_generate_signer(&key), 0);
	return key;
}

static struct json_object *guest_key(void)
{
	JWK_AUTO key = private_key(JWK_P256);
	struct json_object *json = NULL;

	ck_assert_int_eq(jwk_export_public(key, &json), 0);
	return json;
}

static void make(struct buf *to, const struct jwk *key, struct json_object *guest)
{
	struct token_claims claims = {NOW, NOW + 300, guest, "snp", bytes_of_text(STATE)};

	ck_assert_int_eq(token_sign(to, key, &claims), 0);
	ck_assert_uint_eq(to->data[to->size], 0);
}

static int verify(const struct jwk *key, struct bytes token, int64_t now)
{
	CLEANUP(buf_deinit) struct buf state = BUF_NULL;
	int r = token_verify(&state, key, token, now);

	if (r == 0)
		ck_assert(bytes_equal(buf_view(&state), bytes_of_text(STATE)));
	else
		ck_assert_uint_eq(state.size, 0);
	return r;
}

START_TEST(times)
{
	CLEANUP(buf_deinit) struct buf token = BUF_NULL;
	JWK_AUTO key = signer();
	JWK_AUTO other = signer();
	JSON_AUTO guest = guest_key();

	make(&token, key, guest);
	ck_assert_int_eq(verify(key, buf_view(&token), NOW), 0);
	ck_assert_int_eq(verify(key, buf_view(&token), NOW + 299), 0);
	ck_assert_int_eq(verify(key, buf_view(&token), NOW + 300), TOKEN_E_EXPIRED);
	ck_assert_int_eq(verify(key, buf_view(&token), NOW + 3000), TOKEN_E_EXPIRED);
	ck_assert_int_eq(verify(key, buf_view(&token), NOW - TOKEN_SKEW), 0);
	ck_assert_int_eq(verify(key, buf_view(&token), NOW - TOKEN_SKEW - 1), TOKEN_E_NOT_YET);
	ck_assert_int_eq(verify(key, buf_view(&token), INT64_MIN + 1), TOKEN_E_NOT_YET);
	ck_assert_int_eq(verify(other, buf_view(&token), NOW), TOKEN_E_FORGED);
	token.data[token.size / 2] ^= 1;
	ck_assert_int_eq(verify(key, buf_view(&token), NOW), TOKEN_E_FORGED);
}
END_TEST

/* Where Trustee and others look for what they need. */
START_TEST(claims_of_others)
{
	CLEANUP(buf_deinit) struct buf token = BUF_NULL;
	CLEANUP(buf_deinit) struct buf payload = BUF_NULL;
	JWK_AUTO key = signer();
	JSON_AUTO guest = guest_key();
	JSON_AUTO claims = NULL;
	struct json_object *cpu, *evidence;
	uint64_t number;

	make(&token, key, guest);
	ck_assert_int_eq(jws_verify(&payload, key, buf_view(&token), "JWT", NULL), 0);
	ck_assert_int_eq(json_read(buf_view(&payload), &claims, NULL), 0);
	ck_assert(json_get_u64(claims, "iat", UINT64_MAX, &number) && number == (uint64_t)NOW);
	ck_assert(json_get_u64(claims, "exp", UINT64_MAX, &number) && number == (uint64_t)NOW + 300);
	ck_assert_str_eq(json_get_text(claims, "iss", NULL), TOKEN_ISSUER);
	ck_assert(json_object_equal(json_get(claims, "tee-pubkey"), guest));
	cpu = json_get_object(json_get_object(claims, "submods"), "cpu0");
	ck_assert_str_eq(json_get_text(cpu, "ear.status", NULL), "affirming");
	evidence = json_get_object(cpu, "ear.veraison.annotated-evidence");
	ck_assert(json_object_equal(json_get(json_get(evidence, "runtime_data_claims"), "tee-pubkey"), guest));
	ck_assert_ptr_nonnull(json_get_object(evidence, "snp"));
	ck_assert_str_eq(json_get_text(claims, "sevattest-state", NULL), STATE);
}
END_TEST

/* Signed by the right key, and yet no token: each row wants one thing changed. */
static const struct {
	const char *what;
	const char *typ;
	const char *claims;
	int expected;
} signed_claims[] = {
	{"enough", "JWT", "{'iss':'sevattest','iat':1795578238,'exp':1795578538,'sevattest-state':'" STATE "'}", 0},
	{"typ of a release", RELEASE_TYP, "{'iss':'sevattest','iat':1795578238,'exp':1795578538,'sevattest-state':'" STATE "'}", TOKEN_E_FORGED},
	{"no typ", NULL, "{'iss':'sevattest','iat':1795578238,'exp':1795578538,'sevattest-state':'" STATE "'}", TOKEN_E_FORGED},
	{"another issuer", "JWT", "{'iss':'other','iat':1795578238,'exp':1795578538,'sevattest-state':'" STATE "'}", TOKEN_E_CLAIMS},
	{"no issuer", "JWT", "{'iat':1795578238,'exp':1795578538,'sevattest-state':'" STATE "'}", TOKEN_E_CLAIMS},
	{"no state", "JWT", "{'iss':'sevattest','iat':1795578238,'exp':1795578538}", TOKEN_E_CLAIMS},
	{"empty state", "JWT", "{'iss':'sevattest','iat':1795578238,'exp':1795578538,'sevattest-state':''}", TOKEN_E_CLAIMS},
	{"no exp", "JWT", "{'iss':'sevattest','iat':1795578238,'sevattest-state':'" STATE "'}", TOKEN_E_CLAIMS},
	{"exp a text", "JWT", "{'iss':'sevattest','iat':1795578238,'exp':'1795578538','sevattest-state':'" STATE "'}", TOKEN_E_CLAIMS},
	{"exp negative", "JWT", "{'iss':'sevattest','iat':1795578238,'exp':-1,'sevattest-state':'" STATE "'}", TOKEN_E_CLAIMS},
	{"exp too large", "JWT", "{'iss':'sevattest','iat':1795578238,'exp':18446744073709551615,'sevattest-state':'" STATE "'}", TOKEN_E_CLAIMS},
	{"no iat", "JWT", "{'iss':'sevattest','exp':1795578538,'sevattest-state':'" STATE "'}", TOKEN_E_CLAIMS},
	{"exp twice", "JWT", "{'iss':'sevattest','iat':1795578238,'exp':1795578538,'exp':1795578538,'sevattest-state':'" STATE "'}", TOKEN_E_CLAIMS},
	{"a list", "JWT", "[]", TOKEN_E_CLAIMS},
	{"not JSON", "JWT", "x", TOKEN_E_CLAIMS},
};

START_TEST(each_claim)
{
	CLEANUP(buf_deinit) struct buf text = BUF_NULL;
	CLEANUP(buf_deinit) struct buf token = BUF_NULL;
	JWK_AUTO key = signer();
	JSON_AUTO header = json_object_new_object();
	int r;

	if (signed_claims[_i].typ)
		ck_assert_int_eq(json_add_text(header, "typ", signed_claims[_i].typ), 0);
	for (const char *at = signed_claims[_i].claims; *at; at++)
		ck_assert_int_eq(buf_u8(&text, *at == '\'' ? '"' : (uint8_t)*at), 0);
	ck_assert_int_eq(jws_sign(&token, key, JWS_COMPACT, header, buf_view(&text)), 0);
	r = verify(key, buf_view(&token), NOW);
	ck_assert_msg(r == signed_claims[_i].expected, "%s: %d", signed_claims[_i].what, r);
}
END_TEST

START_TEST(sign_misuse)
{
	static char large[TOKEN_STATE_MAX + 1];
	CLEANUP(buf_deinit) struct buf token = BUF_NULL;
	JWK_AUTO key = signer();
	JWK_AUTO public = public_part(key);
	JSON_AUTO guest = guest_key();
	struct token_claims claims = {NOW, NOW + 300, guest, "snp", bytes_of_text(STATE)};

	ck_assert_int_eq(token_sign(&token, public, &claims), -EINVAL);
	claims.state = bytes_of(NULL, 0);
	ck_assert_int_eq(token_sign(&token, key, &claims), -EINVAL);
	claims.state = bytes_of(large, sizeof(large));
	ck_assert_int_eq(token_sign(&token, key, &claims), -EINVAL);
	claims.state = bytes_of_text(STATE);
	claims.expiry = NOW;
	ck_assert_int_eq(token_sign(&token, key, &claims), -EINVAL);
	ck_assert_uint_eq(token.size, 0);
}
END_TEST

START_TEST(jwks)
{
	JWK_AUTO key = signer();
	JWK_AUTO agreement = private_key(JWK_P256);
	JWK_AUTO back = NULL;
	JSON_AUTO set = NULL;
	struct json_object *only;
	char print[JWK_THUMBPRINT_SIZE];

	ck_assert_int_eq(token_jwks(&set, key), 0);
	ck_assert_uint_eq(json_object_array_length(json_get_array(set, "keys")), 1);
	only = json_object_array_get_idx(json_get_array(set, "keys"), 0);
	ck_assert_int_eq(jwk_thumbprint(key, print), 0);
	ck_assert_str_eq(json_get_text(only, "kid", NULL), print);
	ck_assert_ptr_null(json_get(only, "d"));
	ck_assert_int_eq(jwk_import(only, JWK_PUBLIC, &back, NULL), 0);
	ck_assert_int_eq(token_jwks(&set, agreement), -EINVAL);
}
END_TEST

/* Releases */

struct release {
	struct jwk *key;
	struct json_object *jwe;
	struct buf signature;
};

static void release_make(struct release *release)
{
	JWK_AUTO guest = private_key(JWK_P256);

	release->key = signer();
	ck_assert_int_eq(jwe_encrypt(&release->jwe, guest, bytes_of_text("key")), 0);
	ck_assert_int_eq(release_sign(&release->signature, release->key, NONCE, RESOURCE, 7, release->jwe), 0);
	ck_assert_uint_eq(release->signature.data[release->signature.size], 0);
}

static void release_deinit(struct release *release)
{
	release->key = jwk_free(release->key);
	json_putp(&release->jwe);
	buf_deinit(&release->signature);
}

static int check(const struct release *release, const char *nonce, const char *resource)
{
	uint64_t version = 99;
	int r = release_verify(release->key, buf_view(&release->signature), nonce, resource, release->jwe, &version);

	ck_assert_uint_eq(version, r == 0 ? 7 : 99);
	return r;
}

START_TEST(release_binds)
{
	static const char *const names[] = {"protected", "encrypted_key", "iv", "ciphertext", "tag"};
	CLEANUP(release_deinit) struct release release = {NULL, NULL, BUF_NULL};
	JWK_AUTO other = signer();
	uint64_t version;

	release_make(&release);
	ck_assert_int_eq(check(&release, NONCE, RESOURCE), 0);
	ck_assert_int_eq(check(&release, "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh9=", RESOURCE), RELEASE_E_SIGNATURE);
	ck_assert_int_eq(check(&release, NONCE, "default/key/two"), RELEASE_E_SIGNATURE);
	ck_assert_int_eq(check(&release, NONCE, ""), RELEASE_E_SIGNATURE);
	ck_assert_int_eq(release_verify(other, buf_view(&release.signature), NONCE, RESOURCE, release.jwe, &version), RELEASE_E_SIGNATURE);
	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		CLEANUP(buf_deinit) struct buf kept = BUF_NULL;

		ck_assert_int_eq(buf_append_text(&kept, json_get_text(release.jwe, names[i], NULL)), 0);
		ck_assert_int_eq(json_add_text(release.jwe, names[i], "AAAA"), 0);
		ck_assert_int_eq(check(&release, NONCE, RESOURCE), RELEASE_E_SIGNATURE);
		json_object_object_del(release.jwe, names[i]);
		ck_assert_int_eq(check(&release, NONCE, RESOURCE), RELEASE_E_MALFORMED);
		ck_assert_int_eq(json_add_text_size(release.jwe, names[i], buf_view(&kept)), 0);
	}
	ck_assert_int_eq(json_add_text(release.jwe, "sevattest-sig", (const char *)release.signature.data), 0);
	ck_assert_int_eq(check(&release, NONCE, RESOURCE), 0);
}
END_TEST

/* A header with another version, and the other ways to spoil a signature's header, signed by the right key over the right payload. */
START_TEST(release_headers)
{
	static const struct {
		const char *header;
		int expected;
	} rows[] = {
		{"{'typ':'sevattest-release','sevattest-version':7}", 0},
		{"{'typ':'sevattest-release','sevattest-version':8}", RELEASE_E_SIGNATURE},
		{"{'typ':'sevattest-release'}", RELEASE_E_MALFORMED},
		{"{'typ':'sevattest-release','sevattest-version':'7'}", RELEASE_E_MALFORMED},
		{"{'typ':'sevattest-release','sevattest-version':-7}", RELEASE_E_MALFORMED},
		{"{'typ':'sevattest-release','sevattest-version':9007199254740992}", RELEASE_E_MALFORMED},
		{"{'typ':'JWT','sevattest-version':7}", RELEASE_E_MALFORMED},
		{"{'sevattest-version':7}", RELEASE_E_MALFORMED},
		{"{'typ':'sevattest-release','sevattest-version':7,'crit':['b64']}", RELEASE_E_MALFORMED},
	};
	CLEANUP(release_deinit) struct release release = {NULL, NULL, BUF_NULL};
	CLEANUP(buf_deinit) struct buf payload = BUF_NULL;
	JSON_AUTO object = json_of("{'version':7,'resource':'" RESOURCE "','nonce':'" NONCE "'}");
	JSON_AUTO header = json_of("%s", rows[_i].header);

	release_make(&release);
	json_object_object_foreach (release.jwe, name, value)
		ck_assert_int_eq(json_add(object, name, json_object_get(value)), 0);
	/* Also the proof that the payload is what release.h says. */
	ck_assert_int_eq(json_canonical(&payload, object), 0);
	release.signature.size = 0;
	ck_assert_int_eq(jws_sign(&release.signature, release.key, JWS_DETACHED, header, buf_view(&payload)), 0);
	ck_assert_msg(check(&release, NONCE, RESOURCE) == rows[_i].expected, "%s", rows[_i].header);
}
END_TEST

START_TEST(release_misuse)
{
	CLEANUP(release_deinit) struct release release = {NULL, NULL, BUF_NULL};
	CLEANUP(buf_deinit) struct buf text = BUF_NULL;
	JSON_AUTO nothing = json_object_new_object();

	release_make(&release);
	ck_assert_int_eq(release_sign(&text, release.key, NONCE, RESOURCE, RELEASE_VERSION_MAX + 1, release.jwe), -ERANGE);
	ck_assert_int_eq(release_sign(&text, release.key, NONCE, RESOURCE, 1, nothing), -EINVAL);
	ck_assert_int_eq(release_sign(&text, release.key, NONCE, RESOURCE, RELEASE_VERSION_MAX, release.jwe), 0);
	release.signature.size = 0;
	ck_assert_int_eq(check(&release, NONCE, RESOURCE), RELEASE_E_MALFORMED);
	ck_assert_int_eq(buf_append_text(&release.signature, "a..b"), 0);
	ck_assert_int_eq(check(&release, NONCE, RESOURCE), RELEASE_E_MALFORMED);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("token");
	TCase *tcase = tcase_create("all");
	SRunner *runner = srunner_create(suite);
	int failed;

	tcase_add_checked_fixture(tcase, jose_setup, NULL);
	tcase_add_test(tcase, times);
	tcase_add_test(tcase, claims_of_others);
	tcase_add_loop_test(tcase, each_claim, 0, ARRAY_SIZE(signed_claims));
	tcase_add_test(tcase, sign_misuse);
	tcase_add_test(tcase, jwks);
	tcase_add_test(tcase, release_binds);
	tcase_add_loop_test(tcase, release_headers, 0, 9);
	tcase_add_test(tcase, release_misuse);
	suite_add_tcase(suite, tcase);
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? 1 : 0;
}
