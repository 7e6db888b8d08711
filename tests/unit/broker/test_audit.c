/* SPDX-License-Identifier: Apache-2.0 */
/* The audit: what it writes verifies, and every way to change it is noticed. */
#include <check.h>
#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "broker/audit.h"
#include "rest.h"
#include "scratch.h"

static struct rest rest;
static struct audit *audit;

static struct bytes audit_key(void)
{
	return keys_view(&rest.keys, KEYS_AUDIT);
}

static void start(void)
{
	struct error error = ERROR_NULL;

	ck_assert_msg(audit_new(rest.store, rest.state, audit_key(), &audit, &error) == 0, "%s", error_text(&error));
}

static void stop(void)
{
	audit = audit_free(audit);
}

static void setup(void)
{
	rest_open(&rest);
	start();
}

static void teardown(void)
{
	stop();
	rest_close(&rest);
}

static void record(const char *text)
{
	CLEANUP(buf_deinit) struct buf copy = BUF_NULL;

	ck_assert_int_eq(buf_append_text(&copy, text), 0);
	ck_assert_int_eq(audit_write(audit, &copy), 0);
}

static struct audit_report verify(void)
{
	struct audit_report report;
	struct state state;

	state_get(rest.state, &state);
	ck_assert_int_eq(audit_verify(rest.store,
				 &(struct audit_verify_input){.key = audit_key(), .must_be_there = &state.audit, .must_count = state.audit.sequence ? 1 : 0},
				 &report),
		0);
	return report;
}

/* Three incarnations of three records each, start records included. */
static void write_three(void)
{
	for (int i = 0; i < 3; i++) {
		record("{\"event\":\"release\",\"n\":1}");
		record("{\"event\":\"release\",\"n\":2}");
		stop();
		start();
	}
	stop();
}

START_TEST(empty_is_intact)
{
	struct audit_report report = verify();

	ck_assert(report.intact);
	ck_assert_uint_eq(report.records, 0);
}
END_TEST

START_TEST(what_is_written_verifies)
{
	struct audit_report report;

	write_three();
	report = verify();
	ck_assert_msg(report.intact, "%s", report.reason);
	ck_assert_uint_eq(report.records, 9);
	ck_assert_uint_eq(report.incarnations, 3);
}
END_TEST

static const struct {
	const char *name;
	const char *sql;
} changes[] = {
	{"text edited", "UPDATE audit SET data = CAST(replace(data, '2', '3') AS BLOB) WHERE position = 3"},
	{"text of another type", "UPDATE audit SET data = 'text' WHERE position = 3"},
	{"incarnation of another type", "UPDATE audit SET incarnation = 'text' WHERE position = 2"},
	{"chain too short", "UPDATE audit SET chain = zeroblob(31) WHERE position = 2"},
	{"a record in the middle removed", "DELETE FROM audit WHERE position = 5"},
	{"the first record removed", "DELETE FROM audit WHERE position = 1"},
	{"the last record removed", "DELETE FROM audit WHERE position = 9"},
	{"the last incarnation removed", "DELETE FROM audit WHERE position > 6"},
	{"an incarnation in the middle removed", "DELETE FROM audit WHERE position BETWEEN 4 AND 6"},
	{"the end of an incarnation removed", "DELETE FROM audit WHERE position = 6"},
	{"all removed", "DELETE FROM audit"},
	{"two records swapped", "UPDATE audit SET position = 100 WHERE position = 2; UPDATE audit SET position = 2 WHERE position = 3;"
				"UPDATE audit SET position = 3 WHERE position = 100"},
	{"texts exchanged", "UPDATE audit SET data = (SELECT data FROM audit WHERE position = 3) WHERE position = 2"},
	{"a record copied",
		"INSERT INTO audit (incarnation, sequence, data, chain) SELECT incarnation, 4, data, chain FROM audit WHERE position = 9"},
	{"a record into another incarnation", "INSERT INTO audit (incarnation, sequence, data, chain) SELECT (SELECT incarnation FROM "
					      "audit WHERE position = 9), 4, data, chain"
					      " FROM audit WHERE position = 2"},
	{"a foreign incarnation",
		"INSERT INTO audit (incarnation, sequence, data, chain) SELECT zeroblob(16), 1, data, chain FROM audit WHERE position = 1"},
	{"chain edited", "UPDATE audit SET chain = zeroblob(32) WHERE position = 4"},
	{"sequence edited", "UPDATE audit SET sequence = 17 WHERE position = 9"},
	{"an order of incarnations that never was", "UPDATE audit SET position = position + 100 WHERE position <= 3; UPDATE audit SET "
						    "position = position - 3 WHERE position < 100"},
};

