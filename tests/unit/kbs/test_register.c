/* SPDX-License-Identifier: Apache-2.0 */
/* A guest registers its disk, engine against engine, and whoever stands between tries what can be tried without the guest's key. */
#include <check.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "jose/jwe.h"
#include "talk.h"

#define NAME "default/disk/data"
#define POST_PATH "/kbs/v0/resource/" NAME
#define TICKET_PATH "/kbs/v0/enrol-ticket/" NAME
#define DISK "{\"sevattest-disk\":1,\"key\":\"a2V5\",\"headers\":[]}"

static struct talk talk;

static void setup_pin(enum talk_pin pin)
{
	talk_init(&talk, JWK_P256, 0, true, pin);
	fake_broker_enrols(&talk.broker, bytes_of(NULL, 0));
	talk.broker.grants[1] = (struct fake_grant){"default/disk/*", "web", KBS_ENROL_ACCEPT};
}

static void setup(void)
{
	setup_pin(TALK_PIN);
}

static void teardown(void)
{
	talk_deinit(&talk);
}

static struct kbs_registration registration(uint64_t replaces)
{
	struct kbs_registration made = {.volume = {"data", "9f0e8d7c-0000-4000-8000-000000000001", "/dev/vdb"}, .created = 1, .replaces = replaces};

	ck_assert_int_eq(secret_copy_in(&made.disk, DISK, strlen(DISK)), 0);
	return made;
}

static enum kbs_client_want run(uint64_t replaces)
{
	struct kbs_registration made = registration(replaces);

	ck_assert_int_eq(kbs_client_register(talk.client, NAME, &made), 0);
	ck_assert_ptr_null(made.disk.data);
	return talk_on(&talk);
}

static struct kbs_registered expect_registered(void)
{
	struct kbs_registered registered;
	uint8_t fingerprint[SHA256_SIZE];

	ck_assert_msg(kbs_client_want(talk.client) == KBS_CLIENT_DONE, "%s", kbs_client_error(talk.client));
	ck_assert_int_eq(kbs_client_registered(talk.client, &registered, fingerprint), 0);
	ck_assert_mem_eq(fingerprint, talk.broker.enrolled_fingerprint, sizeof(fingerprint));
	ck_assert_str_eq(talk.broker.enrolled_disk, DISK);
	return registered;
}

START_TEST(accepted)
{
	struct kbs_registered registered;

	run(0);
	registered = expect_registered();
	ck_assert(registered.accepted);
	ck_assert_uint_eq(registered.version, 1);
	ck_assert_uint_eq(talk.requests, 4); /* auth, attest, ticket, enrolment */
	ck_assert_str_eq(talk.broker.enrolled_policy, "web");
	/* The same session again, for what is there now. */
	run(1);
	ck_assert_uint_eq(expect_registered().version, 2);
	ck_assert_uint_eq(talk.requests, 6);
	run(KBS_CLIENT_ANY_VERSION);
	ck_assert_uint_eq(expect_registered().version, 3);
}
END_TEST

START_TEST(waits)
{
	struct kbs_registered registered;

	talk.broker.grants[1].enrol = KBS_ENROL_PENDING;
	run(0);
	registered = expect_registered();
	ck_assert(!registered.accepted);
	ck_assert_uint_eq(registered.id, 77);
	ck_assert_int_eq(talk.broker.enrol_level, KBS_ENROL_PENDING);
}
END_TEST

/* Two grants: what counts is the most that a policy which passed may do, and only such a policy. */
START_TEST(the_grant_of_the_policy_that_passed)
{
	talk.broker.policies[1] = (struct fake_policy){"other", 1, true};
	talk.broker.grants[1] = (struct fake_grant){NAME, "other", KBS_ENROL_ACCEPT};
	talk.broker.grants[2] = (struct fake_grant){"default/disk/*", "web", KBS_ENROL_NONE};
	run(0);
	talk_expect_failure(&talk, KBS_CLIENT_REFUSED, "PolicyDeny");
	ck_assert_int_eq(talk.broker.last_kind, KBS_AUDIT_DENIED);
	talk.broker.grants[2].enrol = KBS_ENROL_PENDING;
	run(0);
	ck_assert(!expect_registered().accepted);
	ck_assert_str_eq(talk.broker.enrolled_policy, "web");
}
END_TEST

