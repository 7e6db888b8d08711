/* SPDX-License-Identifier: Apache-2.0 */
/* agent.conf with its additions, and the frames between sevattestd and sevattest-evidence: what is refused, one refusal a case. */
#include <check.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/files.h"
#include "io/agent_conf.h"
#include "io/evidence_frame.h"
#include "io/frame.h"

struct settings {
	char *text;
	struct config_list list;
	uint64_t number;
};

static const struct config_key keys[] = {
	{"agent", "Text", CONFIG_TEXT, offsetof(struct settings, text), 0, 0, "default"},
	{"broker", "List", CONFIG_LIST, offsetof(struct settings, list), 0, 0, NULL},
	{"agent", "Number", CONFIG_U64, offsetof(struct settings, number), 1, 9, "3"},
};

static char folder[] = "/tmp/test-agent-conf.XXXXXX";
static char main_file[64];

static void put(const char *name, const char *text)
{
	char path[128];
	struct error error = ERROR_NULL;

	(void)snprintf(path, sizeof(path), "%s/%s", folder, name);
	ck_assert_int_eq(file_write(path, bytes_of_text(text), 0600, &error), 0);
}

static void setup(void)
{
	char path[128];

	memcpy(folder, "/tmp/test-agent-conf.XXXXXX", sizeof(folder));
	ck_assert_ptr_nonnull(mkdtemp(folder));
	(void)snprintf(main_file, sizeof(main_file), "%s/agent.conf", folder);
	(void)snprintf(path, sizeof(path), "%s/agent.conf.d", folder);
	ck_assert_int_eq(mkdir(path, 0700), 0);
}

static void teardown(void)
{
	char command[128];

	(void)snprintf(command, sizeof(command), "%s/agent.conf.d/", folder);
	for (const char *const *name = (const char *const[]){"10-a.conf", "20-b.conf", "c.txt", ".30.conf", NULL}; *name; name++) {
		char path[192];

		(void)snprintf(path, sizeof(path), "%s%s", command, *name);
		(void)unlink(path);
	}
	(void)rmdir(command);
	(void)unlink(main_file);
	(void)rmdir(folder);
}

START_TEST(additions)
{
	struct settings settings = {.text = NULL};
	struct error error = ERROR_NULL;

	put("agent.conf", "[agent]\nText = first\n[broker]\nKeyCheck = another program's\nList = 1\n[kds]\nWhatever = netd knows\n");
	put("agent.conf.d/20-b.conf", "[broker]\nList = 3\n");
	put("agent.conf.d/10-a.conf", "[agent]\nText = second\nNumber = 5\n[broker]\nList = 2\n");
	put("agent.conf.d/c.txt", "nonsense");
	put("agent.conf.d/.30.conf", "nonsense");
	ck_assert_msg(agent_conf_read(main_file, &settings, keys, ARRAY_SIZE(keys), &error) == 0, "%s", error_text(&error));
	ck_assert_str_eq(settings.text, "second");
	ck_assert_uint_eq(settings.number, 5);
	ck_assert_uint_eq(settings.list.count, 3);
	for (size_t i = 0; i < 3; i++)
		ck_assert_int_eq(settings.list.items[i][0], '1' + (int)i);
	config_deinit(&settings, keys, ARRAY_SIZE(keys));
}
END_TEST

static void refused(const char *text, const char *said)
{
	struct settings settings = {.text = NULL};
	struct error error = ERROR_NULL;

	put("agent.conf", text);
	ck_assert_int_eq(agent_conf_read(main_file, &settings, keys, ARRAY_SIZE(keys), &error), -EINVAL);
	ck_assert_msg(strstr(error_text(&error), said) != NULL, "\"%s\" does not say \"%s\"", error_text(&error), said);
}

START_TEST(conf_refusals)
{
	struct settings settings = {.text = NULL};
	struct error error = ERROR_NULL;

	refused("[agent]\nTxt = a\n", "agent.conf:2: unknown key 'Txt'");
	refused("[broker]\nKeyChek = a\n", "agent.conf:2: unknown key 'KeyChek'");
	refused("[agent]\nKeyCheck = a\n", "agent.conf:2: unknown key 'KeyCheck'");
	refused("[agnt]\nText = a\n", "agent.conf:2: unknown key 'Text' in section [agnt]");
	refused("Text = a\n[agent]\n", "agent.conf:1");
	refused("[kds]\nx = 1\n[agent]\nText = a\nText = b\n", "agent.conf:5: Text= is given twice");
	refused("[agent]\nNumber = 10\n", "out of range");
	put("agent.conf", "[agent]\nNumber = 2\n");
	put("agent.conf.d/10-a.conf", "[agent]\nNumber = x\n");
	ck_assert_int_eq(agent_conf_read(main_file, &settings, keys, ARRAY_SIZE(keys), &error), -EINVAL);
	ck_assert_ptr_nonnull(strstr(error_text(&error), "10-a.conf:2"));
	error_clear(&error);
	ck_assert_int_eq(agent_conf_read("/nonexistent/agent.conf", &settings, keys, ARRAY_SIZE(keys), &error), -ENOENT);
}
END_TEST

