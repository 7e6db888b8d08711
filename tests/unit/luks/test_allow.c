/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The allow-list. Each row changes a good header so that one check is the first to fail; with hooks, it is judged once more with that check switched off, and must
 * then pass or fail elsewhere. A check without a row is a failed test.
 */
#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "base/hooks.h"
#include "luks/allow.h"
#include "made.h"

#define S "segments.0."
#define K "keyslots.0."
#define D "digests.0."
#define NULL_CIPHER "\"cipher_null-ecb\""
#define SALT_31 "\"AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHg==\""

static const struct row {
	const char *check;
	struct change changes[CHANGES_MAX];
	const char *then; /* with the check switched off: "yes", or the check that fails then */
} rows[] = {
	{"luks.reencryption", {{S "flags", "[\"in-reencryption\"]"}}, "yes"},
	{"luks.reencryption", {{"keyslots.0.type", "\"reencrypt\""}}, "luks.keyslot_type"},
	{"luks.requirements", {{"config.requirements", "{\"mandatory\":[\"online-reencrypt-v2\"]}"}}, "yes"},
	{"luks.requirements", {{"config.requirements", "{}"}}, "yes"},
	{"luks.segments", {{"segments.1", "{\"type\":\"linear\",\"offset\":\"16777216\",\"size\":\"dynamic\"}"}}, "luks.members"},
	{"luks.segments",
		{{"segments.1", "{\"type\":\"crypt\",\"offset\":\"16777216\",\"size\":\"dynamic\",\"iv_tweak\":\"0\",\"encryption\":\"aes-xts-plain64\",\"sector_size\":512}"}}, "yes"},
	{"luks.segments", {{"segments", "{}"}}, "luks.segment_type"},
	{"luks.segments", {{"segments", "[]"}}, "luks.segment_type"},
	{"luks.segment_type", {{S "type", "\"linear\""}}, "yes"},
	{"luks.segment_type", {{"segments.0", "{\"type\":\"linear\",\"offset\":\"16777216\",\"size\":\"dynamic\"}"}}, "luks.segment_cipher"},
	{"luks.segment_cipher", {{S "encryption", NULL_CIPHER}}, "yes"},
	{"luks.segment_cipher", {{S "encryption", "\"aes-xts-plain\""}}, "yes"},
	{"luks.segment_cipher", {{S "encryption", "\"aes-xts-plain64 \""}}, "yes"},
	{"luks.segment_cipher", {{S "encryption", "\"capi:xts(aes)-plain64\""}}, "yes"},
	{"luks.segment_cipher", {{S "encryption", "1"}}, "yes"},
	{"luks.segment_cipher", {{S "encryption", NULL}}, "luks.members"},
	{"luks.integrity", {{S "integrity", "{\"type\":\"hmac(sha256)\"}"}}, "yes"},
	{"luks.segment_size", {{S "size", "\"1048576\""}}, "yes"},
	{"luks.segment_size", {{S "size", "1048576"}}, "yes"},
	{"luks.segment_iv", {{S "iv_tweak", "\"1\""}}, "yes"},
	{"luks.segment_iv", {{S "iv_tweak", "0"}}, "yes"},
	{"luks.segment_iv", {{S "iv_tweak", "\"00\""}}, "yes"},
	{"luks.segment_offset", {{S "offset", "\"1077248\""}}, "yes"},
	{"luks.segment_offset", {{S "offset", "\"0\""}}, "yes"},
	{"luks.segment_offset", {{S "offset", "\"16777217\""}}, "yes"},
	{"luks.segment_offset", {{S "offset", "\"16777728\""}}, "yes"},
	{"luks.segment_offset", {{S "offset", "\"016777216\""}}, "yes"},
	{"luks.segment_offset", {{S "offset", "\"+16777216\""}}, "yes"},
	{"luks.segment_offset", {{S "offset", "\"0x1000000\""}}, "yes"},
	{"luks.segment_offset", {{S "offset", "\"-4096\""}}, "yes"},
	{"luks.segment_offset", {{S "offset", "\"18446744073726328832\""}}, "yes"},
	{"luks.segment_offset", {{S "offset", "16777216"}}, "yes"},
	{"luks.segment_offset", {{"config.keyslots_size", "\"18446744073709547520\""}}, "luks.area"},
	{"luks.sector_size", {{S "sector_size", "1024"}}, "yes"},
	{"luks.sector_size", {{S "sector_size", "\"512\""}}, "yes"},
	{"luks.sector_size", {{S "sector_size", "512.0"}}, "yes"},
	{"luks.sector_size", {{S "sector_size", "8192"}}, "yes"},
	{"luks.keyslots", {{"keyslots", "{}"}, {"tokens", "{}"}, {D "keyslots", "[]"}}, "luks.keyslot_type"},
	{"luks.keyslots", {{"keyslots.0", NULL}, {"keyslots.00", NULL}, {"keyslots.1", NULL}, {"tokens", "{}"}, {D "keyslots", "[]"}}, "luks.keyslot_type"},
	{"luks.keyslots", {{"keyslots.32", "{}"}}, "luks.keyslot_type"},
	{"luks.keyslots", {{"keyslots.2", "7"}}, "luks.keyslot_type"},
	{"luks.keyslot_type", {{K "type", "\"luks3\""}}, "yes"},
	{"luks.keyslot_type", {{K "type", NULL}}, "luks.members"},
	{"luks.keyslot_cipher", {{K "area.encryption", NULL_CIPHER}}, "yes"},
	{"luks.keyslot_cipher", {{"keyslots.1.area.encryption", NULL_CIPHER}}, "yes"},
	{"luks.keyslot_cipher", {{K "area.encryption", "\"aes-ecb\""}}, "yes"},
	{"luks.keyslot_cipher", {{K "area.key_size", "32"}}, "yes"},
	{"luks.keyslot_cipher", {{K "area.encryption", NULL}}, "luks.members"},
	{"luks.keyslot_key_size", {{K "key_size", "32"}}, "yes"},
	{"luks.keyslot_key_size", {{"keyslots.1.key_size", "\"64\""}}, "yes"},
	{"luks.keyslot_area", {{K "area.type", "\"journal\""}}, "yes"},
	{"luks.keyslot_area", {{K "area.offset", "\"28672\""}}, "yes"},
	{"luks.keyslot_area", {{K "area.offset", "\"0\""}}, "yes"},
	{"luks.keyslot_area", {{"keyslots.1.area.offset", "\"827392\""}}, "yes"},
	{"luks.keyslot_area", {{"keyslots.1.area.offset", "\"18446744073709547520\""}}, "yes"},
	{"luks.keyslot_area", {{"keyslots.1.area.offset", "\"16777216\""}}, "yes"},
	{"luks.keyslot_area", {{"keyslots.1.area.size", "\"18446744073709547520\""}}, "yes"},
	{"luks.keyslot_area", {{"keyslots.1.area.size", "\"253952\""}}, "yes"},
	{"luks.keyslot_area", {{"keyslots.1.area.offset", "\"290817\""}}, "yes"},
	{"luks.keyslot_area", {{"keyslots.1.area.offset", "290816"}}, "yes"},
	{"luks.keyslot_area", {{"keyslots.1.area.size", "\"258049\""}}, "yes"},
	{"luks.keyslot_overlap", {{"keyslots.1.area.offset", "\"32768\""}}, "yes"},
	{"luks.keyslot_overlap", {{"keyslots.1.area.offset", "\"286720\""}}, "yes"},
	{"luks.keyslot_overlap", {{K "area.size", "\"262144\""}}, "yes"},
	{"luks.keyslot_af", {{K "af.stripes", "1"}}, "yes"},
	{"luks.keyslot_af", {{K "af.hash", "\"sha1\""}}, "yes"},
	{"luks.keyslot_af", {{K "af.type", "\"none\""}}, "yes"},
	{"luks.keyslot_kdf", {{"keyslots.1.kdf.type", "\"argon2i\""}}, "yes"},
	{"luks.keyslot_kdf", {{K "kdf.hash", "\"sha1\""}}, "yes"},
	{"luks.keyslot_kdf", {{K "kdf.salt", SALT_31}}, "yes"},
	{"luks.keyslot_kdf", {{"keyslots.1.kdf.salt", "\"x\""}}, "yes"},
	{"luks.keyslot_cost", {{K "kdf.iterations", "999"}}, "yes"},
	{"luks.keyslot_cost", {{K "kdf.iterations", "20000001"}}, "yes"},
	{"luks.keyslot_cost", {{K "kdf.iterations", "4294967295"}}, "yes"},
	{"luks.keyslot_cost", {{K "kdf.iterations", "-1"}}, "yes"},
	{"luks.keyslot_cost", {{K "kdf.iterations", "1000.5"}}, "yes"},
	{"luks.keyslot_cost", {{"keyslots.1.kdf.memory", "1048577"}, {"keyslots.1.kdf.time", "1"}}, "yes"},
	{"luks.keyslot_cost", {{"keyslots.1.kdf.memory", "31"}}, "yes"},
	{"luks.keyslot_cost", {{"keyslots.1.kdf.time", "17"}}, "yes"},
	{"luks.keyslot_cost", {{"keyslots.1.kdf.time", "0"}}, "yes"},
	{"luks.keyslot_cost", {{"keyslots.1.kdf.time", "4294967295"}, {"keyslots.1.kdf.memory", "32"}}, "yes"},
	{"luks.keyslot_cost", {{"keyslots.1.kdf.cpus", "5"}}, "yes"},
	{"luks.keyslot_cost", {{"keyslots.1.kdf.cpus", "0"}}, "yes"},
	{"luks.keyslot_priority", {{K "priority", "3"}}, "yes"},
	{"luks.keyslot_priority", {{K "priority", "-1"}}, "yes"},
	{"luks.keyslot_priority", {{K "priority", "\"2\""}}, "yes"},
	{"luks.digests",
		{{"digests.1", "{\"type\":\"pbkdf2\",\"keyslots\":[\"1\"],\"segments\":[],\"hash\":\"sha256\",\"iterations\":1000,\"salt\":\"\",\"digest\":\"\"}"}},
		"luks.digest_form"},
	{"luks.digests", {{"digests", "{}"}}, "luks.digest_form"},
	{"luks.digests", {{"digests", "{\"x\":{}}"}}, "luks.digest_form"},
	{"luks.digest_form", {{D "type", "\"pbkdf3\""}}, "yes"},
	{"luks.digest_form", {{D "hash", "\"sha1\""}}, "yes"},
	{"luks.digest_form", {{D "salt", SALT_31}}, "yes"},
	{"luks.digest_form", {{D "digest", SALT_31}}, "yes"},
	{"luks.digest_form", {{D "digest", "\"\""}}, "yes"},
	{"luks.digest_form", {{D "digest", "\"AAECAwQFBgcICQoLDA0ODxAREg==\""}}, "yes"},
	{"luks.digest_cost", {{D "iterations", "999"}}, "yes"},
	{"luks.digest_cost", {{D "iterations", "4294967295"}}, "yes"},
	{"luks.digest_keyslots", {{D "keyslots", "[\"0\"]"}}, "yes"},
	{"luks.digest_keyslots", {{D "keyslots", "[\"0\",\"0\"]"}}, "yes"},
	{"luks.digest_keyslots", {{D "keyslots", "[\"0\",\"2\"]"}}, "yes"},
	{"luks.digest_keyslots", {{D "keyslots", "[\"0\",\"1\",\"2\"]"}}, "yes"},
	{"luks.digest_keyslots", {{D "keyslots", "[0,1]"}}, "yes"},
	{"luks.digest_keyslots", {{D "keyslots", "[\"0\",null]"}}, "yes"},
	{"luks.digest_segments", {{D "segments", "[]"}}, "yes"},
	{"luks.digest_segments", {{D "segments", "[\"0\",\"0\"]"}}, "yes"},
	{"luks.digest_segments", {{D "segments", "[\"1\"]"}}, "yes"},
	{"luks.digest_segments", {{D "segments", "[null]"}}, "yes"},
	{"luks.tokens", {{"tokens.2", "{\"type\":\"systemd-tpm2\",\"keyslots\":[\"0\"]}"}}, "yes"},
	{"luks.tokens", {{"tokens.2", "{\"type\":\"clevis\",\"keyslots\":[\"0\"],\"jwe\":{}}"}}, "luks.members"},
	{"luks.tokens", {{"tokens.0.keyslots", "[\"2\"]"}}, "yes"},
	{"luks.tokens", {{"tokens.0.keyslots", "[]"}}, "yes"},
	{"luks.tokens", {{"tokens.0.keyslots", "[null]"}}, "yes"},
	{"luks.tokens", {{"tokens.0.keyslots", "[\"0\",\"1\"]"}}, "yes"},
	{"luks.tokens", {{"tokens.x", "{\"type\":\"sevattest\",\"keyslots\":[\"0\"]}"}}, "yes"},
	{"luks.tokens", {{"tokens", NULL}}, "luks.members"},
	{"luks.flags", {{"config.flags", "[\"allow-discards\"]"}}, "yes"},
	{"luks.flags", {{"config.flags", "{}"}}, "yes"},
	{"luks.flags", {{"config.flags", "\"\""}}, "yes"},
	{"luks.area", {{"config.json_size", "\"12289\""}}, "yes"},
	{"luks.area", {{"config.json_size", "12288"}}, "yes"},
	{"luks.area", {{"config.keyslots_size", "\"1048577\""}}, "yes"},
	{"luks.area", {{"config.keyslots_size", "\"16748544\""}, {S "offset", "\"33554432\""}}, "yes"},
	{"luks.area", {{"config.keyslots_size", NULL}}, "luks.members"},
	{"luks.members", {{"extra", "{}"}}, "yes"},
	{"luks.members", {{"config.extra", "1"}}, "yes"},
	{"luks.members", {{S "extra", "1"}}, "yes"},
	{"luks.members", {{K "extra", "1"}}, "yes"},
	{"luks.members", {{K "af.extra", "1"}}, "yes"},
	{"luks.members", {{K "area.extra", "1"}}, "yes"},
	{"luks.members", {{K "kdf.extra", "1"}}, "yes"},
	{"luks.members", {{"keyslots.1.kdf.hash", "\"sha256\""}}, "yes"},
	{"luks.members", {{D "extra", "1"}}, "yes"},
	{"luks.members", {{"tokens.0.extra", "1"}}, "yes"},
};

