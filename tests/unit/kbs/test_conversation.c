/* SPDX-License-Identifier: Apache-2.0 */
/* Client and server against each other: what works, and each refusal alone. */
#include <check.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "jose/jwe.h"
#include "talk.h"

#define ONE "default/key/one"
#define SECRET_ONE "the secret of default/key/one"

static struct talk talk;

static void setup(void)
{
	talk_init(&talk, JWK_P256, 0, true, TALK_PIN);
}

static void teardown(void)
{
	talk_deinit(&talk);
}

/* What works */

static const struct {
	enum jwk_kind kind;
	unsigned bits;
} kinds[] = {{JWK_P256, 0}, {JWK_P521, 0}, {JWK_RSA, 2048}, {JWK_RSA, 4096}};

START_TEST(released)
{
	struct kbs_http_request none;

	talk_deinit(&talk);
	talk_init(&talk, kinds[_i].kind, kinds[_i].bits, true, TALK_PIN);
	ck_assert_int_eq(talk_run(&talk, "kbs:///" ONE), KBS_CLIENT_DONE);
	talk_expect_secret(&talk, SECRET_ONE);
	ck_assert_uint_eq(talk.requests, 3);
	ck_assert_uint_eq(kbs_client_version(talk.client), 5);
	ck_assert_uint_eq(strlen(kbs_client_nonce(talk.client)), 44);
	ck_assert_str_ne(kbs_client_token(talk.client), "");
	ck_assert_int_eq(talk.broker.last_kind, KBS_AUDIT_RELEASE);
	ck_assert_str_eq(talk.broker.last_resource, ONE);
	ck_assert_str_eq(talk.broker.last_policy, "web");
	ck_assert_uint_eq(talk.broker.last_version, 5);
	ck_assert_uint_eq(talk.broker.last_chip[0], 0xc1);
	/* One more round trip per further key. */
	ck_assert_int_eq(talk_run(&talk, ONE), KBS_CLIENT_DONE);
	talk_expect_secret(&talk, SECRET_ONE);
	ck_assert_uint_eq(talk.requests, 4);
	ck_assert_uint_eq(kbs_client_handshakes(talk.client), 1);
	ck_assert_int_eq(kbs_client_request(talk.client, &none), -EINVAL);
}
END_TEST

START_TEST(only_attest)
{
	ck_assert_int_eq(buf_append_text(&talk.event_log, "an event log"), 0);
	ck_assert_int_eq(talk_run(&talk, NULL), KBS_CLIENT_DONE);
	ck_assert_uint_eq(talk.requests, 2);
	ck_assert_uint_eq(talk.broker.event_log_size, strlen("an event log"));
	ck_assert_str_ne(kbs_client_token(talk.client), "");
	ck_assert_uint_eq(talk.broker.fetched, 0);
}
END_TEST

/* Refusals by the broker, told apart by the client */

START_TEST(no_grant)
{
	talk.broker.resources[1] = (struct fake_resource){"other/key/one", "never", 1};
	ck_assert_int_eq(talk_run(&talk, "other/key/one"), KBS_CLIENT_FAILED);
	talk_expect_failure(&talk, KBS_CLIENT_REFUSED, "PolicyDeny");
	ck_assert_uint_eq(talk.broker.fetched, 0);
	ck_assert_int_eq(talk.broker.last_kind, KBS_AUDIT_DENIED);
	ck_assert_uint_eq(kbs_client_handshakes(talk.client), 1);
	/* The session survives a refusal. */
	ck_assert_int_eq(talk_run(&talk, ONE), KBS_CLIENT_DONE);
	ck_assert_uint_eq(talk.requests, 4);
}
END_TEST

START_TEST(grant_of_another_policy)
{
	talk.broker.policies[1] = (struct fake_policy){"db", 1, true};
	talk.broker.grants[1] = (struct fake_grant){"other/key/one", "db", KBS_ENROL_NONE};
	talk.broker.resources[1] = (struct fake_resource){"other/key/one", "never", 1};
	ck_assert_int_eq(talk_run(&talk, "other/key/one"), KBS_CLIENT_FAILED);
	talk_expect_failure(&talk, KBS_CLIENT_REFUSED, "PolicyDeny");
	ck_assert_uint_eq(talk.broker.fetched, 0);
	/* The same grant, when that policy passes. */
	talk.broker.policies[1].fails = false;
	ck_assert_int_eq(talk_run(&talk, NULL), KBS_CLIENT_DONE);
	ck_assert_int_eq(talk_run(&talk, "other/key/one"), KBS_CLIENT_DONE);
	talk_expect_secret(&talk, "never");
	ck_assert_str_eq(talk.broker.last_policy, "db");
}
END_TEST

