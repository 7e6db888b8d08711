/* SPDX-License-Identifier: Apache-2.0 */
/* Bare requests to the server engine: each thing that a hostile guest can get wrong on purpose, one at a time. */
#include <check.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "jose/jwe.h"
#include "talk.h"

#define AUTH "/kbs/v0/auth"
#define ATTEST "/kbs/v0/attest"
#define ONE "/kbs/v0/resource/default/key/one"
#define REQUEST "{\"version\":\"0.4.0\",\"tee\":\"snp\",\"extra-params\":\"\"}"

static struct talk talk;

/* One guest's way through the handshake, with the bytes in hand. */
struct guest {
	struct kbs_challenge challenge;
	struct buf cookie;   /* of /auth, then of /attest */
	struct buf attested; /* cookie of /attest */
	struct buf body;     /* of /attest */
	char *token;
};

static struct guest guest;

static void guest_deinit(struct guest *g)
{
	buf_deinit(&g->cookie);
	buf_deinit(&g->attested);
	buf_deinit(&g->body);
	free(g->token);
	g->token = NULL;
}

/* An attestation for `nonce` by `key`; the evidence is for `hashed` (NULL: the key as exported). */
static void make_body(struct buf *to, const char *nonce, struct json_object *key, struct json_object *hashed)
{
	CLEANUP(kbs_attestation_deinit) struct kbs_attestation attestation = KBS_ATTESTATION_NULL;
	CLEANUP(buf_deinit) struct buf evidence = BUF_NULL;
	uint8_t report_data[KBS_REPORT_DATA_SIZE];

	ck_assert_int_eq(kbs_report_data(report_data, nonce, hashed ? hashed : key, bytes_of(NULL, 0)), 0);
	fake_evidence(&evidence, report_data);
	(void)snprintf(attestation.nonce, sizeof(attestation.nonce), "%s", nonce);
	attestation.tee_pubkey = json_object_get(key);
	ck_assert_int_eq(json_read(buf_view(&evidence), &attestation.primary_evidence, NULL), 0);
	buf_deinit(to);
	ck_assert_int_eq(kbs_attestation_write(to, &attestation, true), 0);
}

static void guest_auth(struct guest *g)
{
	struct kbs_response response = talk_call(&talk, KBS_POST, AUTH, bytes_of(NULL, 0), NULL, bytes_of_text(REQUEST));
	JSON_AUTO key = NULL;

	ck_assert_uint_eq(response.status, 200);
	ck_assert_int_eq(kbs_challenge_read(buf_view(&response.body), &g->challenge, NULL), 0);
	ck_assert(g->challenge.announced);
	ck_assert_uint_eq(strlen(g->challenge.nonce), 44);
	talk_cookie(&response, &g->cookie);
	kbs_response_deinit(&response);
	ck_assert_int_eq(jwk_export_public(talk.guest_key, &key), 0);
	make_body(&g->body, g->challenge.nonce, key, NULL);
}

static struct kbs_response attest(struct guest *g)
{
	return talk_call(&talk, KBS_POST, ATTEST, buf_view(&g->cookie), NULL, buf_view(&g->body));
}

static void guest_attest(struct guest *g)
{
	CLEANUP(buf_deinit) struct buf token = BUF_NULL;
	struct kbs_response response = attest(g);

	ck_assert_uint_eq(response.status, 200);
	talk_cookie(&response, &g->attested);
	ck_assert_int_eq(kbs_token_answer_read(buf_view(&response.body), &token, NULL), 0);
	g->token = buf_steal_text(&token);
	kbs_response_deinit(&response);
}

static struct kbs_response get(struct bytes cookie, const char *authorization)
{
	return talk_call(&talk, KBS_GET, ONE, cookie, authorization, bytes_of(NULL, 0));
}

static void setup(void)
{
	talk_init(&talk, JWK_P256, 0, true, TALK_NO_PIN);
	guest = (struct guest){.token = NULL};
	guest_auth(&guest);
}

static void teardown(void)
{
	guest_deinit(&guest);
	talk_deinit(&talk);
}

/* Cookies */