/* The first check that fails, or "yes". */
static const char *judge(const struct made *made, struct verdict *verdict)
{
	CLEANUP(luks_header_deinit) struct luks_header header = LUKS_HEADER_NULL;
	CLEANUP(buf_deinit) struct buf copy = BUF_NULL;
	struct error error = ERROR_NULL;
	int r;

	made_copy(&copy, LUKS_PRIMARY, made);
	ck_assert_msg(luks_header_read(buf_view(&copy), LUKS_PRIMARY, &header, &error) == 0, "%s", error_text(&error));
	r = luks_allow(&header, LUKS_PRIMARY, verdict);
	ck_assert_uint_eq(verdict->count, luks_checks_count);
	ck_assert_int_eq(r, verdict_ok(verdict) ? 0 : LUKS_E_REFUSED);
	return verdict_ok(verdict) ? "yes" : verdict_first_failed(verdict)->check;
}

static void made_of(const struct row *row, struct made *ret)
{
	*ret = (struct made){.seqid = 1};
	memcpy(ret->changes, row->changes, sizeof(row->changes));
}

START_TEST(good)
{
	static const struct change also[][CHANGES_MAX] = {
		{{NULL, NULL}},
		{{"tokens", "{}"}},
		{{"config.flags", "[]"}},
		{{D "digest", "\"AAECAwQFBgcICQoLDA0ODxAREhM=\""}},
		{{S "sector_size", "4096"}},
		{{S "offset", "\"1081344\""}},
		{{K "priority", "2"}, {"keyslots.1.priority", "0"}},
		{{K "kdf.iterations", "20000000"}},
		{{"keyslots.1.kdf.time", "16"}},
		{{"keyslots.1", NULL}, {"tokens.1", NULL}, {D "keyslots", "[\"0\"]"}},
		{{"keyslots.1.area.offset", "\"823296\""}},
	};

	for (size_t i = 0; i < ARRAY_SIZE(also); i++) {
		CLEANUP(verdict_deinit) struct verdict verdict = VERDICT_NULL;
		struct made made = {.seqid = 1};
		const char *first;

		memcpy(made.changes, also[i], sizeof(also[i]));
		first = judge(&made, &verdict);
		ck_assert_msg(strcmp(first, "yes") == 0, "good header %zu is refused by %s: %s", i, first, first[0] == 'y' ? "" : verdict_first_failed(&verdict)->actual);
	}
}
END_TEST

