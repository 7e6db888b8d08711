/* SPDX-License-Identifier: Apache-2.0 */
#include <check.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "common.h"
#include "forge.h"
#include "jose/jwe.h"
#include "jose/jwe_internal.h"

/* Headers */

struct header_case {
	const char *what;
	const char *header;
	int expected;
};

#define ECDH "'alg':'ECDH-ES+A256KW'"
#define GCM "'enc':'A256GCM'"
#define EPK "'epk':@"
#define X "iuVOS4xDsALg0DDjWWBmCLqzFT1KmBk5FYP2pBfhuso"
#define Y "fMpuUZ_oNDShlIsfWEamGSJMQYP86nDU3EUa4Q6x2S8"

static const struct header_case ecdh_cases[] = {
	{"ours", "{" ECDH "," GCM "," EPK "}", 0},
	{"blanks", "{ " ECDH " ,\n " GCM ", " EPK "}", 0},
	{"another order", "{" EPK "," GCM "," ECDH "}", 0},
	{"more members", "{" ECDH ",'cty':'text/plain'," GCM "," EPK ",'kid':'x','typ':'JOSE','jku':'https://evil.example/'}", 0},
	{"escapes", "{'\\u0061lg':'ECDH-ES+A256KW'," GCM "," EPK "}", 0},
	{"no alg", "{" GCM "," EPK "}", JWE_E_HEADER},
	{"alg null", "{'alg':null," GCM "," EPK "}", JWE_E_HEADER},
	{"alg a list", "{'alg':['ECDH-ES+A256KW']," GCM "," EPK "}", JWE_E_HEADER},
	{"alg none", "{'alg':'none'," GCM "," EPK "}", JWE_E_HEADER},
	{"alg dir", "{'alg':'dir'," GCM "," EPK "}", JWE_E_HEADER},
	{"alg ECDH-ES", "{'alg':'ECDH-ES'," GCM "," EPK "}", JWE_E_HEADER},
	{"alg ECDH-ES+A128KW", "{'alg':'ECDH-ES+A128KW'," GCM "," EPK "}", JWE_E_HEADER},
	{"alg of another key", "{'alg':'RSA-OAEP-256'," GCM "," EPK "}", JWE_E_HEADER},
	{"alg in lower case", "{'alg':'ecdh-es+a256kw'," GCM "," EPK "}", JWE_E_HEADER},
	{"alg with a NUL", "{'alg':'ECDH-ES+A256KW\\u0000'," GCM "," EPK "}", JWE_E_HEADER},
	{"alg twice", "{" ECDH "," ECDH "," GCM "," EPK "}", JWE_E_HEADER},
	{"no enc", "{" ECDH "," EPK "}", JWE_E_HEADER},
	{"enc A128GCM", "{" ECDH ",'enc':'A128GCM'," EPK "}", JWE_E_HEADER},
	{"enc A256CBC-HS512", "{" ECDH ",'enc':'A256CBC-HS512'," EPK "}", JWE_E_HEADER},
	{"zip", "{" ECDH "," GCM "," EPK ",'zip':'DEF'}", JWE_E_HEADER},
	{"crit", "{" ECDH "," GCM "," EPK ",'crit':['exp'],'exp':1}", JWE_E_HEADER},
	{"crit empty", "{" ECDH "," GCM "," EPK ",'crit':[]}", JWE_E_HEADER},
	{"apu", "{" ECDH "," GCM "," EPK ",'apu':'QWxpY2U'}", JWE_E_HEADER},
	{"apv empty", "{" ECDH "," GCM "," EPK ",'apv':''}", JWE_E_HEADER},
	{"a list", "[" ECDH "]", JWE_E_HEADER},
	{"a text", "'ECDH-ES+A256KW'", JWE_E_HEADER},
	{"empty", "", JWE_E_HEADER},
	{"trailing bytes", "{" ECDH "," GCM "," EPK "} x", JWE_E_HEADER},
	{"cut off", "{" ECDH "," GCM "," EPK, JWE_E_HEADER},
	{"no epk", "{" ECDH "," GCM "}", JWE_E_EPK},
	{"epk null", "{" ECDH "," GCM ",'epk':null}", JWE_E_EPK},
	{"epk a text", "{" ECDH "," GCM ",'epk':'x'}", JWE_E_EPK},
	{"epk another point", "{" ECDH "," GCM ",'epk':{'crv':'P-256','kty':'EC','x':'" X "','y':'" Y "'}}", JWE_E_OPEN},
	{"epk off the curve", "{" ECDH "," GCM ",'epk':{'crv':'P-256','kty':'EC','x':'" X "','y':'" X "'}}", JWE_E_EPK},
	{"epk without y", "{" ECDH "," GCM ",'epk':{'crv':'P-256','kty':'EC','x':'" X "'}}", JWE_E_EPK},
	{"epk of P-521", "{" ECDH "," GCM ",'epk':{'crv':'P-521','kty':'EC','x':'" X "','y':'" Y "'}}", JWE_E_EPK},
	{"epk OKP", "{" ECDH "," GCM ",'epk':{'crv':'P-256','kty':'OKP','x':'" X "','y':'" Y "'}}", JWE_E_EPK},
	{"epk padded", "{" ECDH "," GCM ",'epk':{'crv':'P-256','kty':'EC','x':'" X "=','y':'" Y "'}}", JWE_E_EPK},
	{"epk short", "{" ECDH "," GCM ",'epk':{'crv':'P-256','kty':'EC','x':'AQ','y':'" Y "'}}", JWE_E_EPK},
};

