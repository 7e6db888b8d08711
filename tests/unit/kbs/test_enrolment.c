/* SPDX-License-Identifier: Apache-2.0 */
/* What enroll seals and the broker opens. Each refusal with everything else right. */
#include <check.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "base/text.h"
#include "jose/jwe.h"
#include "kbs/enrolment.h"

#define CREATED INT64_C(1795578238)
#define DISK "{\"sevattest-disk\":1,\"key\":\"c2VjcmV0IH0iIFx7IGtleQ==\",\"headers\":[\"00\",\"}\\\"{\"]}"
#define HEAD "{\"sevattest-enrol\":1,\"resource\":\"prod/disk/data\",\"created\":\"2026-11-25T12:00:00Z\","
#define VOLUME "\"volume\":{\"name\":\"data\",\"uuid\":\"9f0e8d7c-0000-4000-8000-000000000001\",\"device\":\"/dev/disk/by-id/virtio-data\"}"
#define TICKET "\"replaces\":3,\"ticket\":\"AQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQE\""

static struct jwk *key, *other;

static void setup(void)
{
	ck_assert_int_eq(secret_process_init(1 << 20), 0);
	ck_assert_int_eq(jwk_generate(JWK_P256, 0, &key), 0);
	ck_assert_int_eq(jwk_generate(JWK_P256, 0, &other), 0);
}

static void teardown(void)
{
	key = jwk_free(key);
	other = jwk_free(other);
}

static void fill(struct kbs_enrolment *enrolment)
{
	*enrolment = (struct kbs_enrolment){
		.resource = "prod/disk/data", .created = CREATED,
		.volume = {"data", "9f0e8d7c-0000-4000-8000-000000000001", "/dev/disk/by-id/virtio-data"},
	};
	ck_assert_int_eq(secret_copy_in(&enrolment->disk, DISK, strlen(DISK)), 0);
}

static void check_same(const struct kbs_enrolment *a, const struct kbs_enrolment *b)
{
	ck_assert_str_eq(a->resource, b->resource);
	ck_assert_int_eq(a->created, b->created);
	ck_assert_str_eq(a->volume.name, b->volume.name);
	ck_assert_str_eq(a->volume.uuid, b->volume.uuid);
	ck_assert_str_eq(a->volume.device, b->volume.device);
	ck_assert_int_eq(a->has_ticket, b->has_ticket);
	ck_assert_uint_eq(a->replaces, b->replaces);
	ck_assert_mem_eq(a->ticket, b->ticket, sizeof(a->ticket));
	ck_assert(bytes_equal(secret_view(&a->disk), secret_view(&b->disk)));
}

START_TEST(round_trip)
{
	CLEANUP(kbs_enrolment_deinit) struct kbs_enrolment made = KBS_ENROLMENT_NULL;
	CLEANUP(kbs_enrolment_deinit) struct kbs_enrolment back = KBS_ENROLMENT_NULL;
	CLEANUP(buf_deinit) struct buf text = BUF_NULL;
	struct error error = ERROR_NULL;

	fill(&made);
	if (_i) {
		made.has_ticket = true;
		made.replaces = _i == 1 ? 0 : KBS_ENROLMENT_VERSION_MAX;
		memset(made.ticket, 0xa5, sizeof(made.ticket));
	}
	ck_assert_int_eq(kbs_enrolment_seal(key, &made, &text), 0);
	ck_assert_msg(kbs_enrolment_open(key, buf_view(&text), &back, &error) == 0, "%s", error_text(&error));
	check_same(&made, &back);
	ck_assert_int_eq(text.data[text.size - 1], '\n');
	/* Nothing of what is inside can be read outside. */
	ck_assert_ptr_null(memmem(text.data, text.size, "disk", 4));
}
END_TEST

START_TEST(another_key)
{
	CLEANUP(kbs_enrolment_deinit) struct kbs_enrolment made = KBS_ENROLMENT_NULL;
	struct kbs_enrolment back = KBS_ENROLMENT_NULL;
	CLEANUP(buf_deinit) struct buf text = BUF_NULL;

	fill(&made);
	ck_assert_int_eq(kbs_enrolment_seal(key, &made, &text), 0);
	ck_assert_int_eq(kbs_enrolment_open(other, buf_view(&text), &back, NULL), KBS_ENROLMENT_E_KEY);
}
END_TEST

