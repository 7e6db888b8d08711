/* SPDX-License-Identifier: Apache-2.0 */
#include "base/config.h"

#include <errno.h>
#include <ini.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"

#define CONFIG_KEYS_MAX 64  /* rows in one program's table */
#define CONFIG_LIST_MAX 256 /* lines of one list key */

struct parse {
	void *into;
	const struct config_key *keys;
	size_t key_count;
	const char *name;
	struct error *error;
	bool seen[CONFIG_KEYS_MAX]; /* in this text */
	bool given[CONFIG_KEYS_MAX]; /* in any */
	int line;
	int result;
};

static void *field(void *into, const struct config_key *key)
{
	return (char *)into + key->offset;
}

static int set_list(struct config_list *list, const char *value)
{
	char **items, *copy;

	if (list->count >= CONFIG_LIST_MAX)
		return -E2BIG;
	items = realloc(list->items, (list->count + 1) * sizeof(*items));
	if (!items)
		return -ENOMEM;
	list->items = items;
	copy = strdup(value);
	if (!copy)
		return -ENOMEM;
	list->items[list->count++] = copy;
	return 0;
}

static int set_text(char **to, const char *value)
{
	char *copy = strdup(value);

	if (!copy)
		return -ENOMEM;
	free(*to);
	*to = copy;
	return 0;
}

static int set_bool(bool *to, const char *value)
{
	static const char *const yes[] = {"yes", "true", "on", "1"}, *const no[] = {"no", "false", "off", "0"};

	for (size_t i = 0; i < ARRAY_SIZE(yes); i++) {
		if (strcmp(value, yes[i]) == 0 || strcmp(value, no[i]) == 0) {
			*to = strcmp(value, yes[i]) == 0;
			return 0;
		}
	}
	return -EINVAL;
}

static int set_seconds(uint64_t *to, const struct config_key *key, const char *value)
{
	static const struct {
		const char *suffix;
		uint64_t factor;
	} units[] = {{"min", 60}, {"h", 3600}, {"d", 86400}, {"s", 1}, {"", 1}};
	size_t length = strlen(value);

	for (size_t i = 0; i < ARRAY_SIZE(units); i++) {
		size_t suffix = strlen(units[i].suffix);
		char digits[24];
		uint64_t number;

		if (length <= suffix || length - suffix >= sizeof(digits) || strcmp(value + length - suffix, units[i].suffix) != 0)
			continue;
		memcpy(digits, value, length - suffix);
		digits[length - suffix] = 0;
		if (text_to_u64(digits, UINT32_MAX, false, &number) < 0)
			continue;
		number *= units[i].factor;
		if (number < key->min || number > key->max)
			return -ERANGE;
		*to = number;
		return 0;
	}
	return -EINVAL;
}

static int set_u64(uint64_t *to, const struct config_key *key, const char *value)
{
	uint64_t number;
	int r = text_to_u64(value, key->max, false, &number);

	if (r == 0 && number < key->min)
		r = -ERANGE;
	if (r == 0)
		*to = number;
	return r;
}

static int set(void *into, const struct config_key *key, const char *value)
{
	switch (key->type) {
	case CONFIG_TEXT:
		return set_text(field(into, key), value);
	case CONFIG_LIST:
		return set_list(field(into, key), value);
	case CONFIG_U64:
		return set_u64(field(into, key), key, value);
	case CONFIG_BOOL:
		return set_bool(field(into, key), value);
	case CONFIG_SECONDS:
		return set_seconds(field(into, key), key, value);
	}
	return -EINVAL;
}

static const struct config_key *find(const struct parse *parse, const char *section, const char *name)
{
	for (size_t i = 0; i < parse->key_count; i++)
		if (strcmp(parse->keys[i].section, section) == 0 && strcmp(parse->keys[i].name, name) == 0)
			return &parse->keys[i];
	return NULL;
}

static int explain(struct parse *parse, const struct config_key *key, const char *value, int code)
{
	static const char *const wanted[] = {"text", "text", "a whole number", "yes or no", "a time such as 90, 90s, 5min, 2h or 1d"};

	if (code == -ERANGE)
		return error_set(parse->error, -EINVAL, "%s:%d: %s=%s is out of range (%llu to %llu)", parse->name, parse->line, key->name, value,
			(unsigned long long)key->min, (unsigned long long)key->max);
	if (code == -EINVAL)
		return error_set(parse->error, -EINVAL, "%s:%d: %s= wants %s, not '%s'", parse->name, parse->line, key->name, wanted[key->type], value);
	return error_set(parse->error, code, "%s:%d: %s: %s", parse->name, parse->line, key->name, strerror(-code));
}

static int one(struct parse *parse, const char *section, const char *name, const char *value)
{
	const struct config_key *key = find(parse, section, name);
	size_t index;
	int r;

	if (!key)
		return error_set(parse->error, -EINVAL, "%s:%d: unknown key '%s' in section [%s]", parse->name, parse->line, name, section);
	index = (size_t)(key - parse->keys);
	if (parse->seen[index] && key->type != CONFIG_LIST)
		return error_set(parse->error, -EINVAL, "%s:%d: %s= is given twice", parse->name, parse->line, name);
	parse->seen[index] = true;
	parse->given[index] = true;
	r = set(parse->into, key, value);
	return r < 0 ? explain(parse, key, value, r) : 0;
}

