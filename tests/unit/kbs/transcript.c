/* SPDX-License-Identifier: Apache-2.0 */
#include "transcript.h"

#include <check.h>
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/files.h"

static const char *vectors(void)
{
	const char *path = getenv("SEVATTEST_VECTORS");

	return path ? path : "";
}

void vectors_need(void)
{
	char path[4096];
	DIR *directory;

	(void)snprintf(path, sizeof(path), "%s/kbs", vectors());
	directory = opendir(path);
	if (!directory) {
		(void)fprintf(stderr, "SKIP: no test vectors in '%s'\n", path);
		exit(77);
	}
	(void)closedir(directory);
}

struct json_object *vector_json(const char *name)
{
	CLEANUP(buf_deinit) struct buf text = BUF_NULL;
	struct error error = ERROR_NULL;
	struct json_object *json = NULL;
	char path[4096];

	(void)snprintf(path, sizeof(path), "%s/kbs/%s", vectors(), name);
	ck_assert_msg(file_read(path, 4 << 20, &text, &error) == 0, "%s", error_text(&error));
	ck_assert_msg(json_read(buf_view(&text), &json, &error) == 0, "%s: %s", path, error_text(&error));
	return json;
}

void test_data(const char *name, struct buf *ret)
{
	struct error error = ERROR_NULL;
	char path[4096];

	(void)snprintf(path, sizeof(path), "%s/%s", getenv("SEVATTEST_TESTDATA"), name);
	ck_assert_msg(file_read(path, 1 << 20, ret, &error) == 0, "%s", error_text(&error));
}

static void split_message(struct http_text *to, const char *text, size_t size)
{
	const char *end = memmem(text, size, "\r\n\r\n", 4);
	char line[2304] = {0};

	memset(to, 0, sizeof(*to));
	if (!end)
		return; /* an answer that never came */
	to->head = bytes_of(text, (size_t)(end - text) + 2);
	to->body = bytes_of(end + 4, size - to->head.size - 2);
	(void)snprintf(line, sizeof(line), "%.*s", (int)strcspn(text, "\r"), text);
	if (sscanf(line, "HTTP/1.1 %u", &to->status) == 1)
		return;
	ck_assert_int_eq(sscanf(line, "%7s %2047s", to->method, to->path), 2);
	to->path[strcspn(to->path, "?")] = 0;
}

struct bytes header_value(const struct http_text *message, const char *name)
{
	const char *at = (const char *)message->head.data;
	const char *end = at + message->head.size;
	size_t size = strlen(name);

	while (at && at < end) {
		const char *next = memmem(at, (size_t)(end - at), "\r\n", 2);

		if (!next)
			break;
		if ((size_t)(next - at) > size + 2 && strncasecmp(at, name, size) == 0 && at[size] == ':')
			return bytes_of(at + size + 2, (size_t)(next - at) - size - 2);
		at = next + 2;
	}
	return bytes_of(NULL, 0);
}

static struct http_text *slot(struct transcript *transcript, size_t index, bool client)
{
	ck_assert_uint_lt(index, EXCHANGES_MAX);
	return client ? &transcript->exchanges[index].request : &transcript->exchanges[index].response;
}

/* A stream alternates between client and server on each connection; connections do not overlap in the recordings. */
static void load_stream(struct transcript *transcript, struct json_object *list)
{
	size_t sizes = json_object_array_length(list);

	for (size_t i = 0; i < sizes; i++) {
		struct json_object *item = json_object_array_get_idx(list, i);
		size_t size = 0;
		const char *data = json_get_text(item, "data", &size);
		bool client = strcmp(json_get_text(item, "dir", NULL), "client") == 0;

		ck_assert_ptr_nonnull(data);
		if (client)
			transcript->count++;
		ck_assert_uint_gt(transcript->count, 0);
		split_message(slot(transcript, transcript->count - 1, client), data, size);
	}
}

