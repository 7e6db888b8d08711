/* SPDX-License-Identifier: Apache-2.0 */
/* When AMD's key service is asked: the policy alone, with a clock that the test turns. */
#include <check.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "io/kds_queue.h"

#define CHAIN "/vcek/v1/Milan/cert_chain"
#define START UINT64_C(1000000)
#define NO_JITTER 0

static struct kds_queue *queue;
static uint64_t now;
static char path[SNP_KDS_PATH_MAX];
static unsigned seconds;
static uint64_t wait_ms;

static void setup(void)
{
	ck_assert_int_eq(kds_queue_new(&queue), 0);
	now = START;
}

static void teardown(void)
{
	queue = kds_queue_free(queue);
}

static const char *chip(int number)
{
	static char text[8][64];
	char *to = text[number % 8];

	(void)snprintf(to, sizeof(text[0]), "/vcek/v1/Milan/%04d?blSPL=01", number);
	return to;
}

static int ask(const char *what, enum kds_rank rank)
{
	return kds_queue_ask(queue, what, rank, now, &seconds);
}

static int next(void)
{
	wait_ms = 0;
	return kds_queue_next(queue, now, path, &wait_ms);
}

static void done(const char *what, enum kds_outcome outcome, uint32_t retry_after)
{
	kds_queue_done(queue, what, outcome, retry_after, now, NO_JITTER);
}

static void expect_next(const char *what)
{
	ck_assert_int_eq(next(), 0);
	ck_assert_str_eq(path, what);
}

static void expect_nothing_for(uint64_t ms)
{
	ck_assert_int_eq(next(), -EAGAIN);
	ck_assert_uint_eq(wait_ms, ms);
}

START_TEST(single_flight)
{
	for (int i = 0; i < 100; i++)
		ck_assert_int_eq(ask(chip(1), KDS_KNOWN), KDS_ASKED_QUEUED);
	expect_next(chip(1));
	ck_assert_int_eq(ask(chip(1), KDS_KNOWN), KDS_ASKED_QUEUED);
	ck_assert_uint_ge(seconds, 1);
	expect_nothing_for(UINT64_MAX);
	done(chip(1), KDS_OUTCOME_GOOD, 0);
	expect_nothing_for(UINT64_MAX);
	/* The cache has it now; whoever asks anyway is served anew. */
	ck_assert_int_eq(ask(chip(1), KDS_KNOWN), KDS_ASKED_QUEUED);
	expect_next(chip(1));
}
END_TEST

/* One VCEK at a time; a chain beside it. */
START_TEST(lanes)
{
	ck_assert_int_eq(ask(chip(1), KDS_KNOWN), KDS_ASKED_QUEUED);
	ck_assert_int_eq(ask(chip(2), KDS_KNOWN), KDS_ASKED_QUEUED);
	ck_assert_int_eq(ask(CHAIN, KDS_KNOWN), KDS_ASKED_QUEUED);
	expect_next(CHAIN);
	expect_next(chip(1));
	expect_nothing_for(UINT64_MAX);
	done(chip(1), KDS_OUTCOME_GOOD, 0);
	expect_next(chip(2));
}
END_TEST

START_TEST(known_before_unknown)
{
	ck_assert_int_eq(ask(chip(1), KDS_UNKNOWN), KDS_ASKED_QUEUED);
	ck_assert_int_eq(ask(chip(2), KDS_UNKNOWN), KDS_ASKED_QUEUED);
	ck_assert_int_eq(ask(chip(3), KDS_KNOWN), KDS_ASKED_QUEUED);
	/* A chip that turns out to be known moves up. */
	ck_assert_int_eq(ask(chip(2), KDS_KNOWN), KDS_ASKED_QUEUED);
	expect_next(chip(2));
	done(chip(2), KDS_OUTCOME_GOOD, 0);
	expect_next(chip(3));
	done(chip(3), KDS_OUTCOME_GOOD, 0);
	expect_next(chip(1));
}
END_TEST