START_TEST(every_change_is_noticed)
{
	struct audit_report report;

	write_three();
	ck_assert(verify().intact);
	rest_tamper(&rest, changes[_i].sql);
	report = verify();
	ck_assert_msg(!report.intact, "%s: not noticed", changes[_i].name);
	ck_assert_msg(report.reason[0] != 0, "%s: no reason", changes[_i].name);
}
END_TEST

START_TEST(another_key_does_not_verify)
{
	struct audit_report report;

	write_three();
	ck_assert_int_eq(audit_verify(rest.store, &(struct audit_verify_input){.key = keys_view(&rest.keys, KEYS_STATE)}, &report), 0);
	ck_assert(!report.intact);
	ck_assert_uint_eq(report.bad_position, 1);
}
END_TEST

/* Checkpoints. What signs here puts a letter before the text. */

static char letter;
static struct state_audit lie;

static int sign(void *context, struct bytes payload, struct buf *ret)
{
	CLEANUP(buf_deinit) struct buf line = BUF_NULL;
	int r;

	(void)context;
	if (letter == 'x')
		return -EIO;
	r = buf_append(&line, "s", 1);
	if (!r && letter == 'l')
		r = buf_printf(&line, "{\"chain\":\"%064d\",\"incarnation\":\"%032d\",\"sequence\":1}", 0, 0);
	else if (!r)
		r = buf_append(&line, payload.data, payload.size);
	ck_assert_int_eq(audit_read_end(payload, &lie), 0);
	return r ? r : buf_append(ret, line.data, line.size);
}

static int check(void *context, struct bytes text, struct buf *ret_payload)
{
	const char *wanted = context;

	if (text.size == 0 || text.data[0] != (uint8_t)wanted[0])
		return 1;
	return buf_append(ret_payload, text.data + 1, text.size - 1);
}

static struct audit_report verify_signed(const char *wanted, const struct state_audit *must)
{
	char key[2];
	struct audit_report report;

	(void)snprintf(key, sizeof(key), "%s", wanted);
	ck_assert_int_eq(audit_verify(rest.store,
				 &(struct audit_verify_input){
					 .key = audit_key(), .must_be_there = must, .must_count = must ? 1 : 0, .check = check, .context = key},
				 &report),
		0);
	return report;
}

static void write_signed(char with)
{
	letter = with;
	audit_set_signer(audit, sign, NULL);
	record("{\"event\":\"release\",\"n\":1}");
	stop();
	start();
}

START_TEST(checkpoints)
{
	struct audit_report report;
	struct state_audit first;

	write_signed('s');
	first = lie;
	write_signed('s');
	report = verify_signed("s", &first);
	ck_assert_msg(report.intact, "%s", report.reason);
	ck_assert_uint_eq(report.checkpoints, 2);
	ck_assert_uint_eq(report.records, 6);
	ck_assert(verify().intact); /* and by who does not look at signatures */
	report = verify_signed("t", NULL);
	ck_assert(!report.intact);
	ck_assert_ptr_nonnull(strstr(report.reason, "not signed"));
	first.chain[0] ^= 1;
	ck_assert(!verify_signed("s", &first).intact);
	/* Nothing new, no checkpoint. */
	audit_set_signer(audit, sign, NULL);
	stop();
	ck_assert_uint_eq(verify_signed("s", NULL).checkpoints, 2);
}
END_TEST

/* The line that was kept elsewhere, and a database whose owner cut it off together with everything that remembers. */
START_TEST(cut_off_behind_the_state)
{
	struct audit_report report;

	write_signed('s');
	rest_tamper(&rest, "DELETE FROM audit WHERE position > 1");
	ck_assert(verify_signed("s", NULL).intact);
	report = verify_signed("s", &lie);
	ck_assert(!report.intact);
	ck_assert_ptr_nonnull(strstr(report.reason, "the end is missing"));
}
END_TEST

START_TEST(checkpoint_of_something_else)
{
	struct audit_report report;

	write_signed('l');
	report = verify_signed("s", NULL);
	ck_assert(!report.intact);
	ck_assert_ptr_nonnull(strstr(report.reason, "something else"));
}
END_TEST