START_TEST(cookie_attributes)
{
	struct kbs_response response = talk_call(&talk, KBS_POST, AUTH, bytes_of(NULL, 0), NULL, bytes_of_text(REQUEST));
	const char *tail = KBS_COOKIE_ATTRIBUTES;
	size_t size = strlen(tail);

	ck_assert_uint_gt(response.set_cookie.size, size);
	ck_assert_mem_eq(response.set_cookie.data + response.set_cookie.size - size, tail, size);
	ck_assert_mem_eq(response.set_cookie.data, "kbs-session-id=", 15);
	kbs_response_deinit(&response);
}
END_TEST

START_TEST(cookie_absent)
{
	talk_expect(talk_call(&talk, KBS_POST, ATTEST, bytes_of(NULL, 0), NULL, buf_view(&guest.body)), 401, "AttestationError");
	talk_expect(get(bytes_of(NULL, 0), NULL), 401, "TokenNotFound");
	ck_assert_uint_eq(talk.broker.appraised, 0);
}
END_TEST

/* Some character in the middle of the value, the last one, and one more. */
START_TEST(cookie_edited)
{
	guest_attest(&guest);
	guest.attested.data[guest.attested.size / 2] ^= 1;
	talk_expect(get(buf_view(&guest.attested), NULL), 401, "TokenNotFound");
	guest.attested.data[guest.attested.size / 2] ^= 1;
	talk_expect(get(bytes_of(guest.attested.data, guest.attested.size - 1), NULL), 401, "TokenNotFound");
	ck_assert_int_eq(buf_u8(&guest.attested, 'A'), 0);
	talk_expect(get(buf_view(&guest.attested), NULL), 401, "TokenNotFound");
	guest.attested.size--;
	talk_expect(get(buf_view(&guest.attested), NULL), 200, "");
	guest.cookie.data[guest.cookie.size / 2] ^= 1;
	talk_expect(attest(&guest), 401, "AttestationError");
}
END_TEST

START_TEST(cookie_of_auth_is_not_attested)
{
	talk_expect(get(buf_view(&guest.cookie), NULL), 401, "TokenNotFound");
	guest_attest(&guest);
	/* And the other way: an attested session is not attested again with another key. */
	talk_expect(talk_call(&talk, KBS_POST, ATTEST, buf_view(&guest.attested), NULL, buf_view(&guest.body)), 401, "AttestationError");
	ck_assert_uint_eq(talk.broker.fetched, 0);
}
END_TEST

/* The cookie of one session with the evidence of another: the nonce does not fit. */
START_TEST(cookies_of_two_sessions)
{
	struct guest other = {.token = NULL};

	guest_auth(&other);
	ck_assert_str_ne(other.challenge.nonce, guest.challenge.nonce);
	talk_expect(talk_call(&talk, KBS_POST, ATTEST, buf_view(&other.cookie), NULL, buf_view(&guest.body)), 401, "AttestationError");
	ck_assert_uint_eq(talk.broker.appraised, 0);
	talk_expect(attest(&guest), 200, "");
	guest_deinit(&other);
}
END_TEST

START_TEST(cookie_twice_in_one_header)
{
	CLEANUP(buf_deinit) struct buf both = BUF_NULL;

	guest_attest(&guest);
	ck_assert_int_eq(buf_append(&both, guest.attested.data, guest.attested.size), 0);
	ck_assert_int_eq(buf_append_text(&both, "; kbs-session-id=x"), 0);
	talk_expect(get(buf_view(&both), NULL), 401, "TokenNotFound");
}
END_TEST

START_TEST(cookie_expired)
{
	guest_attest(&guest);
	talk.now += KBS_SESSION_SECONDS - 1;
	talk_expect(get(buf_view(&guest.attested), NULL), 200, "");
	talk.now += 1;
	talk_expect(get(buf_view(&guest.attested), NULL), 401, "TokenNotFound");
	talk_expect(attest(&guest), 401, "AttestationError");
}
END_TEST

/* Attesting late does not make a session longer. */
START_TEST(expiry_is_from_auth)
{
	talk.now += KBS_SESSION_SECONDS - 10;
	guest_attest(&guest);
	talk.now += 10;
	talk_expect(get(buf_view(&guest.attested), NULL), 401, "TokenNotFound");
}
END_TEST

