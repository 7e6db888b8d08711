/* SPDX-License-Identifier: Apache-2.0 */
#include <check.h>
#include <errno.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "common.h"
#include "jose/jwk_internal.h"
#include "jose/jws.h"

#define PAYLOAD "{\"a\":1}"

static struct jwk *signer(void)
{
	struct jwk *key = NULL;

	ck_assert_int_eq(jwk_generate_signer(&key), 0);
	return key;
}

/* Any header and payload signed for real, so that only what is said in them can be wrong. */
static void sign_any(struct buf *to, const struct jwk *key, const char *header, const char *payload)
{
	CLEANUP(buf_deinit) struct buf text = BUF_NULL;
	CLEANUP(buf_deinit) struct buf raw = BUF_NULL;
	EVP_MD_CTX *context = EVP_MD_CTX_new();
	uint8_t der[80];
	size_t size = sizeof(der);

	for (const char *at = header; *at; at++)
		ck_assert_int_eq(buf_u8(&text, *at == '\'' ? '"' : (uint8_t)*at), 0);
	ck_assert_int_eq(base64_encode(to, BASE64_URL, buf_view(&text)), 0);
	ck_assert_int_eq(buf_append_text(to, "."), 0);
	ck_assert_int_eq(base64_encode(to, BASE64_URL, bytes_of_text(payload)), 0);
	ck_assert_int_eq(EVP_DigestSignInit_ex(context, NULL, "SHA256", NULL, NULL, key->pkey, NULL), 1);
	ck_assert_int_eq(EVP_DigestSign(context, der, &size, to->data, to->size), 1);
	EVP_MD_CTX_free(context);
	/* DER by hand: 30 n 02 n r 02 n s, each padded or cut to 32 bytes. */
	for (const uint8_t *at = der + 2, *end = der + size; at < end; at += 2 + at[1]) {
		for (int missing = 32 - at[1]; missing > 0; missing--)
			ck_assert_int_eq(buf_u8(&raw, 0), 0);
		ck_assert_int_eq(buf_append(&raw, at + 2 + (at[1] > 32 ? at[1] - 32 : 0), at[1] > 32 ? 32 : at[1]), 0);
	}
	ck_assert_int_eq(buf_append_text(to, "."), 0);
	ck_assert_int_eq(base64_encode(to, BASE64_URL, buf_view(&raw)), 0);
}

static const struct {
	const char *header;
	const char *typ;
	int expected;
} headers[] = {
	{"{'alg':'ES256'}", NULL, 0},
	{"{'alg':'ES256','typ':'JWT'}", "JWT", 0},
	{"{'typ':'JWT', 'alg':'ES256', 'kid':'somebody', 'jku':'https://evil.example/', 'x5c':[]}", "JWT", 0},
	{"{'alg':'ES256'}", "JWT", JWS_E_HEADER},
	{"{'alg':'ES256','typ':'jwt'}", "JWT", JWS_E_HEADER},
	{"{'alg':'ES256','typ':1}", "JWT", JWS_E_HEADER},
	{"{'alg':'none'}", NULL, JWS_E_HEADER},
	{"{'alg':'HS256'}", NULL, JWS_E_HEADER},
	{"{'alg':'ES384'}", NULL, JWS_E_HEADER},
	{"{'alg':'es256'}", NULL, JWS_E_HEADER},
	{"{'alg':['ES256']}", NULL, JWS_E_HEADER},
	{"{'typ':'JWT'}", "JWT", JWS_E_HEADER},
	{"{'alg':'ES256','crit':['exp'],'exp':1}", NULL, JWS_E_HEADER},
	{"{'alg':'ES256','crit':[]}", NULL, JWS_E_HEADER},
	{"{'alg':'ES256','b64':true}", NULL, JWS_E_HEADER},
	{"{'alg':'ES256','alg':'ES256'}", NULL, JWS_E_MALFORMED},
	{"['ES256']", NULL, JWS_E_MALFORMED},
	{"'ES256'", NULL, JWS_E_MALFORMED},
	{"{'alg':'ES256'", NULL, JWS_E_MALFORMED},
	{"", NULL, JWS_E_MALFORMED},
};

