/* SPDX-License-Identifier: Apache-2.0 */
#include "enroll/fstab.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define MAPPER "/dev/mapper/"
#define TIMEOUT "x-systemd.device-timeout"

void fstab_mounts_deinit(struct fstab_mounts *mounts)
{
	for (size_t i = 0; i < mounts->count; i++)
		free(mounts->items[i]);
	*mounts = (struct fstab_mounts){.count = 0};
}

static bool is_mapper(struct bytes field, const char *name)
{
	size_t prefix = strlen(MAPPER);

	return field.size > prefix && memcmp(field.data, MAPPER, prefix) == 0 && table_equal(bytes_from(field, prefix), name);
}

static bool is_of(const struct table_line *line, const struct fstab_volume *volume)
{
	if (line->count < 2)
		return false;
	if (is_mapper(line->fields[0], volume->name))
		return true;
	for (size_t i = 0; i < volume->name_count; i++) {
		if (table_source_is(line->fields[0], volume->names[i]))
			return true;
	}
	return false;
}

static bool octal(uint8_t c)
{
	return c >= '0' && c <= '7';
}

/* "\040" of a field is a blank. */
static int unescape(struct bytes field, char **ret)
{
	CLEANUP(buf_deinit) struct buf out = BUF_NULL;
	int r = 0;

	for (size_t i = 0; i < field.size && !r; i++) {
		const uint8_t *at = field.data + i;
		unsigned value = *at;

		if (*at == '\\') {
			if (field.size - i < 4 || !octal(at[1]) || !octal(at[2]) || !octal(at[3]))
				return -EINVAL;
			value = (unsigned)((at[1] - '0') << 6 | (at[2] - '0') << 3 | (at[3] - '0'));
			if (value == 0 || value > 255)
				return -EINVAL;
			i += 3;
		}
		r = buf_u8(&out, (uint8_t)value);
	}
	if (r)
		return r;
	*ret = buf_steal_text(&out);
	return *ret ? 0 : -ENOMEM;
}

int fstab_mounts(struct bytes text, const struct fstab_volume *volume, struct fstab_mounts *ret, struct error *error)
{
	CLEANUP(fstab_mounts_deinit) struct fstab_mounts mounts = {.count = 0};
	struct table_line line;
	struct table table;

	table_init(&table, text);
	while (table_next(&table, &line)) {
		int r;

		if (!is_of(&line, volume))
			continue;
		mounts.lines++;
		if (line.fields[1].data[0] != '/')
			continue;
		if (mounts.count == FSTAB_MOUNTS_MAX)
			return error_set(
				error, -E2BIG, FSTAB_FILE ", line %zu: more than %d lines of one volume", line.number, FSTAB_MOUNTS_MAX);
		r = unescape(line.fields[1], &mounts.items[mounts.count]);
		if (r)
			return r == -EINVAL
				       ? error_set(error, r, FSTAB_FILE ", line %zu: a backslash without three octal digits", line.number)
				       : r;
		mounts.count++;
	}
	*ret = mounts;
	mounts = (struct fstab_mounts){.count = 0};
	return 0;
}

static int add_option(struct buf *to, bool *first, struct bytes option)
{
	int r = *first ? 0 : buf_append_text(to, ",");

	*first = false;
	return r ? r : buf_append(to, option.data, option.size);
}

/* Those that are there, in their order, with ours behind them. */
static int write_options(struct buf *to, struct bytes options)
{
	static const char *const wanted[] = {"_netdev", "nofail", TIMEOUT "=infinity"};
	bool there[ARRAY_SIZE(wanted)] = {false}, first = true;
	struct bytes option;
	int r = 0;

	while (!r && table_option_next(&options, &option)) {
		for (size_t i = 0; i < ARRAY_SIZE(wanted); i++)
			there[i] = there[i] || table_equal(option, wanted[i]);
		if (table_option_is(option, TIMEOUT) && !table_equal(option, wanted[2]))
			continue;
		r = add_option(to, &first, option);
	}
	for (size_t i = 0; i < ARRAY_SIZE(wanted) && !r; i++) {
		if (!there[i])
			r = add_option(to, &first, bytes_of_text(wanted[i]));
	}
	return r;
}

/* What stands between the end of one field and `end`, blanks above all. */
static int copy_until(struct buf *to, const uint8_t *from, const uint8_t *end)
{
	return buf_append(to, from, (size_t)(end - from));
}

static const uint8_t *end_of(struct bytes field)
{
	return field.data + field.size;
}

static int write_line(struct buf *to, const struct table_line *line, const char *name)
{
	const struct bytes *field = line->fields;
	const uint8_t *end = end_of(line->whole), *behind = end_of(field[line->count > 3 ? 3 : line->count - 1]);
	int r = copy_until(to, line->whole.data, field[0].data);

	if (!r)
		r = buf_printf(to, MAPPER "%s", name);
	if (!r)
		r = copy_until(to, end_of(field[0]), line->count > 3 ? field[3].data : behind);
	/* A line without a type has none to be found, but may stand: "auto". */
	if (!r && line->count == 2)
		r = buf_append_text(to, " auto");
	if (!r && line->count <= 3)
		r = buf_append_text(to, " ");
	if (!r)
		r = write_options(to, line->count > 3 ? field[3] : bytes_of(NULL, 0));
	return r ? r : copy_until(to, behind, end);
}

/* An option that ends so would swallow the comma in front of ours. */
static bool ends_in_backslash(struct bytes options)
{
	size_t count = 0;

	while (count < options.size && options.data[options.size - 1 - count] == '\\')
		count++;
	return count % 2 != 0;
}

int fstab_guard(struct bytes text, const struct fstab_volume *volume, struct buf *ret, struct error *error)
{
	CLEANUP(buf_deinit) struct buf out = BUF_NULL;
	struct table_line line;
	struct table table;
	int r = 0;

	if (text.size && memchr(text.data, 0, text.size))
		return error_set(error, -EINVAL, FSTAB_FILE ": has a NUL in it");
	table_init(&table, text);
	while (!r && table_next(&table, &line)) {
		if (!is_of(&line, volume))
			r = buf_append(&out, line.whole.data, line.whole.size);
		else if (line.count > 3 && ends_in_backslash(line.fields[3]))
			return error_set(error, -EINVAL, FSTAB_FILE ", line %zu: its options end in a backslash", line.number);
		else
			r = write_line(&out, &line, volume->name);
	}
	if (r)
		return r;
	buf_deinit(ret);
	*ret = out;
	out = (struct buf)BUF_NULL;
	return 0;
}