START_TEST(bounded)
{
	struct kds_queue_counts counts;

	for (int i = 0; i < KDS_QUEUE_UNKNOWN_MAX; i++)
		ck_assert_int_eq(ask(chip(i), KDS_UNKNOWN), KDS_ASKED_QUEUED);
	ck_assert_int_eq(ask(chip(1000), KDS_UNKNOWN), KDS_ASKED_FULL);
	ck_assert_uint_ge(seconds, 10);
	for (int i = KDS_QUEUE_UNKNOWN_MAX; i < KDS_QUEUE_WAITING_MAX; i++)
		ck_assert_int_eq(ask(chip(i), KDS_KNOWN), KDS_ASKED_QUEUED);
	ck_assert_int_eq(ask(chip(1000), KDS_KNOWN), KDS_ASKED_FULL);
	/* A chain finds its place all the same: without it no VCEK is worth anything. */
	ck_assert_int_eq(ask(CHAIN, KDS_KNOWN), KDS_ASKED_QUEUED);
	kds_queue_counts(queue, now, &counts);
	ck_assert_uint_eq(counts.waiting, KDS_QUEUE_WAITING_MAX + 1);
	ck_assert_uint_eq(counts.unknown, KDS_QUEUE_UNKNOWN_MAX);
	ck_assert_uint_eq(counts.turned_away, 2);
	/* One is done: one place is free. */
	expect_next(CHAIN);
	done(CHAIN, KDS_OUTCOME_GOOD, 0);
	expect_next(chip(KDS_QUEUE_UNKNOWN_MAX));
	done(path, KDS_OUTCOME_GOOD, 0);
	ck_assert_int_eq(ask(chip(1000), KDS_KNOWN), KDS_ASKED_QUEUED);
}
END_TEST

START_TEST(few_for_one_chip)
{
	char tcb[64];

	for (int i = 0; i < KDS_QUEUE_PER_CHIP_MAX + 1; i++) {
		(void)snprintf(tcb, sizeof(tcb), "/vcek/v1/Milan/1234?blSPL=%02d", i);
		ck_assert_int_eq(ask(tcb, KDS_KNOWN), i < KDS_QUEUE_PER_CHIP_MAX ? KDS_ASKED_QUEUED : KDS_ASKED_FULL);
	}
	ck_assert_int_eq(ask("/vcek/v1/Milan/12345?blSPL=00", KDS_KNOWN), KDS_ASKED_QUEUED);
	expect_next("/vcek/v1/Milan/1234?blSPL=00");
	done(path, KDS_OUTCOME_ABSENT, 0);
	ck_assert_int_eq(ask(tcb, KDS_KNOWN), KDS_ASKED_QUEUED);
}
END_TEST

/* 429 with Retry-After: nothing for that long, the object keeps its place, the chain is not held up, and afterwards it goes slowly. */
START_TEST(busy_with_retry_after)
{
	ck_assert_int_eq(ask(chip(1), KDS_KNOWN), KDS_ASKED_QUEUED);
	ck_assert_int_eq(ask(chip(2), KDS_KNOWN), KDS_ASKED_QUEUED);
	expect_next(chip(1));
	done(chip(1), KDS_OUTCOME_BUSY, 30);
	expect_nothing_for(30000);
	ck_assert_int_eq(ask(chip(1), KDS_KNOWN), KDS_ASKED_QUEUED);
	ck_assert_uint_ge(seconds, 30);
	ck_assert_int_eq(ask(CHAIN, KDS_KNOWN), KDS_ASKED_QUEUED);
	expect_next(CHAIN);
	done(CHAIN, KDS_OUTCOME_GOOD, 0);
	now += 29999;
	expect_nothing_for(1);
	now += 1;
	expect_next(chip(1));
	done(chip(1), KDS_OUTCOME_GOOD, 0);
	expect_nothing_for(KDS_QUEUE_BUSY_MIN_MS);
	now += KDS_QUEUE_BUSY_MIN_MS;
	expect_next(chip(2));
	done(chip(2), KDS_OUTCOME_GOOD, 0);
	/* Long after, at full speed again. */
	now += KDS_QUEUE_SLOW_MS;
	ck_assert_int_eq(ask(chip(3), KDS_KNOWN), KDS_ASKED_QUEUED);
	ck_assert_int_eq(ask(chip(4), KDS_KNOWN), KDS_ASKED_QUEUED);
	expect_next(chip(3));
	done(chip(3), KDS_OUTCOME_GOOD, 0);
	expect_next(chip(4));
}
END_TEST

/* A storm: pauses double up to their maximum, whatever happens exactly one request goes out for each, and the last one ends it. */
START_TEST(storm)
{
	uint64_t expected = KDS_QUEUE_BUSY_MIN_MS;

	ck_assert_int_eq(ask(chip(1), KDS_KNOWN), KDS_ASKED_QUEUED);
	for (int i = 0; i < 12; i++) {
		expect_next(chip(1));
		done(chip(1), KDS_OUTCOME_BUSY, 0);
		expect_nothing_for(expected);
		now += expected;
		expected = expected * 2 > KDS_QUEUE_BUSY_MAX_MS ? KDS_QUEUE_BUSY_MAX_MS : expected * 2;
	}
	expect_next(chip(1));
	done(chip(1), KDS_OUTCOME_GOOD, 0);
}
END_TEST

