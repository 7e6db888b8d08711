/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The store in one SQLite file. Two connections: one for rows and manifest, one for the audit, each behind its own lock, so that a reader
 * of a resource never waits for the audit's fsync. Journal WAL with synchronous=FULL: a commit is on the disk when it returns.
 * secure_delete overwrites what is removed (it was sealed anyway).
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <sqlite3.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "broker/store.h"

#define APPLICATION_ID 0x53455641 /* "SEVA" */
#define SCHEMA_VERSION 1
#define BUSY_MS 5000 /* a backup or another reader may hold the file for a moment */

static const char schema[] =
	"BEGIN IMMEDIATE;"
	"CREATE TABLE IF NOT EXISTS item (kind INTEGER NOT NULL, name TEXT NOT NULL, version INTEGER NOT NULL,"
	" data BLOB NOT NULL, PRIMARY KEY (kind, name, version));"
	"CREATE TABLE IF NOT EXISTS manifest (id INTEGER PRIMARY KEY CHECK (id = 1), epoch INTEGER NOT NULL, data BLOB NOT NULL);"
	"CREATE TABLE IF NOT EXISTS audit (position INTEGER PRIMARY KEY AUTOINCREMENT, incarnation BLOB NOT NULL,"
	" sequence INTEGER NOT NULL, data BLOB NOT NULL, chain BLOB NOT NULL, UNIQUE (incarnation, sequence));"
	"PRAGMA application_id = 1397052993; PRAGMA user_version = 1;"
	"COMMIT;";

enum {
	ROW_READ,
	ROW_PUT,
	ROW_DELETE,
	MANIFEST_READ,
	MANIFEST_EPOCH,
	MANIFEST_PUT,
	ANYTHING,
	ROW_BEGIN,
	ROW_COMMIT,
	ROW_ROLLBACK,
	ROW_COUNT
};
enum { AUDIT_PUT, AUDIT_WALK, AUDIT_LAST, AUDIT_BEGIN, AUDIT_COMMIT, AUDIT_ROLLBACK, AUDIT_COUNT };

static const char *const row_sql[ROW_COUNT] = {
	[ROW_READ] = "SELECT data FROM item WHERE kind = ?1 AND name = ?2 AND version = ?3",
	[ROW_PUT] = "INSERT INTO item (kind, name, version, data) VALUES (?1, ?2, ?3, ?4)"
		    " ON CONFLICT (kind, name, version) DO UPDATE SET data = excluded.data",
	[ROW_DELETE] = "DELETE FROM item WHERE kind = ?1 AND name = ?2 AND version = ?3",
	[MANIFEST_READ] = "SELECT data FROM manifest WHERE id = 1",
	[MANIFEST_EPOCH] = "SELECT epoch FROM manifest WHERE id = 1",
	[MANIFEST_PUT] = "INSERT INTO manifest (id, epoch, data) VALUES (1, ?1, ?2)"
			 " ON CONFLICT (id) DO UPDATE SET epoch = excluded.epoch, data = excluded.data",
	[ANYTHING] = "SELECT EXISTS (SELECT 1 FROM item) OR EXISTS (SELECT 1 FROM manifest) OR EXISTS (SELECT 1 FROM audit)",
	[ROW_BEGIN] = "BEGIN IMMEDIATE",
	[ROW_COMMIT] = "COMMIT",
	[ROW_ROLLBACK] = "ROLLBACK",
};

static const char *const audit_sql[AUDIT_COUNT] = {
	[AUDIT_PUT] = "INSERT INTO audit (incarnation, sequence, data, chain) VALUES (?1, ?2, ?3, ?4)",
	[AUDIT_WALK] = "SELECT position, incarnation, sequence, data, chain FROM audit WHERE position > ?1 ORDER BY position LIMIT ?2",
	[AUDIT_LAST] = "SELECT position, incarnation, sequence, data, chain FROM audit ORDER BY position DESC LIMIT 1",
	[AUDIT_BEGIN] = "BEGIN IMMEDIATE",
	[AUDIT_COMMIT] = "COMMIT",
	[AUDIT_ROLLBACK] = "ROLLBACK",
};

