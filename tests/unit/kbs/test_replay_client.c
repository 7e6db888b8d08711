/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The client role against what a Trustee said: every recorded answer is given to a client that stands where the recorded one stood, with
 * the recorded nonce and, where the file holds it, the recorded private key. replies.tsv states for each exchange what must come of it; a row
 * too many or one too few fails. KBS_REPLAY_PRINT=1 prints the table as it is.
 */
#include <check.h>
#include <openssl/pem.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "jose/jwk.h"
#include "kbs/client.h"
#include "transcript.h"

#define CONVERSATIONS 47
#define EXCHANGES 246

/* Answers that bring a client into a state: the last good ones before the exchange, else those of success-p256.json. */
struct prime {
	const struct exchange *auth;
	const struct exchange *attest;
};

static struct transcript primer;

/* The PEM of the recordings: PKCS#1 or PKCS#8. */
static int import_pem(const char *pem, struct jwk **ret)
{
	BIO *bio = BIO_new_mem_buf(pem, -1);
	EVP_PKEY *pkey = PEM_read_bio_PrivateKey(bio, NULL, NULL, NULL);
	PKCS8_PRIV_KEY_INFO *info = EVP_PKEY2PKCS8(pkey);
	unsigned char *der = NULL;
	int size = i2d_PKCS8_PRIV_KEY_INFO(info, &der);
	int r;

	ck_assert_int_gt(size, 0);
	r = jwk_private_read(bytes_of(der, (size_t)size), EVP_PKEY_is_a(pkey, "RSA") ? JWK_RSA_OAEP_256 : JWK_ECDH_ES_A256KW, ret);
	OPENSSL_free(der);
	PKCS8_PRIV_KEY_INFO_free(info);
	EVP_PKEY_free(pkey);
	BIO_free(bio);
	return r;
}

/* The file's key; a fresh one where there is none, or one of an algorithm that we refuse. */
static bool take_key(struct json_object *json, struct jwk **ret)
{
	struct json_object *private = json_get_object(json, "tee_private_key");
	const char *pem = json_get_text(json, "tee_private_key_pem", NULL);

	if (private && jwk_import(private, JWK_PRIVATE, ret, NULL) == 0)
		return true;
	if (pem && import_pem(pem, ret) == 0)
		return true;
	ck_assert_int_eq(jwk_generate(JWK_P256, 0, ret), 0);
	return false;
}

static void feed(struct kbs_client *client, const struct exchange *exchange)
{
	const struct kbs_http_response response = {
		.status = exchange->response.status,
		.set_cookie = header_value(&exchange->response, "set-cookie"),
		.body = exchange->response.body,
	};

	ck_assert_int_eq(kbs_client_response(client, &response, 0), 0);
}

/* The request that our client would send now must be the recorded one: method, path, cookie. */
static void check_request(struct kbs_client *client, const struct exchange *exchange)
{
	struct kbs_http_request request;

	ck_assert_int_eq(kbs_client_request(client, &request), 0);
	ck_assert_str_eq(request.method, exchange->request.method);
	ck_assert_str_eq(request.path, exchange->request.path);
}

static void give_evidence(struct kbs_client *client)
{
	ck_assert_int_eq(kbs_client_evidence(client, bytes_of_text("{\"svn\":\"1\"}"), bytes_of(NULL, 0)), 0);
}

/* With the recorded key and nonce we hash what the recorded client hashed. */
static void check_report_data(struct kbs_client *client, struct json_object *json)
{
	const char *expected = json_get_text(json, "sha384", NULL);
	char hex[2 * KBS_HASH_SIZE + 1];

	if (!expected)
		return;
	hex_encode(hex, kbs_client_report_data(client), KBS_HASH_SIZE);
	ck_assert_str_eq(hex, expected);
}

static const char *check_secret(struct kbs_client *client, struct json_object *json)
{
	CLEANUP(secret_deinit) struct secret secret = SECRET_NULL;
	const char *hex = json_get_text(json, "resource_hex", NULL);
	CLEANUP(buf_deinit) struct buf expected = BUF_NULL;

	if (kbs_client_take(client, &secret) != 0)
		return "token";
	if (!hex)
		return "secret";
	ck_assert_int_eq(hex_decode_any(&expected, SECRET_MAX, hex), 0);
	ck_assert(bytes_equal(secret_view(&secret), buf_view(&expected)));
	return "the recorded secret";
}