static int open_one(const struct jwk *key, struct json_object *jwe, struct secret *ret)
{
	struct error error = ERROR_NULL;
	int r = jwe_decrypt(ret, key, jwe, &error);

	ck_assert_int_eq(r == 0, ret->data != NULL);
	if (r > 0)
		ck_assert_msg(strlen(error_text(&error)) > 0, "no text for %d", r);
	return r;
}

static void expect_plain(const struct secret *plain)
{
	ck_assert(bytes_equal(secret_view(plain), bytes_of_text(FORGED_PLAIN)));
}

START_TEST(ecdh_header)
{
	const struct header_case *row = &ecdh_cases[_i];
	CLEANUP(secret_deinit) struct secret plain = SECRET_NULL;
	JWK_AUTO key = private_key(JWK_P256);
	JSON_AUTO jwe = forge_by_agreement(key, row->header);
	int r = open_one(key, jwe, &plain);

	ck_assert_msg(r == row->expected, "%s: %d instead of %d", row->what, r, row->expected);
	if (r == 0)
		expect_plain(&plain);
}
END_TEST

static const struct {
	const char *what;
	const char *header;
	enum forge_rsa how;
	int expected;
} rsa_cases[] = {
	{"ours", "{'alg':'RSA-OAEP-256','enc':'A256GCM'}", FORGE_OAEP_256, 0},
	{"SHA-1", "{'alg':'RSA-OAEP-256','enc':'A256GCM'}", FORGE_OAEP_SHA1, JWE_E_OPEN},
	{"SHA-1 for the mask", "{'alg':'RSA-OAEP-256','enc':'A256GCM'}", FORGE_OAEP_MGF1_SHA1, JWE_E_OPEN},
	{"a label", "{'alg':'RSA-OAEP-256','enc':'A256GCM'}", FORGE_OAEP_LABEL, JWE_E_OPEN},
	{"PKCS#1 v1.5 in disguise", "{'alg':'RSA-OAEP-256','enc':'A256GCM'}", FORGE_PKCS1, JWE_E_OPEN},
	{"PKCS#1 v1.5", "{'alg':'RSA1_5','enc':'A256GCM'}", FORGE_PKCS1, JWE_E_HEADER},
	{"RSA-OAEP", "{'alg':'RSA-OAEP','enc':'A256GCM'}", FORGE_OAEP_SHA1, JWE_E_HEADER},
	{"RSA-OAEP that is RSA-OAEP-256", "{'alg':'RSA-OAEP','enc':'A256GCM'}", FORGE_OAEP_256, JWE_E_HEADER},
	{"a content key of 31 bytes", "{'alg':'RSA-OAEP-256','enc':'A256GCM'}", FORGE_SHORT_KEY, JWE_E_OPEN},
	{"a content key of 33 bytes", "{'alg':'RSA-OAEP-256','enc':'A256GCM'}", FORGE_LONG_KEY, JWE_E_OPEN},
};

