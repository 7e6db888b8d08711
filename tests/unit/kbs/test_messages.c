/* SPDX-License-Identifier: Apache-2.0 */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/crypto.h"
#include "base/text.h"
#include "kbs/messages.h"
#include "transcript.h"

static const struct {
	const char *body;
	int result;
	enum kbs_tee tee;
} requests[] = {
	{"{\"version\":\"0.4.0\",\"tee\":\"snp\",\"extra-params\":\"\"}", 0, KBS_TEE_SNP},
	{"{\"version\":\"0.4.0\",\"tee\":\"az-snp-vtpm\",\"extra-params\":null}", 0, KBS_TEE_AZ_SNP_VTPM},
	{"{\"version\":\"0.4.0\",\"tee\":\"snp\",\"extra-params\":{\"x\":[1]},\"zzz\":1}", 0, KBS_TEE_SNP},
	{"{\"version\":\"0.4.0\",\"tee\":\"sample\",\"extra-params\":\"\"}", KBS_E_TEE, 0},
	{"{\"version\":\"0.4.0\",\"tee\":\"tdx\",\"extra-params\":\"\"}", KBS_E_TEE, 0},
	{"{\"version\":\"0.4.0\",\"tee\":\"SNP\",\"extra-params\":\"\"}", KBS_E_TEE, 0},
	{"{\"version\":\"0.4.0\",\"tee\":\"\",\"extra-params\":\"\"}", KBS_E_TEE, 0},
	{"{\"version\":\"0.4.1\",\"tee\":\"snp\",\"extra-params\":\"\"}", KBS_E_VERSION, 0},
	{"{\"version\":\"0.4\",\"tee\":\"snp\",\"extra-params\":\"\"}", KBS_E_VERSION, 0},
	{"{\"version\":\"\",\"tee\":\"snp\",\"extra-params\":\"\"}", KBS_E_VERSION, 0},
	{"{\"version\":\"0.4.0\\u0000\",\"tee\":\"snp\",\"extra-params\":\"\"}", KBS_E_MALFORMED, 0},
	{"{\"version\":4,\"tee\":\"snp\",\"extra-params\":\"\"}", KBS_E_MALFORMED, 0},
	{"{\"version\":\"0.4.0\",\"tee\":[\"snp\"],\"extra-params\":\"\"}", KBS_E_MALFORMED, 0},
	{"{\"version\":\"0.4.0\",\"tee\":\"snp\"}", KBS_E_MALFORMED, 0},
	{"{\"version\":\"0.4.0\",\"version\":\"0.4.0\",\"tee\":\"snp\",\"extra-params\":\"\"}", KBS_E_MALFORMED, 0},
	{"{\"version\":\"0.4.0\",\"tee\":\"snp\",\"extra-params\":\"\"}x", KBS_E_MALFORMED, 0},
	{"{\"version\":\"0.4.0\",\"tee\":\"sn\xff\",\"extra-params\":\"\"}", KBS_E_MALFORMED, 0},
	{"{", KBS_E_MALFORMED, 0},
	{"[]", KBS_E_MALFORMED, 0},
	{"null", KBS_E_MALFORMED, 0},
	{"", KBS_E_MALFORMED, 0},
};

START_TEST(request_read)
{
	struct error error = ERROR_NULL;
	enum kbs_tee tee = KBS_TEE_NONE;
	int r = kbs_request_read(bytes_of_text(requests[_i].body), &tee, &error);

	ck_assert_msg(r == requests[_i].result, "%s: %d, %s", requests[_i].body, r, error_text(&error));
	ck_assert_int_eq(tee, requests[_i].tee);
	ck_assert_int_eq(r != 0, error.text[0] != 0);
}
END_TEST

START_TEST(request_too_large)
{
	static char body[KBS_AUTH_MAX + 2];
	enum kbs_tee tee;

	memset(body, ' ', sizeof(body) - 1);
	memcpy(body, requests[0].body, strlen(requests[0].body));
	ck_assert_int_eq(kbs_request_read(bytes_of(body, KBS_AUTH_MAX), &tee, NULL), 0);
	ck_assert_int_eq(kbs_request_read(bytes_of(body, KBS_AUTH_MAX + 1), &tee, NULL), KBS_E_TOO_LARGE);
}
END_TEST

