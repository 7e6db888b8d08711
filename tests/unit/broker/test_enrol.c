/* SPDX-License-Identifier: Apache-2.0 */
/* Disks in the catalog: what may replace what, what waits and for how long, and that the record of a change is there before the change. */
#include <check.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "broker/catalog_enrol.h"
#include "luks/disk.h"
#include "rest.h"
#include "scratch.h"

#define NOW 1800000000
#define NAME "prod/disk/data"

static struct rest rest;
static struct catalog *catalog;

static void complain(const char *text)
{
	ck_abort_msg("%s", text);
}

static struct catalog_parts parts(void)
{
	return (struct catalog_parts){.store = rest.store, .keys = &rest.keys, .state = rest.state, .complain = complain};
}

static int make_key(const char *name, struct secret *ret)
{
	(void)name;
	return secret_random(ret, 40);
}

static void setup(void)
{
	struct catalog_parts all;

	rest_open(&rest);
	all = parts();
	ck_assert_int_eq(catalog_create(&all, make_key, NOW, NULL), 0);
	ck_assert_int_eq(catalog_open(&all, &catalog, NULL), 0);
}

static void teardown(void)
{
	catalog = catalog_close(catalog);
	rest_close(&rest);
}

static void restart(void)
{
	struct catalog_parts all;

	catalog = catalog_close(catalog);
	rest_reopen(&rest);
	all = parts();
	ck_assert_int_eq(catalog_open(&all, &catalog, NULL), 0);
}

/* A disk whose key is 32 times `key`, with headers of 32 times the digits of `headers`. */
static void make_disk(struct secret *ret, char key, const char *headers)
{
	CLEANUP(luks_disk_deinit) struct luks_disk disk = LUKS_DISK_NULL;

	ck_assert_int_eq(secret_alloc(&disk.key, 32), 0);
	memset(disk.key.data, key, 32);
	for (disk.header_count = 0; headers[disk.header_count]; disk.header_count++)
		memset(disk.headers[disk.header_count], headers[disk.header_count], SHA256_SIZE);
	ck_assert_int_eq(luks_disk_write(&disk, ret), 0);
}

static uint64_t state(void)
{
	SNAPSHOT_AUTO snapshot = catalog_snapshot(catalog);

	return catalog_resource_state(&snapshot->manifest, NAME);
}

static int put_in_state(char key, const char *headers, uint64_t in, uint64_t *ret_version)
{
	CLEANUP(secret_deinit) struct secret text = SECRET_NULL;
	struct catalog_disk disk = {.name = NAME, .disk = &text, .state = in};

	make_disk(&text, key, headers);
	return catalog_put_disk(catalog, &disk, NOW, NULL, ret_version, NULL);
}

static int put(char key, const char *headers)
{
	uint64_t version;

	return put_in_state(key, headers, state(), &version);
}

START_TEST(compare_and_swap)
{
	uint64_t version = 0, before = state(), later;
	struct error error = ERROR_NULL;

	ck_assert_uint_eq(before, 0);
	ck_assert_int_eq(put_in_state('k', "a", 1, &version), CATALOG_E_CONFLICT);
	ck_assert_int_eq(put_in_state('k', "a", 0, &version), 0);
	ck_assert_uint_eq(version, 1);
	later = state();
	ck_assert_uint_ne(later, before);
	/* Replayed: made for what was there before. */
	ck_assert_int_eq(put_in_state('k', "ab", before, &version), CATALOG_E_CONFLICT);
	ck_assert_int_eq(put_in_state('k', "ab", later, &version), 0);
	ck_assert_uint_eq(version, 2);
	/* Deleted: neither what was made for the version, nor what was made for nothing. */
	later = state();
	ck_assert_int_eq(catalog_delete_resource(catalog, NAME, NOW, NULL, &error), 0);
	ck_assert_uint_ne(state(), later);
	ck_assert_uint_ne(state(), 0);
	ck_assert_int_eq(put_in_state('k', "ab", later, &version), CATALOG_E_CONFLICT);
	ck_assert_int_eq(put_in_state('k', "ab", 0, &version), CATALOG_E_CONFLICT);
	ck_assert_int_eq(put_in_state('k', "ab", state(), &version), 0);
	ck_assert_uint_eq(version, 3);
}
END_TEST