START_TEST(rsa_header)
{
	CLEANUP(secret_deinit) struct secret plain = SECRET_NULL;
	JWK_AUTO key = private_key(JWK_RSA);
	JSON_AUTO jwe = forge_by_rsa(key, rsa_cases[_i].header, rsa_cases[_i].how);
	int r = open_one(key, jwe, &plain);

	ck_assert_msg(r == rsa_cases[_i].expected, "%s: %d", rsa_cases[_i].what, r);
}
END_TEST

/* Members: each changed alone in a message that opens. */

static const char *const names[] = {"protected", "encrypted_key", "iv", "ciphertext", "tag"};

/* Sets a member to the base64url of `size` bytes of 0x5a. */
static void set_size(struct json_object *jwe, const char *member, size_t size)
{
	CLEANUP(buf_deinit) struct buf bytes = BUF_NULL;
	char *text;

	for (size_t i = 0; i < size; i++)
		ck_assert_int_eq(buf_u8(&bytes, 0x5a), 0);
	text = base64_new(BASE64_URL, buf_view(&bytes));
	ck_assert_int_eq(json_add_text(jwe, member, text), 0);
	free(text);
}

static void expect(const struct jwk *key, struct json_object *jwe, int expected, const char *what, const char *member)
{
	CLEANUP(secret_deinit) struct secret plain = SECRET_NULL;
	int r = open_one(key, jwe, &plain);

	ck_assert_msg(r == expected, "%s %s: %d instead of %d", member, what, r, expected);
}

static struct json_object *good(const struct jwk *key)
{
	struct json_object *jwe = NULL;

	ck_assert_int_eq(jwe_encrypt(&jwe, key, bytes_of_text(FORGED_PLAIN)), 0);
	return jwe;
}

START_TEST(member_types)
{
	JWK_AUTO key = private_key(JWK_P256);

	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		JSON_AUTO jwe = good(key);

		json_object_object_del(jwe, names[i]);
		expect(key, jwe, JWE_E_MALFORMED, "absent", names[i]);
		ck_assert_int_eq(json_add_u64(jwe, names[i], 1), 0);
		expect(key, jwe, JWE_E_MALFORMED, "a number", names[i]);
		ck_assert_int_eq(json_add_text_size(jwe, names[i], bytes_of("AA\0A", 4)), 0);
		expect(key, jwe, JWE_E_MALFORMED, "with a NUL", names[i]);
	}
	{
		JSON_AUTO list = json_of("[]");

		expect(key, list, JWE_E_MALFORMED, "a list", "JWE");
		expect(key, NULL, JWE_E_MALFORMED, "null", "JWE");
	}
}
END_TEST

START_TEST(member_encodings)
{
	static const char *const tails[] = {"=", "==", " ", "\n", "+", "/", "A=", ".", "\xc3\xa9"};
	JWK_AUTO key = private_key(JWK_P256);

	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		for (size_t k = 0; k < ARRAY_SIZE(tails); k++) {
			JSON_AUTO jwe = good(key);
			CLEANUP(buf_deinit) struct buf text = BUF_NULL;

			ck_assert_int_eq(buf_printf(&text, "%s%s", json_get_text(jwe, names[i], NULL), tails[k]), 0);
			ck_assert_int_eq(json_add_text_size(jwe, names[i], buf_view(&text)), 0);
			expect(key, jwe, JWE_E_MALFORMED, tails[k], names[i]);
		}
	}
}
END_TEST

