/* SPDX-License-Identifier: Apache-2.0 */
/* Keys, manifest, state file, sealed rows, and the SQLite store under them. */
#include <check.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/crypto.h"
#include "base/files.h"
#include "broker/manifest.h"
#include "broker/resource.h"
#include "rest.h"
#include "scratch.h"

static struct rest rest;

static void setup(void)
{
	rest_open(&rest);
}

static void teardown(void)
{
	rest_close(&rest);
}

static struct bytes manifest_key(void)
{
	return keys_view(&rest.keys, KEYS_MANIFEST);
}

START_TEST(kek_text_round_trip)
{
	CLEANUP(secret_deinit) struct secret kek = SECRET_NULL;
	CLEANUP(secret_deinit) struct secret text = SECRET_NULL;
	CLEANUP(secret_deinit) struct secret again = SECRET_NULL;

	ck_assert_int_eq(secret_random(&kek, KEYS_KEK_SIZE), 0);
	ck_assert_int_eq(keys_kek_to_text(secret_view(&kek), &text), 0);
	ck_assert_int_eq(keys_kek_from_text(secret_view(&text), &again), 0);
	ck_assert(bytes_equal(secret_view(&kek), secret_view(&again)));
	/* Without the newline it is the same key; with any other character changed it is none. */
	secret_deinit(&again);
	ck_assert_int_eq(keys_kek_from_text(bytes_of(text.data, text.size - 1), &again), 0);
	for (size_t i = 0; i + 1 < text.size; i++) {
		CLEANUP(secret_deinit) struct secret none = SECRET_NULL;
		uint8_t before = text.data[i];

		text.data[i] = before == 'A' ? 'B' : 'A';
		ck_assert_int_eq(keys_kek_from_text(secret_view(&text), &none), KEYS_E_FORMAT);
		text.data[i] = before;
	}
	for (size_t size = 0; size + 1 < text.size; size++) {
		CLEANUP(secret_deinit) struct secret none = SECRET_NULL;

		ck_assert_int_eq(keys_kek_from_text(bytes_of(text.data, size), &none), KEYS_E_FORMAT);
	}
}
END_TEST

START_TEST(kek_file_is_private_and_never_replaced)
{
	CLEANUP(secret_deinit) struct secret kek = SECRET_NULL;
	CLEANUP(secret_deinit) struct secret again = SECRET_NULL;
	struct error error = ERROR_NULL;
	struct stat info;
	char path[128];

	(void)snprintf(path, sizeof(path), "%s/kek", rest.folder);
	ck_assert_int_eq(keys_kek_load(path, NULL, &again, &error), -ENOENT);
	error_clear(&error);
	ck_assert_int_eq(secret_random(&kek, KEYS_KEK_SIZE), 0);
	ck_assert_msg(keys_kek_save(path, secret_view(&kek), &error) == 0, "%s", error_text(&error));
	ck_assert_int_eq(stat(path, &info), 0);
	ck_assert_int_eq(info.st_mode & 0777, 0600);
	ck_assert_int_eq(keys_kek_save(path, secret_view(&kek), &error), -EEXIST);
	ck_assert_int_eq(keys_kek_load(path, NULL, &again, NULL), 0);
	ck_assert(bytes_equal(secret_view(&kek), secret_view(&again)));
	ck_assert_int_eq(chmod(path, 0644), 0);
	ck_assert_int_eq(keys_kek_load(path, NULL, &again, NULL), -EPERM);
}
END_TEST

START_TEST(purposes_differ)
{
	for (size_t i = 0; i < KEYS_PURPOSES; i++)
		for (size_t j = 0; j < i; j++)
			ck_assert(!bytes_equal(secret_view(&rest.keys.of[i]), secret_view(&rest.keys.of[j])));
}
END_TEST