/* Nobody is switched off for days by one header. */
START_TEST(absurd_retry_after)
{
	ck_assert_int_eq(ask(chip(1), KDS_KNOWN), KDS_ASKED_QUEUED);
	expect_next(chip(1));
	done(chip(1), KDS_OUTCOME_BUSY, UINT32_MAX);
	expect_nothing_for(KDS_QUEUE_NEGATIVE_MAX_MS);
}
END_TEST

START_TEST(jitter)
{
	uint64_t least = UINT64_MAX, most = 0;

	for (uint32_t i = 0; i < 64; i++) {
		ck_assert_int_eq(ask(chip(1), KDS_KNOWN), KDS_ASKED_QUEUED);
		expect_next(chip(1));
		kds_queue_done(queue, chip(1), KDS_OUTCOME_BUSY, 100, now, i * (UINT32_MAX / 63));
		ck_assert_int_eq(next(), -EAGAIN);
		least = wait_ms < least ? wait_ms : least;
		most = wait_ms > most ? wait_ms : most;
		now += wait_ms;
	}
	ck_assert_uint_eq(least, 100000);
	ck_assert_uint_ge(most, 124000);
	ck_assert_uint_le(most, 125000);
}
END_TEST

START_TEST(down_and_back)
{
	ck_assert_int_eq(ask(chip(1), KDS_KNOWN), KDS_ASKED_QUEUED);
	ck_assert_int_eq(ask(CHAIN, KDS_KNOWN), KDS_ASKED_QUEUED);
	expect_next(CHAIN);
	done(CHAIN, KDS_OUTCOME_DOWN, 0);
	expect_nothing_for(KDS_QUEUE_DOWN_MIN_MS);
	now += KDS_QUEUE_DOWN_MIN_MS;
	expect_next(CHAIN);
	done(CHAIN, KDS_OUTCOME_DOWN, 0);
	expect_nothing_for(2 * KDS_QUEUE_DOWN_MIN_MS);
	for (int i = 0; i < 20; i++) {
		now += wait_ms;
		expect_next(CHAIN);
		done(CHAIN, KDS_OUTCOME_DOWN, 0);
		ck_assert_int_eq(next(), -EAGAIN);
	}
	ck_assert_uint_eq(wait_ms, KDS_QUEUE_DOWN_MAX_MS);
	now += wait_ms;
	/* Everybody who waits is still there, and the first answer ends the pauses. */
	expect_next(CHAIN);
	done(CHAIN, KDS_OUTCOME_GOOD, 0);
	expect_next(chip(1));
	done(chip(1), KDS_OUTCOME_DOWN, 0);
	expect_nothing_for(KDS_QUEUE_DOWN_MIN_MS);
}
END_TEST

START_TEST(negative)
{
	uint64_t expected = KDS_QUEUE_NEGATIVE_MIN_MS;

	for (int i = 0; i < 10; i++) {
		ck_assert_int_eq(ask(chip(1), KDS_UNKNOWN), KDS_ASKED_QUEUED);
		expect_next(chip(1));
		done(chip(1), KDS_OUTCOME_ABSENT, 0);
		ck_assert_int_eq(ask(chip(1), KDS_KNOWN), KDS_ASKED_ABSENT);
		ck_assert_uint_eq(seconds, expected / 1000);
		expect_nothing_for(UINT64_MAX);
		now += expected - 1;
		ck_assert_int_eq(ask(chip(1), KDS_KNOWN), KDS_ASKED_ABSENT);
		now += 1;
		expected = expected * 2 > KDS_QUEUE_NEGATIVE_MAX_MS ? KDS_QUEUE_NEGATIVE_MAX_MS : expected * 2;
	}
	/* It is there after all: the next absence is the first again. */
	ck_assert_int_eq(ask(chip(1), KDS_KNOWN), KDS_ASKED_QUEUED);
	expect_next(chip(1));
	done(chip(1), KDS_OUTCOME_GOOD, 0);
	ck_assert_int_eq(ask(chip(1), KDS_KNOWN), KDS_ASKED_QUEUED);
	expect_next(chip(1));
	done(chip(1), KDS_OUTCOME_ABSENT, 0);
	ck_assert_int_eq(ask(chip(1), KDS_KNOWN), KDS_ASKED_ABSENT);
	ck_assert_uint_eq(seconds, KDS_QUEUE_NEGATIVE_MIN_MS / 1000);
}
END_TEST

