/* SPDX-License-Identifier: Apache-2.0 */
#include "rest.h"

#include <check.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "scratch.h"

#define HEAP ((size_t)1 << 20)

void rest_open(struct rest *rest)
{
	struct secret kek = SECRET_NULL;

	memset(rest, 0, sizeof(*rest));
	ck_assert_int_eq(secret_process_init(HEAP), 0);
	scratch_folder(rest->folder);
	(void)snprintf(rest->database, sizeof(rest->database), "%s/store.db", rest->folder);
	ck_assert_int_eq(secret_random(&kek, KEYS_KEK_SIZE), 0);
	ck_assert_int_eq(keys_init(&rest->keys, &kek), 0);
	rest_reopen(rest);
}

void rest_reopen(struct rest *rest)
{
	struct error error = ERROR_NULL;

	rest->store = store_close(rest->store);
	rest->state = state_close(rest->state);
	ck_assert_msg(store_sqlite_open(rest->database, &rest->store, &error) == 0, "%s", error_text(&error));
	ck_assert_msg(state_open(rest->folder, keys_view(&rest->keys, KEYS_STATE), &rest->state, &error) == 0, "%s", error_text(&error));
}

static void forget(const struct rest *rest, const char *name)
{
	char path[160];

	(void)snprintf(path, sizeof(path), "%s/%s", rest->folder, name);
	(void)unlink(path);
}

void rest_close(struct rest *rest)
{
	static const char *const files[] = {"store.db", "store.db-wal", "store.db-shm", "copy.db", "state", "kek"};

	rest->store = store_close(rest->store);
	rest->state = state_close(rest->state);
	keys_deinit(&rest->keys);
	for (size_t i = 0; i < ARRAY_SIZE(files); i++)
		forget(rest, files[i]);
	ck_assert_int_eq(rmdir(rest->folder), 0);
}

void rest_tamper(const struct rest *rest, const char *sql)
{
	sqlite3 *db = NULL;
	char *message = NULL;

	ck_assert_int_eq(sqlite3_open(rest->database, &db), SQLITE_OK);
	ck_assert_msg(sqlite3_exec(db, sql, NULL, NULL, &message) == SQLITE_OK, "%s: %s", sql, message);
	ck_assert_int_gt(sqlite3_total_changes(db), 0);
	ck_assert_int_eq(sqlite3_close(db), SQLITE_OK);
}

static void copy_database(const char *from, const char *to)
{
	sqlite3 *source = NULL;
	sqlite3 *target = NULL;
	sqlite3_backup *backup;

	ck_assert_int_eq(sqlite3_open(from, &source), SQLITE_OK);
	ck_assert_int_eq(sqlite3_open(to, &target), SQLITE_OK);
	backup = sqlite3_backup_init(target, "main", source, "main");
	ck_assert_ptr_nonnull(backup);
	ck_assert_int_eq(sqlite3_backup_step(backup, -1), SQLITE_DONE);
	ck_assert_int_eq(sqlite3_backup_finish(backup), SQLITE_OK);
	ck_assert_int_eq(sqlite3_close(source), SQLITE_OK);
	ck_assert_int_eq(sqlite3_close(target), SQLITE_OK);
}

void rest_backup(const struct rest *rest)
{
	char copy[160];

	(void)snprintf(copy, sizeof(copy), "%s/copy.db", rest->folder);
	copy_database(rest->database, copy);
}

void rest_rollback(struct rest *rest)
{
	char copy[160];

	(void)snprintf(copy, sizeof(copy), "%s/copy.db", rest->folder);
	rest->store = store_close(rest->store);
	copy_database(copy, rest->database);
	rest_reopen(rest);
}