/* Name and version are associated data: each alone makes the row another one. */
START_TEST(sealed_row_is_bound_to_name_and_version)
{
	CLEANUP(buf_deinit) struct buf sealed = BUF_NULL;
	CLEANUP(secret_deinit) struct secret open = SECRET_NULL;
	struct bytes key = keys_view(&rest.keys, KEYS_RESOURCE);
	struct bytes plain = bytes_of_text("a secret");

	ck_assert_int_eq(resource_seal(&sealed, key, "a/b/c", 7, plain), 0);
	ck_assert_int_eq(resource_open(&open, key, "a/b/c", 7, buf_view(&sealed)), 0);
	ck_assert(bytes_equal(secret_view(&open), plain));
	secret_deinit(&open);
	ck_assert_int_eq(resource_open(&open, key, "a/b/c", 8, buf_view(&sealed)), AEAD_E_FORGED);
	ck_assert_int_eq(resource_open(&open, key, "a/b/d", 7, buf_view(&sealed)), AEAD_E_FORGED);
	ck_assert_int_eq(resource_open(&open, keys_view(&rest.keys, KEYS_WRAP), "a/b/c", 7, buf_view(&sealed)), AEAD_E_FORGED);
	for (size_t i = 0; i < sealed.size; i++) {
		sealed.data[i] ^= 1;
		ck_assert_int_eq(resource_open(&open, key, "a/b/c", 7, buf_view(&sealed)), AEAD_E_FORGED);
		sealed.data[i] ^= 1;
	}
	for (size_t size = 0; size < sealed.size; size++)
		ck_assert_int_eq(resource_open(&open, key, "a/b/c", 7, bytes_of(sealed.data, size)), AEAD_E_FORGED);
}
END_TEST

static void put(struct manifest *manifest, enum store_kind kind, const char *name, uint64_t version, bool deleted)
{
	struct manifest_entry entry = {.kind = kind, .version = version, .deleted = deleted, .size = 5, .time = 1000};

	entry.name = strdup(name);
	ck_assert_int_eq(manifest_put(manifest, &entry), 0);
	free(entry.name);
}

static void grant(struct manifest *manifest, const char *pattern, const char *policy)
{
	struct manifest_grant row = {.policy_count = 1, .time = 1000};

	row.pattern = strdup(pattern);
	row.policies[0] = strdup(policy);
	ck_assert_int_eq(manifest_put_grant(manifest, &row), 0);
	free(row.pattern);
	free(row.policies[0]);
}

static void example(struct manifest *manifest)
{
	*manifest = (struct manifest){.epoch = 9, .id = {1, 2, 3}};
	put(manifest, STORE_RESOURCE, "a/b/c", 2, false);
	put(manifest, STORE_KEY, "token", 1, false);
	put(manifest, STORE_POLICY, "prod", 1, false);
	put(manifest, STORE_POLICY, "prod", 3, true);
	put(manifest, STORE_POLICY, "prod", 2, false);
	grant(manifest, "a/b/c", "prod");
	grant(manifest, "a/b/*", "prod");
}

START_TEST(manifest_round_trip)
{
	CLEANUP(manifest_deinit) struct manifest manifest = MANIFEST_NULL;
	CLEANUP(manifest_deinit) struct manifest again = MANIFEST_NULL;
	CLEANUP(buf_deinit) struct buf encoded = BUF_NULL;
	CLEANUP(buf_deinit) struct buf twice = BUF_NULL;

	example(&manifest);
	ck_assert_int_eq(manifest_encode(&encoded, &manifest, manifest_key()), 0);
	ck_assert_int_eq(manifest_decode(buf_view(&encoded), manifest_key(), &again), 0);
	ck_assert_int_eq(manifest_encode(&twice, &again, manifest_key()), 0);
	ck_assert(bytes_equal(buf_view(&encoded), buf_view(&twice)));
	ck_assert_uint_eq(again.entry_count, 5);
	ck_assert_uint_eq(manifest_find(&again, STORE_POLICY, "prod")->version, 3);
	ck_assert(manifest_find(&again, STORE_POLICY, "prod")->deleted);
	ck_assert_ptr_nonnull(manifest_find_version(&again, STORE_POLICY, "prod", 2));
	ck_assert_ptr_null(manifest_find_version(&again, STORE_POLICY, "prod", 4));
	ck_assert_ptr_null(manifest_find(&again, STORE_RESOURCE, "a/b"));
	ck_assert_ptr_nonnull(manifest_find_grant(&again, "a/b/*"));
	ck_assert(manifest_remove_grant(&again, "a/b/*"));
	ck_assert(!manifest_remove_grant(&again, "a/b/*"));
}
END_TEST

/* No byte of it can be changed, none be missing, and no other key makes it. */
START_TEST(manifest_forged)
{
	CLEANUP(manifest_deinit) struct manifest manifest = MANIFEST_NULL;
	struct manifest none = MANIFEST_NULL;
	CLEANUP(buf_deinit) struct buf encoded = BUF_NULL;

	example(&manifest);
	ck_assert_int_eq(manifest_encode(&encoded, &manifest, manifest_key()), 0);
	for (size_t i = 0; i < encoded.size; i++) {
		encoded.data[i] ^= 0x20;
		ck_assert_int_eq(manifest_decode(buf_view(&encoded), manifest_key(), &none), MANIFEST_E_FORGED);
		encoded.data[i] ^= 0x20;
	}
	for (size_t size = 0; size < encoded.size; size++)
		ck_assert_int_gt(manifest_decode(bytes_of(encoded.data, size), manifest_key(), &none), 0);
	ck_assert_int_eq(manifest_decode(buf_view(&encoded), keys_view(&rest.keys, KEYS_STATE), &none), MANIFEST_E_FORGED);
}
END_TEST