START_TEST(the_same_again)
{
	uint64_t version, before;

	ck_assert_int_eq(put('k', "a"), 0);
	before = state();
	ck_assert_int_eq(put_in_state('k', "a", before, &version), 0);
	ck_assert_uint_eq(version, 1);
	ck_assert_uint_eq(state(), before);
}
END_TEST

/* What is there, and what is to be. */
static const struct {
	char key;
	const char *headers;
	char next_key;
	const char *next_headers;
	int expected;
} steps[] = {
	/* A rotation as enroll does it, and each of its ways back. */
	{'1', "a", '1', "ab", 0},
	{'1', "ab", '1', "a", 0},
	{'1', "ab", '2', "bc", 0},
	{'2', "bc", '2', "c", 0},
	{'2', "bc", '2', "b", 0},
	/* A refresh of the header alone. */
	{'1', "ab", '1', "b", 0},
	{'1', "ab", '1', "ba", 0},
	/* The header on the disk would be listed no more. */
	{'1', "a", '1', "b", CATALOG_E_CONFLICT},
	{'1', "ab", '1', "cd", CATALOG_E_CONFLICT},
	/* Another key with a header that does not know it. */
	{'1', "a", '2', "a", CATALOG_E_CONFLICT},
	{'1', "a", '2', "ab", CATALOG_E_CONFLICT},
	{'1', "a", '2', "b", CATALOG_E_CONFLICT},
	{'1', "ab", '2', "ab", CATALOG_E_CONFLICT},
	{'1', "ab", '2', "cb", CATALOG_E_CONFLICT},
	{'1', "ab", '2', "a", CATALOG_E_CONFLICT},
	{'1', "ab", '2', "c", CATALOG_E_CONFLICT},
};

START_TEST(step)
{
	CLEANUP(secret_deinit) struct secret text = SECRET_NULL;
	const struct catalog_disk disk = {.name = NAME, .disk = &text, .replace = true};
	uint64_t version;

	ck_assert_int_eq(put(steps[_i].key, steps[_i].headers), 0);
	ck_assert_int_eq(put(steps[_i].next_key, steps[_i].next_headers), steps[_i].expected);
	/* The operator may do what a guest may not. */
	make_disk(&text, steps[_i].next_key, steps[_i].next_headers);
	ck_assert_int_eq(catalog_put_disk(catalog, &disk, NOW, NULL, &version, NULL), 0);
	ck_assert_uint_eq(version, steps[_i].expected ? 2 : 3);
}
END_TEST

static void put_plain(const char *text)
{
	CLEANUP(secret_deinit) struct secret secret = SECRET_NULL;
	uint64_t version;

	ck_assert_int_eq(secret_copy_in(&secret, text, strlen(text)), 0);
	ck_assert_int_eq(catalog_put_resource(catalog, NAME, &secret, NOW, NULL, &version, NULL), 0);
}

/* An application's key, a disk's key without pins, and what only looks like a disk. */
static const char *const no_disks[] = {"the password", "{\"password\":\"x\"}", "{\"sevattest-disk\":1}", "{\"sevattest-disk\":2,\"key\":\"a2V5\",\"headers\":[]}"};

START_TEST(no_disk_is_there)
{
	put_plain(no_disks[_i]);
	ck_assert_int_eq(put('k', "a"), CATALOG_E_INVALID);
}
END_TEST