static void load_exchanges(struct transcript *transcript, struct json_object *list)
{
	transcript->count = json_object_array_length(list);
	for (size_t i = 0; i < transcript->count; i++) {
		struct json_object *item = json_object_array_get_idx(list, i);
		size_t size = 0;
		const char *text = json_get_text(item, "request", &size);

		ck_assert_ptr_nonnull(text);
		split_message(slot(transcript, i, true), text, size);
		text = json_get_text(item, "response", &size);
		ck_assert_ptr_nonnull(text);
		split_message(slot(transcript, i, false), text, size);
		transcript->exchanges[i].note = json_get_text(item, "note", NULL);
	}
}

void transcript_load(struct transcript *transcript, const char *name)
{
	memset(transcript, 0, sizeof(*transcript));
	transcript->json = vector_json(name);
	if (json_object_is_type(transcript->json, json_type_array))
		load_stream(transcript, transcript->json);
	else if (json_get_array(transcript->json, "stream"))
		load_stream(transcript, json_get_array(transcript->json, "stream"));
	else
		load_exchanges(transcript, json_get_array(transcript->json, "exchanges"));
	ck_assert_uint_gt(transcript->count, 0);
}

void transcript_deinit(struct transcript *transcript)
{
	json_putp(&transcript->json);
	memset(transcript, 0, sizeof(*transcript));
}

static int by_name(const void *a, const void *b)
{
	return strcmp(a, b);
}

static bool is_conversation(const char *name)
{
	JSON_AUTO json = vector_json(name);

	if (json_object_is_type(json, json_type_array))
		return json_get(json_object_array_get_idx(json, 0), "conn") != NULL;
	return json_get_array(json, "stream") || json_get_array(json, "exchanges");
}

size_t conversation_names(char names[CONVERSATIONS_MAX][64])
{
	char path[4096];
	DIR *directory;
	size_t count = 0;

	(void)snprintf(path, sizeof(path), "%s/kbs", vectors());
	directory = opendir(path);
	ck_assert_ptr_nonnull(directory);
	for (struct dirent *entry = readdir(directory); entry; entry = readdir(directory)) {
		size_t size = strlen(entry->d_name);

		if (size < 6 || size > 63 || strcmp(entry->d_name + size - 5, ".json") != 0 || !is_conversation(entry->d_name))
			continue;
		ck_assert_uint_lt(count, CONVERSATIONS_MAX);
		memcpy(names[count++], entry->d_name, size + 1);
	}
	(void)closedir(directory);
	qsort(names, count, sizeof(names[0]), by_name);
	return count;
}

void table_load(struct table *table, const char *name)
{
	CLEANUP(buf_deinit) struct buf text = BUF_NULL;
	char *rest;

	memset(table, 0, sizeof(*table));
	test_data(name, &text);
	table->text = buf_steal_text(&text);
	ck_assert_ptr_nonnull(table->text);
	rest = table->text;
	while (rest) {
		char *line = strsep(&rest, "\n");

		if (line[0] == 0 || line[0] == '#')
			continue;
		ck_assert_uint_lt(table->count, TABLE_ROWS_MAX);
		for (size_t i = 0; i < 6 && line; i++)
			table->rows[table->count].cells[i] = strsep(&line, "\t");
		table->count++;
	}
}

void table_deinit(struct table *table)
{
	free(table->text);
	memset(table, 0, sizeof(*table));
}

char **table_row(struct table *table, const char *file, size_t index)
{
	char number[24];

	(void)snprintf(number, sizeof(number), "%zu", index);
	for (size_t i = 0; i < table->count; i++) {
		if (strcmp(table->rows[i].cells[0], file) != 0 || strcmp(table->rows[i].cells[1], number) != 0)
			continue;
		table->rows[i].used = true;
		return table->rows[i].cells;
	}
	return NULL;
}

const char *table_unused(const struct table *table)
{
	for (size_t i = 0; i < table->count; i++) {
		if (!table->rows[i].used)
			return table->rows[i].cells[0];
	}
	return NULL;
}