START_TEST(not_granted)
{
	talk.broker.grants[1].enrol = KBS_ENROL_NONE;
	run(0);
	talk_expect_failure(&talk, KBS_CLIENT_REFUSED, "PolicyDeny");
	talk.broker.grants[1].pattern = "default/other/*";
	run(0);
	talk_expect_failure(&talk, KBS_CLIENT_REFUSED, "PolicyDeny");
	ck_assert_uint_eq(talk.broker.audited, 2);
	ck_assert_uint_eq(talk.broker.enrolled, 0);
}
END_TEST

START_TEST(not_the_expected_version)
{
	talk.broker.state = (struct kbs_enrol_state){4, 9};
	run(3);
	talk_expect_failure(&talk, KBS_CLIENT_CONFLICT, "");
	ck_assert_uint_eq(talk.broker.enrolled, 0);
	run(4);
	ck_assert_uint_eq(expect_registered().version, 5);
}
END_TEST

START_TEST(refused_by_the_store)
{
	static const struct {
		int result;
		enum kbs_client_outcome outcome;
		const char *type;
	} rows[] = {
		{KBS_OP_CONFLICT, KBS_CLIENT_CONFLICT, "EnrolmentConflict"},
		{KBS_OP_INVALID, KBS_CLIENT_REFUSED, "EnrolmentInvalid"},
		{KBS_OP_FULL, KBS_CLIENT_TEMPORARY, "EnrolmentsFull"},
		{-EAGAIN, KBS_CLIENT_TEMPORARY, "Unavailable"},
		{-EIO, KBS_CLIENT_TEMPORARY, "InternalError"},
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		talk.broker.enrol_result = rows[i].result;
		run(0);
		talk_expect_failure(&talk, rows[i].outcome, rows[i].type);
	}
	ck_assert_uint_eq(talk.broker.audited, 3); /* each refusal, and not the trouble */
	talk.broker.enrol_state_result = KBS_OP_INVALID; /* what is there is no disk */
	run(0);
	talk_expect_failure(&talk, KBS_CLIENT_REFUSED, "PolicyDeny");
	talk.broker.enrol_state_result = -EAGAIN;
	run(0);
	talk_expect_failure(&talk, KBS_CLIENT_TEMPORARY, "Unavailable");
}
END_TEST

START_TEST(a_client_that_does_not_begin)
{
	struct kbs_registration made = registration(0);
	struct kbs_registered registered;
	uint8_t fingerprint[SHA256_SIZE];

	ck_assert_int_eq(kbs_client_register(talk.client, "a/b", &made), -EINVAL);
	strcpy(made.volume.name, "-");
	ck_assert_int_eq(kbs_client_register(talk.client, NAME, &made), -EINVAL);
	strcpy(made.volume.name, "data");
	secret_truncate(&made.disk, 0);
	ck_assert_int_eq(kbs_client_register(talk.client, NAME, &made), -EINVAL);
	secret_deinit(&made.disk);
	ck_assert_int_eq(kbs_client_registered(talk.client, &registered, fingerprint), -ENODATA);
	ck_assert_int_eq(kbs_client_want(talk.client), KBS_CLIENT_IDLE);
	run(0);
	talk_run(&talk, "default/key/one");
	ck_assert_int_eq(kbs_client_registered(talk.client, &registered, fingerprint), -ENODATA);
	talk_expect_secret(&talk, "the secret of default/key/one");
}
END_TEST

/* Without a pin the network could name the key that the disk's key is sealed to. */
START_TEST(only_with_a_pin)
{
	struct kbs_registration made = registration(0);

	teardown();
	setup_pin(TALK_NO_PIN);
	ck_assert_int_eq(kbs_client_register(talk.client, NAME, &made), -ENOKEY);
	ck_assert_ptr_nonnull(made.disk.data);
	secret_deinit(&made.disk);
}
END_TEST

START_TEST(ticket_of_another_signer)
{
	teardown();
	setup_pin(TALK_OTHER_PIN);
	run(0);
	talk_expect_failure(&talk, KBS_CLIENT_BAD_SIGNATURE, "");
}
END_TEST

/* The man in the middle has an enrolment key of his own, and gives a ticket that names it. */
static struct jwk *thief;