/* A grant is there, and none of its policies loads: one policy fewer is never one condition fewer. */
START_TEST(grant_of_policies_that_do_not_load)
{
	talk.broker.grants[1] = (struct fake_grant){"other/key/one", "edited-in-the-store", KBS_ENROL_NONE};
	talk.broker.resources[1] = (struct fake_resource){"other/key/one", "never", 1};
	ck_assert_int_eq(talk_run(&talk, "other/key/one"), KBS_CLIENT_FAILED);
	talk_expect_failure(&talk, KBS_CLIENT_REFUSED, "PolicyDeny");
	ck_assert_uint_eq(talk.broker.fetched, 0);
	ck_assert_int_eq(talk.broker.last_kind, KBS_AUDIT_DENIED);
}
END_TEST

START_TEST(absent)
{
	ck_assert_int_eq(talk_run(&talk, "default/key/absent"), KBS_CLIENT_FAILED);
	talk_expect_failure(&talk, KBS_CLIENT_NOT_FOUND, "PluginInternalError");
	ck_assert_int_eq(talk.broker.last_kind, KBS_AUDIT_DENIED);
}
END_TEST

START_TEST(no_policy_passes)
{
	talk.broker.policies[0].fails = true;
	ck_assert_int_eq(talk_run(&talk, ONE), KBS_CLIENT_FAILED);
	talk_expect_failure(&talk, KBS_CLIENT_REFUSED, "PolicyDeny");
	ck_assert_ptr_nonnull(strstr(kbs_client_error(talk.client), "measurement, tcb_min"));
	ck_assert_int_eq(talk.broker.last_kind, KBS_AUDIT_REFUSED);
	ck_assert_str_eq(talk.broker.last_reason, "measurement, tcb_min");
	ck_assert_uint_eq(talk.requests, 2);
}
END_TEST

static void spoil_evidence(struct talk *t, struct buf *evidence)
{
	uint8_t zeros[KBS_REPORT_DATA_SIZE] = {0};

	(void)t;
	buf_deinit(evidence);
	fake_evidence(evidence, zeros);
}

START_TEST(wrong_report_data)
{
	talk.on_evidence = spoil_evidence;
	ck_assert_int_eq(talk_run(&talk, ONE), KBS_CLIENT_FAILED);
	talk_expect_failure(&talk, KBS_CLIENT_REFUSED, "AttestationError");
	ck_assert_uint_eq(talk.broker.appraised, 1);
	ck_assert_uint_eq(talk.broker.audited, 0); /* not genuine: counted by the callee, not recorded */
}
END_TEST

/* Policies and time */

static void change_policy_once(struct talk *t, unsigned number, struct kbs_response *response)
{
	(void)response;
	if (number == 2)
		t->broker.policies[0].version++;
}

START_TEST(policy_changed)
{
	talk.on_response = change_policy_once;
	ck_assert_int_eq(talk_run(&talk, ONE), KBS_CLIENT_DONE);
	talk_expect_secret(&talk, SECRET_ONE);
	ck_assert_uint_eq(kbs_client_handshakes(talk.client), 2);
	ck_assert_uint_eq(talk.requests, 6);
}
END_TEST

static void change_policy_always(struct talk *t, unsigned number, struct kbs_response *response)
{
	(void)number;
	(void)response;
	t->broker.policies[0].version++;
}

START_TEST(policy_keeps_changing)
{
	talk.on_response = change_policy_always;
	ck_assert_int_eq(talk_run(&talk, ONE), KBS_CLIENT_FAILED);
	talk_expect_failure(&talk, KBS_CLIENT_REFUSED, "TokenVerifierError");
	ck_assert_uint_eq(kbs_client_handshakes(talk.client), 2);
	ck_assert_uint_eq(talk.broker.fetched, 0);
}
END_TEST