START_TEST(alone)
{
	CLEANUP(verdict_deinit) struct verdict verdict = VERDICT_NULL, without = VERDICT_NULL;
	const struct row *row = &rows[_i];
	const struct finding *failed;
	struct made made;

	made_of(row, &made);
	ck_assert_str_eq(judge(&made, &verdict), row->check);
	failed = verdict_first_failed(&verdict);
	ck_assert(failed->why[0] && failed->fix[0] && failed->expected[0] && failed->actual[0] && failed->class == FINDING_EVIDENCE);
	hook_disable(row->check);
	if (hook_disabled(row->check))
		ck_assert_str_eq(judge(&made, &without), row->then);
	hook_disable(NULL);
}
END_TEST

/* The UUID is not in the metadata. */
START_TEST(uuids)
{
	static const char *const bad[] = {"", "0CA3B1D4-5e6f-4a7b-8c9d-0e1f2a3b4c5d", "0ca3b1d4x5e6f-4a7b-8c9d-0e1f2a3b4c5d", "0ca3b1d4-5e6f-4a7b-8c9d-0e1f2a3b4c5",
		"0ca3b1d4-5e6f-4a7b-8c9d-0e1f2a3b4c5d1", "../../../../../../../../../../../../x"};

	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		CLEANUP(verdict_deinit) struct verdict verdict = VERDICT_NULL, without = VERDICT_NULL;
		struct made made = {.seqid = 1, .uuid = bad[i]};

		ck_assert_str_eq(judge(&made, &verdict), "luks.uuid");
		hook_disable("luks.uuid");
		if (hook_disabled("luks.uuid"))
			ck_assert_str_eq(judge(&made, &without), "yes");
		hook_disable(NULL);
	}
}
END_TEST