START_TEST(member_sizes)
{
	static const struct {
		const char *member;
		size_t size;
	} rows[] = {
		{"iv", 0}, {"iv", 11}, {"iv", 13}, {"iv", 16}, {"tag", 0}, {"tag", 12}, {"tag", 15}, {"tag", 17}, {"encrypted_key", 0},
		{"encrypted_key", 32}, {"encrypted_key", 39}, {"encrypted_key", 41}, {"encrypted_key", 48}, {"encrypted_key", 5000},
		{"protected", 4000}, {"ciphertext", SECRET_MAX + 1},
	};
	JWK_AUTO key = private_key(JWK_P256);
	JWK_AUTO rsa = private_key(JWK_RSA);

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		JSON_AUTO jwe = good(key);

		set_size(jwe, rows[i].member, rows[i].size);
		expect(key, jwe, JWE_E_MALFORMED, "size", rows[i].member);
	}
	for (size_t size = 255; size <= 257; size += 2) {
		JSON_AUTO jwe = good(rsa);

		set_size(jwe, "encrypted_key", size);
		expect(rsa, jwe, JWE_E_MALFORMED, "RSA size", "encrypted_key");
	}
}
END_TEST

START_TEST(members_refused)
{
	static const char *const more[] = {"recipients", "header", "unprotected", "aad"};
	JWK_AUTO key = private_key(JWK_P256);

	for (size_t i = 0; i < ARRAY_SIZE(more); i++) {
		JSON_AUTO jwe = good(key);

		ck_assert_int_eq(json_add_text(jwe, more[i], ""), 0);
		expect(key, jwe, JWE_E_MALFORMED, "there", more[i]);
	}
	{
		JSON_AUTO jwe = good(key);

		ck_assert_int_eq(json_add_text(jwe, "sevattest-sig", "x"), 0);
		expect(key, jwe, 0, "ignored", "sevattest-sig");
	}
}
END_TEST

/* Every bit of what is authenticated, and a header that means the same. */
static void flip(struct json_object *jwe, const char *member, size_t bit)
{
	CLEANUP(buf_deinit) struct buf bytes = BUF_NULL;
	char *text;

	ck_assert_int_eq(base64_decode(&bytes, BASE64_URL, bytes_of_text(json_get_text(jwe, member, NULL))), 0);
	ck_assert_uint_lt(bit / 8, bytes.size);
	bytes.data[bit / 8] ^= (uint8_t)(1U << bit % 8);
	text = base64_new(BASE64_URL, buf_view(&bytes));
	ck_assert_int_eq(json_add_text(jwe, member, text), 0);
	free(text);
}

START_TEST(flips)
{
	static const size_t sizes[] = {0, JWE_WRAPPED_KEY_SIZE, JWE_IV_SIZE, sizeof(FORGED_PLAIN) - 1, JWE_TAG_SIZE};
	static const enum jwk_kind kinds[] = {JWK_P256, JWK_P521, JWK_RSA};
	JWK_AUTO key = private_key(kinds[_i]);
	JSON_AUTO jwe = good(key);

	for (size_t i = 1; i < ARRAY_SIZE(names); i++) {
		/* An RSA operation each: its wrapped key is not worth 2,048 of them. */
		size_t step = kinds[_i] == JWK_RSA ? 37 : 3;

		for (size_t bit = 0; bit < sizes[i] * 8; bit += step) {
			flip(jwe, names[i], bit);
			expect(key, jwe, JWE_E_OPEN, "flipped", names[i]);
			flip(jwe, names[i], bit);
		}
	}
	expect(key, jwe, 0, "flipped back", "all");
}
END_TEST

START_TEST(protected_is_authenticated)
{
	JWK_AUTO key = private_key(JWK_P256);
	JSON_AUTO jwe = good(key);
	CLEANUP(buf_deinit) struct buf text = BUF_NULL;
	char *again;

	ck_assert_int_eq(base64_decode(&text, BASE64_URL, bytes_of_text(json_get_text(jwe, "protected", NULL))), 0);
	ck_assert_int_eq(buf_append_text(&text, " "), 0);
	again = base64_new(BASE64_URL, buf_view(&text));
	ck_assert_int_eq(json_add_text(jwe, "protected", again), 0);
	free(again);
	expect(key, jwe, JWE_E_OPEN, "with a blank", "protected");
}
END_TEST

START_TEST(another_key)
{
	static const enum jwk_kind kinds[] = {JWK_P256, JWK_P521, JWK_RSA};
	JWK_AUTO key = private_key(kinds[_i]);
	JWK_AUTO other = private_key(kinds[_i]);
	JSON_AUTO jwe = good(key);

	expect(other, jwe, JWE_E_OPEN, "of another key", "JWE");
}
END_TEST

