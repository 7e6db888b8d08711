/* SPDX-License-Identifier: Apache-2.0 */
#include "appraise/policy_fields.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"

#define LABEL_MAX 256       /* a label is shown in one line of a table */
#define POLICY_ITEM_MAX 256 /* csp_id: AMD uses about 40 */
#define CHOICES_TEXT_MAX 400 /* all bulletins have 250; it must fit into an error */

/* "snp.measurement[3]", printable whatever the document holds. */
static void path_text(const struct policy_path *path, char *to, size_t size)
{
	size_t used = 0;

	to[0] = '\0';
	for (size_t i = 0; i < path->count && used < size; i++) {
		char name[64];
		int n;

		if (path->steps[i].name) {
			text_printable(name, sizeof(name), bytes_of_text(path->steps[i].name));
			n = snprintf(to + used, size - used, "%s%s", i ? "." : "", name);
		} else {
			n = snprintf(to + used, size - used, "[%zu]", path->steps[i].index);
		}
		used += n > 0 ? (size_t)n : 0;
	}
}

int policy_error(struct policy_reader *reader, const char *format, ...)
{
	char why[ERROR_TEXT_MAX], path[200], place[64] = "";
	size_t line, column;
	va_list arguments;

	va_start(arguments, format);
	(void)vsnprintf(why, sizeof(why), format, arguments);
	va_end(arguments);
	path_text(&reader->path, path, sizeof(path));
	if (policy_place(reader->text, &reader->path, &line, &column))
		(void)snprintf(place, sizeof(place), "line %zu, column %zu: ", line, column);
	return error_set(reader->error, -EINVAL, "%s%s%s%s", place, path, path[0] ? ": " : "", why);
}

int policy_push(struct policy_reader *reader, const char *name, size_t index)
{
	if (reader->path.count == POLICY_PATH_MAX)
		return policy_error(reader, "nested too deep");
	reader->path.steps[reader->path.count++] = (struct policy_step){name, index};
	return 0;
}

void policy_pop(struct policy_reader *reader)
{
	reader->path.count--;
}

static int refuse_unknown(struct policy_reader *reader, struct json_object *value, const struct policy_member *members, size_t count)
{
	json_object_object_foreach (value, name, unused) {
		size_t i = 0;
		int r;

		(void)unused;
		while (i < count && strcmp(members[i].name, name) != 0)
			i++;
		if (i < count)
			continue;
		r = policy_push(reader, name, 0);
		return r < 0 ? r : policy_error(reader, "unknown member");
	}
	return 0;
}

int policy_read_object(
	struct policy_reader *reader, struct json_object *value, const struct policy_member *members, size_t count, void *base)
{
	int r;

	if (!json_object_is_type(value, json_type_object))
		return policy_error(reader, "must be an object");
	r = refuse_unknown(reader, value, members, count);
	if (r < 0)
		return r;
	for (size_t i = 0; i < count; i++) {
		struct json_object *member = json_get(value, members[i].name);

		if (!member && members[i].presence == MEMBER_OPTIONAL)
			continue;
		if (!member)
			return policy_error(reader, "must state \"%s\"", members[i].name);
		r = policy_push(reader, members[i].name, 0);
		if (r < 0)
			return r;
		r = members[i].read(reader, member, (char *)base + members[i].offset);
		if (r < 0)
			return r;
		policy_pop(reader);
	}
	return 0;
}

int policy_read_string(struct policy_reader *reader, struct json_object *value, size_t max, const char **ret)
{
	const char *text;
	size_t size;

	if (!json_object_is_type(value, json_type_string))
		return policy_error(reader, "must be a string");
	text = json_object_get_string(value);
	size = (size_t)json_object_get_string_len(value);
	if (size == 0 || size > max || strlen(text) != size)
		return policy_error(reader, "must have 1 to %zu bytes", max);
	*ret = text;
	return 0;
}

int policy_read_choice(struct policy_reader *reader, struct json_object *value, const char *const *names, size_t count, size_t *ret)
{
	char list[CHOICES_TEXT_MAX] = "";
	const char *text;
	size_t used = 0;
	int r;

	r = policy_read_string(reader, value, 64, &text);
	if (r < 0)
		return r;
	for (size_t i = 0; i < count; i++) {
		int n;

		if (!strcmp(names[i], text)) {
			*ret = i;
			return 0;
		}
		n = snprintf(list + used, sizeof(list) - used, "%s%s", i ? ", " : "", names[i]);
		used += n > 0 && used + (size_t)n < sizeof(list) ? (size_t)n : 0;
	}
	return policy_error(reader, "must be one of: %s", list);
}

int policy_read_u64(struct policy_reader *reader, struct json_object *value, uint64_t max, uint64_t *ret)
{
	if (!json_is_u64(value, max, ret))
		return policy_error(reader, "must be a whole number from 0 to %llu", (unsigned long long)max);
	return 0;
}