/* With the right MAC the form is still judged: a bug that writes nonsense must not be believed. */
static int decode_body(const struct buf *body)
{
	CLEANUP(buf_deinit) struct buf whole = BUF_NULL;
	struct manifest ret = MANIFEST_NULL;
	uint8_t mac[SHA256_SIZE];
	int r;

	ck_assert_int_eq(hmac_sha256(mac, manifest_key(), buf_view(body)), 0);
	ck_assert_int_eq(buf_append(&whole, body->data, body->size), 0);
	ck_assert_int_eq(buf_append(&whole, mac, sizeof(mac)), 0);
	r = manifest_decode(buf_view(&whole), manifest_key(), &ret);
	manifest_deinit(&ret);
	return r;
}

/* What a broker of before enrolments wrote: the same without one byte of each grant. */
START_TEST(manifest_of_before)
{
	CLEANUP(manifest_deinit) struct manifest manifest = MANIFEST_NULL;
	CLEANUP(manifest_deinit) struct manifest again = MANIFEST_NULL;
	CLEANUP(buf_deinit) struct buf body = BUF_NULL;
	uint8_t mac[SHA256_SIZE];
	const size_t grant_size = 2 + 5 + 8 + 1 + 1 + 2 + 4; /* "a/b/c" and "prod" */
	const size_t enrol_at = 2 + 5 + 8;

	example(&manifest);
	ck_assert_int_eq(manifest_encode(&body, &manifest, manifest_key()), 0);
	body.size -= SHA256_SIZE;
	for (size_t i = 1; i <= 2; i++) {
		uint8_t *enrol = body.data + body.size - i * grant_size + enrol_at + (i - 1);

		ck_assert_uint_eq(*enrol, MANIFEST_ENROL_NONE);
		memmove(enrol, enrol + 1, (size_t)(body.data + body.size - enrol - 1));
		body.size--;
	}
	ck_assert_int_eq(decode_body(&body), MANIFEST_E_FORMAT);
	body.data[8] = 1;
	ck_assert_int_eq(hmac_sha256(mac, manifest_key(), buf_view(&body)), 0);
	ck_assert_int_eq(buf_append(&body, mac, sizeof(mac)), 0);
	ck_assert_int_eq(manifest_decode(buf_view(&body), manifest_key(), &again), 0);
	ck_assert_str_eq(manifest_find_grant(&again, "a/b/c")->policies[0], "prod");
	ck_assert_int_eq(manifest_find_grant(&again, "a/b/c")->enrol, MANIFEST_ENROL_NONE);
	ck_assert_uint_eq(again.grant_count, 2);
}
END_TEST

START_TEST(manifest_malformed)
{
	CLEANUP(manifest_deinit) struct manifest manifest = MANIFEST_NULL;
	CLEANUP(buf_deinit) struct buf encoded = BUF_NULL;
	size_t refused = 0;

	example(&manifest);
	ck_assert_int_eq(manifest_encode(&encoded, &manifest, manifest_key()), 0);
	encoded.size -= SHA256_SIZE;
	ck_assert_int_eq(decode_body(&encoded), 0);
	for (size_t i = 0; i < encoded.size; i++) {
		uint8_t before = encoded.data[i];

		encoded.data[i] = 0xff;
		refused += decode_body(&encoded) == MANIFEST_E_FORMAT;
		encoded.data[i] = before;
	}
	ck_assert_uint_gt(refused, 40); /* every length, kind, flag and the order; digests and times are free */
	for (size_t size = encoded.size; size > 0; size--) {
		encoded.size = size - 1;
		ck_assert_int_eq(decode_body(&encoded), MANIFEST_E_FORMAT);
	}
}
END_TEST