/* One connection and its prepared statements. */
struct link {
	sqlite3 *db;
	sqlite3_stmt *statements[ROW_COUNT];
	pthread_mutex_t lock;
};

struct store_sqlite {
	struct store base;
	struct link rows;
	struct link audit;
};

static int to_errno(int code)
{
	switch (code & 0xff) {
	case SQLITE_OK:
	case SQLITE_DONE:
	case SQLITE_ROW:
		return 0;
	case SQLITE_NOMEM:
		return -ENOMEM;
	case SQLITE_FULL:
		return -ENOSPC;
	case SQLITE_BUSY:
	case SQLITE_LOCKED:
		return -EBUSY;
	case SQLITE_READONLY:
	case SQLITE_PERM:
		return -EACCES;
	case SQLITE_CORRUPT:
	case SQLITE_NOTADB:
		return -EBADMSG;
	case SQLITE_TOOBIG:
		return -EMSGSIZE;
	default:
		return -EIO;
	}
}

static void link_close(struct link *link)
{
	for (size_t i = 0; i < ROW_COUNT; i++)
		(void)sqlite3_finalize(link->statements[i]);
	(void)sqlite3_close(link->db);
	(void)pthread_mutex_destroy(&link->lock);
}

static void sqlite_close(struct store *store)
{
	struct store_sqlite *self = (struct store_sqlite *)store;

	link_close(&self->audit);
	link_close(&self->rows);
	free(self);
}

/* Runs a statement that gives no row. */
static int run(sqlite3_stmt *statement)
{
	int code = sqlite3_step(statement);
	int r = code == SQLITE_ROW ? -EIO : to_errno(code);

	(void)sqlite3_reset(statement);
	(void)sqlite3_clear_bindings(statement);
	return r;
}

static int bind_blob(sqlite3_stmt *statement, int at, struct bytes data)
{
	/* A NULL pointer would bind NULL, not an empty blob. */
	return sqlite3_bind_blob64(statement, at, data.size ? (const void *)data.data : "", data.size, SQLITE_STATIC);
}

static int bind_key(sqlite3_stmt *statement, enum store_kind kind, const char *name, uint64_t version)
{
	if (version > INT64_MAX)
		return -EOVERFLOW;
	if (sqlite3_bind_int(statement, 1, (int)kind) || sqlite3_bind_text(statement, 2, name, -1, SQLITE_STATIC) ||
		sqlite3_bind_int64(statement, 3, (sqlite3_int64)version))
		return -EIO;
	return 0;
}

/* Copies a blob of at most `max` bytes out of the current row. */
static int column(sqlite3_stmt *statement, int at, size_t max, struct bytes *ret)
{
	int size;

	if (sqlite3_column_type(statement, at) != SQLITE_BLOB)
		return -EBADMSG;
	size = sqlite3_column_bytes(statement, at);
	if (size < 0 || (size_t)size > max)
		return -EBADMSG;
	*ret = bytes_of(sqlite3_column_blob(statement, at), (size_t)size);
	return 0;
}

/* The first column of the only row. */
static int read_blob(sqlite3_stmt *statement, size_t max, struct buf *ret)
{
	CLEANUP(buf_deinit) struct buf copy = BUF_NULL;
	struct bytes view;
	int code = sqlite3_step(statement);
	int r;

	if (code == SQLITE_DONE)
		r = STORE_E_ABSENT;
	else if (code != SQLITE_ROW)
		r = to_errno(code) ? to_errno(code) : -EIO;
	else
		r = column(statement, 0, max, &view);
	if (!r)
		r = buf_append(&copy, view.data, view.size);
	(void)sqlite3_reset(statement);
	(void)sqlite3_clear_bindings(statement);
	if (r)
		return r;
	buf_deinit(ret);
	*ret = copy;
	copy = (struct buf)BUF_NULL;
	return 0;
}

