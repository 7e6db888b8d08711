/* SPDX-License-Identifier: Apache-2.0 */
/* The rooms that everything stands on: reader, text, time, strict JSON and its canonical form, sealing, configuration, verdicts. */
#include <check.h>
#include <errno.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"
#include "base/config.h"
#include "base/crypto.h"
#include "base/error.h"
#include "base/finding.h"
#include "base/json.h"
#include "base/text.h"
#include "base/unit_name.h"

START_TEST(reader_is_sticky)
{
	const uint8_t data[] = {1, 2, 3, 4, 5};
	struct reader r;

	reader_init(&r, bytes_of(data, sizeof(data)));
	ck_assert_uint_eq(reader_u32le(&r), 0x04030201);
	ck_assert(!reader_done(&r));
	ck_assert_uint_eq(reader_u16le(&r), 0);
	ck_assert_uint_eq(reader_u8(&r), 0); /* the byte is there, but the reader has failed */
	ck_assert(!reader_ok(&r) && !reader_done(&r) && reader_left(&r) == 0);
	reader_init(&r, bytes_of(NULL, 0));
	ck_assert(reader_done(&r));
}
END_TEST

START_TEST(base64_is_strict)
{
	static const struct {
		const char *text;
		enum base64_kind kind;
		bool good;
	} rows[] = {{"", BASE64_STD, true}, {"Zg==", BASE64_STD, true}, {"Zg==", BASE64_URL, false}, {"Zg", BASE64_URL, true}, {"Zg", BASE64_STD, false},
		{"Zh", BASE64_URL, false}, {"Zg=", BASE64_STD, false}, {"Zm9v", BASE64_URL, true}, {"Zm9\n", BASE64_STD, false}, {"-_8", BASE64_URL, true},
		{"+/8", BASE64_URL, false}, {"-_8=", BASE64_STD, false}, {"-_8=", BASE64_URL_PADDED, true}, {"Z", BASE64_URL, false}};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct buf out = BUF_NULL;
		int r = base64_decode(&out, rows[i].kind, bytes_of_text(rows[i].text));

		ck_assert_msg((r == 0) == rows[i].good, "row %zu", i);
		buf_deinit(&out);
	}
	for (size_t size = 0; size < 260; size++) {
		uint8_t data[260], back[260];
		char *text;

		ck_assert_int_eq(random_bytes(data, sizeof(data)), 0);
		text = base64_new(BASE64_URL, bytes_of(data, size));
		ck_assert_int_eq(base64_decode_exact(back, size, BASE64_URL, bytes_of_text(text)), 0);
		ck_assert(memcmp(data, back, size) == 0);
		free(text);
	}
}
END_TEST

START_TEST(time_is_exact)
{
	static const char *const bad[] = {"2026-02-29T00:00:00Z", "2026-13-01T00:00:00Z", "2026-06-01T24:00:00Z", "2026-06-01", "2026-06-01T00:00:00",
		"2026-06-01T00:00:00Zx", "2026-00-01T00:00:00Z", "2026-06-31T00:00:00Z"};
	int64_t seconds;
	char text[32];

	ck_assert_int_eq(time_parse("1970-01-01T00:00:00Z", &seconds), 0);
	ck_assert_int_eq(seconds, 0);
	ck_assert_int_eq(time_parse("2024-02-29T12:34:56+02:00", &seconds), 0);
	ck_assert_int_eq(seconds, 1709202896);
	time_format(text, seconds);
	ck_assert_str_eq(text, "2024-02-29T10:34:56Z");
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
		ck_assert_msg(time_parse(bad[i], &seconds) < 0, "%s", bad[i]);
}
END_TEST

START_TEST(printable_cannot_drive_a_terminal)
{
	char text[64];

	text_printable(text, sizeof(text), bytes_of("a\033[2J\xff\xe2\x80\xae", 9));
	ck_assert_str_eq(text, "a\\x1b[2J\\xff\\xe2\\x80\\xae");
	text_printable(text, 8, bytes_of_text("0123456789"));
	ck_assert_uint_lt(strlen(text), 8);
}
END_TEST

