/* SPDX-License-Identifier: Apache-2.0 */
#include "enroll/table.h"

#include <string.h>

static bool is_blank(uint8_t c)
{
	return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

void table_init(struct table *table, struct bytes text)
{
	reader_init(&table->reader, text);
	table->number = 0;
}

static struct bytes take_line(struct reader *reader)
{
	size_t left = reader_left(reader);
	const uint8_t *newline = memchr(reader->at, '\n', left);

	return reader_bytes(reader, newline ? (size_t)(newline - reader->at) + 1 : left);
}

static void split(struct table_line *line)
{
	size_t at = 0;

	while (line->count < TABLE_FIELDS_MAX) {
		size_t begin;

		while (at < line->whole.size && is_blank(line->whole.data[at]))
			at++;
		if (at == line->whole.size || (line->count == 0 && line->whole.data[at] == '#'))
			return;
		begin = at;
		while (at < line->whole.size && !is_blank(line->whole.data[at]))
			at++;
		line->fields[line->count++] = bytes_of(line->whole.data + begin, at - begin);
	}
}

bool table_next(struct table *table, struct table_line *ret)
{
	if (reader_left(&table->reader) == 0)
		return false;
	*ret = (struct table_line){.whole = take_line(&table->reader), .number = ++table->number};
	split(ret);
	return true;
}

bool table_option_next(struct bytes *rest, struct bytes *ret)
{
	while (rest->size) {
		size_t size = 0;

		while (size < rest->size && rest->data[size] != ',')
			size += rest->data[size] == '\\' && size + 1 < rest->size ? 2 : 1;
		*ret = bytes_of(rest->data, size);
		*rest = bytes_from(*rest, size < rest->size ? size + 1 : size);
		if (size)
			return true;
	}
	return false;
}

bool table_option_is(struct bytes option, const char *name)
{
	size_t size = strlen(name);

	return option.size >= size && memcmp(option.data, name, size) == 0 && (option.size == size || option.data[size] == '=');
}

bool table_option(struct bytes options, const char *name, struct bytes *ret)
{
	struct bytes option;
	bool found = false;

	while (table_option_next(&options, &option)) {
		size_t size = strlen(name);

		if (!table_option_is(option, name))
			continue;
		*ret = bytes_from(option, option.size > size ? size + 1 : size);
		found = true;
	}
	return found;
}

bool table_word_valid(const char *text)
{
	if (!*text || *text == '#')
		return false;
	for (; *text; text++) {
		if ((unsigned char)*text <= ' ' || *text == 0x7f)
			return false;
	}
	return true;
}

bool table_equal(struct bytes field, const char *text)
{
	return bytes_equal(field, bytes_of_text(text));
}

bool table_source_is(struct bytes field, const char *name)
{
	const char *value = strchr(name, '=');
	size_t key = value ? (size_t)(value - name) + 1 : 0, size = strlen(name);

	if (table_equal(field, name))
		return true;
	return key && field.size == size + 2 && memcmp(field.data, name, key) == 0 && field.data[key] == '"' &&
	       field.data[size + 1] == '"' && memcmp(field.data + key + 1, value + 1, size - key) == 0;
}