static void name_another_key(struct talk *at, unsigned number, struct kbs_response *response)
{
	static const uint8_t ticket[KBS_TICKET_SIZE];
	CLEANUP(buf_deinit) struct buf text = BUF_NULL;
	struct kbs_response_message message = {.jwe = NULL};
	CLEANUP(buf_deinit) struct buf signature = BUF_NULL;
	JSON_AUTO jwe = NULL;

	if (number != 3)
		return;
	/* With the broker's own signature over the answer that it gave. */
	ck_assert_int_eq(kbs_response_read(buf_view(&response->body), &message, NULL), 0);
	ck_assert_int_eq(buf_append(&signature, message.signature.data, message.signature.size), 0);
	ck_assert_int_eq(buf_append(&signature, "", 1), 0);
	json_putp(&message.jwe);
	ck_assert_int_eq(kbs_ticket_write(&text, NAME, 0, ticket, thief), 0);
	ck_assert_int_eq(jwe_encrypt(&jwe, at->guest_key, buf_view(&text)), 0);
	buf_deinit(&response->body);
	ck_assert_int_eq(kbs_response_write(&response->body, jwe, (const char *)signature.data), 0);
}

START_TEST(ticket_with_the_key_of_somebody_else)
{
	ck_assert_int_eq(jwk_generate(JWK_P256, 0, &thief), 0);
	talk.on_response = name_another_key;
	run(0);
	talk_expect_failure(&talk, KBS_CLIENT_BAD_SIGNATURE, "");
	ck_assert_uint_eq(talk.requests, 3); /* the disk's key did not leave */
	thief = jwk_free(thief);
}
END_TEST

/* What stands between keeps the cookie, and a copy of the enrolment. */
static struct buf cookie, body;

static void keep(struct talk *at, unsigned number, struct kbs_request *request)
{
	(void)at;
	(void)number;
	if (request->method != KBS_POST || request->path.size != strlen(POST_PATH))
		return;
	buf_deinit(&cookie);
	buf_deinit(&body);
	ck_assert_int_eq(buf_append(&cookie, request->cookie.data, request->cookie.size), 0);
	ck_assert_int_eq(buf_append(&body, request->body.data, request->body.size), 0);
}

static void forget(void)
{
	buf_deinit(&cookie);
	buf_deinit(&body);
}

static struct kbs_response post(struct bytes with, struct bytes enrolment)
{
	return talk_call(&talk, KBS_POST, POST_PATH, with, NULL, enrolment);
}

/* The attack that the ticket is for: the cookie and the public key are all that the network has. */
START_TEST(made_by_who_has_the_cookie)
{
	CLEANUP(kbs_enrolment_deinit) struct kbs_enrolment forged = KBS_ENROLMENT_NULL;
	CLEANUP(buf_deinit) struct buf text = BUF_NULL;

	talk.on_request = keep;
	run(0);
	expect_registered();
	forged = (struct kbs_enrolment){.resource = NAME, .created = 1, .volume = {"data", "0", "/dev/vdb"}};
	ck_assert_int_eq(secret_copy_in(&forged.disk, DISK, strlen(DISK)), 0);
	ck_assert_int_eq(kbs_enrolment_seal(talk.broker.enrol_key, &forged, &text), 0);
	talk_expect(post(buf_view(&cookie), buf_view(&text)), 400, "EnrolmentInvalid");
	forged.has_ticket = true;
	forged.replaces = 1;
	text.size = 0;
	ck_assert_int_eq(kbs_enrolment_seal(talk.broker.enrol_key, &forged, &text), 0);
	talk_expect(post(buf_view(&cookie), buf_view(&text)), 409, "EnrolmentConflict");
	ck_assert_uint_eq(talk.broker.enrolled, 1);
	ck_assert_uint_eq(talk.broker.audited, 2);
	forget();
}
END_TEST