/* Round trips and forms */

START_TEST(sizes)
{
	static const enum jwk_kind kinds[] = {JWK_P256, JWK_P521, JWK_RSA};
	static const size_t counts[] = {0, 1, 15, 16, 17, 31, 64, 1000, 65537, SECRET_MAX};
	JWK_AUTO key = private_key(kinds[_i]);
	JWK_AUTO public = public_part(key);

	for (size_t i = 0; i < ARRAY_SIZE(counts); i++) {
		CLEANUP(secret_deinit) struct secret plain = SECRET_NULL;
		CLEANUP(secret_deinit) struct secret opened = SECRET_NULL;
		JSON_AUTO jwe = NULL;

		ck_assert_int_eq(secret_random(&plain, counts[i]), 0);
		ck_assert_int_eq(jwe_encrypt(&jwe, public, secret_view(&plain)), 0);
		ck_assert_int_eq(jwe_decrypt(&opened, key, jwe, NULL), 0);
		ck_assert(bytes_equal(secret_view(&plain), secret_view(&opened)));
	}
}
END_TEST

/* The form that unmodified clients can open, letter by letter. */
START_TEST(header_form)
{
	static const enum jwk_kind kinds[] = {JWK_P256, JWK_P521, JWK_RSA};
	static const char *const heads[] = {
		"{\"alg\":\"ECDH-ES+A256KW\",\"enc\":\"A256GCM\",\"epk\":{\"crv\":\"P-256\",\"kty\":\"EC\",\"x\":\"",
		"{\"alg\":\"ECDH-ES+A256KW\",\"enc\":\"A256GCM\",\"epk\":{\"crv\":\"P-521\",\"kty\":\"EC\",\"x\":\"",
		"{\"alg\":\"RSA-OAEP-256\",\"enc\":\"A256GCM\"}",
	};
	static const size_t coordinates[] = {43, 88, 0};
	CLEANUP(buf_deinit) struct buf text = BUF_NULL;
	JWK_AUTO key = private_key(kinds[_i]);
	JSON_AUTO jwe = good(key);
	size_t head = strlen(heads[_i]);

	ck_assert_int_eq(base64_decode(&text, BASE64_URL, bytes_of_text(json_get_text(jwe, "protected", NULL))), 0);
	ck_assert_uint_ge(text.size, head);
	ck_assert_mem_eq(text.data, heads[_i], head);
	if (coordinates[_i]) {
		ck_assert_uint_eq(text.size, head + 2 * coordinates[_i] + strlen("\",\"y\":\"\"}}"));
		ck_assert_mem_eq(text.data + head + coordinates[_i], "\",\"y\":\"", 7);
		ck_assert_mem_eq(text.data + text.size - 3, "\"}}", 3);
	} else {
		ck_assert_uint_eq(text.size, head);
	}
	ck_assert_int_eq(json_object_object_length(jwe), 5);
}
END_TEST

START_TEST(nothing_twice)
{
	JWK_AUTO key = private_key(JWK_P256);
	JSON_AUTO one = good(key);
	JSON_AUTO two = good(key);

	for (size_t i = 0; i < ARRAY_SIZE(names); i++)
		ck_assert_str_ne(json_get_text(one, names[i], NULL), json_get_text(two, names[i], NULL));
}
END_TEST

START_TEST(misuse)
{
	CLEANUP(secret_deinit) struct secret plain = SECRET_NULL;
	static uint8_t large[SECRET_MAX + 1];
	JWK_AUTO signer = NULL;
	JWK_AUTO key = private_key(JWK_P256);
	JWK_AUTO public = public_part(key);
	JSON_AUTO jwe = good(key);
	JSON_AUTO none = NULL;

	ck_assert_int_eq(jwk_generate_signer(&signer), 0);
	ck_assert_int_eq(jwe_encrypt(&none, signer, bytes_of_text("x")), -EINVAL);
	ck_assert_int_eq(jwe_encrypt(&none, public, bytes_of(large, sizeof(large))), -E2BIG);
	ck_assert_int_eq(jwe_decrypt(&plain, public, jwe, NULL), -EINVAL);
	ck_assert_int_eq(jwe_decrypt(&plain, signer, jwe, NULL), -EINVAL);
	ck_assert_ptr_null(none);
}
END_TEST