static struct evidence_frame_request good_request(void)
{
	struct evidence_frame_request request = {.vmpl = EVIDENCE_FRAME_VMPL_OWN, .provider = bytes_of_text("auto")};

	memset(request.report_data, 7, sizeof(request.report_data));
	return request;
}

static struct evidence_frame_response good_response(void)
{
	return (struct evidence_frame_response){
		.provider = bytes_of_text("tsm"), .report = bytes_of_text("report"), .cert_table = bytes_of_text("table"), .note = bytes_of_text("note")};
}

START_TEST(evidence_round_trip)
{
	CLEANUP(buf_deinit) struct buf payload = BUF_NULL;
	struct evidence_frame_request request = good_request(), got;
	struct evidence_frame_response response = good_response(), answer;

	ck_assert_int_eq(evidence_frame_request_encode(&payload, &request), 0);
	ck_assert_int_eq(evidence_frame_request_decode(buf_view(&payload), &got), 0);
	ck_assert_int_eq(got.vmpl, -1);
	ck_assert(bytes_equal(got.provider, request.provider));
	ck_assert_mem_eq(got.report_data, request.report_data, sizeof(got.report_data));
	for (size_t size = 0; size < payload.size; size++)
		ck_assert_int_eq(evidence_frame_request_decode(bytes_of(payload.data, size), &got), EVIDENCE_FRAME_E_TRUNCATED);
	ck_assert_int_eq(buf_u8(&payload, 0), 0);
	ck_assert_int_eq(evidence_frame_request_decode(buf_view(&payload), &got), EVIDENCE_FRAME_E_TRUNCATED);
	buf_deinit(&payload);
	ck_assert_int_eq(evidence_frame_response_encode(&payload, &response), 0);
	ck_assert_int_eq(evidence_frame_response_decode(buf_view(&payload), &answer), 0);
	ck_assert(bytes_equal(answer.report, response.report));
	ck_assert(bytes_equal(answer.cert_table, response.cert_table));
	ck_assert(bytes_equal(answer.note, response.note));
	for (size_t size = 0; size < payload.size; size++)
		ck_assert_int_eq(evidence_frame_response_decode(bytes_of(payload.data, size), &answer), EVIDENCE_FRAME_E_TRUNCATED);
}
END_TEST

/* What the encoder lets nobody make is made by hand: one byte of a good payload is changed. */
static int request_with(size_t at, uint8_t value)
{
	CLEANUP(buf_deinit) struct buf payload = BUF_NULL;
	struct evidence_frame_request request = good_request(), got;

	ck_assert_int_eq(evidence_frame_request_encode(&payload, &request), 0);
	payload.data[at] = value;
	return evidence_frame_request_decode(buf_view(&payload), &got);
}

static int response_with(size_t at, uint8_t value)
{
	CLEANUP(buf_deinit) struct buf payload = BUF_NULL;
	struct evidence_frame_response response = good_response(), got;

	ck_assert_int_eq(evidence_frame_response_encode(&payload, &response), 0);
	payload.data[at] = value;
	return evidence_frame_response_decode(buf_view(&payload), &got);
}

START_TEST(evidence_refusals)
{
	CLEANUP(buf_deinit) struct buf payload = BUF_NULL;
	struct evidence_frame_response response = good_response();
	struct evidence_frame_request request = good_request();

	ck_assert_int_eq(request_with(64, 3), 0);
	ck_assert_int_eq(request_with(64, 4), EVIDENCE_FRAME_E_VMPL);
	ck_assert_int_eq(request_with(64, 0xfe), EVIDENCE_FRAME_E_VMPL);
	ck_assert_int_eq(request_with(66, '\n'), EVIDENCE_FRAME_E_TEXT);
	ck_assert_int_eq(response_with(0, EVIDENCE_OUTCOME_MAX + 1), EVIDENCE_FRAME_E_OUTCOME);
	ck_assert_int_eq(response_with(0, EVIDENCE_TEMPORARY), EVIDENCE_FRAME_E_OUTCOME); /* a failure with a report */
	ck_assert_int_eq(response_with(4, 0x7f), EVIDENCE_FRAME_E_TEXT);                  /* in the provider */
	response.report = bytes_of(NULL, 0);
	ck_assert_int_eq(evidence_frame_response_encode(&payload, &response), -EINVAL); /* success without a report */
	request.provider = bytes_of_text("0123456789012345678901234567890123456789");
	ck_assert_int_eq(evidence_frame_request_encode(&payload, &request), -EINVAL);
	ck_assert_uint_eq(payload.size, 0);
	ck_assert_uint_ge(frame_cap(FRAME_EVIDENCE_RESPONSE), EVIDENCE_FRAME_REPORT_MAX + EVIDENCE_FRAME_TABLE_MAX);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("agent_conf");
	TCase *cases = tcase_create("agent_conf");
	SRunner *runner;
	int failed;

	tcase_add_checked_fixture(cases, setup, teardown);
	tcase_add_test(cases, additions);
	tcase_add_test(cases, conf_refusals);
	tcase_add_test(cases, evidence_round_trip);
	tcase_add_test(cases, evidence_refusals);
	suite_add_tcase(suite, cases);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