START_TEST(each_header)
{
	CLEANUP(buf_deinit) struct buf text = BUF_NULL;
	CLEANUP(buf_deinit) struct buf payload = BUF_NULL;
	JWK_AUTO key = signer();
	int r;

	sign_any(&text, key, headers[_i].header, PAYLOAD);
	r = jws_verify(&payload, key, buf_view(&text), headers[_i].typ, NULL);
	ck_assert_msg(r == headers[_i].expected, "%s: %d", headers[_i].header, r);
	ck_assert_uint_eq(payload.size, r ? 0 : strlen(PAYLOAD));
}
END_TEST

/* A header that brings its own key convinces nobody. */
START_TEST(key_in_the_header)
{
	CLEANUP(buf_deinit) struct buf text = BUF_NULL;
	CLEANUP(buf_deinit) struct buf json = BUF_NULL;
	CLEANUP(buf_deinit) struct buf payload = BUF_NULL;
	JWK_AUTO ours = signer();
	JWK_AUTO theirs = signer();
	JSON_AUTO public = NULL;
	char header[1024];

	ck_assert_int_eq(jwk_export_public(theirs, &public), 0);
	ck_assert_int_eq(json_write(&json, public), 0);
	(void)snprintf(header, sizeof(header), "{'alg':'ES256','jwk':%.*s}", (int)json.size, (const char *)json.data);
	sign_any(&text, theirs, header, PAYLOAD);
	ck_assert_int_eq(jws_verify(&payload, theirs, buf_view(&text), NULL, NULL), 0);
	payload.size = 0;
	ck_assert_int_eq(jws_verify(&payload, ours, buf_view(&text), NULL, NULL), JWS_E_SIGNATURE);
	ck_assert_uint_eq(payload.size, 0);
}
END_TEST

static void replace_signature(struct buf *to, struct bytes text, struct bytes raw)
{
	const uint8_t *dot = memrchr(text.data, '.', text.size);

	ck_assert_int_eq(buf_append(to, text.data, (size_t)(dot + 1 - text.data)), 0);
	ck_assert_int_eq(base64_encode(to, BASE64_URL, raw), 0);
}

static void raw_signature(struct buf *to, struct bytes text)
{
	const uint8_t *dot = memrchr(text.data, '.', text.size);

	ck_assert_int_eq(base64_decode(to, BASE64_URL, bytes_of(dot + 1, text.size - (size_t)(dot + 1 - text.data))), 0);
	ck_assert_uint_eq(to->size, JWS_SIGNATURE_SIZE);
}

static int with_signature(const struct jwk *key, struct bytes text, const void *raw, size_t size)
{
	CLEANUP(buf_deinit) struct buf changed = BUF_NULL;
	CLEANUP(buf_deinit) struct buf payload = BUF_NULL;

	replace_signature(&changed, text, bytes_of(raw, size));
	return jws_verify(&payload, key, buf_view(&changed), NULL, NULL);
}

START_TEST(signatures)
{
	CLEANUP(buf_deinit) struct buf text = BUF_NULL;
	CLEANUP(buf_deinit) struct buf raw = BUF_NULL;
	uint8_t changed[JWS_SIGNATURE_SIZE + 8] = {0};
	JWK_AUTO key = signer();

	ck_assert_int_eq(jws_sign(&text, key, JWS_COMPACT, NULL, bytes_of_text(PAYLOAD)), 0);
	ck_assert_uint_eq(text.data[text.size], 0);
	raw_signature(&raw, buf_view(&text));
	ck_assert_int_eq(with_signature(key, buf_view(&text), raw.data, 64), 0);
	for (size_t bit = 0; bit < 512; bit++) {
		memcpy(changed, raw.data, 64);
		changed[bit / 8] ^= (uint8_t)(1U << bit % 8);
		ck_assert_int_eq(with_signature(key, buf_view(&text), changed, 64), JWS_E_SIGNATURE);
	}
	memcpy(changed, raw.data, 64);
	for (size_t size = 0; size <= 66; size += size == 0 ? 31 : 1) {
		if (size != 64)
			ck_assert_int_eq(with_signature(key, buf_view(&text), changed, size), JWS_E_SIGNATURE);
	}
	memset(changed, 0, 32); /* r = 0 */
	ck_assert_int_eq(with_signature(key, buf_view(&text), changed, 64), JWS_E_SIGNATURE);
	memset(changed, 0, 64);
	ck_assert_int_eq(with_signature(key, buf_view(&text), changed, 64), JWS_E_SIGNATURE);
	memset(changed, 0xff, 64);
	ck_assert_int_eq(with_signature(key, buf_view(&text), changed, 64), JWS_E_SIGNATURE);
	memcpy(changed, raw.data + 32, 32);
	memcpy(changed + 32, raw.data, 32);
	ck_assert_int_eq(with_signature(key, buf_view(&text), changed, 64), JWS_E_SIGNATURE);
}
END_TEST