START_TEST(session_expired)
{
	ck_assert_int_eq(talk_run(&talk, ONE), KBS_CLIENT_DONE);
	talk.now += KBS_SESSION_SECONDS;
	ck_assert_int_eq(talk_run(&talk, ONE), KBS_CLIENT_DONE);
	talk_expect_secret(&talk, SECRET_ONE);
	ck_assert_uint_eq(kbs_client_handshakes(talk.client), 2);
	ck_assert_uint_eq(talk.requests, 7);
}
END_TEST

static void slow_evidence(struct talk *t, struct buf *evidence)
{
	(void)evidence;
	if (t->requests == 1)
		t->now += KBS_SESSION_SECONDS;
}

/* AttestationError is worth another try only when the session can have expired. */
START_TEST(evidence_too_slow)
{
	talk.on_evidence = slow_evidence;
	ck_assert_int_eq(talk_run(&talk, ONE), KBS_CLIENT_DONE);
	ck_assert_uint_eq(kbs_client_handshakes(talk.client), 2);
}
END_TEST

/* Trouble */

START_TEST(audit_fails)
{
	ck_assert_int_eq(talk_run(&talk, NULL), KBS_CLIENT_DONE);
	talk.broker.audit_result = -EAGAIN;
	ck_assert_int_eq(talk_run(&talk, ONE), KBS_CLIENT_FAILED);
	talk_expect_failure(&talk, KBS_CLIENT_TEMPORARY, "Unavailable");
	ck_assert_uint_eq(kbs_client_retry_after(talk.client), KBS_RETRY_AFTER_DEFAULT);
	talk.broker.audit_result = -EIO;
	ck_assert_int_eq(talk_run(&talk, ONE), KBS_CLIENT_FAILED);
	talk_expect_failure(&talk, KBS_CLIENT_TEMPORARY, "InternalError");
	ck_assert_uint_eq(talk.broker.audited, 0);
	ck_assert_int_eq(talk_run(&talk, ONE), KBS_CLIENT_DONE);
	ck_assert_uint_eq(talk.broker.audited, 1);
}
END_TEST

START_TEST(operations_fail)
{
	talk.broker.appraise_result = -EAGAIN;
	ck_assert_int_eq(talk_run(&talk, ONE), KBS_CLIENT_FAILED);
	talk_expect_failure(&talk, KBS_CLIENT_TEMPORARY, "Unavailable");
	ck_assert_uint_eq(kbs_client_retry_after(talk.client), 17);
	talk.broker.appraise_result = -EIO;
	ck_assert_int_eq(talk_run(&talk, ONE), KBS_CLIENT_FAILED);
	talk_expect_failure(&talk, KBS_CLIENT_TEMPORARY, "InternalError");
	talk.broker.grant_result = -EAGAIN;
	ck_assert_int_eq(talk_run(&talk, ONE), KBS_CLIENT_FAILED);
	talk_expect_failure(&talk, KBS_CLIENT_TEMPORARY, "Unavailable");
	talk.broker.fetch_result = -EBADMSG;
	ck_assert_int_eq(talk_run(&talk, ONE), KBS_CLIENT_FAILED);
	talk_expect_failure(&talk, KBS_CLIENT_TEMPORARY, "InternalError");
	ck_assert_int_eq(talk_run(&talk, ONE), KBS_CLIENT_DONE);
}
END_TEST

/* Release signatures */

START_TEST(unsigned_answer)
{
	talk_deinit(&talk);
	talk_init(&talk, JWK_P256, 0, false, TALK_OTHER_PIN);
	ck_assert_int_eq(talk_run(&talk, ONE), KBS_CLIENT_FAILED);
	talk_expect_failure(&talk, KBS_CLIENT_UNSIGNED, "");
}
END_TEST

START_TEST(signed_by_another)
{
	talk_deinit(&talk);
	talk_init(&talk, JWK_P256, 0, true, TALK_OTHER_PIN);
	ck_assert_int_eq(talk_run(&talk, ONE), KBS_CLIENT_FAILED);
	talk_expect_failure(&talk, KBS_CLIENT_BAD_SIGNATURE, "");
}
END_TEST

