/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* Recorded conversations of vectors/kbs: one array of exchanges, whichever of the three shapes the file has. For tests only. */
#include "base/bytes.h"
#include "base/json.h"
#include "base/secret.h"

#define EXCHANGES_MAX 64

/* Views into the file's JSON. */
struct http_text {
	struct bytes head; /* start line and headers, with a final CR LF */
	struct bytes body;
	unsigned status;   /* answers */
	char method[8];    /* requests */
	char path[2048];   /* without the query */
};

struct exchange {
	const char *note;
	struct http_text request;
	struct http_text response;
};

struct transcript {
	struct json_object *json;
	size_t count;
	struct exchange exchanges[EXCHANGES_MAX];
};

/* Ends the program with code 77 (skipped) when the vectors are absent. */
void vectors_need(void);
/* The JSON of vectors/kbs/NAME; fails the test when it cannot be read. The caller puts it. */
struct json_object *vector_json(const char *name);
/* Same as an ordinary file beside the tests (SEVATTEST_TESTDATA). */
void test_data(const char *name, struct buf *ret);

void transcript_load(struct transcript *transcript, const char *name);
void transcript_deinit(struct transcript *transcript);

/* Names of the files of vectors/kbs that hold a conversation, sorted. Returns how many. */
#define CONVERSATIONS_MAX 64
size_t conversation_names(char names[CONVERSATIONS_MAX][64]);

/*
 * A checked-in table: lines of tab-separated cells, "#" begins a comment. Gives the row whose first two cells are `file` and `index`, or
 * NULL; the row is marked as used. table_unused() names one that was never asked for, or NULL.
 */
#define TABLE_ROWS_MAX 512
struct table {
	char *text;
	size_t count;
	struct {
		char *cells[6];
		bool used;
	} rows[TABLE_ROWS_MAX];
};
void table_load(struct table *table, const char *name);
void table_deinit(struct table *table);
char **table_row(struct table *table, const char *file, size_t index);
const char *table_unused(const struct table *table);

/* The value of a header (names in lower case, as recorded), or an empty view. */
struct bytes header_value(const struct http_text *message, const char *name);