static int sqlite_read(struct store *store, enum store_kind kind, const char *name, uint64_t version, struct buf *ret)
{
	struct link *link = &((struct store_sqlite *)store)->rows;
	sqlite3_stmt *statement = link->statements[ROW_READ];
	int r;

	(void)pthread_mutex_lock(&link->lock);
	r = bind_key(statement, kind, name, version);
	if (!r)
		r = read_blob(statement, STORE_ROW_MAX, ret);
	(void)pthread_mutex_unlock(&link->lock);
	return r;
}

static int sqlite_manifest(struct store *store, struct buf *ret)
{
	struct link *link = &((struct store_sqlite *)store)->rows;
	int r;

	(void)pthread_mutex_lock(&link->lock);
	r = read_blob(link->statements[MANIFEST_READ], STORE_MANIFEST_MAX, ret);
	(void)pthread_mutex_unlock(&link->lock);
	return r;
}

/* The epoch that stands in the database now; 0 when there is no manifest. */
static int current_epoch(struct link *link, uint64_t *ret)
{
	sqlite3_stmt *statement = link->statements[MANIFEST_EPOCH];
	int code = sqlite3_step(statement);
	int r = 0;

	if (code == SQLITE_ROW)
		*ret = (uint64_t)sqlite3_column_int64(statement, 0);
	else if (code == SQLITE_DONE)
		*ret = 0;
	else
		r = to_errno(code) ? to_errno(code) : -EIO;
	(void)sqlite3_reset(statement);
	return r;
}

static int write_row(struct link *link, const struct store_row *row)
{
	sqlite3_stmt *statement = link->statements[row->data.data ? ROW_PUT : ROW_DELETE];
	int r = bind_key(statement, row->kind, row->name, row->version);

	if (!r && row->data.data)
		r = to_errno(bind_blob(statement, 4, row->data));
	return r ? r : run(statement);
}

static int write_all(
	struct link *link, const struct store_row *rows, size_t count, struct bytes manifest, uint64_t old_epoch, uint64_t new_epoch)
{
	sqlite3_stmt *put = link->statements[MANIFEST_PUT];
	uint64_t epoch;
	int r;

	r = current_epoch(link, &epoch);
	if (r)
		return r;
	if (epoch != old_epoch)
		return STORE_E_CONFLICT;
	for (size_t i = 0; i < count && !r; i++)
		r = write_row(link, &rows[i]);
	if (r)
		return r;
	if (sqlite3_bind_int64(put, 1, (sqlite3_int64)new_epoch) || bind_blob(put, 2, manifest))
		return -EIO;
	return run(put);
}

static int sqlite_commit(
	struct store *store, const struct store_row *rows, size_t count, struct bytes manifest, uint64_t old_epoch, uint64_t new_epoch)
{
	struct link *link = &((struct store_sqlite *)store)->rows;
	int r;

	if (new_epoch > INT64_MAX || manifest.size > STORE_MANIFEST_MAX)
		return -EOVERFLOW;
	(void)pthread_mutex_lock(&link->lock);
	r = run(link->statements[ROW_BEGIN]);
	if (!r) {
		r = write_all(link, rows, count, manifest, old_epoch, new_epoch);
		if (!r)
			r = run(link->statements[ROW_COMMIT]);
		if (r)
			(void)run(link->statements[ROW_ROLLBACK]);
	}
	(void)pthread_mutex_unlock(&link->lock);
	return r;
}

static int write_record(sqlite3_stmt *statement, const struct store_record *record)
{
	if (record->sequence > INT64_MAX)
		return -EOVERFLOW;
	if (bind_blob(statement, 1, bytes_of(record->incarnation, sizeof(record->incarnation))) ||
		sqlite3_bind_int64(statement, 2, (sqlite3_int64)record->sequence) || bind_blob(statement, 3, record->text) ||
		bind_blob(statement, 4, bytes_of(record->chain, sizeof(record->chain))))
		return -EIO;
	return run(statement);
}