static void keep_first_swap_second(struct talk *t, unsigned number, struct kbs_response *response)
{
	struct buf kept;

	if (number == 3) {
		ck_assert_int_eq(buf_append(&t->spare, response->body.data, response->body.size), 0);
	} else if (number > 3 && response->status == 200 && t->spare.size) {
		kept = response->body;
		response->body = t->spare;
		t->spare = kept;
	}
}

/* A genuine, signed answer for another resource of the same session. */
START_TEST(signature_of_another_resource)
{
	talk.broker.resources[1] = (struct fake_resource){"default/key/two", "two", 5};
	talk.on_response = keep_first_swap_second;
	ck_assert_int_eq(talk_run(&talk, ONE), KBS_CLIENT_DONE);
	ck_assert_int_eq(talk_run(&talk, "default/key/two"), KBS_CLIENT_FAILED);
	talk_expect_failure(&talk, KBS_CLIENT_BAD_SIGNATURE, "");
}
END_TEST

static void swap_last(struct talk *t, unsigned number, struct kbs_response *response)
{
	if (number == 3)
		keep_first_swap_second(t, 3, response);
	if (number == 6)
		keep_first_swap_second(t, 6, response);
}

/* A genuine, signed answer of the session before: same key, same resource, old nonce. */
START_TEST(signature_of_another_session)
{
	talk.on_response = swap_last;
	ck_assert_int_eq(talk_run(&talk, ONE), KBS_CLIENT_DONE);
	ck_assert_int_eq(talk_run(&talk, NULL), KBS_CLIENT_DONE);
	ck_assert_int_eq(talk_run(&talk, ONE), KBS_CLIENT_FAILED);
	talk_expect_failure(&talk, KBS_CLIENT_BAD_SIGNATURE, "");
}
END_TEST

/* Requests 1 to 3 are kept; the session is then lost (4), and the new one, 5 to 7, is answered by what was kept. */
static struct kbs_response kept_answers[3];
static struct jwk *renewed;

static void replay_session(struct talk *t, unsigned number, struct kbs_response *response)
{
	struct kbs_response *kept = &kept_answers[(number - 1) % 4];

	(void)t;
	if (number == 4)
		return;
	if (number > 4) {
		kbs_response_deinit(response);
		*response = *kept;
		*kept = (struct kbs_response)KBS_RESPONSE_NULL;
		return;
	}
	*kept = (struct kbs_response){.status = response->status, .content_type = response->content_type};
	ck_assert_int_eq(buf_append(&kept->body, response->body.data, response->body.size), 0);
	ck_assert_int_eq(buf_append(&kept->set_cookie, response->set_cookie.data, response->set_cookie.size), 0);
}

static void renew_at_fifth(struct talk *t, unsigned number, struct kbs_request *request)
{
	(void)request;
	ck_assert_int_eq(kbs_client_at_handshake(t->client), number == 1 || number == 5);
	if (number != 5) {
		ck_assert_int_eq(kbs_client_renew_key(t->client, t->guest_key), number == 1 ? 0 : -EINVAL);
		return;
	}
	ck_assert_int_eq(jwk_generate(JWK_P256, 0, &renewed), 0);
	ck_assert_int_eq(kbs_client_renew_key(t->client, renewed), 0);
}

/* A whole session replayed, nonce included: its signature is good for it. With the same guest key the old secret comes out; a new key ends that. */
START_TEST(session_of_before)
{
	talk.on_response = replay_session;
	talk.on_request = _i ? renew_at_fifth : NULL;
	ck_assert_int_eq(talk_run(&talk, ONE), KBS_CLIENT_DONE);
	talk.now += 2 * KBS_SESSION_SECONDS;
	if (_i) {
		ck_assert_int_eq(talk_run(&talk, ONE), KBS_CLIENT_FAILED);
		talk_expect_failure(&talk, KBS_CLIENT_BAD_JWE, "");
	} else {
		ck_assert_int_eq(talk_run(&talk, ONE), KBS_CLIENT_DONE);
		talk_expect_secret(&talk, SECRET_ONE);
	}
	ck_assert_uint_eq(talk.requests, 7);
	renewed = jwk_free(renewed);
}
END_TEST

