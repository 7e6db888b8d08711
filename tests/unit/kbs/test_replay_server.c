/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The server role against what clients sent to a Trustee: every recorded request is given to our server, with our cookie and token where
 * the recorded one had Trustee's, at the recorded time after auth. Status and error type must be Trustee's, or stand in differences.tsv
 * with the reason. A row that is no difference, or for no exchange, fails. KBS_REPLAY_PRINT=1 prints the differences as they are.
 *
 * The recordings speak of the TEE `sample`, which we refuse: each such Request is sent as it is and must be refused, then as `snp`.
 */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "jose/jwe.h"
#include "jose/jwk.h"
#include "talk.h"
#include "transcript.h"

#define CONVERSATIONS 47
#define EXCHANGES 246
#define DIFFERENCES 122
#define SAMPLES 56 /* Requests for the TEE `sample` among them */
#define SESSIONS_MAX 32

/* Trustee's cookie and token, and ours. */
struct pair {
	struct bytes recorded;
	char *ours;
};

struct replay {
	struct talk talk;
	struct transcript transcript;
	struct pair cookies[SESSIONS_MAX];
	struct pair tokens[SESSIONS_MAX];
	size_t cookie_count;
	size_t token_count;
	unsigned samples;
};

static char *text_of(struct bytes text)
{
	char *copy = strndup((const char *)(text.data ? text.data : (const uint8_t *)""), text.size);

	ck_assert_ptr_nonnull(copy);
	return copy;
}

static void put_pair(struct pair *pairs, size_t *count, struct bytes recorded, char *ours)
{
	for (size_t i = 0; i < *count; i++) {
		if (bytes_equal(pairs[i].recorded, recorded)) {
			free(pairs[i].ours);
			pairs[i].ours = ours;
			return;
		}
	}
	ck_assert_uint_lt(*count, SESSIONS_MAX);
	pairs[(*count)++] = (struct pair){recorded, ours};
}

static const char *find_pair(const struct pair *pairs, size_t count, struct bytes recorded)
{
	for (size_t i = 0; i < count; i++) {
		if (bytes_equal(pairs[i].recorded, recorded))
			return pairs[i].ours;
	}
	return NULL;
}

/* "kbs-session-id=VALUE" of a recorded Set-Cookie. */
static struct bytes recorded_cookie(const struct http_text *response)
{
	struct bytes line = header_value(response, "set-cookie");
	const uint8_t *end = line.size ? memchr(line.data, ';', line.size) : NULL;

	return end ? bytes_of(line.data, (size_t)(end - line.data)) : line;
}

/* Our session with the recorded nonce: Trustee's is not ours to choose, so it is sealed here as /auth would have. */
static void seal_session(struct replay *replay, const struct exchange *exchange, int64_t seconds)
{
	struct kbs_session session = {.kind = KBS_SESSION_AUTH, .tee = KBS_TEE_SNP, .expiry = TALK_NOW + seconds};
	CLEANUP(buf_deinit) struct buf text = BUF_NULL;
	struct kbs_challenge challenge;

	ck_assert_int_eq(kbs_challenge_read(exchange->response.body, &challenge, NULL), 0);
	memcpy(session.nonce, challenge.nonce, sizeof(session.nonce));
	ck_assert_int_eq(buf_append_text(&text, KBS_COOKIE_NAME "="), 0);
	ck_assert_int_eq(kbs_session_seal(&text, bytes_of(replay->talk.broker.kek, 32), &session, TALK_NOW), 0);
	put_pair(replay->cookies, &replay->cookie_count, recorded_cookie(&exchange->response), buf_steal_text(&text));
}

static void keep_attested(struct replay *replay, const struct exchange *exchange, const struct kbs_response *response)
{
	CLEANUP(buf_deinit) struct buf cookie = BUF_NULL;
	CLEANUP(buf_deinit) struct buf token = BUF_NULL;
	JSON_AUTO json = NULL;
	size_t size = 0;
	const char *start;
	const char *text;

	talk_cookie(response, &cookie);
	put_pair(replay->cookies, &replay->cookie_count, recorded_cookie(&exchange->response), text_of(buf_view(&cookie)));
	ck_assert_int_eq(kbs_token_answer_read(buf_view(&response->body), &token, NULL), 0);
	ck_assert_int_eq(json_read(exchange->response.body, &json, NULL), 0);
	text = json_get_text(json, "token", &size);
	ck_assert_ptr_nonnull(text);
	/* The token has no escapes: the recorded bytes hold it as it is. */
	start = memmem(exchange->response.body.data, exchange->response.body.size, text, size);
	ck_assert_ptr_nonnull(start);
	put_pair(replay->tokens, &replay->token_count, bytes_of(start, size), text_of(buf_view(&token)));
}