START_TEST(state_round_trip_and_forged)
{
	struct state state = {.epoch = 5, .id = {7}, .audit = {.sequence = 3, .chain = {9}}};
	struct state again;
	struct bytes key = keys_view(&rest.keys, KEYS_STATE);
	CLEANUP(buf_deinit) struct buf encoded = BUF_NULL;

	ck_assert_int_eq(state_encode(&encoded, &state, key), 0);
	ck_assert_uint_eq(encoded.size, STATE_SIZE);
	ck_assert_int_eq(state_decode(buf_view(&encoded), key, &again), 0);
	ck_assert_uint_eq(again.epoch, 5);
	ck_assert_uint_eq(again.audit.sequence, 3);
	for (size_t i = 0; i < encoded.size; i++) {
		encoded.data[i] ^= 4;
		ck_assert_int_eq(state_decode(buf_view(&encoded), key, &again), STATE_E_FORGED);
		encoded.data[i] ^= 4;
	}
	for (size_t size = 0; size < encoded.size; size++)
		ck_assert_int_eq(state_decode(bytes_of(encoded.data, size), key, &again), STATE_E_FORMAT);
}
END_TEST

START_TEST(state_never_goes_back)
{
	uint8_t id[MANIFEST_ID_SIZE] = {1};
	struct state state;

	ck_assert_int_eq(state_set_epoch(rest.state, id, 4, NULL), 0);
	ck_assert_int_eq(state_set_epoch(rest.state, id, 3, NULL), -EINVAL);
	rest_reopen(&rest);
	state_get(rest.state, &state);
	ck_assert_uint_eq(state.epoch, 4);
}
END_TEST

/* A file that was edited, or is of another key, is an error and not a fresh state. */
START_TEST(state_file_edited)
{
	uint8_t id[MANIFEST_ID_SIZE] = {1};
	struct error error = ERROR_NULL;
	CLEANUP(buf_deinit) struct buf content = BUF_NULL;
	struct state_file *file = NULL;
	char path[128];

	(void)snprintf(path, sizeof(path), "%s/state", rest.folder);
	ck_assert_int_eq(state_set_epoch(rest.state, id, 4, NULL), 0);
	ck_assert_int_eq(state_open(rest.folder, keys_view(&rest.keys, KEYS_AUDIT), &file, &error), -EBADMSG);
	ck_assert_int_eq(file_read(path, STATE_SIZE, &content, NULL), 0);
	content.data[30] ^= 1;
	ck_assert_int_eq(file_write(path, buf_view(&content), 0600, NULL), 0);
	ck_assert_int_eq(state_open(rest.folder, keys_view(&rest.keys, KEYS_STATE), &file, NULL), -EBADMSG);
	content.size = 20;
	ck_assert_int_eq(file_write(path, buf_view(&content), 0600, NULL), 0);
	ck_assert_int_eq(state_open(rest.folder, keys_view(&rest.keys, KEYS_STATE), &file, NULL), -EBADMSG);
}
END_TEST

static struct store_row row_of(const char *name, uint64_t version, const char *text)
{
	return (struct store_row){STORE_RESOURCE, name, version, text ? bytes_of_text(text) : bytes_of(NULL, 0)};
}

START_TEST(store_keeps_and_removes)
{
	struct store_row rows[] = {row_of("a/b/c", 1, "one"), row_of("a/b/c", 2, "two")};
	struct bytes manifest = bytes_of_text("manifest");
	CLEANUP(buf_deinit) struct buf data = BUF_NULL;
	bool empty = false;

	ck_assert_int_eq(store_empty(rest.store, &empty), 0);
	ck_assert(empty);
	ck_assert_int_eq(store_manifest(rest.store, &data), STORE_E_ABSENT);
	ck_assert_int_eq(store_commit(rest.store, rows, 2, manifest, 0, 1), 0);
	ck_assert_int_eq(store_commit(rest.store, rows, 2, manifest, 0, 1), STORE_E_CONFLICT);
	rest_reopen(&rest);
	ck_assert_int_eq(store_read(rest.store, STORE_RESOURCE, "a/b/c", 2, &data), 0);
	ck_assert(bytes_equal(buf_view(&data), bytes_of_text("two")));
	ck_assert_int_eq(store_read(rest.store, STORE_POLICY, "a/b/c", 2, &data), STORE_E_ABSENT);
	rows[0] = row_of("a/b/c", 2, NULL);
	ck_assert_int_eq(store_commit(rest.store, rows, 1, manifest, 1, 2), 0);
	ck_assert_int_eq(store_read(rest.store, STORE_RESOURCE, "a/b/c", 2, &data), STORE_E_ABSENT);
	ck_assert_int_eq(store_empty(rest.store, &empty), 0);
	ck_assert(!empty);
}
END_TEST