START_TEST(json_refuses)
{
	static const char *const bad[] = {"", "{", "{\"a\":1,\"a\":2}", "{\"a\":1,\"\\u0061\":2}", "[1,]", "{\"a\":01}", "[1] x", "\"\\ud800\"", "[\"\\u0000\"]",
		"[\"\x01\"]", "[\"\xff\"]", "[18446744073709551616]", "[-9223372036854775809]", "null", "[nul]", "{'a':1}", "[1.]", "[+1]", "/**/[]", "[NaN]"};
	CLEANUP(buf_deinit) struct buf deep = BUF_NULL;
	JSON_AUTO many = NULL;

	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		struct json_object *object = NULL;
		struct error error = ERROR_NULL;

		ck_assert_msg(json_read(bytes_of_text(bad[i]), &object, &error) < 0, "%s", bad[i]);
		ck_assert_ptr_null(object);
		ck_assert(error.text[0]);
	}
	for (size_t i = 0; i < 10000; i++)
		ck_assert_int_eq(buf_u8(&deep, '['), 0);
	ck_assert_int_eq(json_read(buf_view(&deep), &(struct json_object *){NULL}, NULL), -E2BIG);
	/* Many numbers are bytes that somebody sent; many empty objects are memory that somebody wants to cost us. */
	deep.size = 0;
	ck_assert_int_eq(buf_append_text(&deep, "[0"), 0);
	for (size_t i = 0; i < 5000; i++)
		ck_assert_int_eq(buf_append_text(&deep, ",1"), 0);
	ck_assert_int_eq(buf_append_text(&deep, "]"), 0);
	ck_assert_int_eq(json_read(buf_view(&deep), &many, NULL), 0);
	ck_assert_uint_eq(json_object_array_length(many), 5001);
	deep.size = 0;
	ck_assert_int_eq(buf_append_text(&deep, "[0"), 0);
	for (size_t i = 0; i < 5000; i++)
		ck_assert_int_eq(buf_append_text(&deep, i % 2 ? ",{}" : ",[]"), 0);
	ck_assert_int_eq(buf_append_text(&deep, "]"), 0);
	ck_assert_int_eq(json_read(buf_view(&deep), &(struct json_object *){NULL}, NULL), -E2BIG);
}
END_TEST

/* Every kind of value, against what json-c's own parser makes of it. */
START_TEST(json_reads_as_json_c_does)
{
	static const char *const good[] = {"{}", "[]", "\"\"", "0", "-0", "255", "256", "-1", "-256", "9223372036854775807", "-9223372036854775808",
		"9223372036854775808", "18446744073709551615", "1.5", "-0.0", "1e3", "2E-2", "1.25e+10", "true", "false", "[null]", "{\"a\":null}",
		"[1,1,1,255,300,300,1.5,1.5,\"x\",\"x\"]", " [ 1 , 2 ] ", "{\"a\\\"b\":{\"\":[[]]}}", "\"\\ud83d\\ude00 \\\\ \\/ \\b\\f\\n\\r\\t \\u00e9 \u00e9\"",
		"{\"x\":1,\"y\":{\"x\":1},\"z\":[{\"x\":1},{\"x\":1}]}"};

	for (size_t i = 0; i < ARRAY_SIZE(good); i++) {
		JSON_AUTO ours = NULL;
		JSON_AUTO theirs = json_tokener_parse(good[i]);
		struct error error = ERROR_NULL;

		ck_assert_msg(json_read(bytes_of_text(good[i]), &ours, &error) == 0, "%s: %s", good[i], error_text(&error));
		ck_assert_int_eq(json_object_get_type(ours), json_object_get_type(theirs));
		ck_assert_msg(json_object_equal(ours, theirs), "%s", good[i]);
		ck_assert_str_eq(json_object_to_json_string_ext(ours, JSON_C_TO_STRING_PLAIN), json_object_to_json_string_ext(theirs, JSON_C_TO_STRING_PLAIN));
	}
}
END_TEST

START_TEST(json_names_the_place)
{
	struct json_object *object = NULL;
	struct error error = ERROR_NULL;

	ck_assert_int_eq(json_read(bytes_of_text("{\n  \"a\": 1,\n  \"a\": 2}"), &object, &error), -EINVAL);
	ck_assert_ptr_nonnull(strstr(error.text, "line 3"));
}
END_TEST

START_TEST(json_canonical_sorts)
{
	CLEANUP(buf_deinit) struct buf out = BUF_NULL;
	JSON_AUTO object = NULL;

	ck_assert_int_eq(json_read(bytes_of_text("{\"b\":[true,null,\"\\u000a\\u001f\\/\"],\"a\":-5,\"\\uffff\":1,\"\\ud83d\\ude00\":2}"), &object, NULL), 0);
	ck_assert_int_eq(json_canonical(&out, object), 0);
	ck_assert_int_eq(buf_u8(&out, 0), 0);
	ck_assert_str_eq((char *)out.data, "{\"a\":-5,\"b\":[true,null,\"\\n\\u001f/\"],\"\xf0\x9f\x98\x80\":2,\"\xef\xbf\xbf\":1}");
}
END_TEST