/* A genuine one in which one character of one member is another. */
START_TEST(changed)
{
	static const char *const members[] = {"protected", "encrypted_key", "iv", "ciphertext", "tag"};
	CLEANUP(kbs_enrolment_deinit) struct kbs_enrolment made = KBS_ENROLMENT_NULL;
	struct kbs_enrolment back = KBS_ENROLMENT_NULL;
	CLEANUP(buf_deinit) struct buf text = BUF_NULL;
	JSON_AUTO object = NULL;
	char *value;

	fill(&made);
	ck_assert_int_eq(kbs_enrolment_seal(key, &made, &text), 0);
	ck_assert_int_eq(json_read(buf_view(&text), &object, NULL), 0);
	value = strdup(json_get_text(object, members[_i], NULL));
	ck_assert_ptr_nonnull(value);
	value[2] = value[2] == 'A' ? 'B' : 'A';
	ck_assert_int_eq(json_add_text(object, members[_i], value), 0);
	free(value);
	text.size = 0;
	ck_assert_int_eq(json_write(&text, object), 0);
	/* The header is read before anything opens: there it may be no header any more. */
	ck_assert_int_eq(kbs_enrolment_open(key, buf_view(&text), &back, NULL), _i == 0 ? KBS_ENROLMENT_E_MALFORMED : KBS_ENROLMENT_E_KEY);
}
END_TEST

/* The same plaintext to the same key, as another kind of message. */
START_TEST(another_typ)
{
	static const char *const types[] = {NULL, "sevattest-enrol", "sevattest-enrol+jwe", "JWT"};
	static const int expected[] = {KBS_ENROLMENT_E_MALFORMED, KBS_ENROLMENT_E_MALFORMED, 0, KBS_ENROLMENT_E_MALFORMED};
	CLEANUP(kbs_enrolment_deinit) struct kbs_enrolment back = KBS_ENROLMENT_NULL;
	CLEANUP(buf_deinit) struct buf text = BUF_NULL;
	JSON_AUTO object = NULL;

	ck_assert_int_eq(jwe_encrypt_typed(&object, key, types[_i], bytes_of_text(HEAD VOLUME ",\"disk\":" DISK "}")), 0);
	ck_assert_int_eq(json_write(&text, object), 0);
	ck_assert_int_eq(kbs_enrolment_open(key, buf_view(&text), &back, NULL), expected[_i]);
}
END_TEST

START_TEST(not_even_a_message)
{
	static const char *const texts[] = {"", "[]", "1", "{}", "{\"protected\":\"e30\"}", "null", "{} {}", "\xff"};
	struct kbs_enrolment back = KBS_ENROLMENT_NULL;
	CLEANUP(buf_deinit) struct buf large = BUF_NULL;

	for (size_t i = 0; i < ARRAY_SIZE(texts); i++)
		ck_assert_msg(kbs_enrolment_open(key, bytes_of_text(texts[i]), &back, NULL) == KBS_ENROLMENT_E_MALFORMED, "%s", texts[i]);
	while (large.size <= KBS_ENROLMENT_TEXT_MAX)
		ck_assert_int_eq(buf_append_text(&large, "                                "), 0);
	ck_assert_int_eq(kbs_enrolment_open(key, buf_view(&large), &back, NULL), KBS_ENROLMENT_E_MALFORMED);
}
END_TEST

static int decode(const char *text, struct kbs_enrolment *ret, struct error *error)
{
	CLEANUP(secret_deinit) struct secret plain = SECRET_NULL;

	ck_assert_int_eq(secret_copy_in(&plain, text, strlen(text)), 0);
	return kbs_enrolment_decode(&plain, ret, error);
}

START_TEST(content_accepted)
{
	static const char *const texts[] = {
		HEAD VOLUME ",\"disk\":" DISK "}",
		HEAD VOLUME "," TICKET ",\"disk\":" DISK "}",
		"{\"disk\":" DISK "," TICKET "," VOLUME ",\"created\":\"2026-11-25T12:00:00Z\",\"resource\":\"prod/disk/data\",\"sevattest-enrol\":1}",
		" {\"disk\" :\t" DISK "\n , " VOLUME ",\"created\":\"2026-11-25T13:00:00+01:00\",\"resource\":\"prod/disk/data\",\"sevattest-enrol\":1} ",
		"{\"sevattest-enrol\":1,\"resource\":\"prod/disk/disk\",\"created\":\"2026-11-25T12:00:00Z\"," VOLUME ",\"disk\":" DISK "}",
	};

	for (size_t i = 0; i < ARRAY_SIZE(texts); i++) {
		CLEANUP(kbs_enrolment_deinit) struct kbs_enrolment back = KBS_ENROLMENT_NULL;
		struct error error = ERROR_NULL;

		ck_assert_msg(decode(texts[i], &back, &error) == 0, "%s: %s", texts[i], error_text(&error));
		ck_assert(bytes_equal(secret_view(&back.disk), bytes_of_text(DISK)));
		ck_assert_int_eq(back.created, INT64_C(1795608000));
	}
}
END_TEST