START_TEST(negative_is_bounded)
{
	struct kds_queue_counts counts;

	for (int i = 0; i < KDS_QUEUE_NEGATIVE_MAX + 50; i++) {
		ck_assert_int_eq(ask(chip(i), KDS_UNKNOWN), KDS_ASKED_QUEUED);
		expect_next(chip(i));
		done(chip(i), KDS_OUTCOME_ABSENT, 0);
	}
	kds_queue_counts(queue, now, &counts);
	ck_assert_uint_eq(counts.negative, KDS_QUEUE_NEGATIVE_MAX);
	ck_assert_uint_eq(counts.outcomes[KDS_OUTCOME_ABSENT], KDS_QUEUE_NEGATIVE_MAX + 50);
	ck_assert_int_eq(ask(chip(0), KDS_UNKNOWN), KDS_ASKED_QUEUED);
	ck_assert_int_eq(ask(chip(KDS_QUEUE_NEGATIVE_MAX + 49), KDS_UNKNOWN), KDS_ASKED_ABSENT);
}
END_TEST

/* An answer that is another chip's is tried twice more, later each time, and holds up no other chip. */
START_TEST(bad_answers)
{
	ck_assert_int_eq(ask(chip(1), KDS_KNOWN), KDS_ASKED_QUEUED);
	ck_assert_int_eq(ask(chip(2), KDS_KNOWN), KDS_ASKED_QUEUED);
	expect_next(chip(1));
	done(chip(1), KDS_OUTCOME_BAD, 0);
	expect_next(chip(2));
	done(chip(2), KDS_OUTCOME_GOOD, 0);
	expect_nothing_for(2 * KDS_QUEUE_DOWN_MIN_MS);
	now += wait_ms;
	expect_next(chip(1));
	done(chip(1), KDS_OUTCOME_BAD, 0);
	expect_nothing_for(4 * KDS_QUEUE_DOWN_MIN_MS);
	now += wait_ms;
	expect_next(chip(1));
	done(chip(1), KDS_OUTCOME_BAD, 0);
	ck_assert_int_eq(ask(chip(1), KDS_KNOWN), KDS_ASKED_BAD);
}
END_TEST

START_TEST(refetch_once)
{
	ck_assert(kds_queue_may_refetch(queue, chip(1), now));
	ck_assert(!kds_queue_may_refetch(queue, chip(1), now));
	ck_assert_int_eq(ask(chip(1), KDS_KNOWN), KDS_ASKED_QUEUED);
	expect_next(chip(1));
	done(chip(1), KDS_OUTCOME_GOOD, 0);
	now += KDS_QUEUE_REFETCH_MS - 1;
	ck_assert(!kds_queue_may_refetch(queue, chip(1), now));
	now += 1;
	ck_assert(kds_queue_may_refetch(queue, chip(1), now));
	ck_assert(kds_queue_may_refetch(queue, chip(2), now));
}
END_TEST

START_TEST(nonsense)
{
	char long_path[SNP_KDS_PATH_MAX + 1];

	memset(long_path, '/', sizeof(long_path));
	long_path[SNP_KDS_PATH_MAX] = '\0';
	ck_assert_int_eq(ask(long_path, KDS_KNOWN), -EINVAL);
	ck_assert_int_eq(ask("", KDS_KNOWN), -EINVAL);
	ck_assert_int_eq(ask("vcek", KDS_KNOWN), -EINVAL);
	expect_nothing_for(UINT64_MAX);
	/* The end of what nobody asked for, or of what was not sent. */
	done(chip(1), KDS_OUTCOME_GOOD, 0);
	ck_assert_int_eq(ask(chip(1), KDS_KNOWN), KDS_ASKED_QUEUED);
	done(chip(1), KDS_OUTCOME_GOOD, 0);
	expect_next(chip(1));
	kds_queue_forget(queue, chip(1));
	done(chip(1), (enum kds_outcome)99, 0);
	done(chip(1), KDS_OUTCOME_GOOD, 0);
	expect_nothing_for(UINT64_MAX);
	ck_assert_int_eq(ask(chip(2), KDS_KNOWN), KDS_ASKED_QUEUED);
	kds_queue_forget(queue, chip(2));
	expect_nothing_for(UINT64_MAX);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("kds_queue");
	TCase *tcase = tcase_create("all");
	SRunner *runner;
	int failed;

	tcase_add_checked_fixture(tcase, setup, teardown);
	tcase_add_test(tcase, single_flight);
	tcase_add_test(tcase, lanes);
	tcase_add_test(tcase, known_before_unknown);
	tcase_add_test(tcase, bounded);
	tcase_add_test(tcase, few_for_one_chip);
	tcase_add_test(tcase, busy_with_retry_after);
	tcase_add_test(tcase, storm);
	tcase_add_test(tcase, absurd_retry_after);
	tcase_add_test(tcase, jitter);
	tcase_add_test(tcase, down_and_back);
	tcase_add_test(tcase, negative);
	tcase_add_test(tcase, negative_is_bounded);
	tcase_add_test(tcase, bad_answers);
	tcase_add_test(tcase, refetch_once);
	tcase_add_test(tcase, nonsense);
	suite_add_tcase(suite, tcase);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