START_TEST(forms)
{
	static const char *const texts[] = {"", ".", "..", "...", "a.b", "a.b.c.d", "{\"payload\":\"\",\"protected\":\"\",\"signature\":\"\"}", "=.=.="};
	CLEANUP(buf_deinit) struct buf payload = BUF_NULL;
	CLEANUP(buf_deinit) struct buf large = BUF_NULL;
	JWK_AUTO key = signer();
	JSON_AUTO header = NULL;

	for (size_t i = 0; i < ARRAY_SIZE(texts); i++) {
		ck_assert_int_eq(jws_verify(&payload, key, bytes_of_text(texts[i]), NULL, NULL), JWS_E_MALFORMED);
		ck_assert_int_eq(jws_header_read(bytes_of_text(texts[i]), NULL, &header, NULL), JWS_E_MALFORMED);
	}
	ck_assert_int_eq(jws_verify(&payload, key, bytes_of(NULL, 0), NULL, NULL), JWS_E_MALFORMED);
	for (size_t i = 0; i < JWS_TEXT_MAX; i++)
		ck_assert_int_eq(buf_u8(&large, 'A'), 0);
	ck_assert_int_eq(buf_append_text(&large, ".."), 0);
	ck_assert_int_eq(jws_verify(&payload, key, buf_view(&large), NULL, NULL), JWS_E_MALFORMED);
	large.size = JWS_HEADER_TEXT_MAX + 4;
	ck_assert_int_eq(buf_append_text(&large, ".."), 0);
	ck_assert_int_eq(jws_verify(&payload, key, buf_view(&large), NULL, NULL), JWS_E_MALFORMED);
}
END_TEST

START_TEST(encodings)
{
	CLEANUP(buf_deinit) struct buf text = BUF_NULL;
	CLEANUP(buf_deinit) struct buf payload = BUF_NULL;
	JWK_AUTO key = signer();

	ck_assert_int_eq(jws_sign(&text, key, JWS_COMPACT, NULL, bytes_of_text(PAYLOAD)), 0);
	ck_assert_int_eq(buf_append_text(&text, "="), 0);
	ck_assert_int_eq(jws_verify(&payload, key, buf_view(&text), NULL, NULL), JWS_E_SIGNATURE);
	text.data[text.size - 1] = '\n';
	ck_assert_int_eq(jws_verify(&payload, key, buf_view(&text), NULL, NULL), JWS_E_SIGNATURE);
	ck_assert_uint_eq(payload.size, 0);
}
END_TEST

START_TEST(detached)
{
	CLEANUP(buf_deinit) struct buf text = BUF_NULL;
	CLEANUP(buf_deinit) struct buf compact = BUF_NULL;
	CLEANUP(buf_deinit) struct buf payload = BUF_NULL;
	JWK_AUTO key = signer();
	JWK_AUTO other = signer();
	JSON_AUTO more = json_of("{'typ':'t','zz':3}");
	JSON_AUTO header = NULL;
	struct bytes good = bytes_of_text(PAYLOAD);

	ck_assert_int_eq(jws_sign(&text, key, JWS_DETACHED, more, good), 0);
	ck_assert_ptr_nonnull(memmem(text.data, text.size, "..", 2));
	ck_assert_int_eq(jws_verify_detached(key, buf_view(&text), "t", good, NULL), 0);
	ck_assert_int_eq(jws_verify_detached(key, buf_view(&text), "u", good, NULL), JWS_E_HEADER);
	ck_assert_int_eq(jws_verify_detached(other, buf_view(&text), "t", good, NULL), JWS_E_SIGNATURE);
	ck_assert_int_eq(jws_verify_detached(key, buf_view(&text), "t", bytes_of_text(PAYLOAD " "), NULL), JWS_E_SIGNATURE);
	ck_assert_int_eq(jws_verify_detached(key, buf_view(&text), "t", bytes_of(NULL, 0), NULL), JWS_E_SIGNATURE);
	ck_assert_int_eq(jws_verify(&payload, key, buf_view(&text), "t", NULL), JWS_E_SIGNATURE);
	ck_assert_int_eq(jws_header_read(buf_view(&text), "t", &header, NULL), 0);
	ck_assert_int_eq(json_object_get_int(json_get(header, "zz")), 3);
	ck_assert_int_eq(jws_sign(&compact, key, JWS_COMPACT, more, good), 0);
	ck_assert_int_eq(jws_verify_detached(key, buf_view(&compact), "t", good, NULL), JWS_E_MALFORMED);
	ck_assert_int_eq(jws_verify(&payload, key, buf_view(&compact), "t", NULL), 0);
	ck_assert(bytes_equal(buf_view(&payload), good));
}
END_TEST