/*
 * Replay inside the window is possible, because no session is kept (DESIGN section 9): whoever repeats the requests of a guest gets one
 * more JWE to that guest's key. Shown: another key does not open it, the guest's does.
 */
START_TEST(replay_gives_only_a_jwe_to_the_same_key)
{
	struct kbs_response response;
	struct kbs_response_message message = {.jwe = NULL};
	CLEANUP(secret_deinit) struct secret secret = SECRET_NULL;
	JWK_AUTO thief = NULL;

	guest_attest(&guest);
	free(guest.token);
	guest_attest(&guest);
	response = get(buf_view(&guest.attested), NULL);
	ck_assert_uint_eq(response.status, 200);
	kbs_response_deinit(&response);
	response = get(buf_view(&guest.attested), NULL);
	ck_assert_int_eq(kbs_response_read(buf_view(&response.body), &message, NULL), 0);
	ck_assert_int_eq(jwk_generate(JWK_P256, 0, &thief), 0);
	ck_assert_int_eq(jwe_decrypt(&secret, thief, message.jwe, NULL), JWE_E_OPEN);
	ck_assert_int_eq(jwe_decrypt(&secret, talk.guest_key, message.jwe, NULL), 0);
	ck_assert_uint_eq(talk.broker.audited, 2); /* each release is on record */
	json_putp(&message.jwe);
	kbs_response_deinit(&response);
}
END_TEST

START_TEST(cookie_of_another_broker)
{
	struct fake_broker other;
	struct kbs_server *kept = talk.broker.server;

	guest_attest(&guest);
	fake_broker_init(&other, false);
	talk.broker.server = other.server;
	talk_expect(get(buf_view(&guest.attested), NULL), 200, ""); /* the same key-encryption key: a replica */
	other.server = kbs_server_free(other.server);
	other.kek[0] ^= 1;
	ck_assert_int_eq(kbs_server_new(&(struct kbs_server_config){.ops = &fake_ops, .context = &other,
						 .kek = bytes_of(other.kek, sizeof(other.kek)), .token_key = other.token_key},
				 &other.server), 0);
	talk.broker.server = other.server;
	talk_expect(get(buf_view(&guest.attested), NULL), 401, "TokenNotFound");
	/* A rotation: what was sealed under the key before opens. */
	other.server = kbs_server_free(other.server);
	ck_assert_int_eq(kbs_server_new(&(struct kbs_server_config){.ops = &fake_ops, .context = &other,
						 .kek = bytes_of(other.kek, sizeof(other.kek)),
						 .kek_previous = bytes_of(talk.broker.kek, sizeof(talk.broker.kek)),
						 .token_key = other.token_key},
				 &other.server), 0);
	talk.broker.server = other.server;
	talk_expect(get(buf_view(&guest.attested), NULL), 200, "");
	talk.broker.server = kept;
	fake_broker_deinit(&other);
}
END_TEST

/* Tokens */

static char *bearer(const char *token)
{
	char *text = NULL;

	ck_assert_int_gt(asprintf(&text, "Bearer %s", token), 0);
	return text;
}

START_TEST(token_opens_what_the_cookie_opens)
{
	char *text;

	guest_attest(&guest);
	text = bearer(guest.token);
	talk_expect(get(bytes_of(NULL, 0), text), 200, "");
	talk_expect(get(bytes_of_text("kbs-session-id=unknown"), text), 200, "");
	ck_assert_uint_le(strlen(text), KBS_TOKEN_MAX);
	talk.now += KBS_SESSION_SECONDS;
	talk_expect(get(bytes_of(NULL, 0), text), 401, "TokenVerifierError");
	free(text);
}
END_TEST

