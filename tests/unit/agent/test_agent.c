/* SPDX-License-Identifier: Apache-2.0 */
/* Keys that are taken or refused, and answers that go out whole, in parts, or not a second time. */
#include <check.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "agent/delivery.h"
#include "agent/keys.h"
#include "base/files.h"
#include "kbs/key_check.h"

static struct agent_key_check checks[1];
static struct agent_config config;
static struct keys keys;
static int ends[2];

static void setup(void)
{
	ck_assert_int_eq(secret_process_init((size_t)8 << 20), 0);
	config = (struct agent_config){.key_checks = checks};
	keys = (struct keys){.count = 0};
	ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends), 0);
}

static void teardown(void)
{
	keys_deinit(&keys);
	(void)close(ends[0]);
	(void)close(ends[1]);
}

static int accept_text(struct key *key, const char *text, uint64_t version)
{
	CLEANUP(secret_deinit) struct secret secret = SECRET_NULL;

	ck_assert_int_eq(secret_copy_in(&secret, text, strlen(text)), 0);
	return keys_accept(&keys, key, &config, &secret, version, 1000);
}

static int accept_size(struct key *key, size_t size)
{
	CLEANUP(secret_deinit) struct secret secret = SECRET_NULL;

	ck_assert_int_eq(secret_alloc(&secret, size), 0);
	return keys_accept(&keys, key, &config, &secret, 9, 1000);
}

START_TEST(keys_come_and_go)
{
	struct key *key, *same;

	ck_assert_int_eq(keys_get(&keys, "a/b/c", &key), 0);
	ck_assert_int_eq(keys_get(&keys, "a/b/c", &same), 0);
	ck_assert_ptr_eq(key, same);
	key->wanted = true;
	ck_assert_ptr_eq(keys_wanted(&keys), key);
	ck_assert_int_eq(accept_text(key, "first", 3), 0);
	ck_assert_int_eq(key->state, KEY_GOOD);
	ck_assert_ptr_null(keys_wanted(&keys));
	ck_assert_uint_eq(keys.size, 5);
	ck_assert_int_eq(accept_text(key, "newer", 4), 0);
	ck_assert_mem_eq(key->value->secret.data, "newer", 5);
	keys_refuse(&keys, key, "no", 1001);
	ck_assert_ptr_null(key->value);
	ck_assert_str_eq(key->why, "no");
	ck_assert_uint_eq(keys.size, 0);
}
END_TEST

/* Each of these refuses what the others would take, and drops what was there. */
START_TEST(keys_that_are_refused)
{
	struct key *key, *other, *third;

	ck_assert_int_eq(keys_get(&keys, "a/b/c", &key), 0);
	ck_assert_int_eq(accept_text(key, "key", 3), 0);
	ck_assert_int_eq(accept_text(key, "key", 2), KEYS_E_VERSION);
	ck_assert_int_eq(key->state, KEY_REFUSED);
	ck_assert_ptr_null(key->value);
	ck_assert_ptr_nonnull(strstr(key->why, "version 2, and 3"));
	keys_drop(&keys); /* forgets values, not versions */
	ck_assert_int_eq(accept_text(key, "key", 2), KEYS_E_VERSION);
	ck_assert_int_eq(accept_text(key, "key", 3), 0);

	memcpy(checks[0].resource, "a/b/c", 6);
	config.key_check_count = 1;
	ck_assert_int_eq(key_check_digest(checks[0].digest, bytes_of_text("key")), 0);
	ck_assert_int_eq(accept_text(key, "kez", 3), KEYS_E_CHECK);
	ck_assert_ptr_nonnull(strstr(key->why, "KeyCheck"));
	ck_assert_int_eq(accept_text(key, "key", 3), 0);
	ck_assert_int_eq(keys_get(&keys, "a/b/d", &other), 0);
	ck_assert_int_eq(accept_text(other, "kez", 1), 0); /* no line for this one */
	config.key_check_count = 0;

	ck_assert_int_eq(keys_get(&keys, "a/b/e", &third), 0);
	ck_assert_int_eq(accept_size(key, KEYS_SIZE_MAX / 2), 0);
	ck_assert_int_eq(accept_size(other, KEYS_SIZE_MAX / 2), 0);
	ck_assert_int_eq(accept_size(third, 1), KEYS_E_SIZE);
	ck_assert_int_eq(accept_size(other, KEYS_SIZE_MAX / 2), 0); /* in place of itself */
}
END_TEST

