/* SPDX-License-Identifier: Apache-2.0 */
#include "io/agent_conf.h"

#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/files.h"

/* Every section that some program reads, on either side: what is not here is misspelt. */
static const char *const sections[] = {
	"admin", "agent", "broker", "credentials", "evidence", "http", "imds", "kds", "luks", "net", "status"};

/* Keys of a section that several programs read: each knows those that it needs. */
static const struct {
	const char *section, *name;
} shared[] = {{"broker", "Url"}, {"broker", "CA"}, {"broker", "BrokerKey"}, {"broker", "KeyCheck"}, {"broker", "EvidenceVersion"}};

struct conf_file {
	char *path;
	struct buf text;
};

struct conf_files {
	struct conf_file items[AGENT_CONF_FILES_MAX];
	size_t count;
};

static void conf_files_deinit(struct conf_files *files)
{
	for (size_t i = 0; i < files->count; i++) {
		free(files->items[i].path);
		buf_deinit(&files->items[i].text);
	}
}

static int add_file(struct conf_files *files, const char *path, struct error *error)
{
	struct conf_file *file = &files->items[files->count];
	int r;

	if (files->count == AGENT_CONF_FILES_MAX)
		return error_set(error, -EINVAL, "%s: more than %d files of configuration", path, AGENT_CONF_FILES_MAX);
	*file = (struct conf_file){strdup(path), BUF_NULL};
	if (!file->path)
		return -ENOMEM;
	files->count++;
	r = file_read(path, CONFIG_TEXT_MAX, &file->text, error);
	return r;
}

static int is_addition(const struct dirent *entry)
{
	size_t size = strlen(entry->d_name);

	return entry->d_name[0] != '.' && size > 5 && strcmp(entry->d_name + size - 5, ".conf") == 0;
}

static int add_directory(struct conf_files *files, const char *path, struct error *error)
{
	struct dirent **entries = NULL;
	char name[PATH_MAX];
	int count, r = 0;

	(void)snprintf(name, sizeof(name), "%s.d", path);
	count = scandir(name, &entries, is_addition, alphasort);
	if (count < 0)
		return errno == ENOENT ? 0 : error_set(error, -errno, "%s: %s", name, strerror(errno));
	for (int i = 0; i < count; i++) {
		if (r == 0 && snprintf(name, sizeof(name), "%s.d/%s", path, entries[i]->d_name) >= (int)sizeof(name))
			r = error_set(error, -ENAMETOOLONG, "%s.d: the path is too long", path);
		if (r == 0)
			r = add_file(files, name, error);
		free(entries[i]);
	}
	free(entries);
	return r;
}

static bool is_named(const uint8_t *line, size_t size, const char *section)
{
	size_t length = strlen(section);

	return size >= length + 2 && memcmp(line + 1, section, length) == 0 && line[1 + length] == ']';
}

/* A section of another program is passed over; one that nobody has is left for the table to refuse. */
static bool is_foreign(const uint8_t *line, size_t size, const struct config_key *keys, size_t key_count)
{
	for (size_t i = 0; i < key_count; i++) {
		if (is_named(line, size, keys[i].section))
			return false;
	}
	for (size_t i = 0; i < ARRAY_SIZE(sections); i++) {
		if (is_named(line, size, sections[i]))
			return true;
	}
	return false;
}

/* Is this "name" or "name=..." of `line`, which begins with a key? */
static bool is_key(const uint8_t *line, size_t size, const char *name)
{
	size_t length = strlen(name);

	return size > length && memcmp(line, name, length) == 0 && (line[length] == ' ' || line[length] == '\t' || line[length] == '=');
}

/* A key of a shared section that this program has no use for. */
static bool is_others_key(const uint8_t *line, size_t size, const char *section, const struct config_key *keys, size_t key_count)
{
	for (size_t i = 0; i < key_count; i++) {
		if (strcmp(keys[i].section, section) == 0 && is_key(line, size, keys[i].name))
			return false;
	}
	for (size_t i = 0; i < ARRAY_SIZE(shared); i++) {
		if (strcmp(shared[i].section, section) == 0 && is_key(line, size, shared[i].name))
			return true;
	}
	return false;
}

/* The name of a shared section that the line begins, "" for any other. */
static const char *shared_section(const uint8_t *line, size_t size)
{
	for (size_t i = 0; i < ARRAY_SIZE(shared); i++) {
		if (is_named(line, size, shared[i].section))
			return shared[i].section;
	}
	return "";
}

/* Blanks the lines that are for other programs; line numbers stay what they are in the file. */
static void blank_foreign(struct buf *text, const struct config_key *keys, size_t key_count)
{
	uint8_t *at = text->data;
	uint8_t *end = at + text->size;
	const char *section = "";
	bool foreign = false; /* what stands before the first section is an error for everybody */

	while (at < end) {
		uint8_t *newline = memchr(at, '\n', (size_t)(end - at));
		uint8_t *line_end = newline ? newline : end;
		uint8_t *first = at;

		while (first < line_end && (*first == ' ' || *first == '\t'))
			first++;
		if (first < line_end && *first == '[') {
			foreign = is_foreign(first, (size_t)(line_end - first), keys, key_count);
			section = shared_section(first, (size_t)(line_end - first));
		}
		if (foreign || is_others_key(first, (size_t)(line_end - first), section, keys, key_count))
			memset(at, ' ', (size_t)(line_end - at));
		at = line_end + 1;
	}
}

int agent_conf_read(const char *path, void *into, const struct config_key *keys, size_t key_count, struct error *error)
{
	CLEANUP(conf_files_deinit) struct conf_files files = {.count = 0};
	struct config_text texts[AGENT_CONF_FILES_MAX];
	int r = add_file(&files, path, error);

	if (!r)
		r = add_directory(&files, path, error);
	if (r)
		return r;
	for (size_t i = 0; i < files.count; i++) {
		if (files.items[i].text.size)
			blank_foreign(&files.items[i].text, keys, key_count);
		texts[i] = (struct config_text){files.items[i].path, buf_view(&files.items[i].text)};
	}
	return config_read_all(into, keys, key_count, texts, files.count, error);
}