/* The header is canonical, with alg and kid added; a caller cannot replace them. */
START_TEST(header_form)
{
	CLEANUP(buf_deinit) struct buf text = BUF_NULL;
	CLEANUP(buf_deinit) struct buf header = BUF_NULL;
	JWK_AUTO key = signer();
	JSON_AUTO more = json_of("{'typ':'JWT','alg':'none','kid':'me'}");
	char print[JWK_THUMBPRINT_SIZE], expected[256];
	const uint8_t *dot;

	ck_assert_int_eq(jws_sign(&text, key, JWS_COMPACT, more, bytes_of_text(PAYLOAD)), 0);
	ck_assert_int_eq(jwk_thumbprint(key, print), 0);
	(void)snprintf(expected, sizeof(expected), "{\"alg\":\"ES256\",\"kid\":\"%s\",\"typ\":\"JWT\"}", print);
	dot = memchr(text.data, '.', text.size);
	ck_assert_int_eq(base64_decode(&header, BASE64_URL, bytes_of(text.data, (size_t)(dot - text.data))), 0);
	ck_assert(bytes_equal(buf_view(&header), bytes_of_text(expected)));
	ck_assert_str_eq(json_get_text(more, "alg", NULL), "none");
}
END_TEST

START_TEST(misuse)
{
	CLEANUP(buf_deinit) struct buf text = BUF_NULL;
	CLEANUP(buf_deinit) struct buf payload = BUF_NULL;
	JWK_AUTO key = signer();
	JWK_AUTO public = public_part(key);
	JWK_AUTO agreement = private_key(JWK_P256);

	ck_assert_int_eq(jws_sign(&text, public, JWS_COMPACT, NULL, bytes_of_text(PAYLOAD)), -EINVAL);
	ck_assert_int_eq(jws_sign(&text, agreement, JWS_COMPACT, NULL, bytes_of_text(PAYLOAD)), -EINVAL);
	ck_assert_int_eq(jws_sign(&text, key, JWS_COMPACT, NULL, bytes_of_text(PAYLOAD)), 0);
	ck_assert_int_eq(jws_verify(&payload, agreement, buf_view(&text), NULL, NULL), -EINVAL);
	ck_assert_int_eq(jws_verify(&payload, public, buf_view(&text), NULL, NULL), 0);
}
END_TEST

START_TEST(rfc7515)
{
	JSON_AUTO all = data_json("rfc.json");
	struct json_object *row = json_get_object(all, "rfc7515-a3");
	CLEANUP(buf_deinit) struct buf payload = BUF_NULL;
	JWK_AUTO key = NULL;
	struct bytes compact = bytes_of_text(json_get_text(row, "compact", NULL));

	ck_assert_int_eq(jwk_import(json_get(row, "key"), JWK_PRIVATE, &key, NULL), 0);
	ck_assert_int_eq(jws_verify(&payload, key, compact, NULL, NULL), 0);
	ck_assert(bytes_equal(buf_view(&payload), bytes_of_text(json_get_text(row, "payload", NULL))));
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("jws");
	TCase *tcase = tcase_create("all");
	SRunner *runner = srunner_create(suite);
	int failed;

	tcase_set_timeout(tcase, 60);
	tcase_add_checked_fixture(tcase, jose_setup, NULL);
	tcase_add_loop_test(tcase, each_header, 0, ARRAY_SIZE(headers));
	tcase_add_test(tcase, key_in_the_header);
	tcase_add_test(tcase, signatures);
	tcase_add_test(tcase, forms);
	tcase_add_test(tcase, encodings);
	tcase_add_test(tcase, detached);
	tcase_add_test(tcase, header_form);
	tcase_add_test(tcase, misuse);
	tcase_add_test(tcase, rfc7515);
	suite_add_tcase(suite, tcase);
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? 1 : 0;
}