/* httpd decodes the path once; an encoded slash it refuses, here it stays and is no name. */
static void decode_path(char *path)
{
	char *to = path;

	for (const char *from = path; *from; from++) {
		uint8_t byte;
		char digits[3] = {0};

		if (from[0] == '%' && from[1] && from[2]) {
			memcpy(digits, from + 1, 2);
			if (hex_decode(&byte, 1, digits) == 0 && byte != '/') {
				*to++ = (char)byte;
				from += 2;
				continue;
			}
		}
		*to++ = *from;
	}
	*to = 0;
}

static enum kbs_method method_of(const char *text)
{
	return strcmp(text, "GET") == 0 ? KBS_GET : strcmp(text, "POST") == 0 ? KBS_POST : KBS_OTHER;
}

/* The recorded request with our cookie and token in the place of Trustee's. */
static struct kbs_response send(struct replay *replay, const struct http_text *request, struct bytes body)
{
	struct bytes cookie = header_value(request, "cookie");
	struct bytes authorization = header_value(request, "authorization");
	const char *our_cookie = find_pair(replay->cookies, replay->cookie_count, cookie);
	const char *our_token = find_pair(replay->tokens, replay->token_count, kbs_bearer_find(authorization));
	char *bearer = NULL;
	char *path = strdup(request->path);
	struct kbs_response response;

	ck_assert_ptr_nonnull(path);
	decode_path(path);
	if (our_token)
		ck_assert_int_gt(asprintf(&bearer, "Bearer %s", our_token), 0);
	else
		bearer = text_of(authorization);
	response = talk_call(&replay->talk, method_of(request->method), path, our_cookie ? bytes_of_text(our_cookie) : cookie, bearer, body);
	free(bearer);
	free(path);
	return response;
}

static struct kbs_response send_auth(struct replay *replay, const struct http_text *request)
{
	static const char sample[] = "\"sample\"";
	CLEANUP(buf_deinit) struct buf body = BUF_NULL;
	const char *at = request->body.size ? memmem(request->body.data, request->body.size, sample, sizeof(sample) - 1) : NULL;
	size_t before;

	if (!at)
		return send(replay, request, request->body);
	talk_expect(send(replay, request, request->body), 400, "AttestationError");
	replay->samples++;
	before = (size_t)(at - (const char *)request->body.data);
	ck_assert_int_eq(buf_append(&body, request->body.data, before), 0);
	ck_assert_int_eq(buf_append_text(&body, "\"snp\""), 0);
	ck_assert_int_eq(buf_append(&body, at + sizeof(sample) - 1, request->body.size - before - (sizeof(sample) - 1)), 0);
	return send(replay, request, buf_view(&body));
}

/* What the operator had set up for a recording. */
static void set_up(struct replay *replay, const char *file, size_t index)
{
	struct fake_broker *broker = &replay->talk.broker;
	bool denied = strcmp(file, "default-policy-sample.json") == 0 || strcmp(file, "token-x5c.json") == 0 ||
		(strcmp(file, "denied-by-policy.json") == 0 && index < 4);

	broker->grants[0] = denied ? (struct fake_grant){"nothing/at/all", "web", KBS_ENROL_NONE} : (struct fake_grant){"default/key/*", "web", KBS_ENROL_NONE};
	broker->grants[1] = (struct fake_grant){"default/test/*", "web", KBS_ENROL_NONE};
	broker->resources[1] = (struct fake_resource){"default/test/kc", "kc", 1};
}

/* A resource that was given out opens with the recorded key. */
static void check_opens(struct replay *replay, const struct kbs_response *response)
{
	struct json_object *private = json_get_object(replay->transcript.json, "tee_private_key");
	struct kbs_response_message message = {.jwe = NULL};
	CLEANUP(secret_deinit) struct secret secret = SECRET_NULL;
	JWK_AUTO key = NULL;

	if (!private)
		return;
	ck_assert_int_eq(jwk_import(private, JWK_PRIVATE, &key, NULL), 0);
	ck_assert_int_eq(kbs_response_read(buf_view(&response->body), &message, NULL), 0);
	ck_assert_int_eq(jwe_decrypt(&secret, key, message.jwe, NULL), 0);
	ck_assert(bytes_equal(secret_view(&secret), bytes_of_text("the secret of default/key/one")));
	json_putp(&message.jwe);
}