/* The member `member` of a resource answer gets another first character. */
static void spoil_member(struct kbs_response *response, const char *member)
{
	JSON_AUTO object = NULL;
	char *text;

	ck_assert_int_eq(json_read(buf_view(&response->body), &object, NULL), 0);
	text = strdup(json_get_text(object, member, NULL));
	ck_assert_ptr_nonnull(text);
	text[0] = text[0] == 'A' ? 'B' : 'A';
	ck_assert_int_eq(json_add_text(object, member, text), 0);
	free(text);
	buf_deinit(&response->body);
	ck_assert_int_eq(json_write(&response->body, object), 0);
}

static const char *const jwe_members[] = {"protected", "encrypted_key", "iv", "ciphertext", "tag", "sevattest-sig"};
static const char *spoiled;

static void spoil_answer(struct talk *t, unsigned number, struct kbs_response *response)
{
	(void)t;
	if (number == 3)
		spoil_member(response, spoiled);
}

START_TEST(answer_edited)
{
	spoiled = jwe_members[_i];
	talk.on_response = spoil_answer;
	ck_assert_int_eq(talk_run(&talk, ONE), KBS_CLIENT_FAILED);
	talk_expect_failure(&talk, KBS_CLIENT_BAD_SIGNATURE, "");
}
END_TEST

/* Without a pin the JWE still protects itself, and the signature is not looked at. */
START_TEST(answer_edited_without_pin)
{
	talk_deinit(&talk);
	talk_init(&talk, JWK_P256, 0, true, TALK_NO_PIN);
	spoiled = jwe_members[_i];
	talk.on_response = spoil_answer;
	(void)talk_run(&talk, ONE);
	if (strcmp(spoiled, "sevattest-sig") == 0) {
		talk_expect_secret(&talk, SECRET_ONE);
		ck_assert_uint_eq(kbs_client_version(talk.client), 0);
	} else {
		talk_expect_failure(&talk, KBS_CLIENT_BAD_JWE, "");
	}
}
END_TEST

/* Answers that are no KBS answers */

static const struct {
	unsigned number;
	unsigned status;
	const char *body;
	enum kbs_client_outcome outcome;
} odd_answers[] = {
	{1, 200, "<html>", KBS_CLIENT_PROTOCOL},
	{1, 200, "", KBS_CLIENT_PROTOCOL},
	{1, 302, "", KBS_CLIENT_PROTOCOL},
	{1, 401, "<html>", KBS_CLIENT_PROTOCOL},
	{1, 401, "{\"type\":\"x/TokenNotFound\",\"detail\":\"\"}", KBS_CLIENT_REFUSED}, /* no new handshake before there was one */
	{1, 502, "<html>", KBS_CLIENT_TEMPORARY},
	{1, 429, "", KBS_CLIENT_TEMPORARY},
	{2, 200, "{}", KBS_CLIENT_PROTOCOL},
	{2, 200, "{\"token\":\"a\",\"token\":\"b\"}", KBS_CLIENT_PROTOCOL},
	{2, 204, "", KBS_CLIENT_PROTOCOL},
	{2, 401, "{\"type\":\"x/AttestationError\",\"detail\":\"\"}", KBS_CLIENT_REFUSED},
	{3, 200, "{}", KBS_CLIENT_PROTOCOL},
	{3, 200, "null", KBS_CLIENT_PROTOCOL},
	{3, 401, "{\"type\":\"x/PolicyDeny\",\"detail\":\"\"}", KBS_CLIENT_REFUSED},
	{3, 401, "{\"type\":\"x/PluginInternalError\",\"detail\":\"\"}", KBS_CLIENT_NOT_FOUND},
	{3, 401, "{\"type\":\"x/JweError\",\"detail\":\"\"}", KBS_CLIENT_REFUSED},
	{3, 404, "{\"type\":\"x/PluginNotFound\",\"detail\":\"\"}", KBS_CLIENT_NOT_FOUND},
	{3, 404, "{\"type\":\"x/Unheard\",\"detail\":\"\"}", KBS_CLIENT_NOT_FOUND},
	{3, 403, "{\"type\":\"x/Unheard\",\"detail\":\"\"}", KBS_CLIENT_REFUSED},
	{3, 404, "not found", KBS_CLIENT_PROTOCOL},
	{3, 503, "{\"type\":\"x/PolicyDeny\",\"detail\":\"\"}", KBS_CLIENT_TEMPORARY},
};
static int odd;