START_TEST(checkpoint_that_cannot_be_signed)
{
	struct audit_report report;

	write_signed('x');
	report = verify();
	ck_assert_msg(report.intact, "%s", report.reason);
	ck_assert_uint_eq(report.records, 2);
}
END_TEST

START_TEST(ends_are_judged)
{
	static const char *const texts[] = {"", "[]", "{}", "{\"chain\":\"00\",\"incarnation\":\"00\",\"sequence\":1}", "1"};
	struct state_audit end;

	for (size_t i = 0; i < ARRAY_SIZE(texts); i++)
		ck_assert_int_eq(audit_read_end(bytes_of_text(texts[i]), &end), -EINVAL);
}
END_TEST

#define PRODUCERS 4
#define EACH 200

static void *produce(void *context)
{
	(void)context;
	for (int i = 0; i < EACH; i++)
		record("{\"event\":\"release\"}");
	return NULL;
}

START_TEST(many_at_once)
{
	pthread_t threads[PRODUCERS];
	struct audit_counts counts;
	struct audit_report report;

	for (size_t i = 0; i < PRODUCERS; i++)
		ck_assert_int_eq(pthread_create(&threads[i], NULL, produce, NULL), 0);
	for (size_t i = 0; i < PRODUCERS; i++)
		ck_assert_int_eq(pthread_join(threads[i], NULL), 0);
	audit_counts(audit, &counts);
	ck_assert_uint_eq(counts.records, PRODUCERS * EACH);
	ck_assert_uint_lt(counts.commits, counts.records); /* they went together */
	stop();
	report = verify();
	ck_assert_msg(report.intact, "%s", report.reason);
	ck_assert_uint_eq(report.records, PRODUCERS * EACH + 1);
}
END_TEST

/* When the store cannot be written, nobody is told that his record is durable; afterwards it goes on in a new incarnation that verifies. */
START_TEST(failed_commit)
{
	CLEANUP(buf_deinit) struct buf text = BUF_NULL;
	struct audit_report report;

	record("{\"event\":\"release\"}");
	rest_tamper(
		&rest, "CREATE TRIGGER broken BEFORE INSERT ON audit BEGIN SELECT RAISE(ABORT, 'no'); END; UPDATE audit SET data = data");
	ck_assert_int_eq(buf_append_text(&text, "{\"event\":\"release\"}"), 0);
	ck_assert_int_lt(audit_write(audit, &text), 0);
	rest_tamper(&rest, "DROP TRIGGER broken; UPDATE audit SET data = data");
	record("{\"event\":\"release\"}");
	stop();
	report = verify();
	ck_assert_msg(report.intact, "%s", report.reason);
	ck_assert_uint_eq(report.incarnations, 2);
	ck_assert_uint_eq(report.records, 4);
}
END_TEST

START_TEST(too_large)
{
	CLEANUP(buf_deinit) struct buf text = BUF_NULL;

	ck_assert_int_eq(audit_write(audit, &text), -EMSGSIZE);
	ck_assert_int_eq(buf_reserve(&text, STORE_RECORD_MAX + 1), 0);
	memset(text.data, 'x', STORE_RECORD_MAX + 1);
	text.size = STORE_RECORD_MAX + 1;
	ck_assert_int_eq(audit_write(audit, &text), -EMSGSIZE);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("audit");
	TCase *tests = tcase_create("audit");
	SRunner *runner;
	int failed;

	tcase_add_checked_fixture(tests, setup, teardown);
	tcase_set_timeout(tests, 60);
	tcase_add_test(tests, empty_is_intact);
	tcase_add_test(tests, what_is_written_verifies);
	tcase_add_loop_test(tests, every_change_is_noticed, 0, (int)ARRAY_SIZE(changes));
	tcase_add_test(tests, another_key_does_not_verify);
	tcase_add_test(tests, checkpoints);
	tcase_add_test(tests, cut_off_behind_the_state);
	tcase_add_test(tests, checkpoint_of_something_else);
	tcase_add_test(tests, checkpoint_that_cannot_be_signed);
	tcase_add_test(tests, ends_are_judged);
	tcase_add_test(tests, many_at_once);
	tcase_add_test(tests, failed_commit);
	tcase_add_test(tests, too_large);
	suite_add_tcase(suite, tests);
	scratch_begin();
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