static void answer_text(char *to, size_t size, unsigned status, struct bytes body)
{
	struct kbs_error_information information = {{0}, {0}};

	/* Some of Trustee's error bodies are plain text: no type then. */
	if (status < 400 || kbs_error_read(body, &information, NULL) != 0)
		information.type[0] = 0;
	(void)snprintf(to, size, "%u%s%s", status, information.type[0] ? " " : "", information.type);
}

static void replay_one(struct replay *replay, const char *file, size_t index, char *ours, char *theirs, size_t size)
{
	const struct exchange *exchange = &replay->transcript.exchanges[index];
	const char *path = exchange->request.path;
	bool is_auth = strcmp(path, "/kbs/v0/auth") == 0 && strcmp(exchange->request.method, "POST") == 0;
	struct kbs_response response;

	set_up(replay, file, index);
	replay->talk.now = TALK_NOW;
	if (exchange->note && exchange->note[0] == '+')
		replay->talk.now += strtol(exchange->note, NULL, 10);
	response = is_auth ? send_auth(replay, &exchange->request) : send(replay, &exchange->request, exchange->request.body);
	answer_text(ours, size, response.status, buf_view(&response.body));
	answer_text(theirs, size, exchange->response.status, exchange->response.body);
	if (is_auth && exchange->response.status == 200)
		seal_session(replay, exchange, strcmp(file, "expiry.json") == 0 ? 60 : KBS_SESSION_SECONDS);
	if (strcmp(path, "/kbs/v0/attest") == 0 && response.status == 200 && exchange->response.status == 200)
		keep_attested(replay, exchange, &response);
	if (strcmp(path, "/kbs/v0/resource/default/key/one") == 0 && response.status == 200)
		check_opens(replay, &response);
	kbs_response_deinit(&response);
}

static void replay_file(struct table *table, const char *file, size_t *exchanges, size_t *differences, unsigned *samples, bool print)
{
	static struct replay replay;
	char ours[128];
	char theirs[128];

	memset(&replay, 0, sizeof(replay));
	talk_init(&replay.talk, JWK_P256, 0, false, TALK_NO_PIN);
	transcript_load(&replay.transcript, file);
	for (size_t i = 0; i < replay.transcript.count; i++) {
		char **row;

		replay_one(&replay, file, i, ours, theirs, sizeof(ours));
		(*exchanges)++;
		if (strcmp(ours, theirs) == 0)
			continue;
		(*differences)++;
		row = table_row(table, file, i);
		if (print)
			(void)printf("%s\t%zu\t%s\t%s\t%s\t%s %s\n", file, i, theirs, ours,
				replay.transcript.exchanges[i].note ? replay.transcript.exchanges[i].note : "",
				replay.transcript.exchanges[i].request.method, replay.transcript.exchanges[i].request.path);
		else
			ck_assert_msg(row && strcmp(row[2], theirs) == 0 && strcmp(row[3], ours) == 0 && row[4], "%s %zu: %s, Trustee %s", file, i,
				ours, theirs);
	}
	*samples += replay.samples;
	for (size_t i = 0; i < replay.cookie_count; i++)
		free(replay.cookies[i].ours);
	for (size_t i = 0; i < replay.token_count; i++)
		free(replay.tokens[i].ours);
	transcript_deinit(&replay.transcript);
	talk_deinit(&replay.talk);
}

START_TEST(requests)
{
	static char names[CONVERSATIONS_MAX][64];
	static struct table table;
	size_t count = conversation_names(names);
	size_t exchanges = 0;
	size_t differences = 0;
	unsigned samples = 0;
	bool print = getenv("KBS_REPLAY_PRINT") != NULL;

	table_load(&table, "differences.tsv");
	for (size_t i = 0; i < count; i++)
		replay_file(&table, names[i], &exchanges, &differences, &samples, print);
	if (print) {
		(void)printf("# %zu %zu %zu %u\n", count, exchanges, differences, samples);
	} else {
		ck_assert_uint_eq(count, CONVERSATIONS);
		ck_assert_uint_eq(exchanges, EXCHANGES);
		ck_assert_uint_eq(differences, DIFFERENCES);
		ck_assert_uint_eq(samples, SAMPLES);
		ck_assert_uint_eq(table.count, DIFFERENCES);
		ck_assert_msg(!table_unused(&table), "row for %s is no difference", table_unused(&table));
	}
	table_deinit(&table);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("kbs-replay-server");
	TCase *tests = tcase_create("replay");
	SRunner *runner;
	int failed;

	vectors_need();
	suite_add_tcase(suite, tests);
	tcase_set_timeout(tests, 60);
	tcase_add_test(tests, requests);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