START_TEST(no_disk_is_to_be)
{
	CLEANUP(secret_deinit) struct secret text = SECRET_NULL;
	const struct catalog_disk disk = {.name = NAME, .disk = &text, .replace = true};
	uint64_t version;

	ck_assert_int_eq(secret_copy_in(&text, no_disks[_i], strlen(no_disks[_i])), 0);
	ck_assert_int_eq(catalog_put_disk(catalog, &disk, NOW, NULL, &version, NULL), CATALOG_E_INVALID);
	ck_assert_uint_eq(state(), 0);
}
END_TEST

/* What waits */

static int add_at(const char *name, const char *fingerprint, int64_t now, uint64_t *ret_id)
{
	CLEANUP(secret_deinit) struct secret text = SECRET_NULL;
	struct catalog_disk disk = {.name = name, .disk = &text};
	JSON_AUTO about = json_object_new_object();
	SNAPSHOT_AUTO snapshot = catalog_snapshot(catalog);

	make_disk(&text, 'k', "a");
	disk.state = catalog_resource_state(&snapshot->manifest, name);
	ck_assert_int_eq(json_add_text(about, "fingerprint", fingerprint), 0);
	return catalog_add_pending(catalog, &disk, about, now, NULL, ret_id, NULL);
}

static size_t waiting(void)
{
	SNAPSHOT_AUTO snapshot = catalog_snapshot(catalog);
	size_t count;

	(void)manifest_entries(&snapshot->manifest, STORE_PENDING, &count);
	return count;
}

START_TEST(waits_and_is_taken)
{
	CLEANUP(secret_deinit) struct secret text = SECRET_NULL;
	struct catalog_disk disk = {.name = NAME, .disk = &text};
	uint64_t id, again, version;

	ck_assert_int_eq(add_at(NAME, "f", NOW, &id), 0);
	ck_assert_int_eq(add_at(NAME, "f", NOW, &again), 0);
	ck_assert_uint_eq(id, again);
	ck_assert_uint_eq(waiting(), 1);
	restart();
	ck_assert_uint_eq(waiting(), 1);
	make_disk(&text, 'k', "a");
	disk.pending = id + 1;
	ck_assert_int_eq(catalog_put_disk(catalog, &disk, NOW, NULL, &version, NULL), CATALOG_E_ABSENT);
	disk.pending = id;
	ck_assert_int_eq(catalog_put_disk(catalog, &disk, NOW, NULL, &version, NULL), 0);
	ck_assert_uint_eq(waiting(), 0);
	ck_assert_int_eq(catalog_put_disk(catalog, &disk, NOW, NULL, &version, NULL), CATALOG_E_CONFLICT);
	/* The same bytes once more, with one that waits: it goes, the version stays. */
	ck_assert_int_eq(add_at(NAME, "g", NOW, &disk.pending), 0);
	ck_assert_uint_gt(disk.pending, id);
	disk.state = state();
	ck_assert_int_eq(catalog_put_disk(catalog, &disk, NOW, NULL, &version, NULL), 0);
	ck_assert_uint_eq(version, 1);
	ck_assert_uint_eq(waiting(), 0);
}
END_TEST

START_TEST(rejected_and_expired)
{
	uint64_t id;

	ck_assert_int_eq(add_at(NAME, "f", NOW, &id), 0);
	ck_assert_int_eq(catalog_delete_pending(catalog, id + 1, NOW, NULL, NULL), CATALOG_E_ABSENT);
	ck_assert_int_eq(catalog_delete_pending(catalog, id, NOW, NULL, NULL), 0);
	ck_assert_int_eq(catalog_delete_pending(catalog, id, NOW, NULL, NULL), CATALOG_E_ABSENT);
	ck_assert_uint_eq(waiting(), 0);
	ck_assert_int_eq(add_at(NAME, "f", NOW, &id), 0);
	ck_assert_int_eq(catalog_delete_pending(catalog, id, NOW + PENDING_SECONDS + 1, NULL, NULL), CATALOG_E_ABSENT);
	ck_assert_uint_eq(waiting(), 1);
	/* An expired one with the same fingerprint is no match, and makes room. */
	ck_assert_int_eq(add_at(NAME, "f", NOW + PENDING_SECONDS + 1, &id), 0);
	ck_assert_uint_eq(waiting(), 1);
}
END_TEST