START_TEST(replayed)
{
	talk.on_request = keep;
	run(0);
	expect_registered();
	talk_expect(post(buf_view(&cookie), buf_view(&body)), 409, "EnrolmentConflict");
	/* Deleted by the operator: the state is another one, even where the version says the same as before. */
	talk.broker.state = (struct kbs_enrol_state){0, talk.broker.state.state + 1};
	talk_expect(post(buf_view(&cookie), buf_view(&body)), 409, "EnrolmentConflict");
	/* The ticket holds for its own state alone: in that it would be taken. */
	talk.broker.state = (struct kbs_enrol_state){0, 0};
	talk_expect(post(buf_view(&cookie), buf_view(&body)), 200, "");
	ck_assert_uint_eq(talk.broker.enrolled, 2);
	forget();
}
END_TEST

START_TEST(with_the_cookie_of_another_session)
{
	CLEANUP(buf_deinit) struct buf first = BUF_NULL;

	talk.broker.enrol_result = KBS_OP_FULL; /* so that the state stays */
	talk.on_request = keep;
	run(0);
	ck_assert_int_eq(buf_append(&first, body.data, body.size), 0);
	talk.now += KBS_SESSION_SECONDS;
	talk.broker.enrol_result = KBS_OP_FULL;
	run(0);
	ck_assert_uint_eq(kbs_client_handshakes(talk.client), 2);
	talk_expect(post(buf_view(&cookie), buf_view(&first)), 409, "EnrolmentConflict");
	talk_expect(post(buf_view(&cookie), buf_view(&body)), 200, "");
	forget();
}
END_TEST

/* A genuine one of this very session, for another resource. */
START_TEST(at_another_resource)
{
	talk.broker.enrol_result = KBS_OP_FULL;
	talk.on_request = keep;
	run(0);
	talk_expect(talk_call(&talk, KBS_POST, "/kbs/v0/resource/default/disk/other", buf_view(&cookie), NULL, buf_view(&body)), 400,
		"EnrolmentInvalid");
	forget();
}
END_TEST

START_TEST(what_is_no_session)
{
	talk.on_request = keep;
	run(0);
	talk_expect(post(bytes_of(NULL, 0), buf_view(&body)), 401, "TokenNotFound");
	talk_expect(talk_call(&talk, KBS_GET, TICKET_PATH, bytes_of(NULL, 0), NULL, bytes_of(NULL, 0)), 401, "TokenNotFound");
	talk_expect(talk_call(&talk, KBS_POST, POST_PATH, bytes_of(NULL, 0), "Bearer x.y.z", buf_view(&body)), 401, "TokenVerifierError");
	talk.now += KBS_SESSION_SECONDS;
	talk_expect(post(buf_view(&cookie), buf_view(&body)), 401, "TokenNotFound");
	talk_expect(talk_call(&talk, KBS_POST, "/kbs/v0/resource/default/disk", buf_view(&cookie), NULL, buf_view(&body)), 404, "InvalidRequestPath");
	forget();
}
END_TEST

START_TEST(bodies)
{
	CLEANUP(buf_deinit) struct buf large = BUF_NULL;

	talk.on_request = keep;
	run(0);
	talk_expect(post(buf_view(&cookie), bytes_of(NULL, 0)), 400, "EnrolmentInvalid");
	talk_expect(post(buf_view(&cookie), bytes_of_text("{}")), 400, "EnrolmentInvalid");
	while (large.size <= KBS_ENROLMENT_TEXT_MAX)
		ck_assert_int_eq(buf_append_text(&large, "                "), 0);
	talk_expect(post(buf_view(&cookie), buf_view(&large)), 413, "EnrolmentInvalid");
	forget();
}
END_TEST

/* A policy that changes between ticket and enrolment: a new handshake, a new ticket, and the same disk. */
static void change_policy(struct talk *at, unsigned number, struct kbs_response *response)
{
	(void)response;
	if (number == 3)
		at->broker.policies[0].version++;
}

START_TEST(policy_changes_in_between)
{
	talk.on_response = change_policy;
	run(0);
	ck_assert_uint_eq(expect_registered().version, 1);
	ck_assert_uint_eq(kbs_client_handshakes(talk.client), 2);
}
END_TEST

/* Ticket under the key before a rotation. */
static void rotate(struct talk *at, unsigned number, struct kbs_response *response)
{
	static uint8_t before[32];

	(void)response;
	if (number != 3)
		return;
	memcpy(before, at->broker.kek, sizeof(before));
	at->broker.kek[0] ^= 1;
	fake_broker_enrols(&at->broker, bytes_of(before, sizeof(before)));
}