START_TEST(token_edited)
{
	char *text;
	char *dot;

	guest_attest(&guest);
	text = bearer(guest.token);
	dot = strrchr(text, '.');
	ck_assert_ptr_nonnull(dot);
	dot[1] = dot[1] == 'A' ? 'B' : 'A';
	talk_expect(get(bytes_of(NULL, 0), text), 401, "TokenVerifierError");
	dot[1] = dot[1] == 'A' ? 'B' : 'A';
	*dot = 0;
	talk_expect(get(bytes_of(NULL, 0), text), 401, "TokenVerifierError");
	talk_expect(get(bytes_of(NULL, 0), "Bearer abc"), 401, "TokenVerifierError");
	talk_expect(get(bytes_of(NULL, 0), "Basic abc"), 401, "TokenNotFound");
	free(text);
}
END_TEST

/* The sealed state inside is the broker's, the signature is a stranger's. */
START_TEST(token_signed_by_another)
{
	struct jwk *kept = talk.broker.token_key;
	struct kbs_server_config config = {.ops = &fake_ops, .context = &talk.broker};
	char *text;

	guest_attest(&guest);
	text = bearer(guest.token);
	talk.broker.server = kbs_server_free(talk.broker.server);
	ck_assert_int_eq(jwk_generate_signer(&talk.broker.token_key), 0);
	config.kek = bytes_of(talk.broker.kek, sizeof(talk.broker.kek));
	config.token_key = talk.broker.token_key;
	ck_assert_int_eq(kbs_server_new(&config, &talk.broker.server), 0);
	talk_expect(get(bytes_of(NULL, 0), text), 401, "TokenVerifierError");
	talk_expect(get(buf_view(&guest.attested), NULL), 200, "");
	jwk_free(kept);
	free(text);
}
END_TEST

/* Keys and report data */

START_TEST(nonce_of_somebody_else)
{
	JSON_AUTO key = NULL;

	ck_assert_int_eq(jwk_export_public(talk.guest_key, &key), 0);
	make_body(&guest.body, "AQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQE=", key, NULL);
	talk_expect(attest(&guest), 401, "AttestationError");
	ck_assert_uint_eq(talk.broker.appraised, 0);
}
END_TEST

/* A man in the middle puts his key beside the guest's evidence. */
START_TEST(key_of_somebody_else)
{
	JSON_AUTO key = NULL;
	JSON_AUTO thief_key = NULL;
	JWK_AUTO thief = NULL;

	ck_assert_int_eq(jwk_generate(JWK_P256, 0, &thief), 0);
	ck_assert_int_eq(jwk_export_public(thief, &thief_key), 0);
	ck_assert_int_eq(jwk_export_public(talk.guest_key, &key), 0);
	make_body(&guest.body, guest.challenge.nonce, thief_key, key);
	talk_expect(attest(&guest), 403, "AttestationError");
	ck_assert_uint_eq(talk.broker.appraised, 1);
}
END_TEST

START_TEST(extra_jwk_members)
{
	JSON_AUTO key = NULL;
	JSON_AUTO more = NULL;

	ck_assert_int_eq(jwk_export_public(talk.guest_key, &key), 0);
	ck_assert_int_eq(jwk_export_public(talk.guest_key, &more), 0);
	ck_assert_int_eq(json_add_text(more, "kid", "1"), 0);
	make_body(&guest.body, guest.challenge.nonce, more, NULL); /* hashed with them */
	talk_expect(attest(&guest), 403, "AttestationError");
	make_body(&guest.body, guest.challenge.nonce, more, key); /* hashed without */
	talk_expect(attest(&guest), 200, "");
}
END_TEST

static const char *const bad_keys[] = {
	"{}",
	"{\"kty\":\"OKP\",\"crv\":\"X25519\",\"x\":\"AA\",\"alg\":\"ECDH-ES+A256KW\"}",
	"{\"kty\":\"EC\",\"crv\":\"P-384\",\"x\":\"AA\",\"y\":\"AA\",\"alg\":\"ECDH-ES+A256KW\"}",
	"{\"kty\":\"EC\",\"crv\":\"P-256\",\"x\":\"AA\",\"y\":\"AA\",\"alg\":\"ECDH-ES+A256KW\"}",
	"{\"kty\":\"oct\",\"k\":\"AA\",\"alg\":\"A256KW\"}",
};