START_TEST(bounded)
{
	const int64_t later = NOW + PENDING_SECONDS + 1;
	char text[64];
	uint64_t id;

	for (size_t i = 0; i < PENDING_PER_RESOURCE; i++) {
		(void)snprintf(text, sizeof(text), "f%zu", i);
		ck_assert_int_eq(add_at(NAME, text, NOW, &id), 0);
	}
	ck_assert_int_eq(add_at(NAME, "more", NOW, &id), CATALOG_E_FULL);
	ck_assert_int_eq(add_at(NAME, "f0", NOW, &id), 0); /* waits already */
	for (size_t i = PENDING_PER_RESOURCE; i < PENDING_MAX; i++) {
		(void)snprintf(text, sizeof(text), "prod/disk/%zu", i);
		ck_assert_int_eq(add_at(text, "f", NOW, &id), 0);
	}
	ck_assert_int_eq(add_at("prod/other/x", "f", NOW, &id), CATALOG_E_FULL);
	ck_assert_uint_eq(waiting(), PENDING_MAX);
	ck_assert_int_eq(add_at(NAME, "more", later, &id), 0);
	ck_assert_int_eq(add_at("prod/other/x", "f", later, &id), 0);
	ck_assert_uint_eq(waiting(), PENDING_MAX);
}
END_TEST

/* A guest hears at once that it cannot come to pass. */
START_TEST(judged_before_it_waits)
{
	uint64_t id;

	put_plain("the password");
	ck_assert_int_eq(add_at(NAME, "f", NOW, &id), CATALOG_E_INVALID);
	ck_assert_uint_eq(waiting(), 0);
}
END_TEST

/* A database that was written to by somebody else. */
static const char *const tampering[] = {
	"UPDATE item SET data = zeroblob(100) WHERE kind = 4",
	"DELETE FROM item WHERE kind = 4",
	"UPDATE item SET name = 'prod/disk/other' WHERE kind = 4",
	"UPDATE item SET data = (SELECT data FROM item WHERE kind = 3) WHERE kind = 4",
};

START_TEST(waiting_row_changed)
{
	SNAPSHOT_AUTO snapshot = NULL;
	JSON_AUTO text = NULL;
	uint64_t id;

	ck_assert_int_eq(add_at(NAME, "f", NOW, &id), 0);
	put_plain("x");
	snapshot = catalog_snapshot(catalog);
	ck_assert_int_eq(catalog_read_pending(catalog, catalog_find_pending(snapshot, id, NOW), &text), 0);
	ck_assert_str_eq(json_get_text(text, "fingerprint", NULL), "f");
	json_putp(&text);
	text = NULL;
	rest_tamper(&rest, tampering[_i]);
	ck_assert_int_eq(catalog_read_pending(catalog, catalog_find_pending(snapshot, id, NOW), &text), CATALOG_E_DAMAGED);
	/* It can still be taken away. */
	ck_assert_int_eq(catalog_delete_pending(catalog, id, NOW, NULL, NULL), 0);
}
END_TEST

START_TEST(waiting_row_added)
{
	SNAPSHOT_AUTO snapshot = NULL;

	rest_tamper(&rest, "INSERT INTO item (kind, name, version, data) VALUES (4, '" NAME "', 9, zeroblob(100))");
	restart();
	snapshot = catalog_snapshot(catalog);
	ck_assert_ptr_null(catalog_find_pending(snapshot, 9, NOW));
	ck_assert_uint_eq(waiting(), 0);
}
END_TEST

/* The record comes first */

static unsigned witnessed;
static uint64_t witnessed_version;

static int refuse(void *context, const char *name, uint64_t version, struct error *error)
{
	(void)context;
	ck_assert_str_eq(name, NAME);
	witnessed++;
	witnessed_version = version;
	return error_set(error, -ENOSPC, "the record cannot be written");
}