START_TEST(content_refused)
{
	static const struct {
		const char *text, *says;
	} rows[] = {
		{"", "\"disk\""},
		{"{}", "\"disk\""},
		{HEAD VOLUME "}", "\"disk\""},
		{HEAD VOLUME ",\"disk\":1}", "\"disk\""},
		{HEAD VOLUME ",\"disk\":null}", "\"disk\""},
		{HEAD VOLUME ",\"disk\":\"" "x\"}", "\"disk\""},
		{HEAD VOLUME ",\"disk\":{\"a\":\"}\"", "\"disk\""},
		{HEAD "\"volume\":{\"disk\":" DISK "}}", "\"disk\""},
		{HEAD VOLUME ",\"disk\":" DISK, "JSON"},
		{HEAD VOLUME ",\"disk\":" DISK "}}", "JSON"},
		{HEAD VOLUME ",\"disk\":" DISK DISK "}", "JSON"},
		{HEAD VOLUME ",\"disk\":" DISK ",\"disk\":" DISK "}", "JSON"},
		{HEAD VOLUME ",\"disk\":" DISK ",\"d\\u0069sk\":" DISK "}", "JSON"},
		{HEAD VOLUME ",\"disk\":" DISK ",\"resource\":\"prod/disk/other\"}", "JSON"},
		{"[\"disk\":" DISK "]", "JSON"},
		{"{\"resource\":\"prod/disk/data\",\"created\":\"2026-11-25T12:00:00Z\"," VOLUME ",\"disk\":" DISK "}", "\"sevattest-enrol\""},
		{"{\"sevattest-enrol\":2,\"resource\":\"prod/disk/data\",\"created\":\"2026-11-25T12:00:00Z\"," VOLUME ",\"disk\":" DISK "}", "format"},
		{HEAD VOLUME ",\"more\":1,\"disk\":" DISK "}", "member"},
		{"{\"sevattest-enrol\":1,\"resource\":\"prod/disk\",\"created\":\"2026-11-25T12:00:00Z\"," VOLUME ",\"disk\":" DISK "}", "\"resource\""},
		{"{\"sevattest-enrol\":1,\"resource\":\"prod/disk/*\",\"created\":\"2026-11-25T12:00:00Z\"," VOLUME ",\"disk\":" DISK "}", "\"resource\""},
		{"{\"sevattest-enrol\":1,\"resource\":1,\"created\":\"2026-11-25T12:00:00Z\"," VOLUME ",\"disk\":" DISK "}", "\"resource\""},
		{"{\"sevattest-enrol\":1,\"resource\":\"prod/disk/data\",\"created\":\"today\"," VOLUME ",\"disk\":" DISK "}", "\"created\""},
		{"{\"sevattest-enrol\":1,\"resource\":\"prod/disk/data\"," VOLUME ",\"disk\":" DISK "}", "\"created\""},
		{HEAD "\"disk\":" DISK "}", "\"volume\""},
		{HEAD "\"volume\":[],\"disk\":" DISK "}", "\"volume\""},
		{HEAD "\"volume\":{\"name\":\"-x\",\"uuid\":\"0\",\"device\":\"/\"},\"disk\":" DISK "}", "\"volume\""},
		{HEAD "\"volume\":{\"name\":\"a b\",\"uuid\":\"0\",\"device\":\"/\"},\"disk\":" DISK "}", "\"volume\""},
		{HEAD "\"volume\":{\"name\":\"x\",\"uuid\":\"\\u001b[2J\",\"device\":\"/\"},\"disk\":" DISK "}", "\"volume\""},
		{HEAD "\"volume\":{\"name\":\"x\",\"uuid\":\"0\",\"device\":\"dev\"},\"disk\":" DISK "}", "\"volume\""},
		{HEAD "\"volume\":{\"name\":\"x\",\"uuid\":\"0\",\"device\":\"/\\u001b\"},\"disk\":" DISK "}", "\"volume\""},
		{HEAD "\"volume\":{\"name\":\"x\",\"uuid\":\"0\",\"device\":\"/\",\"x\":1},\"disk\":" DISK "}", "\"volume\""},
		{HEAD VOLUME ",\"replaces\":1,\"disk\":" DISK "}", "\"ticket\""},
		{HEAD VOLUME ",\"ticket\":\"AQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQE\",\"disk\":" DISK "}", "\"ticket\""},
		{HEAD VOLUME ",\"replaces\":1,\"ticket\":\"AQEBAQ\",\"disk\":" DISK "}", "\"ticket\""},
		{HEAD VOLUME ",\"replaces\":9007199254740992,\"ticket\":\"AQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQE\",\"disk\":" DISK "}", "\"ticket\""},
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct kbs_enrolment back = KBS_ENROLMENT_NULL;
		struct error error = ERROR_NULL;

		ck_assert_msg(decode(rows[i].text, &back, &error) == KBS_ENROLMENT_E_CONTENT, "%s", rows[i].text);
		ck_assert_msg(strstr(error_text(&error), rows[i].says) != NULL, "%s: %s", rows[i].text, error_text(&error));
		ck_assert_ptr_null(back.disk.data);
	}
}
END_TEST