START_TEST(key_encryption_key_rotates_in_between)
{
	talk.on_response = rotate;
	run(0);
	ck_assert_uint_eq(expect_registered().version, 1);
	ck_assert_uint_eq(kbs_client_handshakes(talk.client), 1);
}
END_TEST

static void answer_with(const char *text, struct kbs_response *response)
{
	buf_deinit(&response->body);
	ck_assert_int_eq(buf_append_text(&response->body, text), 0);
}

static const char *const wrong_answers[] = {"", "[]", "{}", "{\"sevattest-enrol\":\"yes\"}", "{\"sevattest-enrol\":\"accepted\"}",
	"{\"sevattest-enrol\":\"accepted\",\"id\":1}", "{\"sevattest-enrol\":\"pending\",\"version\":1}", "{\"sevattest-enrol\":\"pending\",\"id\":-1}"};
static size_t wrong;

static void answer_wrong(struct talk *at, unsigned number, struct kbs_response *response)
{
	(void)at;
	if (number == 4)
		answer_with(wrong_answers[wrong], response);
}

START_TEST(wrong_answer)
{
	wrong = (size_t)_i;
	talk.on_response = answer_wrong;
	run(0);
	talk_expect_failure(&talk, KBS_CLIENT_PROTOCOL, "");
}
END_TEST

START_TEST(tickets_read)
{
	static const char *const texts[] = {"", "[]", "{}", "{\"sevattest-ticket\":2}", "{\"sevattest-ticket\":1,\"resource\":\"a/b/c\"}",
		"{\"sevattest-ticket\":1,\"resource\":\"" NAME "\",\"replaces\":0,\"ticket\":\"AA\"}",
		"{\"sevattest-ticket\":1,\"resource\":\"" NAME "\",\"replaces\":0,\"ticket\":\"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA\"}",
		"{\"sevattest-ticket\":1,\"resource\":\"" NAME "\",\"replaces\":0,\"ticket\":\"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA\",\"key\":{}}"};
	static const uint8_t ticket[KBS_TICKET_SIZE] = {1, 2, 3};
	CLEANUP(kbs_ticket_deinit) struct kbs_ticket read = KBS_TICKET_NULL;
	CLEANUP(buf_deinit) struct buf text = BUF_NULL;
	JWK_AUTO rsa = NULL;

	for (size_t i = 0; i < ARRAY_SIZE(texts); i++)
		ck_assert_msg(kbs_ticket_read(bytes_of_text(texts[i]), NAME, &read, NULL) == TICKET_E_MALFORMED, "%s", texts[i]);
	ck_assert_int_eq(jwk_generate(JWK_RSA, 2048, &rsa), 0);
	ck_assert_int_eq(kbs_ticket_write(&text, NAME, 3, ticket, rsa), 0);
	ck_assert_int_eq(kbs_ticket_read(buf_view(&text), NAME, &read, NULL), TICKET_E_MALFORMED);
	text.size = 0;
	ck_assert_int_eq(kbs_ticket_write(&text, NAME, 3, ticket, talk.broker.enrol_key), 0);
	ck_assert_int_eq(kbs_ticket_read(buf_view(&text), "a/b/c", &read, NULL), TICKET_E_MALFORMED);
	ck_assert_int_eq(kbs_ticket_read(buf_view(&text), NAME, &read, NULL), 0);
	ck_assert_uint_eq(read.replaces, 3);
	ck_assert_mem_eq(read.ticket, ticket, sizeof(ticket));
}
END_TEST