static int sqlite_audit_append(struct store *store, const struct store_record *records, size_t count)
{
	struct link *link = &((struct store_sqlite *)store)->audit;
	int r;

	(void)pthread_mutex_lock(&link->lock);
	r = run(link->statements[AUDIT_BEGIN]);
	if (!r) {
		for (size_t i = 0; i < count && !r; i++)
			r = write_record(link->statements[AUDIT_PUT], &records[i]);
		if (!r)
			r = run(link->statements[AUDIT_COMMIT]);
		if (r)
			(void)run(link->statements[AUDIT_ROLLBACK]);
	}
	(void)pthread_mutex_unlock(&link->lock);
	return r;
}

static int visit_row(sqlite3_stmt *statement, store_visit visit, void *context)
{
	struct store_record record = {.sequence = (uint64_t)sqlite3_column_int64(statement, 2)};
	struct bytes incarnation;
	struct bytes chain;
	int r;

	r = column(statement, 1, sizeof(record.incarnation), &incarnation);
	if (!r)
		r = column(statement, 3, STORE_RECORD_MAX, &record.text);
	if (!r)
		r = column(statement, 4, sizeof(record.chain), &chain);
	if (r)
		return r;
	if (incarnation.size != sizeof(record.incarnation) || chain.size != sizeof(record.chain))
		return -EBADMSG;
	memcpy(record.incarnation, incarnation.data, incarnation.size);
	memcpy(record.chain, chain.data, chain.size);
	return visit(context, (uint64_t)sqlite3_column_int64(statement, 0), &record);
}

static int sqlite_audit_walk(struct store *store, uint64_t after, uint64_t limit, store_visit visit, void *context)
{
	struct link *link = &((struct store_sqlite *)store)->audit;
	sqlite3_stmt *statement = link->statements[AUDIT_WALK];
	int code = SQLITE_DONE;
	int r;

	(void)pthread_mutex_lock(&link->lock);
	r = sqlite3_bind_int64(statement, 1, (sqlite3_int64)(after > INT64_MAX ? INT64_MAX : after)) ||
			    sqlite3_bind_int64(statement, 2, limit == 0 || limit > INT64_MAX ? -1 : (sqlite3_int64)limit)
		    ? -EIO
		    : 0;
	while (!r && (code = sqlite3_step(statement)) == SQLITE_ROW)
		r = visit_row(statement, visit, context);
	if (!r)
		r = to_errno(code);
	(void)sqlite3_reset(statement);
	(void)pthread_mutex_unlock(&link->lock);
	return r;
}

static int sqlite_audit_last(struct store *store, store_visit visit, void *context)
{
	struct link *link = &((struct store_sqlite *)store)->audit;
	sqlite3_stmt *statement = link->statements[AUDIT_LAST];
	int code;
	int r;

	(void)pthread_mutex_lock(&link->lock);
	code = sqlite3_step(statement);
	r = code == SQLITE_ROW ? visit_row(statement, visit, context) : to_errno(code);
	(void)sqlite3_reset(statement);
	(void)pthread_mutex_unlock(&link->lock);
	return r;
}

static int sqlite_empty(struct store *store, bool *ret)
{
	struct link *link = &((struct store_sqlite *)store)->rows;
	sqlite3_stmt *statement = link->statements[ANYTHING];
	int code;

	(void)pthread_mutex_lock(&link->lock);
	code = sqlite3_step(statement);
	if (code == SQLITE_ROW)
		*ret = sqlite3_column_int(statement, 0) == 0;
	(void)sqlite3_reset(statement);
	(void)pthread_mutex_unlock(&link->lock);
	return code == SQLITE_ROW ? 0 : -EIO;
}

static const struct store_ops sqlite_ops = {
	.close = sqlite_close,
	.read = sqlite_read,
	.manifest = sqlite_manifest,
	.commit = sqlite_commit,
	.audit_append = sqlite_audit_append,
	.audit_walk = sqlite_audit_walk,
	.audit_last = sqlite_audit_last,
	.empty = sqlite_empty,
};