/* Ours is byte for byte what CoCo's client sends, but for the TEE. */
START_TEST(request_as_coco)
{
	CLEANUP(buf_deinit) struct buf text = BUF_NULL;
	const char *expected = "{\"version\":\"0.4.0\",\"tee\":\"snp\",\"extra-params\":{\"supported-hash-algorithms\":"
			       "[\"sha256\",\"sha384\",\"sha512\",\"sm3\"]}}";

	ck_assert_int_eq(kbs_request_write(&text, KBS_TEE_SNP), 0);
	ck_assert(bytes_equal(buf_view(&text), bytes_of_text(expected)));
}
END_TEST

static const struct {
	const char *body;
	int result;
	bool announced;
} challenges[] = {
	{"{\"nonce\":\"abc\",\"extra-params\":\"\"}", 0, false},
	{"{\"nonce\":\"abc\",\"extra-params\":{\"selected-hash-algorithm\":\"sha512\"}}", 0, false},
	{"{\"nonce\":\"abc\",\"extra-params\":{\"sevattest\":{\"version\":1}}}", 0, true},
	{"{\"nonce\":\"abc\",\"extra-params\":{\"sevattest\":true}}", 0, false},
	{"{\"nonce\":\"abc\",\"extra-params\":null,\"more\":[]}", 0, false},
	{"{\"nonce\":\"abc\"}", KBS_E_MALFORMED, false},
	{"{\"nonce\":\"\",\"extra-params\":\"\"}", KBS_E_MALFORMED, false},
	{"{\"nonce\":7,\"extra-params\":\"\"}", KBS_E_MALFORMED, false},
	{"{\"extra-params\":\"\"}", KBS_E_MALFORMED, false},
	{"{\"nonce\":\"abc\",\"nonce\":\"abd\",\"extra-params\":\"\"}", KBS_E_MALFORMED, false},
};

START_TEST(challenge_read)
{
	struct kbs_challenge challenge = {.announced = false};
	int r = kbs_challenge_read(bytes_of_text(challenges[_i].body), &challenge, NULL);

	ck_assert_msg(r == challenges[_i].result, "%s: %d", challenges[_i].body, r);
	ck_assert_int_eq(challenge.announced, challenges[_i].announced);
	if (r == 0)
		ck_assert_str_eq(challenge.nonce, "abc");
}
END_TEST

START_TEST(challenge_nonce_length)
{
	CLEANUP(buf_deinit) struct buf text = BUF_NULL;
	struct kbs_challenge challenge = {.announced = true};
	struct kbs_challenge back;

	memset(challenge.nonce, 'n', KBS_NONCE_TEXT_MAX);
	ck_assert_int_eq(kbs_challenge_write(&text, &challenge), 0);
	ck_assert_int_eq(kbs_challenge_read(buf_view(&text), &back, NULL), 0);
	ck_assert_str_eq(back.nonce, challenge.nonce);
	ck_assert(back.announced);
	buf_deinit(&text);
	ck_assert_int_eq(buf_printf(&text, "{\"nonce\":\"%0*d\",\"extra-params\":\"\"}", KBS_NONCE_TEXT_MAX + 1, 0), 0);
	ck_assert_int_eq(kbs_challenge_read(buf_view(&text), &back, NULL), KBS_E_TOO_LARGE);
}
END_TEST

#define RUNTIME "\"runtime-data\":{\"nonce\":\"n\",\"tee-pubkey\":{\"kty\":\"EC\"}}"
#define EVIDENCE "\"tee-evidence\":{\"primary_evidence\":{\"a\":1},\"additional_evidence\":\"\"}"