START_TEST(keys_that_are_none)
{
	JSON_AUTO key = NULL;

	ck_assert_int_eq(json_read(bytes_of_text(bad_keys[_i]), &key, NULL), 0);
	make_body(&guest.body, guest.challenge.nonce, key, NULL);
	talk_expect(attest(&guest), 400, "JweError");
	ck_assert_uint_eq(talk.broker.appraised, 0);
}
END_TEST

static const char *const bad_algs[] = {"RSA1_5", "ECDH-ES", "ECDH-ES+A128KW", "ES256", ""};

START_TEST(algorithms_not_served)
{
	JSON_AUTO key = NULL;

	ck_assert_int_eq(jwk_export_public(talk.guest_key, &key), 0);
	ck_assert_int_eq(json_add_text(key, "alg", bad_algs[_i]), 0);
	make_body(&guest.body, guest.challenge.nonce, key, NULL);
	talk_expect(attest(&guest), 400, "JweError");
}
END_TEST

/* Messages and paths */

START_TEST(too_large)
{
	CLEANUP(buf_deinit) struct buf large = BUF_NULL;

	ck_assert_int_eq(buf_reserve(&large, KBS_ATTESTATION_MAX + 1), 0);
	memset(large.data, ' ', KBS_ATTESTATION_MAX + 1);
	talk_expect(talk_call(&talk, KBS_POST, AUTH, bytes_of(NULL, 0), NULL, bytes_of(large.data, KBS_AUTH_MAX + 1)), 413, "AttestationError");
	talk_expect(talk_call(&talk, KBS_POST, ATTEST, buf_view(&guest.cookie), NULL, bytes_of(large.data, KBS_ATTESTATION_MAX + 1)), 413,
		"AttestationError");
	talk_expect(talk_call(&talk, KBS_POST, ATTEST, buf_view(&guest.cookie), NULL, bytes_of(large.data, KBS_ATTESTATION_MAX)), 400,
		"AttestationError");
}
END_TEST

START_TEST(malformed)
{
	talk_expect(talk_call(&talk, KBS_POST, AUTH, bytes_of(NULL, 0), NULL, bytes_of_text("{")), 400, "AttestationError");
	talk_expect(talk_call(&talk, KBS_POST, AUTH, bytes_of(NULL, 0), NULL,
			    bytes_of_text("{\"version\":\"0.4.0\",\"tee\":\"sample\",\"extra-params\":\"\"}")), 400, "AttestationError");
	talk_expect(talk_call(&talk, KBS_POST, ATTEST, buf_view(&guest.cookie), NULL, bytes_of_text("{}")), 400, "AttestationError");
	/* The session survives. */
	talk_expect(attest(&guest), 200, "");
}
END_TEST

static const struct {
	enum kbs_method method;
	const char *path;
	const char *type;
} not_there[] = {
	{KBS_GET, AUTH, "PluginNotFound"},
	{KBS_GET, ATTEST, "PluginNotFound"},
	{KBS_OTHER, AUTH, "PluginNotFound"},
	{KBS_POST, ONE, "PluginNotFound"},
	{KBS_OTHER, ONE, "PluginNotFound"},
	{KBS_POST, AUTH "/", "PluginNotFound"},
	{KBS_POST, AUTH "x", "PluginNotFound"},
	{KBS_POST, "/kbs/v0/resource-policy", "PluginNotFound"},
	{KBS_GET, "/kbs/v0/", "PluginNotFound"},
	{KBS_GET, "/kbs/v0/token", "PluginNotFound"},
	{KBS_GET, "/", "PluginNotFound"},
	{KBS_GET, "", "PluginNotFound"},
	{KBS_GET, "/kbs/v0/resource/", "InvalidRequestPath"},
	{KBS_GET, "/kbs/v0/resource//default/key/one", "InvalidRequestPath"},
	{KBS_GET, "/kbs/v0/resource/default/key/one/", "InvalidRequestPath"},
	{KBS_GET, "/kbs/v0/resource/default/key/one/two", "InvalidRequestPath"},
	{KBS_GET, "/kbs/v0/resource/../kbs/x", "InvalidRequestPath"},
	{KBS_GET, "/kbs/v0/resource/default/key/*", "InvalidRequestPath"},
};