/* An integer pragma. */
static int pragma(sqlite3 *db, const char *sql, int *ret)
{
	sqlite3_stmt *statement = NULL;
	int code = sqlite3_prepare_v2(db, sql, -1, &statement, NULL);

	if (!code && (code = sqlite3_step(statement)) == SQLITE_ROW) {
		*ret = sqlite3_column_int(statement, 0);
		code = SQLITE_OK;
	}
	(void)sqlite3_finalize(statement);
	return to_errno(code);
}

/* A fresh file has neither application id nor tables; anything else must be ours. */
static int check_schema(sqlite3 *db, const char *path, struct error *error)
{
	int application = 0;
	int version = 0;
	int tables = 0;
	int r;

	r = pragma(db, "PRAGMA application_id", &application);
	if (!r)
		r = pragma(db, "PRAGMA user_version", &version);
	if (!r)
		r = pragma(db, "SELECT count(*) FROM sqlite_schema", &tables);
	if (r)
		return error_set(error, r, "%s: %s", path, sqlite3_errmsg(db));
	if (application == APPLICATION_ID && version == SCHEMA_VERSION)
		return 0;
	if (application == 0 && version == 0 && tables == 0) {
		int code = sqlite3_exec(db, schema, NULL, NULL, NULL);

		return code ? error_set(error, to_errno(code), "%s: %s", path, sqlite3_errmsg(db)) : 0;
	}
	return error_set(
		error, STORE_E_FOREIGN, "%s: not a store of this program (application id %d, version %d)", path, application, version);
}

static int link_open(struct link *link, const char *path, const char *const *sql, size_t count, struct error *error)
{
	static const char pragmas[] = "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA secure_delete = ON;"
				      "PRAGMA trusted_schema = OFF; PRAGMA cell_size_check = ON; PRAGMA temp_store = MEMORY;";
	int code;
	int r;

	code = sqlite3_open_v2(path, &link->db, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX, NULL);
	if (code)
		return error_set(error, to_errno(code), "%s: %s", path, link->db ? sqlite3_errmsg(link->db) : "no memory");
	(void)sqlite3_busy_timeout(link->db, BUSY_MS);
	(void)sqlite3_limit(link->db, SQLITE_LIMIT_LENGTH, (int)(STORE_ROW_MAX + (1 << 20)));
	(void)sqlite3_db_config(link->db, SQLITE_DBCONFIG_DEFENSIVE, 1, NULL);
	code = sqlite3_exec(link->db, pragmas, NULL, NULL, NULL);
	if (code)
		return error_set(error, to_errno(code), "%s: %s", path, sqlite3_errmsg(link->db));
	r = check_schema(link->db, path, error);
	if (r)
		return r;
	for (size_t i = 0; i < count; i++) {
		code = sqlite3_prepare_v3(link->db, sql[i], -1, SQLITE_PREPARE_PERSISTENT, &link->statements[i], NULL);
		if (code)
			return error_set(error, to_errno(code), "%s: %s", path, sqlite3_errmsg(link->db));
	}
	return 0;
}

int store_sqlite_open(const char *path, struct store **ret, struct error *error)
{
	struct store_sqlite *self = calloc(1, sizeof(*self));
	mode_t old_mask;
	int r;

	if (!self)
		return error_set(error, -ENOMEM, "%s: no memory", path);
	self->base.ops = &sqlite_ops;
	(void)pthread_mutex_init(&self->rows.lock, NULL);
	(void)pthread_mutex_init(&self->audit.lock, NULL);
	old_mask = umask(0077); /* the file and its journal are born private */
	r = link_open(&self->rows, path, row_sql, ROW_COUNT, error);
	if (!r)
		r = link_open(&self->audit, path, audit_sql, AUDIT_COUNT, error);
	(void)umask(old_mask);
	if (r) {
		sqlite_close(&self->base);
		return r;
	}
	*ret = &self->base;
	return 0;
}