static const struct {
	const char *body;
	int result;
} attestations[] = {
	{"{" RUNTIME "," EVIDENCE "}", 0},
	{"{\"init-data\":null," RUNTIME "," EVIDENCE "}", 0},
	{"{\"init-data\":{\"format\":\"toml\",\"body\":\"x\"}," RUNTIME "," EVIDENCE "}", 0},
	{"{\"init-data\":{\"format\":\"json\",\"body\":\"x\"}," RUNTIME "," EVIDENCE "}", KBS_E_MALFORMED},
	{"{\"init-data\":{\"format\":\"toml\"}," RUNTIME "," EVIDENCE "}", KBS_E_MALFORMED},
	{"{\"init-data\":\"\"," RUNTIME "," EVIDENCE "}", KBS_E_MALFORMED},
	{"{" RUNTIME "," EVIDENCE ",\"sevattest\":{\"event_log\":\"AAEC\"}}", 0},
	{"{" RUNTIME "," EVIDENCE ",\"sevattest\":{}}", 0},
	{"{" RUNTIME "," EVIDENCE ",\"sevattest\":{\"event_log\":\"AAE\"}}", KBS_E_MALFORMED},
	{"{" RUNTIME "," EVIDENCE ",\"sevattest\":{\"event_log\":1}}", KBS_E_MALFORMED},
	{"{" RUNTIME "," EVIDENCE ",\"sevattest\":1}", KBS_E_MALFORMED},
	{"{" RUNTIME "}", KBS_E_MALFORMED},
	{"{" EVIDENCE "}", KBS_E_MALFORMED},
	{"{\"runtime-data\":{\"nonce\":\"n\"}," EVIDENCE "}", KBS_E_MALFORMED},
	{"{\"runtime-data\":{\"tee-pubkey\":{}}," EVIDENCE "}", KBS_E_MALFORMED},
	{"{\"runtime-data\":{\"nonce\":\"n\",\"tee-pubkey\":\"x\"}," EVIDENCE "}", KBS_E_MALFORMED},
	{"{" RUNTIME ",\"tee-evidence\":{\"primary_evidence\":\"x\",\"additional_evidence\":\"\"}}", KBS_E_MALFORMED},
	{"{" RUNTIME ",\"tee-evidence\":{\"primary_evidence\":{}}}", KBS_E_MALFORMED},
	{"{" RUNTIME ",\"tee-evidence\":{\"primary_evidence\":{},\"additional_evidence\":null}}", KBS_E_MALFORMED},
	{"{" RUNTIME "," RUNTIME "," EVIDENCE "}", KBS_E_MALFORMED},
};

START_TEST(attestation_read)
{
	CLEANUP(kbs_attestation_deinit) struct kbs_attestation attestation = KBS_ATTESTATION_NULL;
	CLEANUP(buf_deinit) struct buf again = BUF_NULL;
	int r = kbs_attestation_read(bytes_of_text(attestations[_i].body), &attestation, NULL);

	ck_assert_msg(r == attestations[_i].result, "%s: %d", attestations[_i].body, r);
	if (r)
		return;
	ck_assert_str_eq(attestation.nonce, "n");
	ck_assert_int_eq(kbs_attestation_write(&again, &attestation, true), 0);
	kbs_attestation_deinit(&attestation);
	ck_assert_int_eq(kbs_attestation_read(buf_view(&again), &attestation, NULL), 0);
}
END_TEST

START_TEST(attestation_event_log)
{
	CLEANUP(kbs_attestation_deinit) struct kbs_attestation attestation = KBS_ATTESTATION_NULL;
	CLEANUP(buf_deinit) struct buf quiet = BUF_NULL;

	ck_assert_int_eq(kbs_attestation_read(bytes_of_text(attestations[6].body), &attestation, NULL), 0);
	ck_assert(bytes_equal(buf_view(&attestation.event_log), bytes_of("\0\1\2", 3)));
	/* To a broker that did not announce itself nothing of ours is said. */
	ck_assert_int_eq(kbs_attestation_write(&quiet, &attestation, false), 0);
	ck_assert_ptr_null(memmem(quiet.data, quiet.size, "sevattest", 9));
}
END_TEST

