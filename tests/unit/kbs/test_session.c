/* SPDX-License-Identifier: Apache-2.0 */
#include <check.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/crypto.h"
#include "base/secret.h"
#include "base/text.h"
#include "kbs/resource.h"
#include "kbs/session.h"

#define NOW INT64_C(1795578238)

static const uint8_t kek_bytes[AEAD_KEY_SIZE] = {1, 2, 3};
static const uint8_t other_bytes[AEAD_KEY_SIZE] = {1, 2, 4};
static const struct bytes kek = {kek_bytes, sizeof(kek_bytes)};
static const struct bytes other = {other_bytes, sizeof(other_bytes)};

static void setup(void)
{
	ck_assert_int_eq(secret_process_init(1 << 20), 0);
}

static struct kbs_session attested(void)
{
	struct kbs_session session = {
		.kind = KBS_SESSION_ATTESTED, .tee = KBS_TEE_SNP, .expiry = NOW + KBS_SESSION_SECONDS,
		.nonce = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=", .guest_key = "{\"kty\":\"EC\"}", .policy_count = 2,
	};

	memset(session.chip_id, 0xc1, sizeof(session.chip_id));
	memset(session.measurement, 0x33, sizeof(session.measurement));
	ck_assert_int_eq(kbs_policy_id(session.policies[0].id, "web"), 0);
	ck_assert_int_eq(kbs_policy_id(session.policies[1].id, "db"), 0);
	session.policies[0].version = 7;
	session.policies[1].version = UINT64_MAX;
	return session;
}

static void seal(struct buf *to, const struct kbs_session *session)
{
	ck_assert_int_eq(kbs_session_seal(to, kek, session, NOW), 0);
}

START_TEST(round_trip)
{
	CLEANUP(buf_deinit) struct buf text = BUF_NULL;
	struct kbs_session session = attested();
	struct kbs_session back;

	seal(&text, &session);
	ck_assert_int_eq(kbs_session_open(&back, kek, KBS_SESSION_ATTESTED, buf_view(&text), NOW + KBS_SESSION_SECONDS - 1), 0);
	ck_assert_str_eq(back.nonce, session.nonce);
	ck_assert_str_eq(back.guest_key, session.guest_key);
	ck_assert_mem_eq(back.chip_id, session.chip_id, sizeof(back.chip_id));
	ck_assert_mem_eq(back.measurement, session.measurement, sizeof(back.measurement));
	ck_assert_uint_eq(back.policy_count, 2);
	ck_assert_mem_eq(back.policies, session.policies, 2 * sizeof(back.policies[0]));
	ck_assert_int_eq(back.tee, KBS_TEE_SNP);
}
END_TEST

START_TEST(never_twice_the_same)
{
	CLEANUP(buf_deinit) struct buf one = BUF_NULL;
	CLEANUP(buf_deinit) struct buf two = BUF_NULL;
	struct kbs_session session = attested();

	seal(&one, &session);
	seal(&two, &session);
	ck_assert(!bytes_equal(buf_view(&one), buf_view(&two)));
}
END_TEST

START_TEST(expires)
{
	CLEANUP(buf_deinit) struct buf text = BUF_NULL;
	struct kbs_session session = attested();
	struct kbs_session back;

	seal(&text, &session);
	ck_assert_int_eq(kbs_session_open(&back, kek, KBS_SESSION_ATTESTED, buf_view(&text), NOW + KBS_SESSION_SECONDS), SESSION_E_EXPIRED);
}
END_TEST

/* The key changes by the hour; the hour before is accepted, the one before that is not, even for a session that never expires. */
START_TEST(hours)
{
	CLEANUP(buf_deinit) struct buf text = BUF_NULL;
	struct kbs_session session = attested();
	struct kbs_session back;
	int64_t hour = NOW / 3600;

	session.expiry = INT64_MAX;
	seal(&text, &session);
	ck_assert_int_eq(kbs_session_open(&back, kek, KBS_SESSION_ATTESTED, buf_view(&text), (hour + 1) * 3600), 0);
	ck_assert_int_eq(kbs_session_open(&back, kek, KBS_SESSION_ATTESTED, buf_view(&text), (hour + 2) * 3600 - 1), 0);
	ck_assert_int_eq(kbs_session_open(&back, kek, KBS_SESSION_ATTESTED, buf_view(&text), (hour + 2) * 3600), SESSION_E_FORGED);
	ck_assert_int_eq(kbs_session_open(&back, kek, KBS_SESSION_ATTESTED, buf_view(&text), hour * 3600 - 1), SESSION_E_FORGED);
	ck_assert_int_eq(kbs_session_open(&back, kek, KBS_SESSION_ATTESTED, buf_view(&text), 0), SESSION_E_FORGED);
}
END_TEST

START_TEST(kinds_and_keys)
{
	CLEANUP(buf_deinit) struct buf text = BUF_NULL;
	CLEANUP(buf_deinit) struct buf early = BUF_NULL;
	struct kbs_session session = attested();
	struct kbs_session back;

	seal(&text, &session);
	ck_assert_int_eq(kbs_session_open(&back, kek, KBS_SESSION_AUTH, buf_view(&text), NOW), SESSION_E_FORGED);
	ck_assert_int_eq(kbs_session_open(&back, other, KBS_SESSION_ATTESTED, buf_view(&text), NOW), SESSION_E_FORGED);
	session.kind = KBS_SESSION_AUTH;
	seal(&early, &session);
	ck_assert_int_eq(kbs_session_open(&back, kek, KBS_SESSION_AUTH, buf_view(&early), NOW), 0);
	ck_assert_uint_eq(back.policy_count, 0);
	ck_assert_str_eq(back.guest_key, "");
	ck_assert_int_eq(kbs_session_open(&back, kek, KBS_SESSION_ATTESTED, buf_view(&early), NOW), SESSION_E_FORGED);
}
END_TEST

/* Every character of the text changed, one at a time, and every length below the whole. */
START_TEST(every_edit)
{
	CLEANUP(buf_deinit) struct buf text = BUF_NULL;
	struct kbs_session session = attested();
	struct kbs_session back;

	seal(&text, &session);
	for (size_t i = 0; i < text.size; i++) {
		uint8_t kept = text.data[i];

		text.data[i] = kept == 'A' ? 'B' : 'A';
		ck_assert_int_eq(kbs_session_open(&back, kek, KBS_SESSION_ATTESTED, buf_view(&text), NOW), SESSION_E_FORGED);
		text.data[i] = kept;
		ck_assert_int_eq(kbs_session_open(&back, kek, KBS_SESSION_ATTESTED, bytes_of(text.data, i), NOW), SESSION_E_FORGED);
	}
}
END_TEST

START_TEST(sizes)
{
	CLEANUP(buf_deinit) struct buf text = BUF_NULL;
	CLEANUP(buf_deinit) struct buf large = BUF_NULL;
	struct kbs_session session = attested();
	struct kbs_session back;

	/* As large as it gets: RSA 4096 and 32 policies. */
	memset(session.guest_key, 'k', 760);
	session.policy_count = KBS_SESSION_POLICIES_MAX;
	seal(&text, &session);
	ck_assert_uint_le(text.size, KBS_SESSION_STATE_MAX);
	/* A full guest_key and a full nonce do not fit any more; nothing is cut. */
	memset(session.guest_key, 'k', KBS_JWK_TEXT_MAX);
	memset(session.nonce, 'n', KBS_NONCE_TEXT_MAX);
	ck_assert_int_eq(kbs_session_seal(&large, kek, &session, NOW), SESSION_E_TOO_LARGE);
	ck_assert_uint_eq(large.size, 0);
	session.policy_count = KBS_SESSION_POLICIES_MAX + 1;
	ck_assert_int_eq(kbs_session_seal(&large, kek, &session, NOW), -EINVAL);
	/* A text past the cap is refused before anything is decoded. */
	ck_assert_int_eq(buf_reserve(&large, KBS_SESSION_STATE_MAX + 4), 0);
	memset(large.data, 'A', KBS_SESSION_STATE_MAX + 4);
	ck_assert_int_eq(kbs_session_open(&back, kek, KBS_SESSION_ATTESTED, bytes_of(large.data, KBS_SESSION_STATE_MAX + 4), NOW),
		SESSION_E_FORGED);
}
END_TEST

/* The bare state: every shorter text, one byte more, and fields out of range. */
START_TEST(decode)
{
	CLEANUP(buf_deinit) struct buf state = BUF_NULL;
	struct kbs_session session = attested();
	struct kbs_session back;

	ck_assert_int_eq(kbs_session_encode(&state, &session), 0);
	ck_assert_int_eq(kbs_session_decode(&back, KBS_SESSION_ATTESTED, buf_view(&state)), 0);
	for (size_t i = 0; i < state.size; i++)
		ck_assert_int_eq(kbs_session_decode(&back, KBS_SESSION_ATTESTED, bytes_of(state.data, i)), SESSION_E_FORGED);
	ck_assert_int_eq(buf_u8(&state, 0), 0);
	ck_assert_int_eq(kbs_session_decode(&back, KBS_SESSION_ATTESTED, buf_view(&state)), SESSION_E_FORGED);
	state.size--;
	state.data[0] = 2; /* format */
	ck_assert_int_eq(kbs_session_decode(&back, KBS_SESSION_ATTESTED, buf_view(&state)), SESSION_E_FORGED);
	state.data[0] = 1;
	state.data[1] = 9; /* TEE */
	ck_assert_int_eq(kbs_session_decode(&back, KBS_SESSION_ATTESTED, buf_view(&state)), SESSION_E_FORGED);
	state.data[1] = KBS_TEE_SNP;
	state.data[12] = 0; /* a NUL in the nonce */
	ck_assert_int_eq(kbs_session_decode(&back, KBS_SESSION_ATTESTED, buf_view(&state)), SESSION_E_FORGED);
}
END_TEST

static const struct {
	const char *header;
	const char *value;
} cookies[] = {
	{"kbs-session-id=abc", "abc"},
	{"a=b; kbs-session-id=abc", "abc"},
	{"a=b;kbs-session-id=abc ;c=d", "abc"},
	{"kbs-session-id=", ""},
	{"kbs-session-idx=abc", ""},
	{"xkbs-session-id=abc", ""},
	{"KBS-SESSION-ID=abc", ""},
	{"kbs-session-id=abc; kbs-session-id=def", ""},
	{"kbs-session-id", ""},
	{";;;", ""},
	{"", ""},
};

START_TEST(cookie_find)
{
	ck_assert(bytes_equal(kbs_cookie_find(bytes_of_text(cookies[_i].header)), bytes_of_text(cookies[_i].value)));
}
END_TEST

static const struct {
	const char *header;
	const char *value;
} bearers[] = {
	{"Bearer abc", "abc"}, {"bearer  abc ", "abc"}, {"BEARER abc", "abc"}, {"Bearer", ""}, {"Bearer ", ""}, {"Basic abc", ""}, {"", ""},
};

START_TEST(bearer_find)
{
	ck_assert(bytes_equal(kbs_bearer_find(bytes_of_text(bearers[_i].header)), bytes_of_text(bearers[_i].value)));
}
END_TEST

#define S128 "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"

static const struct {
	const char *name;
	bool valid;
	bool pattern;
} names[] = {
	{"default/key/one", true, true},
	{"a/b/c.d-e_f", true, true},
	{"-/_/0", true, true},
	{S128 "/" S128 "/" S128, true, true},
	{S128 "x/a/b", false, false},
	{"a/b/" S128 "x", false, false},
	{"default/key/*", false, true},
	{"default/*/one", false, false},
	{"*/key/one", false, false},
	{"default/key/o*", false, false},
	{"default/key/**", false, false},
	{"default/key", false, false},
	{"default/key/", false, false},
	{"/key/one", false, false},
	{"default//one", false, false},
	{"/default/key/one", false, false},
	{"default/key/one/", false, false},
	{"default/key/one/two", false, false},
	{"default/key/.one", false, false},
	{".a/b/c", false, false},
	{"../b/c", false, false},
	{"a/b/..", false, false},
	{"a/b/c..d", false, false},
	{"a/b/o%6ee", false, false},
	{"a/b/c d", false, false},
	{"a/b/c\n", false, false},
	{"a/b/\xc3\xa4", false, false},
	{"a/b/c?x=y", false, false},
	{"", false, false},
	{"//", false, false},
};

START_TEST(resource_names)
{
	ck_assert_msg(kbs_resource_valid(bytes_of_text(names[_i].name)) == names[_i].valid, "%s", names[_i].name);
	ck_assert_msg(kbs_resource_pattern_valid(bytes_of_text(names[_i].name)) == names[_i].pattern, "%s", names[_i].name);
}
END_TEST

static const struct {
	const char *pattern;
	const char *name;
	bool matches;
} matches[] = {
	{"a/b/c", "a/b/c", true},	{"a/b/c", "a/b/cc", false},	{"a/b/cc", "a/b/c", false},	{"a/b/*", "a/b/c", true},
	{"a/b/*", "a/bb/c", false},	{"a/b/*", "aa/b/c", false},	{"a/b/*", "a/b/c/d", false},	{"a/b/*", "a/b/*", false},
	{"a/b/*", "a/b/", false},	{"a/*", "a/b/c", false},	{"*", "a/b/c", false},		{"A/b/c", "a/b/c", false},
};

START_TEST(resource_matches)
{
	ck_assert_msg(kbs_resource_matches(matches[_i].pattern, matches[_i].name) == matches[_i].matches, "%s %s", matches[_i].pattern,
		matches[_i].name);
}
END_TEST

START_TEST(resource_from_text)
{
	char name[KBS_RESOURCE_MAX + 1];

	ck_assert_int_eq(kbs_resource_from_text(name, "kbs:///a/b/c"), 0);
	ck_assert_str_eq(name, "a/b/c");
	ck_assert_int_eq(kbs_resource_from_text(name, "a/b/c"), 0);
	ck_assert_int_eq(kbs_resource_from_text(name, "kbs://host/a/b/c"), -EINVAL);
	ck_assert_int_eq(kbs_resource_from_text(name, "kbs:///a/b"), -EINVAL);
	ck_assert_int_eq(kbs_resource_from_text(name, "a/b/*"), -EINVAL);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("kbs-session");
	TCase *tests = tcase_create("session");
	SRunner *runner;
	int failed;

	suite_add_tcase(suite, tests);
	tcase_add_checked_fixture(tests, setup, NULL);
	tcase_add_test(tests, round_trip);
	tcase_add_test(tests, never_twice_the_same);
	tcase_add_test(tests, expires);
	tcase_add_test(tests, hours);
	tcase_add_test(tests, kinds_and_keys);
	tcase_add_test(tests, every_edit);
	tcase_add_test(tests, sizes);
	tcase_add_test(tests, decode);
	tcase_add_loop_test(tests, cookie_find, 0, (int)ARRAY_SIZE(cookies));
	tcase_add_loop_test(tests, bearer_find, 0, (int)ARRAY_SIZE(bearers));
	tcase_add_loop_test(tests, resource_names, 0, (int)ARRAY_SIZE(names));
	tcase_add_loop_test(tests, resource_matches, 0, (int)ARRAY_SIZE(matches));
	tcase_add_test(tests, resource_from_text);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