/* inih calls this per key and wants 1 for good. */
static int on_key(void *user, const char *section, const char *name, const char *value)
{
	struct parse *parse = user;

	if (parse->result == 0)
		parse->result = one(parse, section, name, value ? value : "");
	return parse->result == 0;
}

static int one_line(struct parse *parse, char *section, size_t section_size, const char *text);

/* inih reads whole files; we feed it one logical line at a time so that every message can name its line. */
static int all_lines(struct parse *parse, struct bytes text)
{
	char section[64] = "";
	size_t at = 0;

	while (at < text.size && parse->result == 0) {
		const uint8_t *end = memchr(text.data + at, '\n', text.size - at);
		size_t size = end ? (size_t)(end - text.data) - at : text.size - at;
		char line[512];
		int r;

		parse->line++;
		if (size >= 200 || memchr(text.data + at, 0, size))
			return error_set(parse->error, -EINVAL, "%s:%d: the line is too long or holds a NUL", parse->name, parse->line);
		memcpy(line, text.data + at, size);
		line[size] = 0;
		r = one_line(parse, section, sizeof(section), line);
		if (r < 0)
			return r;
		at += size + 1;
	}
	return parse->result;
}

static int one_line(struct parse *parse, char *section, size_t section_size, const char *text)
{
	const char *start = text + strspn(text, " \t\r");
	char document[512];
	int r;

	if (*start == '[') {
		size_t length = strcspn(start + 1, "]");

		if (start[1 + length] != ']' || length >= section_size || start[2 + length + strspn(start + 2 + length, " \t\r")])
			return error_set(parse->error, -EINVAL, "%s:%d: a section is written [name]", parse->name, parse->line);
		memcpy(section, start + 1, length);
		section[length] = 0;
		return 0;
	}
	{
		CLEANUP(buf_deinit) struct buf line = BUF_NULL;

		r = buf_printf(&line, "[%s]\n%s\n", section, start);
		if (r < 0 || line.size >= sizeof(document))
			return error_set(parse->error, -EINVAL, "%s:%d: the line is too long", parse->name, parse->line);
		memcpy(document, line.data, line.size);
		document[line.size] = 0;
	}
	if (ini_parse_string(document, on_key, parse) != 0 && parse->result == 0)
		return error_set(parse->error, -EINVAL, "%s:%d: a line is written Key=value", parse->name, parse->line);
	return parse->result;
}

static int defaults(struct parse *parse)
{
	for (size_t i = 0; i < parse->key_count; i++) {
		const struct config_key *key = &parse->keys[i];
		int r = 0;

		if (!parse->given[i] && key->default_text)
			r = set(parse->into, key, key->default_text);
		if (r < 0)
			return explain(parse, key, key->default_text, r);
	}
	return 0;
}

static int one_text(struct parse *parse, const struct config_text *text)
{
	parse->name = text->name;
	parse->line = 0;
	memset(parse->seen, 0, sizeof(parse->seen));
	if (text->text.size > CONFIG_TEXT_MAX)
		return error_set(parse->error, -EINVAL, "%s: longer than %zu bytes", text->name, CONFIG_TEXT_MAX);
	if (!utf8_valid(text->text))
		return error_set(parse->error, -EINVAL, "%s: not valid UTF-8", text->name);
	return all_lines(parse, text->text);
}

int config_read_all(void *into, const struct config_key *keys, size_t key_count, const struct config_text *texts, size_t count,
	struct error *error)
{
	struct parse parse = {.into = into, .keys = keys, .key_count = key_count, .name = "configuration", .error = error};
	int r = 0;

	if (key_count > CONFIG_KEYS_MAX)
		return error_set(error, -EINVAL, "too many keys in the table");
	for (size_t i = 0; i < count && r == 0; i++)
		r = one_text(&parse, &texts[i]);
	if (r == 0)
		r = defaults(&parse);
	if (r < 0)
		config_deinit(into, keys, key_count);
	return r;
}

int config_read(void *into, const struct config_key *keys, size_t key_count, const char *name, struct bytes text, struct error *error)
{
	const struct config_text one = {name, text};

	return config_read_all(into, keys, key_count, &one, 1, error);
}

void config_deinit(void *into, const struct config_key *keys, size_t key_count)
{
	for (size_t i = 0; i < key_count; i++) {
		if (keys[i].type == CONFIG_TEXT) {
			char **text = field(into, &keys[i]);

			free(*text);
			*text = NULL;
		} else if (keys[i].type == CONFIG_LIST) {
			struct config_list *list = field(into, &keys[i]);

			for (size_t j = 0; j < list->count; j++)
				free(list->items[j]);
			free(list->items);
			*list = (struct config_list){NULL, 0};
		}
	}
}

static bool opens_section(const uint8_t *line, size_t size, const char *section)
{
	size_t length = strlen(section);

	return size >= length + 2 && memcmp(line + 1, section, length) == 0 && line[length + 1] == ']';
}

void config_blank(struct buf *text, const char *section, bool own)
{
	bool keep = true;
	size_t at = 0;

	while (at < text->size) {
		const uint8_t *newline = memchr(text->data + at, '\n', text->size - at);
		size_t end = newline ? (size_t)(newline - text->data) : text->size;
		size_t first = at;

		while (first < end && (text->data[first] == ' ' || text->data[first] == '\t' || text->data[first] == '\r'))
			first++;
		if (first < end && text->data[first] == '[')
			keep = opens_section(text->data + first, end - first, section) == own;
		if (!keep)
			memset(text->data + at, ' ', end - at);
		at = end + 1;
	}
}