START_TEST(nothing_else_is_there)
{
	guest_attest(&guest);
	talk_expect(talk_call(&talk, not_there[_i].method, not_there[_i].path, buf_view(&guest.attested), NULL, bytes_of(NULL, 0)), 404,
		not_there[_i].type);
	ck_assert_uint_eq(talk.broker.fetched, 0);
}
END_TEST

START_TEST(key_set)
{
	struct kbs_response response = talk_call(&talk, KBS_GET, KBS_JWKS_PATH, bytes_of(NULL, 0), NULL, bytes_of(NULL, 0));
	JSON_AUTO set = NULL;
	struct json_object *keys;

	ck_assert_uint_eq(response.status, 200);
	ck_assert_int_eq(json_read(buf_view(&response.body), &set, NULL), 0);
	keys = json_get_array(set, "keys");
	ck_assert_ptr_nonnull(keys);
	ck_assert_uint_eq(json_object_array_length(keys), 1);
	ck_assert_ptr_null(json_get(json_object_array_get_idx(keys, 0), "d"));
	kbs_response_deinit(&response);
}
END_TEST

/* As full as it gets: RSA 4096, 32 policies. Cookie and token stay below what clients keep and httpd lets through. */
START_TEST(largest_session)
{
	static struct kbs_session session;
	CLEANUP(buf_deinit) struct buf text = BUF_NULL;
	JWK_AUTO key = NULL;
	JSON_AUTO json = NULL;
	CLEANUP(buf_deinit) struct buf canonical = BUF_NULL;

	ck_assert_int_eq(jwk_generate(JWK_RSA, 4096, &key), 0);
	ck_assert_int_eq(jwk_export_public(key, &json), 0);
	ck_assert_int_eq(json_canonical(&canonical, json), 0);
	session = (struct kbs_session){.kind = KBS_SESSION_ATTESTED, .tee = KBS_TEE_SNP, .expiry = INT64_MAX};
	memcpy(session.guest_key, canonical.data, canonical.size);
	memset(session.nonce, 'n', 44);
	session.policy_count = KBS_SESSION_POLICIES_MAX;
	ck_assert_int_eq(kbs_session_seal(&text, bytes_of(talk.broker.kek, 32), &session, talk.now), 0);
	ck_assert_uint_le(strlen(KBS_COOKIE_NAME "=") + text.size + strlen(KBS_COOKIE_ATTRIBUTES), 4096);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("kbs-attack");
	TCase *tests = tcase_create("attack");
	SRunner *runner;
	int failed;

	suite_add_tcase(suite, tests);
	tcase_set_timeout(tests, 60);
	tcase_add_checked_fixture(tests, setup, teardown);
	tcase_add_test(tests, cookie_attributes);
	tcase_add_test(tests, cookie_absent);
	tcase_add_test(tests, cookie_edited);
	tcase_add_test(tests, cookie_of_auth_is_not_attested);
	tcase_add_test(tests, cookies_of_two_sessions);
	tcase_add_test(tests, cookie_twice_in_one_header);
	tcase_add_test(tests, cookie_expired);
	tcase_add_test(tests, expiry_is_from_auth);
	tcase_add_test(tests, replay_gives_only_a_jwe_to_the_same_key);
	tcase_add_test(tests, cookie_of_another_broker);
	tcase_add_test(tests, token_opens_what_the_cookie_opens);
	tcase_add_test(tests, token_edited);
	tcase_add_test(tests, token_signed_by_another);
	tcase_add_test(tests, nonce_of_somebody_else);
	tcase_add_test(tests, key_of_somebody_else);
	tcase_add_test(tests, extra_jwk_members);
	tcase_add_loop_test(tests, keys_that_are_none, 0, (int)ARRAY_SIZE(bad_keys));
	tcase_add_loop_test(tests, algorithms_not_served, 0, (int)ARRAY_SIZE(bad_algs));
	tcase_add_test(tests, too_large);
	tcase_add_test(tests, malformed);
	tcase_add_loop_test(tests, nothing_else_is_there, 0, (int)ARRAY_SIZE(not_there));
	tcase_add_test(tests, key_set);
	tcase_add_test(tests, largest_session);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