START_TEST(no_record_no_change)
{
	const struct catalog_witness by = {refuse, NULL};
	CLEANUP(secret_deinit) struct secret text = SECRET_NULL;
	struct catalog_disk disk = {.name = NAME, .disk = &text};
	JSON_AUTO about = json_object_new_object();
	uint64_t before, version, id;
	struct error error = ERROR_NULL;

	witnessed = 0;
	make_disk(&text, 'k', "a");
	ck_assert_int_eq(catalog_put_disk(catalog, &disk, NOW, &by, &version, &error), -ENOSPC);
	ck_assert_uint_eq(witnessed_version, 1);
	ck_assert_int_eq(catalog_put_resource(catalog, NAME, &text, NOW, &by, &version, NULL), -ENOSPC);
	ck_assert_int_eq(json_add_text(about, "fingerprint", "f"), 0);
	ck_assert_int_eq(catalog_add_pending(catalog, &disk, about, NOW, &by, &id, NULL), -ENOSPC);
	ck_assert_uint_eq(state(), 0);
	ck_assert_uint_eq(waiting(), 0);
	ck_assert_int_eq(put('k', "a"), 0);
	before = state();
	ck_assert_int_eq(catalog_delete_resource(catalog, NAME, NOW, &by, NULL), -ENOSPC);
	ck_assert_int_eq(add_at(NAME, "f", NOW, &id), 0);
	ck_assert_int_eq(catalog_delete_pending(catalog, id, NOW, &by, NULL), -ENOSPC);
	ck_assert_uint_eq(state(), before);
	ck_assert_uint_eq(waiting(), 1);
	restart();
	ck_assert_uint_eq(state(), before);
	ck_assert_uint_eq(waiting(), 1);
	ck_assert_uint_eq(witnessed, 5);
}
END_TEST

/* A store of before there was an enrolment key. */
START_TEST(key_made_once)
{
	CLEANUP(secret_deinit) struct secret one = SECRET_NULL;
	CLEANUP(secret_deinit) struct secret two = SECRET_NULL;

	ck_assert_int_eq(catalog_key(catalog, "later", &one, NULL), -EBADMSG);
	ck_assert_int_eq(catalog_ensure_key(catalog, "later", make_key, NOW, NULL, NULL), 0);
	ck_assert_int_eq(catalog_key(catalog, "later", &one, NULL), 0);
	restart();
	ck_assert_int_eq(catalog_ensure_key(catalog, "later", make_key, NOW, NULL, NULL), 0);
	ck_assert_int_eq(catalog_key(catalog, "later", &two, NULL), 0);
	ck_assert(bytes_equal(secret_view(&one), secret_view(&two)));
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("enrol");
	TCase *tests = tcase_create("enrol");
	SRunner *runner;
	int failed;

	tcase_add_checked_fixture(tests, setup, teardown);
	tcase_set_timeout(tests, 60);
	tcase_add_test(tests, compare_and_swap);
	tcase_add_test(tests, the_same_again);
	tcase_add_loop_test(tests, step, 0, (int)ARRAY_SIZE(steps));
	tcase_add_loop_test(tests, no_disk_is_there, 0, (int)ARRAY_SIZE(no_disks));
	tcase_add_loop_test(tests, no_disk_is_to_be, 0, (int)ARRAY_SIZE(no_disks));
	tcase_add_test(tests, waits_and_is_taken);
	tcase_add_test(tests, rejected_and_expired);
	tcase_add_test(tests, bounded);
	tcase_add_test(tests, judged_before_it_waits);
	tcase_add_loop_test(tests, waiting_row_changed, 0, (int)ARRAY_SIZE(tampering));
	tcase_add_test(tests, waiting_row_added);
	tcase_add_test(tests, no_record_no_change);
	tcase_add_test(tests, key_made_once);
	suite_add_tcase(suite, tests);
	scratch_begin();
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