static const char *outcome_text(struct kbs_client *client, struct json_object *json)
{
	static const char *const texts[] = {"ok", "refused", "not found", "temporary", "protocol", "unsigned", "bad signature", "bad JWE"};

	switch (kbs_client_want(client)) {
	case KBS_CLIENT_EVIDENCE:
		return "evidence";
	case KBS_CLIENT_SEND:
		return "new handshake";
	case KBS_CLIENT_DONE:
		return check_secret(client, json);
	case KBS_CLIENT_FAILED:
		return texts[kbs_client_outcome(client)];
	case KBS_CLIENT_IDLE:
		break;
	}
	return "idle";
}

/* What our client never sends: other people's paths. */
static bool is_ours(const struct http_text *request, const char **ret_resource)
{
	static const char prefix[] = "/kbs/v0/resource/";

	*ret_resource = "default/key/one";
	if (strcmp(request->method, "POST") == 0)
		return strcmp(request->path, "/kbs/v0/auth") == 0 || strcmp(request->path, "/kbs/v0/attest") == 0;
	if (strcmp(request->method, "GET") != 0 || strncmp(request->path, prefix, sizeof(prefix) - 1) != 0)
		return false;
	*ret_resource = request->path + sizeof(prefix) - 1;
	return kbs_resource_valid(bytes_of_text(*ret_resource));
}

static const char *replay(struct transcript *transcript, size_t index, const struct prime *prime, const struct jwk *key, bool recorded_key)
{
	const struct exchange *exchange = &transcript->exchanges[index];
	const struct kbs_client_config config = {.tee = KBS_TEE_SNP, .guest_key = key};
	KBS_CLIENT_AUTO client = NULL;
	const char *resource;
	const char *text;

	if (!is_ours(&exchange->request, &resource))
		return "not sent by us";
	ck_assert_int_eq(kbs_client_new(&config, &client), 0);
	if (strcmp(exchange->request.path, "/kbs/v0/auth") == 0) {
		ck_assert_int_eq(kbs_client_attest(client), 0);
	} else if (strcmp(exchange->request.path, "/kbs/v0/attest") == 0) {
		ck_assert_int_eq(kbs_client_attest(client), 0);
		feed(client, prime->auth);
		if (recorded_key && prime->auth == &transcript->exchanges[0])
			check_report_data(client, transcript->json);
		give_evidence(client);
	} else {
		ck_assert_int_eq(kbs_client_get(client, resource), 0);
		feed(client, prime->auth);
		give_evidence(client);
		feed(client, prime->attest);
	}
	check_request(client, exchange);
	feed(client, exchange);
	text = outcome_text(client, transcript->json);
	return text;
}

static void note_good(struct prime *prime, const struct exchange *exchange)
{
	if (exchange->response.status != 200)
		return;
	if (strcmp(exchange->request.path, "/kbs/v0/auth") == 0)
		prime->auth = exchange;
	if (strcmp(exchange->request.path, "/kbs/v0/attest") == 0)
		prime->attest = exchange;
}

START_TEST(replies)
{
	static char names[CONVERSATIONS_MAX][64];
	static struct table table;
	size_t count;
	size_t exchanges = 0;
	bool print = getenv("KBS_REPLAY_PRINT") != NULL;

	ck_assert_int_eq(secret_process_init(1 << 22), 0);
	count = conversation_names(names);
	table_load(&table, "replies.tsv");
	transcript_load(&primer, "success-p256.json");
	for (size_t i = 0; i < count; i++) {
		static struct transcript transcript;
		struct prime prime = {&primer.exchanges[0], &primer.exchanges[1]};
		JWK_AUTO key = NULL;
		bool recorded_key;

		transcript_load(&transcript, names[i]);
		recorded_key = take_key(transcript.json, &key);
		for (size_t j = 0; j < transcript.count; j++) {
			char **row = table_row(&table, names[i], j);
			const char *text = replay(&transcript, j, &prime, key, recorded_key);

			if (print)
				(void)printf("%s\t%zu\t%s\n", names[i], j, text);
			else
				ck_assert_msg(row && strcmp(row[2], text) == 0, "%s %zu: %s", names[i], j, text);
			note_good(&prime, &transcript.exchanges[j]);
			exchanges++;
		}
		transcript_deinit(&transcript);
	}
	if (!print) {
		ck_assert_uint_eq(count, CONVERSATIONS);
		ck_assert_uint_eq(exchanges, EXCHANGES);
		ck_assert_msg(!table_unused(&table), "row for %s never used", table_unused(&table));
	}
	transcript_deinit(&primer);
	table_deinit(&table);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("kbs-replay-client");
	TCase *tests = tcase_create("replay");
	SRunner *runner;
	int failed;

	vectors_need();
	suite_add_tcase(suite, tests);
	tcase_set_timeout(tests, 60);
	tcase_add_test(tests, replies);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