START_TEST(sealed_opens_only_whole)
{
	uint8_t key[AEAD_KEY_SIZE] = {7};
	CLEANUP(buf_deinit) struct buf sealed = BUF_NULL;
	struct secret open = SECRET_NULL;

	ck_assert_int_eq(secret_process_init(1 << 20), 0);
	ck_assert_int_eq(aead_seal(&sealed, bytes_of(key, sizeof(key)), bytes_of_text("row"), bytes_of_text("text")), 0);
	ck_assert_int_eq(aead_open(&open, bytes_of(key, sizeof(key)), bytes_of_text("row"), buf_view(&sealed)), 0);
	ck_assert(open.size == 4 && memcmp(open.data, "text", 4) == 0);
	secret_deinit(&open);
	ck_assert_int_eq(aead_open(&open, bytes_of(key, sizeof(key)), bytes_of_text("other"), buf_view(&sealed)), AEAD_E_FORGED);
	for (size_t i = 0; i < sealed.size; i++) {
		sealed.data[i] ^= 1;
		ck_assert_int_eq(aead_open(&open, bytes_of(key, sizeof(key)), bytes_of_text("row"), buf_view(&sealed)), AEAD_E_FORGED);
		sealed.data[i] ^= 1;
	}
	ck_assert_int_eq(aead_open(&open, bytes_of(key, sizeof(key)), bytes_of_text("row"), bytes_of(sealed.data, AEAD_OVERHEAD - 1)), AEAD_E_FORGED);
}
END_TEST

struct settings {
	char *name;
	uint64_t count, wait;
	bool on;
	struct config_list list;
};

static const struct config_key keys[] = {{"a", "Name", CONFIG_TEXT, offsetof(struct settings, name), 0, 0, "none"},
	{"a", "Count", CONFIG_U64, offsetof(struct settings, count), 1, 9, "3"}, {"a", "Wait", CONFIG_SECONDS, offsetof(struct settings, wait), 1, 7200, NULL},
	{"b", "On", CONFIG_BOOL, offsetof(struct settings, on), 0, 0, NULL}, {"b", "Item", CONFIG_LIST, offsetof(struct settings, list), 0, 0, NULL}};

START_TEST(config_by_table)
{
	static const char *const bad[] = {"[a]\nNam = x\n", "[a]\nCount = 10\n", "[a]\nCount = x\n", "[a]\nName = x\nName = y\n", "[b]\nOn = maybe\n", "[a\n",
		"[a]\nWait = 3h\n", "Name = x\n", "[a]\nWait = 5 parsecs\n"};
	struct settings settings = {0};
	struct error error = ERROR_NULL;

	ck_assert_int_eq(config_read(&settings, keys, ARRAY_SIZE(keys), "x.conf", bytes_of_text("# c\n[a]\nWait = 5min\n[b]\nOn=yes\nItem=1\nItem = 2\n"), &error), 0);
	ck_assert_str_eq(settings.name, "none");
	ck_assert_uint_eq(settings.count, 3);
	ck_assert_uint_eq(settings.wait, 300);
	ck_assert(settings.on && settings.list.count == 2);
	config_deinit(&settings, keys, ARRAY_SIZE(keys));
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		error_clear(&error);
		memset(&settings, 0, sizeof(settings));
		ck_assert_msg(config_read(&settings, keys, ARRAY_SIZE(keys), "x.conf", bytes_of_text(bad[i]), &error) < 0, "%s", bad[i]);
		ck_assert_msg(text_starts_with(error.text, "x.conf:"), "%s", error.text);
	}
}
END_TEST

/* Each row: what is in the file, what is left for the owner of [b], and for whoever owns all but [b]; blanks as '_'. */
START_TEST(config_of_several_programs)
{
	static const char *const rows[][3] = {
		{"[a]\nx=1\n[b]\ny=2\n", "___\n___\n[b]\ny=2\n", "[a]\nx=1\n___\n___\n"},
		{"x=1\n[a]\n", "x=1\n___\n", "x=1\n[a]\n"},
		{" \t[b]\r\ny", " \t[b]\r\ny", "______\n_"},
		{"[bb]\ny=2", "____\n___", "[bb]\ny=2"},
		{"[b", "__", "[b"},
		{"", "", ""},
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		for (int own = 0; own < 2; own++) {
			CLEANUP(buf_deinit) struct buf text = BUF_NULL;
			const char *wanted = rows[i][own ? 1 : 2];

			ck_assert_int_eq(buf_append_text(&text, rows[i][0]), 0);
			config_blank(&text, "b", own);
			ck_assert_uint_eq(text.size, strlen(wanted));
			for (size_t j = 0; j < text.size; j++)
				ck_assert_msg(text.data[j] == (wanted[j] == '_' ? ' ' : wanted[j]), "row %zu, own %d, byte %zu", i, own, j);
		}
	}
}
END_TEST