START_TEST(nesting)
{
	static char deep[20002];
	enum kbs_tee tee;
	struct kbs_challenge challenge;
	CLEANUP(kbs_attestation_deinit) struct kbs_attestation attestation = KBS_ATTESTATION_NULL;
	struct kbs_error_information information;
	struct kbs_response_message response;

	memset(deep, '[', 10000);
	memset(deep + 10000, ']', 10000);
	ck_assert_int_gt(kbs_request_read(bytes_of_text(deep), &tee, NULL), 0);
	ck_assert_int_gt(kbs_challenge_read(bytes_of_text(deep), &challenge, NULL), 0);
	ck_assert_int_gt(kbs_attestation_read(bytes_of_text(deep), &attestation, NULL), 0);
	ck_assert_int_gt(kbs_error_read(bytes_of_text(deep), &information, NULL), 0);
	ck_assert_int_gt(kbs_response_read(bytes_of_text(deep), &response, NULL), 0);
}
END_TEST

static const struct {
	const char *body;
	int result;
	const char *type;
	const char *detail;
} errors[] = {
	{"{\"type\":\"https://github.com/confidential-containers/kbs/errors/PolicyDeny\",\"detail\":\"no\"}", 0, "PolicyDeny", "no"},
	{"{\"type\":\"PolicyDeny\",\"detail\":\"\",\"title\":\"t\",\"status\":403}", 0, "PolicyDeny", ""},
	{"{\"type\":\"https://x/a/\",\"detail\":\"\"}", 0, "", ""},
	{"{\"type\":\"x\",\"detail\":\"a\\u001b[2J\"}", 0, "x", "a\\x1b[2J"},
	{"{\"type\":\"x\"}", KBS_E_MALFORMED, "", ""},
	{"{\"detail\":\"x\"}", KBS_E_MALFORMED, "", ""},
	{"{\"type\":1,\"detail\":\"x\"}", KBS_E_MALFORMED, "", ""},
	{"payload reached size limit", KBS_E_MALFORMED, "", ""},
};

START_TEST(error_read)
{
	struct kbs_error_information information = {{0}, {0}};
	int r = kbs_error_read(bytes_of_text(errors[_i].body), &information, NULL);

	ck_assert_msg(r == errors[_i].result, "%s: %d", errors[_i].body, r);
	ck_assert_str_eq(information.type, errors[_i].type);
	ck_assert_str_eq(information.detail, errors[_i].detail);
}
END_TEST

START_TEST(error_write)
{
	CLEANUP(buf_deinit) struct buf text = BUF_NULL;

	ck_assert_int_eq(kbs_error_write(&text, "PolicyDeny", "no"), 0);
	ck_assert(bytes_equal(buf_view(&text), bytes_of_text(errors[0].body)));
}
END_TEST

static const struct {
	const char *body;
	int result;
	const char *signature;
} responses[] = {
	{"{\"protected\":\"a\",\"encrypted_key\":\"b\",\"iv\":\"c\",\"ciphertext\":\"d\",\"tag\":\"e\"}", 0, ""},
	{"{\"protected\":\"a\",\"encrypted_key\":\"b\",\"iv\":\"c\",\"ciphertext\":\"d\",\"tag\":\"e\",\"aad\":\"f\",\"x\":1}", 0, ""},
	{"{\"protected\":\"a\",\"encrypted_key\":\"b\",\"iv\":\"c\",\"ciphertext\":\"d\",\"tag\":\"e\",\"sevattest-sig\":\"s\"}", 0, "s"},
	{"{\"protected\":\"a\",\"encrypted_key\":\"b\",\"iv\":\"c\",\"ciphertext\":\"d\",\"tag\":\"e\",\"sevattest-sig\":1}", KBS_E_MALFORMED, ""},
	{"{\"protected\":\"a\",\"encrypted_key\":\"b\",\"iv\":\"c\",\"ciphertext\":\"d\"}", KBS_E_MALFORMED, ""},
	{"{\"protected\":{},\"encrypted_key\":\"b\",\"iv\":\"c\",\"ciphertext\":\"d\",\"tag\":\"e\"}", KBS_E_MALFORMED, ""},
	{"{\"protected\":\"a\",\"encrypted_key\":\"b\",\"iv\":\"c\",\"iv\":\"c\",\"ciphertext\":\"d\",\"tag\":\"e\"}", KBS_E_MALFORMED, ""},
};