int policy_read_tri(struct policy_reader *reader, struct json_object *value, void *to)
{
	enum policy_tri *ret = to;

	if (!json_object_is_type(value, json_type_boolean))
		return policy_error(reader, "must be true, false or null");
	*ret = json_object_get_boolean(value) ? POLICY_TRUE : POLICY_FALSE;
	return 0;
}

static int need_array(struct policy_reader *reader, struct json_object *value, size_t *ret_count)
{
	if (!json_object_is_type(value, json_type_array))
		return policy_error(reader, "must be a list");
	*ret_count = json_object_array_length(value);
	return 0;
}

int policy_read_texts(struct policy_reader *reader, struct json_object *value, void *to)
{
	struct policy_texts *list = to;
	size_t count;
	int r;

	r = need_array(reader, value, &count);
	if (r < 0)
		return r;
	list->stated = true;
	list->items = calloc(count ? count : 1, sizeof(list->items[0]));
	if (!list->items)
		return -ENOMEM;
	for (size_t i = 0; i < count; i++) {
		const char *text;

		r = policy_push(reader, NULL, i);
		if (r < 0)
			return r;
		r = policy_read_string(reader, json_object_array_get_idx(value, i), POLICY_ITEM_MAX, &text);
		if (r < 0)
			return r;
		list->items[i].text = strdup(text);
		if (!list->items[i].text)
			return -ENOMEM;
		list->count = i + 1;
		policy_pop(reader);
	}
	return 0;
}

struct hex_width {
	size_t size, short_size; /* short_size 0: only one width */
	bool denied;             /* entries of a deny list have more members */
};

static int read_hex(struct policy_reader *reader, struct json_object *value, struct hex_width width, uint8_t *to)
{
	const char *text;
	size_t digits;
	int r;

	r = policy_read_string(reader, value, (size_t)2 * ALLOW_WIDTH_MAX, &text);
	if (r < 0)
		return r;
	digits = strlen(text);
	if (digits == 2 * width.size || (width.short_size && digits == 2 * width.short_size))
		r = hex_decode(to, digits / 2, text);
	else
		r = -EINVAL;
	if (r < 0 && width.short_size)
		return policy_error(reader, "must be %zu or %zu hex digits", 2 * width.size, 2 * width.short_size);
	if (r < 0)
		return policy_error(reader, "must be %zu hex digits", 2 * width.size);
	return 0;
}

struct entry_text {
	struct json_object *value;
	const char *label, *reason, *date;
	int64_t not_after;
};

static int entry_value(struct policy_reader *reader, struct json_object *value, void *to)
{
	(void)reader;
	*(struct json_object **)to = value;
	return 0;
}

static int entry_label(struct policy_reader *reader, struct json_object *value, void *to)
{
	return policy_read_string(reader, value, LABEL_MAX, to);
}

static int entry_not_after(struct policy_reader *reader, struct json_object *value, void *to)
{
	const char *text;
	int r;

	r = policy_read_string(reader, value, 40, &text);
	if (r < 0)
		return r;
	if (time_parse(text, to) < 0)
		return policy_error(reader, "must be a time like 2027-01-31T00:00:00Z");
	return 0;
}

/* A day, as people note it. */
static int entry_date(struct policy_reader *reader, struct json_object *value, void *to)
{
	const char *text;
	char full[32];
	int64_t seconds;
	int r;

	r = policy_read_string(reader, value, 10, &text);
	if (r < 0)
		return r;
	(void)snprintf(full, sizeof(full), "%sT00:00:00Z", text);
	if (time_parse(full, &seconds) < 0)
		return policy_error(reader, "must be a day like 2027-01-31");
	*(const char **)to = text;
	return 0;
}

static const struct policy_member entry_members[] = {
	{"value", entry_value, offsetof(struct entry_text, value), MEMBER_REQUIRED},
	{"label", entry_label, offsetof(struct entry_text, label), MEMBER_OPTIONAL},
	{"not_after", entry_not_after, offsetof(struct entry_text, not_after), MEMBER_OPTIONAL},
};

/* Who bars a chip says why and since when: years later somebody has to decide about it. */
static const struct policy_member denied_members[] = {
	{"value", entry_value, offsetof(struct entry_text, value), MEMBER_REQUIRED},
	{"reason", entry_label, offsetof(struct entry_text, reason), MEMBER_OPTIONAL},
	{"date", entry_date, offsetof(struct entry_text, date), MEMBER_OPTIONAL},
	{"label", entry_label, offsetof(struct entry_text, label), MEMBER_OPTIONAL},
	{"not_after", entry_not_after, offsetof(struct entry_text, not_after), MEMBER_OPTIONAL},
};