/* Vectors */

START_TEST(rfc3394)
{
	JSON_AUTO all = data_json("rfc.json");
	struct json_object *row = json_get_object(all, "rfc3394-4.6");
	CLEANUP(buf_deinit) struct buf kek = BUF_NULL;
	CLEANUP(buf_deinit) struct buf plain = BUF_NULL;
	CLEANUP(buf_deinit) struct buf expected = BUF_NULL;
	CLEANUP(secret_deinit) struct secret wrapping = SECRET_NULL;
	CLEANUP(secret_deinit) struct secret key = SECRET_NULL;
	CLEANUP(secret_deinit) struct secret back = SECRET_NULL;
	uint8_t wrapped[JWE_WRAPPED_KEY_SIZE];

	member_hex(&kek, row, "kek");
	member_hex(&plain, row, "key");
	member_hex(&expected, row, "wrapped");
	ck_assert_int_eq(secret_copy_in(&wrapping, kek.data, kek.size), 0);
	ck_assert_int_eq(secret_copy_in(&key, plain.data, plain.size), 0);
	ck_assert_int_eq(jwe_key_wrap(&wrapping, &key, wrapped), 0);
	ck_assert(bytes_equal(bytes_of(wrapped, sizeof(wrapped)), buf_view(&expected)));
	ck_assert_int_eq(jwe_key_unwrap(&back, &wrapping, wrapped), 0);
	ck_assert(bytes_equal(secret_view(&back), secret_view(&key)));
	wrapped[0] ^= 1;
	ck_assert_int_eq(jwe_key_unwrap(&back, &wrapping, wrapped), JWE_E_OPEN);
}
END_TEST

/* Z, the key of the wrapping and the content key as the vectors have them. */
static void check_intermediate(struct json_object *row, const struct jwk *key)
{
	CLEANUP(buf_deinit) struct buf kek = BUF_NULL;
	CLEANUP(buf_deinit) struct buf cek = BUF_NULL;
	CLEANUP(buf_deinit) struct buf wrapped = BUF_NULL;
	CLEANUP(secret_deinit) struct secret wrapping = SECRET_NULL;
	CLEANUP(secret_deinit) struct secret content_key = SECRET_NULL;
	PKEY_AUTO ephemeral = NULL;
	JSON_AUTO header = NULL;

	member_hex(&kek, row, "kek");
	member_hex(&cek, row, "cek");
	ck_assert_int_eq(json_read(bytes_of_text(json_get_text(row, "protected_json", NULL)), &header, NULL), 0);
	ck_assert_int_eq(jwk_point_import(json_get(header, "epk"), jwk_kind(key), &ephemeral, NULL), 0);
	ck_assert_int_eq(jwe_agree(&wrapping, key->pkey, ephemeral), 0);
	ck_assert(bytes_equal(secret_view(&wrapping), buf_view(&kek)));
	ck_assert_int_eq(base64_decode(&wrapped, BASE64_URL, bytes_of_text(json_get_text(json_get(row, "jwe"), "encrypted_key", NULL))), 0);
	ck_assert_int_eq(jwe_key_unwrap(&content_key, &wrapping, wrapped.data), 0);
	ck_assert(bytes_equal(secret_view(&content_key), buf_view(&cek)));
}

static void open_vector(struct json_object *row)
{
	CLEANUP(buf_deinit) struct buf expected = BUF_NULL;
	CLEANUP(secret_deinit) struct secret plain = SECRET_NULL;
	struct error error = ERROR_NULL;
	JWK_AUTO key = NULL;

	member_hex(&expected, row, "plaintext_hex");
	ck_assert_msg(jwk_import(json_get(row, "private"), JWK_PRIVATE, &key, &error) == 0, "%s", error_text(&error));
	ck_assert_msg(jwe_decrypt(&plain, key, json_get(row, "jwe"), &error) == 0, "%s", error_text(&error));
	ck_assert(bytes_equal(secret_view(&plain), buf_view(&expected)));
	if (jwk_kind(key) != JWK_RSA)
		check_intermediate(row, key);
}