/* All or nothing: a row that cannot be written takes the others with it. */
START_TEST(store_commit_is_atomic)
{
	struct store_row rows[] = {row_of("a/b/c", 1, "one"), row_of("a/b/c", UINT64_MAX, "two")};
	CLEANUP(buf_deinit) struct buf data = BUF_NULL;

	ck_assert_int_eq(store_commit(rest.store, rows, 2, bytes_of_text("m"), 0, 1), -EOVERFLOW);
	ck_assert_int_eq(store_read(rest.store, STORE_RESOURCE, "a/b/c", 1, &data), STORE_E_ABSENT);
	ck_assert_int_eq(store_manifest(rest.store, &data), STORE_E_ABSENT);
	ck_assert_int_eq(store_commit(rest.store, rows, 1, bytes_of_text("m"), 0, 1), 0);
}
END_TEST

START_TEST(store_refuses_foreign_databases)
{
	struct store *other = NULL;
	struct error error = ERROR_NULL;
	char path[128];

	(void)snprintf(path, sizeof(path), "%s/copy.db", rest.folder);
	ck_assert_int_eq(file_write(path, bytes_of_text("this is a text and no database, as one can see at once"), 0600, NULL), 0);
	ck_assert_int_eq(store_sqlite_open(path, &other, &error), -EBADMSG);
	rest_tamper(&rest, "INSERT INTO manifest VALUES (1, 1, x'00'); PRAGMA user_version = 2");
	error_clear(&error);
	ck_assert_int_eq(store_sqlite_open(rest.database, &other, &error), STORE_E_FOREIGN);
}
END_TEST

/* Values of a type that we never write are damage, not a crash. */
START_TEST(store_refuses_wrong_types)
{
	struct store_row row = row_of("a/b/c", 1, "one");
	CLEANUP(buf_deinit) struct buf data = BUF_NULL;

	ck_assert_int_eq(store_commit(rest.store, &row, 1, bytes_of_text("m"), 0, 1), 0);
	rest_tamper(&rest, "UPDATE item SET data = 'text'");
	ck_assert_int_eq(store_read(rest.store, STORE_RESOURCE, "a/b/c", 1, &data), -EBADMSG);
	rest_tamper(&rest, "UPDATE manifest SET data = 17");
	ck_assert_int_eq(store_manifest(rest.store, &data), -EBADMSG);
}
END_TEST

START_TEST(listed_row_changed_or_missing)
{
	struct store_row rows[] = {row_of("a/b/c", 1, "one"), row_of("a/b/d", 1, "two")};
	CLEANUP(buf_deinit) struct buf data = BUF_NULL;
	struct manifest_entry entry = {.kind = STORE_RESOURCE, .version = 1};
	char name[] = "a/b/c";

	entry.name = name;
	ck_assert_int_eq(sha256(entry.digest, bytes_of_text("one")), 0);
	ck_assert_int_eq(store_commit(rest.store, rows, 2, bytes_of_text("m"), 0, 1), 0);
	ck_assert_int_eq(manifest_read_row(rest.store, &entry, &data), 0);
	rest_tamper(&rest, "UPDATE item SET name = 'x' WHERE name = 'a/b/c'; UPDATE item SET name = 'a/b/c' WHERE name = 'a/b/d'");
	ck_assert_int_eq(manifest_read_row(rest.store, &entry, &data), MANIFEST_E_FORGED);
	rest_tamper(&rest, "DELETE FROM item");
	ck_assert_int_eq(manifest_read_row(rest.store, &entry, &data), MANIFEST_E_ABSENT);
	entry.deleted = true;
	ck_assert_int_eq(manifest_read_row(rest.store, &entry, &data), MANIFEST_E_ABSENT);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("broker at rest");
	TCase *tests = tcase_create("rest");
	SRunner *runner;
	int failed;

	tcase_add_checked_fixture(tests, setup, teardown);
	tcase_set_timeout(tests, 60);
	tcase_add_test(tests, kek_text_round_trip);
	tcase_add_test(tests, kek_file_is_private_and_never_replaced);
	tcase_add_test(tests, purposes_differ);
	tcase_add_test(tests, sealed_row_is_bound_to_name_and_version);
	tcase_add_test(tests, manifest_round_trip);
	tcase_add_test(tests, manifest_forged);
	tcase_add_test(tests, manifest_malformed);
	tcase_add_test(tests, manifest_of_before);
	tcase_add_test(tests, state_round_trip_and_forged);
	tcase_add_test(tests, state_never_goes_back);
	tcase_add_test(tests, state_file_edited);
	tcase_add_test(tests, store_keeps_and_removes);
	tcase_add_test(tests, store_commit_is_atomic);
	tcase_add_test(tests, store_refuses_foreign_databases);
	tcase_add_test(tests, store_refuses_wrong_types);
	tcase_add_test(tests, listed_row_changed_or_missing);
	suite_add_tcase(suite, tests);
	scratch_begin();
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