START_TEST(response_read)
{
	struct kbs_response_message message = {.jwe = NULL};
	int r = kbs_response_read(bytes_of_text(responses[_i].body), &message, NULL);

	ck_assert_msg(r == responses[_i].result, "%s: %d", responses[_i].body, r);
	if (r == 0)
		ck_assert(bytes_equal(message.signature, bytes_of_text(responses[_i].signature)));
	json_putp(&message.jwe);
}
END_TEST

START_TEST(token_answer)
{
	CLEANUP(buf_deinit) struct buf text = BUF_NULL;
	CLEANUP(buf_deinit) struct buf token = BUF_NULL;

	ck_assert_int_eq(kbs_token_answer_write(&text, "a.b.c"), 0);
	ck_assert_int_eq(kbs_token_answer_read(buf_view(&text), &token, NULL), 0);
	ck_assert(bytes_equal(buf_view(&token), bytes_of_text("a.b.c")));
	ck_assert_int_eq(kbs_token_answer_read(bytes_of_text("{}"), &token, NULL), KBS_E_MALFORMED);
	ck_assert_int_eq(kbs_token_answer_read(bytes_of_text("{\"token\":null}"), &token, NULL), KBS_E_MALFORMED);
}
END_TEST

/* Six entries: P-256, P-521, RSA, each without and with additional evidence. */
START_TEST(report_data_vectors)
{
	JSON_AUTO list = vector_json("report-data.json");

	ck_assert_uint_eq(json_object_array_length(list), 6);
	for (size_t i = 0; i < 6; i++) {
		struct json_object *item = json_object_array_get_idx(list, i);
		CLEANUP(buf_deinit) struct buf text = BUF_NULL;
		size_t size = 0;
		const char *additional = json_get_text(item, "additional_evidence", &size);
		struct json_object *jwk = json_get_object(item, "tee_pubkey_as_sent");
		const char *nonce = json_get_text(item, "nonce", NULL);
		uint8_t expected[KBS_REPORT_DATA_SIZE];
		uint8_t got[KBS_REPORT_DATA_SIZE];

		ck_assert_int_eq(kbs_report_data_text(&text, nonce, jwk, bytes_of(additional, size)), 0);
		ck_assert(bytes_equal(buf_view(&text), bytes_of_text(json_get_text(item, "primary_text", NULL))));
		ck_assert_int_eq(hex_decode(expected, sizeof(expected), json_get_text(item, "snp_report_data", NULL)), 0);
		ck_assert_int_eq(kbs_report_data(got, nonce, jwk, bytes_of(additional, size)), 0);
		ck_assert_mem_eq(got, expected, sizeof(got));
		/* What az-snp-vtpm puts into the quote is the same without the zeros. */
		ck_assert_int_eq(hex_decode(expected, KBS_HASH_SIZE, json_get_text(item, "az_extra_data", NULL)), 0);
		ck_assert_mem_eq(got, expected, KBS_HASH_SIZE);
	}
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("kbs-messages");
	TCase *tests = tcase_create("messages");
	SRunner *runner;
	int failed;

	vectors_need();
	suite_add_tcase(suite, tests);
	tcase_add_loop_test(tests, request_read, 0, (int)ARRAY_SIZE(requests));
	tcase_add_test(tests, request_too_large);
	tcase_add_test(tests, request_as_coco);
	tcase_add_loop_test(tests, challenge_read, 0, (int)ARRAY_SIZE(challenges));
	tcase_add_test(tests, challenge_nonce_length);
	tcase_add_loop_test(tests, attestation_read, 0, (int)ARRAY_SIZE(attestations));
	tcase_add_test(tests, attestation_event_log);
	tcase_add_test(tests, nesting);
	tcase_add_loop_test(tests, error_read, 0, (int)ARRAY_SIZE(errors));
	tcase_add_test(tests, error_write);
	tcase_add_loop_test(tests, response_read, 0, (int)ARRAY_SIZE(responses));
	tcase_add_test(tests, token_answer);
	tcase_add_test(tests, report_data_vectors);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