START_TEST(every_check_has_a_row)
{
	for (size_t i = 0; i < luks_checks_count; i++) {
		bool found = strcmp(luks_checks[i].name, "luks.uuid") == 0;

		for (size_t j = 0; j < ARRAY_SIZE(rows); j++)
			found |= strcmp(rows[j].check, luks_checks[i].name) == 0;
		ck_assert_msg(found, "nothing makes %s fail", luks_checks[i].name);
		for (size_t j = 0; j < i; j++)
			ck_assert_str_ne(luks_checks[i].name, luks_checks[j].name);
	}
}
END_TEST

START_TEST(area_sizes)
{
	static const struct {
		const char *slots;
		uint64_t expected;
	} sizes[] = {{"\"1048576\"", MADE_AREA}, {"\"16744448\"", LUKS_AREA_MAX}, {"\"16748544\"", 0}, {"\"18446744073709518848\"", 0}, {"1048576", 0}, {NULL, 0}};

	for (size_t i = 0; i < ARRAY_SIZE(sizes); i++) {
		const struct change changes[CHANGES_MAX] = {{"config.keyslots_size", sizes[i].slots}};
		CLEANUP(luks_header_deinit) struct luks_header header = {.size = LUKS_HEADER_MIN, .metadata = made_metadata(changes)};

		ck_assert_uint_eq(luks_area_size(&header), sizes[i].expected);
	}
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("luks allow");
	TCase *tcase = tcase_create("luks allow");
	SRunner *runner;
	int failed;

	tcase_add_test(tcase, good);
	tcase_add_loop_test(tcase, alone, 0, ARRAY_SIZE(rows));
	tcase_add_test(tcase, uuids);
	tcase_add_test(tcase, every_check_has_a_row);
	tcase_add_test(tcase, area_sizes);
	suite_add_tcase(suite, tcase);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? 1 : 0;
}