/* What of an entry is for people, in one text. */
static int set_label(const struct entry_text *entry, char **ret)
{
	const char *words = entry->reason ? entry->reason : entry->label;
	char text[LABEL_MAX + 32];

	if (!words && !entry->date)
		return 0;
	if (entry->date)
		(void)snprintf(text, sizeof(text), "%s%ssince %s%s", words ? words : "", words ? " (" : "", entry->date, words ? ")" : "");
	else
		(void)snprintf(text, sizeof(text), "%s", words);
	*ret = strdup(text);
	return *ret ? 0 : -ENOMEM;
}

/* A value alone, or {"value", "label", "not_after"}, and for a chip that is denied also "reason" and "date". */
static int read_entry(struct policy_reader *reader, struct json_object *value, struct hex_width width, struct allow_entry *ret)
{
	struct entry_text entry = {.value = value, .not_after = ALLOW_FOREVER};
	int r;

	if (json_object_is_type(value, json_type_object)) {
		r = policy_read_object(reader, value, width.denied ? denied_members : entry_members,
			width.denied ? ARRAY_SIZE(denied_members) : ARRAY_SIZE(entry_members), &entry);
		if (r < 0)
			return r;
	}
	r = read_hex(reader, entry.value, width, ret->value);
	if (r < 0)
		return r;
	ret->not_after = entry.not_after;
	return set_label(&entry, &ret->label);
}

static int read_list(struct policy_reader *reader, struct json_object *value, struct hex_width width, struct allow_list *list)
{
	size_t count;
	int r;

	r = need_array(reader, value, &count);
	if (r < 0)
		return r;
	r = allow_init(list, count);
	if (r == -E2BIG)
		return policy_error(reader, "more than %d entries", ALLOW_ENTRIES_MAX);
	if (r < 0)
		return r;
	for (size_t i = 0; i < count; i++) {
		r = policy_push(reader, NULL, i);
		if (r < 0)
			return r;
		r = read_entry(reader, json_object_array_get_idx(value, i), width, &list->entries[i]);
		if (r < 0)
			return r;
		policy_pop(reader);
	}
	allow_sort(list);
	return 0;
}

int policy_read_hex16(struct policy_reader *reader, struct json_object *value, void *to)
{
	return read_list(reader, value, (struct hex_width){.size = 16}, to);
}

int policy_read_hex32(struct policy_reader *reader, struct json_object *value, void *to)
{
	return read_list(reader, value, (struct hex_width){.size = 32}, to);
}

int policy_read_hex48(struct policy_reader *reader, struct json_object *value, void *to)
{
	return read_list(reader, value, (struct hex_width){.size = 48}, to);
}

int policy_read_chips(struct policy_reader *reader, struct json_object *value, void *to)
{
	return read_list(reader, value, (struct hex_width){.size = 64, .short_size = 8}, to);
}

int policy_read_denied_chips(struct policy_reader *reader, struct json_object *value, void *to)
{
	return read_list(reader, value, (struct hex_width){.size = 64, .short_size = 8, .denied = true}, to);
}

int policy_read_bits64(struct policy_reader *reader, struct json_object *value, void *to)
{
	struct policy_set *set = to;
	size_t count;
	int r;

	r = need_array(reader, value, &count);
	if (r < 0)
		return r;
	set->stated = true;
	for (size_t i = 0; i < count; i++) {
		uint64_t bit;

		r = policy_push(reader, NULL, i);
		if (r < 0)
			return r;
		r = policy_read_u64(reader, json_object_array_get_idx(value, i), 63, &bit);
		if (r < 0)
			return r;
		set->mask |= UINT64_C(1) << bit;
		policy_pop(reader);
	}
	return 0;
}

/* `parts` numbers of 0..255 joined by dots, without leading zeros. */
static int read_version(struct policy_reader *reader, struct json_object *value, size_t parts, struct policy_version *ret)
{
	uint8_t numbers[3] = {0};
	const char *text;
	char copy[16], *rest = copy;
	size_t count = 0;
	int r;

	r = policy_read_string(reader, value, sizeof(copy) - 1, &text);
	if (r < 0)
		return r;
	memcpy(copy, text, strlen(text) + 1);
	while (rest && count < parts) {
		const char *part = strsep(&rest, ".");
		uint64_t number;

		if (text_to_u64(part, 255, false, &number) < 0 || (part[0] == '0' && part[1]))
			break;
		numbers[count++] = (uint8_t)number;
	}
	if (count != parts || rest)
		return policy_error(reader, "must be a version like \"%s\"", parts == 2 ? "1.51" : "1.55.29");
	*ret = (struct policy_version){true, numbers[0], numbers[1], numbers[2]};
	return 0;
}

int policy_read_version2(struct policy_reader *reader, struct json_object *value, void *to)
{
	return read_version(reader, value, 2, to);
}

int policy_read_version3(struct policy_reader *reader, struct json_object *value, void *to)
{
	return read_version(reader, value, 3, to);
}