START_TEST(keys_are_shared)
{
	struct key_value *value;
	struct key *key;

	ck_assert_int_eq(keys_get(&keys, "a/b/c", &key), 0);
	ck_assert_int_eq(accept_text(key, "key", 1), 0);
	value = key_value_ref(key->value);
	keys_drop(&keys);
	ck_assert_mem_eq(value->secret.data, "key", 3);
	ck_assert_ptr_null(key_value_unref(value));
	ck_assert_ptr_null(key_value_unref(NULL));
}
END_TEST

/* All that the peer gets until the end. */
static size_t drain(uint8_t *to, size_t size)
{
	size_t total = 0;
	ssize_t n;

	while (total < size && (n = read(ends[1], to + total, size - total)) > 0)
		total += (size_t)n;
	return total;
}

START_TEST(small_answers)
{
	struct delivery delivery = {.value = NULL};
	uint8_t got[16];
	struct key *key;

	ck_assert_int_eq(keys_get(&keys, "a/b/c", &key), 0);
	ck_assert_int_eq(accept_text(key, "key", 1), 0);
	ck_assert_int_eq(delivery_mark(ends[0]), DELIVERY_UNTOUCHED);
	ck_assert_int_eq(delivery_key(&delivery, ends[0], key->value), 0);
	ck_assert_int_eq(delivery_mark(ends[0]), DELIVERY_DONE);
	ck_assert_uint_eq(drain(got, sizeof(got)), 3); /* and the end, although our descriptor is open */
	ck_assert_mem_eq(got, "key", 3);
	delivery_deinit(&delivery);
	ck_assert_int_eq(accept_size(key, 0), 0);
	ck_assert_int_eq(delivery_key(&delivery, ends[0], key->value), -EINVAL);
	ck_assert_int_eq(delivery_mark(ends[1]), DELIVERY_UNTOUCHED);
	ck_assert_int_eq(delivery_mark(-1), DELIVERY_BEGUN);
}
END_TEST

START_TEST(answers_in_parts)
{
	struct delivery delivery = {.value = NULL};
	static uint8_t got[DELIVERY_CREDENTIAL_REFUSAL + 1];
	size_t total = 0, wrong = 0;
	struct key *key;
	int r;

	ck_assert_int_eq(keys_get(&keys, "a/b/c", &key), 0);
	ck_assert_int_eq(accept_size(key, 1000000), 0);
	for (size_t i = 0; i < 1000000; i++)
		key->value->secret.data[i] = (uint8_t)(i * 7);
	r = delivery_key(&delivery, ends[0], key->value);
	ck_assert_int_eq(r, -EAGAIN);
	ck_assert_int_eq(delivery_mark(ends[0]), DELIVERY_BEGUN);
	keys_drop(&keys); /* the answer goes on */
	while (r == -EAGAIN) {
		total += (size_t)read(ends[1], got + total, sizeof(got) - total);
		r = delivery_go_on(&delivery, ends[0]);
	}
	ck_assert_int_eq(r, 0);
	total += drain(got + total, sizeof(got) - total);
	ck_assert_uint_eq(total, 1000000);
	for (size_t i = 0; i < total; i++)
		wrong += got[i] != (uint8_t)(i * 7);
	ck_assert_uint_eq(wrong, 0);
	delivery_deinit(&delivery);
}
END_TEST

START_TEST(refusals)
{
	struct delivery delivery = {.value = NULL};
	static uint8_t got[DELIVERY_CREDENTIAL_REFUSAL + 1];
	size_t total = 0;
	int r = delivery_refusal(&delivery, ends[0], DELIVERY_CREDENTIAL_REFUSAL);

	while (r == -EAGAIN) {
		total += (size_t)read(ends[1], got + total, sizeof(got) - total);
		r = delivery_go_on(&delivery, ends[0]);
	}
	ck_assert_int_eq(r, 0);
	ck_assert_uint_eq(total + drain(got + total, sizeof(got) - total), ((size_t)1 << 20) + 1);
	ck_assert(bytes_all_zero(got, sizeof(got)));
	/* A peer that has enough is no trouble. */
	(void)close(ends[0]);
	(void)close(ends[1]);
	ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends), 0);
	(void)close(ends[1]);
	ends[1] = -1;
	ck_assert_int_eq(delivery_refusal(&delivery, ends[0], DELIVERY_CREDENTIAL_REFUSAL), -EPIPE);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("agent");
	TCase *cases = tcase_create("agent");
	SRunner *runner;
	int failed;

	tcase_add_checked_fixture(cases, setup, teardown);
	tcase_add_test(cases, keys_come_and_go);
	tcase_add_test(cases, keys_that_are_refused);
	tcase_add_test(cases, keys_are_shared);
	tcase_add_test(cases, small_answers);
	tcase_add_test(cases, answers_in_parts);
	tcase_add_test(cases, refusals);
	suite_add_tcase(suite, cases);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