static void odd_answer(struct talk *t, unsigned number, struct kbs_response *response)
{
	(void)t;
	if (number != odd_answers[odd].number)
		return;
	response->status = odd_answers[odd].status;
	buf_deinit(&response->body);
	ck_assert_int_eq(buf_append_text(&response->body, odd_answers[odd].body), 0);
}

START_TEST(odd_answers_told_apart)
{
	odd = _i;
	talk.on_response = odd_answer;
	ck_assert_int_eq(talk_run(&talk, ONE), KBS_CLIENT_FAILED);
	ck_assert_msg(kbs_client_outcome(talk.client) == odd_answers[_i].outcome, "%d: %s", kbs_client_outcome(talk.client),
		kbs_client_error(talk.client));
	ck_assert_uint_eq(talk.requests, odd_answers[_i].number);
}
END_TEST

static const char *const bad_cookies[] = {
	"", "other=abc; Path=/", "kbs-session-id=; Path=/", "kbs-session-id=a b", "kbs-session-id=a\001b", "kbs-session-id=a,b",
	"xkbs-session-id=abc",
};

static void bad_cookie(struct talk *t, unsigned number, struct kbs_response *response)
{
	(void)t;
	(void)number;
	buf_deinit(&response->set_cookie);
	ck_assert_int_eq(buf_append_text(&response->set_cookie, bad_cookies[odd]), 0);
}

START_TEST(no_usable_cookie)
{
	odd = _i;
	talk.on_response = bad_cookie;
	ck_assert_int_eq(talk_run(&talk, ONE), KBS_CLIENT_FAILED);
	talk_expect_failure(&talk, KBS_CLIENT_PROTOCOL, "");
	ck_assert_uint_eq(talk.requests, 1);
}
END_TEST

START_TEST(names_that_cannot_exist)
{
	ck_assert_int_eq(kbs_client_get(talk.client, "default/key"), -EINVAL);
	ck_assert_int_eq(kbs_client_get(talk.client, "default/key/../x"), -EINVAL);
	ck_assert_int_eq(kbs_client_get(talk.client, "kbs://evil/default/key/one"), -EINVAL);
	ck_assert_int_eq(kbs_client_want(talk.client), KBS_CLIENT_IDLE);
	ck_assert_int_eq(kbs_client_get(talk.client, ONE), 0);
	ck_assert_int_eq(kbs_client_get(talk.client, ONE), -EBUSY);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("kbs-conversation");
	TCase *tests = tcase_create("conversation");
	SRunner *runner;
	int failed;

	suite_add_tcase(suite, tests);
	tcase_set_timeout(tests, 60);
	tcase_add_checked_fixture(tests, setup, teardown);
	tcase_add_loop_test(tests, released, 0, (int)ARRAY_SIZE(kinds));
	tcase_add_test(tests, only_attest);
	tcase_add_test(tests, no_grant);
	tcase_add_test(tests, grant_of_another_policy);
	tcase_add_test(tests, grant_of_policies_that_do_not_load);
	tcase_add_test(tests, absent);
	tcase_add_test(tests, no_policy_passes);
	tcase_add_test(tests, wrong_report_data);
	tcase_add_test(tests, policy_changed);
	tcase_add_test(tests, policy_keeps_changing);
	tcase_add_test(tests, session_expired);
	tcase_add_test(tests, evidence_too_slow);
	tcase_add_test(tests, audit_fails);
	tcase_add_test(tests, operations_fail);
	tcase_add_test(tests, unsigned_answer);
	tcase_add_test(tests, signed_by_another);
	tcase_add_test(tests, signature_of_another_resource);
	tcase_add_test(tests, signature_of_another_session);
	tcase_add_loop_test(tests, session_of_before, 0, 2);
	tcase_add_loop_test(tests, answer_edited, 0, (int)ARRAY_SIZE(jwe_members));
	tcase_add_loop_test(tests, answer_edited_without_pin, 0, (int)ARRAY_SIZE(jwe_members));
	tcase_add_loop_test(tests, odd_answers_told_apart, 0, (int)ARRAY_SIZE(odd_answers));
	tcase_add_loop_test(tests, no_usable_cookie, 0, (int)ARRAY_SIZE(bad_cookies));
	tcase_add_test(tests, names_that_cannot_exist);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