START_TEST(verdict_fails_closed)
{
	struct verdict verdict = VERDICT_NULL;

	ck_assert_int_eq(verdict_exit(&verdict), EXIT_INTERNAL);
	verdict_skip(&verdict, "note", FINDING_ADVICE, "not looked at");
	ck_assert_int_eq(verdict_exit(&verdict), EXIT_INTERNAL);
	verdict_pass(&verdict, "a", FINDING_EVIDENCE);
	ck_assert(verdict_ok(&verdict));
	verdict_fail(&verdict, "p", FINDING_POLICY, "no");
	ck_assert_int_eq(verdict_exit(&verdict), EXIT_POLICY);
	verdict_skip(&verdict, "b", FINDING_EVIDENCE, "could not run");
	ck_assert_int_eq(verdict_exit(&verdict), EXIT_EVIDENCE);
	ck_assert_str_eq(verdict_first_failed(&verdict)->check, "p");
	verdict_deinit(&verdict);
}
END_TEST

/* What systemd-escape itself says, where it is there; else what it said once. */
static void escapes_as(const char *options, const char *text, const struct buf *ours, const char *known)
{
	char command[256], line[256] = "";
	FILE *pipe;

	ck_assert_msg(bytes_equal(buf_view(ours), bytes_of_text(known)), "%s: %.*s", text, (int)ours->size, (const char *)ours->data);
	(void)snprintf(command, sizeof(command), "systemd-escape %s -- '%s' 2>/dev/null", options, text);
	pipe = popen(command, "r");
	ck_assert_ptr_nonnull(pipe);
	if (fgets(line, sizeof(line), pipe)) {
		line[strcspn(line, "\n")] = 0;
		ck_assert_str_eq(line, known);
	}
	(void)pclose(pipe);
}

START_TEST(unit_names_escape)
{
	static const struct {
		bool path;
		const char *text, *escaped;
	} rows[] = {{false, "data", "data"}, {false, "my-data_1", "my\\x2ddata_1"}, {false, ".x..y", "\\x2ex..y"}, {false, "a+b@c\\d", "a\\x2bb\\x40c\\x5cd"},
		{false, "x/.y", "x-.y"}, {false, "\xc3\xbc:", "\\xc3\\xbc:"}, {true, "/", "-"}, {true, "//a//b/", "a-b"}, {true, "/a/.b", "a-.b"}, {true, "/.a", "\\x2ea"},
		{true, "/a/...b", "a-...b"}, {true, "/dev/disk/by-id/virtio-data", "dev-disk-by\\x2did-virtio\\x2ddata"},
		{true, "/dev/disk/by-id/a\\x20b", "dev-disk-by\\x2did-a\\x5cx20b"}};
	CLEANUP(buf_deinit) struct buf none = BUF_NULL;

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		CLEANUP(buf_deinit) struct buf out = BUF_NULL;

		ck_assert_int_eq(rows[i].path ? unit_name_escape_path(&out, rows[i].text) : unit_name_escape(&out, rows[i].text), 0);
		escapes_as(rows[i].path ? "--path" : "", rows[i].text, &out, rows[i].escaped);
	}
	ck_assert_int_eq(unit_name_escape_path(&none, "a/b"), -EINVAL);
	ck_assert_int_eq(unit_name_escape_path(&none, ""), -EINVAL);
	ck_assert_int_eq(unit_name_escape_path(&none, "/a/../b"), -EINVAL);
	ck_assert_int_eq(unit_name_escape_path(&none, "/."), -EINVAL);
	ck_assert_int_eq(unit_name_escape(&none, ""), 0);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("base");
	TCase *tests = tcase_create("base");
	SRunner *runner;
	int failed;

	tcase_add_test(tests, reader_is_sticky);
	tcase_add_test(tests, base64_is_strict);
	tcase_add_test(tests, time_is_exact);
	tcase_add_test(tests, printable_cannot_drive_a_terminal);
	tcase_add_test(tests, json_refuses);
	tcase_add_test(tests, json_reads_as_json_c_does);
	tcase_add_test(tests, json_names_the_place);
	tcase_add_test(tests, json_canonical_sorts);
	tcase_add_test(tests, sealed_opens_only_whole);
	tcase_add_test(tests, config_by_table);
	tcase_add_test(tests, config_of_several_programs);
	tcase_add_test(tests, verdict_fails_closed);
	tcase_add_test(tests, unit_names_escape);
	suite_add_tcase(suite, tests);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