/* Neither the key by its own name, nor its message by the name of another. */
static void refuse_rsa1_5(struct json_object *row)
{
	CLEANUP(secret_deinit) struct secret plain = SECRET_NULL;
	struct json_object *private = json_get(row, "private");
	JWK_AUTO key = NULL;

	ck_assert_int_eq(jwk_import(private, JWK_PRIVATE, &key, NULL), JWK_E_ALG);
	ck_assert_int_eq(json_add_text(private, "alg", "RSA-OAEP-256"), 0);
	ck_assert_int_eq(jwk_import(private, JWK_PRIVATE, &key, NULL), 0);
	ck_assert_int_eq(jwe_decrypt(&plain, key, json_get(row, "jwe"), NULL), JWE_E_HEADER);
}

START_TEST(trustee)
{
	JSON_AUTO all = vector_json("jwe.json");
	size_t opened = 0;
	size_t refused = 0;

	for (size_t i = 0; i < json_object_array_length(all); i++) {
		struct json_object *row = json_object_array_get_idx(all, i);

		if (strcmp(json_get_text(row, "key", NULL), "rsa1_5") == 0) {
			refuse_rsa1_5(row);
			refused++;
		} else {
			open_vector(row);
			opened++;
		}
	}
	ck_assert_uint_eq(opened, 15);
	ck_assert_uint_eq(refused, 5);
	ck_assert_uint_eq(opened + refused, json_object_array_length(all));
}
END_TEST

/* Shared secrets and coordinates that begin with zero bytes, encrypted by another implementation. */
START_TEST(leading_zeros)
{
	JSON_AUTO all = data_json("leading-zeros.json");
	size_t count = json_object_array_length(json_get_array(all, "messages"));

	for (size_t i = 0; i < count; i++) {
		struct json_object *row = json_object_array_get_idx(json_get_array(all, "messages"), i);
		CLEANUP(secret_deinit) struct secret plain = SECRET_NULL;
		struct error error = ERROR_NULL;
		JWK_AUTO key = NULL;

		ck_assert_int_eq(jwk_import(json_get(row, "private"), JWK_PRIVATE, &key, &error), 0);
		ck_assert_msg(jwe_decrypt(&plain, key, json_get(row, "jwe"), &error) == 0, "%s: %s", json_get_text(row, "what", NULL),
			error_text(&error));
		ck_assert(bytes_equal(secret_view(&plain), bytes_of_text(json_get_text(row, "plain", NULL))));
	}
	ck_assert_uint_eq(count, 4);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("jwe");
	TCase *tcase = tcase_create("all");
	SRunner *runner = srunner_create(suite);
	int failed;

	vectors_need();
	tcase_set_timeout(tcase, 60);
	tcase_add_checked_fixture(tcase, jose_setup, NULL);
	tcase_add_loop_test(tcase, ecdh_header, 0, ARRAY_SIZE(ecdh_cases));
	tcase_add_loop_test(tcase, rsa_header, 0, ARRAY_SIZE(rsa_cases));
	tcase_add_test(tcase, member_types);
	tcase_add_test(tcase, member_encodings);
	tcase_add_test(tcase, member_sizes);
	tcase_add_test(tcase, members_refused);
	tcase_add_loop_test(tcase, flips, 0, 3);
	tcase_add_test(tcase, protected_is_authenticated);
	tcase_add_loop_test(tcase, another_key, 0, 3);
	tcase_add_loop_test(tcase, sizes, 0, 3);
	tcase_add_loop_test(tcase, header_form, 0, 3);
	tcase_add_test(tcase, nothing_twice);
	tcase_add_test(tcase, misuse);
	tcase_add_test(tcase, rfc3394);
	tcase_add_test(tcase, trustee);
	tcase_add_test(tcase, leading_zeros);
	suite_add_tcase(suite, tcase);
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? 1 : 0;
}