START_TEST(content_too_large)
{
	CLEANUP(secret_deinit) struct secret plain = SECRET_NULL;
	const char *head = HEAD VOLUME ",\"disk\":{\"a\":\"";
	struct kbs_enrolment back = KBS_ENROLMENT_NULL;
	struct error error = ERROR_NULL;
	size_t fill_size = _i == 0 ? KBS_ENROLMENT_DISK_MAX : 9000;

	ck_assert_int_eq(secret_alloc(&plain, strlen(head) + fill_size + 3), 0);
	memcpy(plain.data, head, strlen(head));
	memset(plain.data + strlen(head), 'a', fill_size);
	memcpy(plain.data + strlen(head) + fill_size, "\"}}", 3);
	ck_assert_int_eq(kbs_enrolment_decode(&plain, &back, &error), KBS_ENROLMENT_E_CONTENT);
	ck_assert_ptr_nonnull(strstr(error_text(&error), "too large"));
}
END_TEST

START_TEST(not_sealed)
{
	CLEANUP(kbs_enrolment_deinit) struct kbs_enrolment made = KBS_ENROLMENT_NULL;
	CLEANUP(buf_deinit) struct buf text = BUF_NULL;
	const struct jwk *to = key;
	struct jwk *wrong = NULL;

	fill(&made);
	switch (_i) {
	case 0: strcpy(made.resource, "prod/disk"); break;
	case 1: strcpy(made.volume.name, ".x"); break;
	case 2: strcpy(made.volume.uuid, "x"); break;
	case 3: strcpy(made.volume.device, "/\"x"); break;
	case 4: made.disk.data[0] = '['; break;
	case 5: secret_truncate(&made.disk, made.disk.size - 1); break;
	case 6: secret_truncate(&made.disk, 0); break;
	case 7: made.replaces = KBS_ENROLMENT_VERSION_MAX + 1; break;
	case 8: ck_assert_int_eq(jwk_generate_signer(&wrong), 0); to = wrong; break;
	default: ck_assert_int_eq(jwk_generate(JWK_RSA, 2048, &wrong), 0); to = wrong; break;
	}
	ck_assert_int_eq(kbs_enrolment_seal(to, &made, &text), -EINVAL);
	ck_assert_uint_eq(text.size, 0);
	wrong = jwk_free(wrong);
}
END_TEST

START_TEST(fingerprint)
{
	uint8_t digest[SHA256_SIZE];
	char hex[2 * SHA256_SIZE + 1];

	/* FIPS 180-2, appendix B.1 */
	ck_assert_int_eq(kbs_enrolment_fingerprint(digest, bytes_of_text("abc")), 0);
	hex_encode(hex, digest, sizeof(digest));
	ck_assert_str_eq(hex, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("enrolment");
	TCase *tests = tcase_create("enrolment");
	SRunner *runner;
	int failed;

	tcase_add_checked_fixture(tests, setup, teardown);
	tcase_set_timeout(tests, 60); /* an RSA key */
	tcase_add_loop_test(tests, round_trip, 0, 3);
	tcase_add_test(tests, another_key);
	tcase_add_loop_test(tests, changed, 0, 5);
	tcase_add_loop_test(tests, another_typ, 0, 4);
	tcase_add_test(tests, not_even_a_message);
	tcase_add_test(tests, content_accepted);
	tcase_add_test(tests, content_refused);
	tcase_add_loop_test(tests, content_too_large, 0, 2);
	tcase_add_loop_test(tests, not_sealed, 0, 10);
	tcase_add_test(tests, fingerprint);
	suite_add_tcase(suite, tests);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