/* Each part of what a ticket is made of makes another one. */
START_TEST(tickets_made)
{
	static const uint8_t kek[32], other_kek[32] = {1};
	struct kbs_session session = {.nonce = "a", .guest_key = "b"};
	uint8_t tickets[7][KBS_TICKET_SIZE];

	ck_assert_int_eq(kbs_ticket_make(tickets[0], bytes_of(kek, 32), &session, NAME, 1), 0);
	ck_assert_int_eq(kbs_ticket_make(tickets[1], bytes_of(other_kek, 32), &session, NAME, 1), 0);
	ck_assert_int_eq(kbs_ticket_make(tickets[2], bytes_of(kek, 32), &session, NAME "x", 1), 0);
	ck_assert_int_eq(kbs_ticket_make(tickets[3], bytes_of(kek, 32), &session, NAME, 2), 0);
	strcpy(session.nonce, "c");
	ck_assert_int_eq(kbs_ticket_make(tickets[4], bytes_of(kek, 32), &session, NAME, 1), 0);
	strcpy(session.nonce, "a");
	strcpy(session.guest_key, "c");
	ck_assert_int_eq(kbs_ticket_make(tickets[5], bytes_of(kek, 32), &session, NAME, 1), 0);
	strcpy(session.nonce, "ab");
	session.guest_key[0] = 0;
	ck_assert_int_eq(kbs_ticket_make(tickets[6], bytes_of(kek, 32), &session, NAME, 1), 0);
	for (size_t i = 0; i < ARRAY_SIZE(tickets); i++) {
		for (size_t j = 0; j < i; j++)
			ck_assert_mem_ne(tickets[i], tickets[j], KBS_TICKET_SIZE);
	}
}
END_TEST

/* The public key for people, and a broker without one, which is as it always was. */
START_TEST(enrolment_key)
{
	struct kbs_response response = talk_call(&talk, KBS_GET, KBS_ENROL_KEY_PATH, bytes_of(NULL, 0), NULL, bytes_of(NULL, 0));
	JWK_AUTO key = NULL;
	JSON_AUTO json = NULL;
	char one[JWK_THUMBPRINT_SIZE], two[JWK_THUMBPRINT_SIZE];
	struct fake_broker plain;

	ck_assert_int_eq(json_read(buf_view(&response.body), &json, NULL), 0);
	ck_assert_int_eq(jwk_import_recipient(&key, json, NULL), 0);
	ck_assert_int_eq(jwk_thumbprint(key, one), 0);
	ck_assert_int_eq(jwk_thumbprint(talk.broker.enrol_key, two), 0);
	ck_assert_str_eq(one, two);
	talk_expect(response, 200, "");
	fake_broker_init(&plain, true);
	talk.broker.server = kbs_server_free(talk.broker.server);
	talk.broker.server = plain.server;
	talk_expect(talk_call(&talk, KBS_GET, KBS_ENROL_KEY_PATH, bytes_of(NULL, 0), NULL, bytes_of(NULL, 0)), 404, "PluginNotFound");
	talk_expect(post(bytes_of(NULL, 0), bytes_of(NULL, 0)), 404, "PluginNotFound");
	talk_expect(talk_call(&talk, KBS_GET, TICKET_PATH, bytes_of(NULL, 0), NULL, bytes_of(NULL, 0)), 404, "PluginNotFound");
	plain.server = NULL;
	fake_broker_deinit(&plain);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("register");
	TCase *cases = tcase_create("register");
	SRunner *runner;
	int failed;

	tcase_add_checked_fixture(cases, setup, teardown);
	tcase_set_timeout(cases, 60); /* an RSA key */
	tcase_add_test(cases, accepted);
	tcase_add_test(cases, waits);
	tcase_add_test(cases, the_grant_of_the_policy_that_passed);
	tcase_add_test(cases, not_granted);
	tcase_add_test(cases, not_the_expected_version);
	tcase_add_test(cases, refused_by_the_store);
	tcase_add_test(cases, a_client_that_does_not_begin);
	tcase_add_test(cases, only_with_a_pin);
	tcase_add_test(cases, ticket_of_another_signer);
	tcase_add_test(cases, ticket_with_the_key_of_somebody_else);
	tcase_add_test(cases, made_by_who_has_the_cookie);
	tcase_add_test(cases, replayed);
	tcase_add_test(cases, with_the_cookie_of_another_session);
	tcase_add_test(cases, at_another_resource);
	tcase_add_test(cases, what_is_no_session);
	tcase_add_test(cases, bodies);
	tcase_add_test(cases, policy_changes_in_between);
	tcase_add_test(cases, key_encryption_key_rotates_in_between);
	tcase_add_test(cases, tickets_read);
	tcase_add_test(cases, tickets_made);
	tcase_add_test(cases, enrolment_key);
	tcase_add_loop_test(cases, wrong_answer, 0, ARRAY_SIZE(wrong_answers));
	suite_add_tcase(suite, cases);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
