/* SPDX-License-Identifier: Apache-2.0 */
#include "enroll/crypttab.h"

#include <errno.h>
#include <string.h>

/* Options that stay: none of them changes by what the volume is unlocked, or when. */
static const char *const kept[] = {"discard", "readonly", "read-only", "no-read-workqueue", "no-write-workqueue", "same-cpu-crypt",
	"submit-from-crypt-cpus", "x-systemd.device-timeout"};

/* What says that the volume is opened elsewhere, or is no LUKS volume. */
static const struct {
	const char *name, *why;
} foreign[] = {
	{"initramfs", "it is opened in the initrd"},
	{"x-initrd.attach", "it is opened in the initrd"},
	{"plain", "it is no LUKS volume"},
	{"bitlk", "it is no LUKS volume"},
	{"tcrypt", "it is no LUKS volume"},
	{"tcrypt-system", "it is no LUKS volume"},
	{"swap", "it gets a random key at each boot"},
	{"tmp", "it gets a random key at each boot"},
};

static bool entry_of(const struct table_line *line, struct crypttab_entry *ret)
{
	if (line->count < 2)
		return false;
	*ret = (struct crypttab_entry){
		.volume = line->fields[0],
		.source = line->fields[1],
		.key = line->count > 2 ? line->fields[2] : bytes_of(NULL, 0),
		.options = line->count > 3 ? line->fields[3] : bytes_of(NULL, 0),
		.number = line->number,
	};
	return true;
}

bool crypttab_find(struct bytes text, const char *volume, struct crypttab_entry *ret)
{
	struct crypttab_entry entry;
	struct table_line line;
	struct table table;

	table_init(&table, text);
	while (table_next(&table, &line)) {
		if (entry_of(&line, &entry) && table_equal(entry.volume, volume)) {
			*ret = entry;
			return true;
		}
	}
	return false;
}

static bool is_device(struct bytes source, const struct crypttab_volume *volume)
{
	if (table_equal(source, volume->device))
		return true;
	for (size_t i = 0; i < volume->name_count; i++) {
		if (table_source_is(source, volume->names[i]))
			return true;
	}
	return false;
}

bool crypttab_find_device(struct bytes text, const struct crypttab_volume *volume, struct crypttab_entry *ret)
{
	struct crypttab_entry entry;
	struct table_line line;
	struct table table;

	table_init(&table, text);
	while (table_next(&table, &line)) {
		if (entry_of(&line, &entry) && is_device(entry.source, volume)) {
			*ret = entry;
			return true;
		}
	}
	return false;
}

static int check_words(struct bytes text, const struct crypttab_volume *volume, struct error *error)
{
	if (!table_word_valid(volume->name) || strchr(volume->name, '/'))
		return error_set(error, -EINVAL, "a volume cannot have this name");
	if (!table_word_valid(volume->device) || volume->device[0] != '/')
		return error_set(error, -EINVAL, "a device is named by its path");
	if (text.size && memchr(text.data, 0, text.size))
		return error_set(error, -EINVAL, CRYPTTAB_FILE ": has a NUL in it");
	return 0;
}

/* 1: this line is the volume's. 0: it is another's. -EEXIST, -EOPNOTSUPP. */
static int judge(const struct crypttab_entry *entry, const struct crypttab_volume *volume, struct error *error)
{
	bool named = table_equal(entry->volume, volume->name), device = is_device(entry->source, volume);
	struct bytes unused;

	if (!named && !device)
		return 0;
	if (!device)
		return error_set(error, -EEXIST, CRYPTTAB_FILE ", line %zu: %s is the name of another device there, %.*s", entry->number,
			volume->name, (int)entry->source.size, (const char *)entry->source.data);
	if (!named)
		return error_set(error, -EEXIST, CRYPTTAB_FILE ", line %zu: this device is opened as %.*s: take that name", entry->number,
			(int)entry->volume.size, (const char *)entry->volume.data);
	for (size_t i = 0; i < ARRAY_SIZE(foreign); i++) {
		if (table_option(entry->options, foreign[i].name, &unused))
			return error_set(error, -EOPNOTSUPP, CRYPTTAB_FILE ", line %zu: option %s: %s", entry->number, foreign[i].name,
				foreign[i].why);
	}
	return 1;
}

static bool is_kept(struct bytes option)
{
	for (size_t i = 0; i < ARRAY_SIZE(kept); i++) {
		if (table_option_is(option, kept[i]))
			return true;
	}
	return false;
}

static int write_line(struct buf *to, const struct crypttab_volume *volume, struct bytes options)
{
	struct bytes option;
	int r = buf_printf(to, "%s %s " CRYPTTAB_SOCKET " luks,_netdev,nofail,headless=yes,header=" CRYPTTAB_HEADERS "/%s.header",
		volume->name, volume->device, volume->name);

	while (!r && table_option_next(&options, &option)) {
		if (!is_kept(option))
			continue;
		r = buf_append_text(to, ",");
		if (!r)
			r = buf_append(to, option.data, option.size);
	}
	return r;
}

/* In place of a line, which may be the last and without a newline. */
static int replace_line(struct buf *to, const struct crypttab_volume *volume, const struct table_line *line, struct bytes options)
{
	int r = write_line(to, volume, options);

	if (!r && line->whole.data[line->whole.size - 1] == '\n')
		r = buf_append_text(to, "\n");
	return r;
}

static int append_line(struct buf *to, const struct crypttab_volume *volume)
{
	if (to->size && to->data[to->size - 1] != '\n' && buf_append_text(to, "\n"))
		return -ENOMEM;
	return write_line(to, volume, bytes_of(NULL, 0)) ? -ENOMEM : buf_append_text(to, "\n");
}

int crypttab_guard(struct bytes text, const struct crypttab_volume *volume, struct buf *ret, struct error *error)
{
	CLEANUP(buf_deinit) struct buf out = BUF_NULL;
	size_t found = 0;
	struct crypttab_entry entry;
	struct table_line line;
	struct table table;
	int r = check_words(text, volume, error);

	table_init(&table, text);
	while (!r && table_next(&table, &line)) {
		r = entry_of(&line, &entry) ? judge(&entry, volume, error) : 0;
		if (r < 0)
			return r;
		if (r && found)
			return error_set(error, -EEXIST, CRYPTTAB_FILE ": lines %zu and %zu are both of %s: delete one", found, line.number,
				volume->name);
		found = r ? line.number : found;
		r = r ? replace_line(&out, volume, &line, entry.options) : buf_append(&out, line.whole.data, line.whole.size);
	}
	if (!r && !found)
		r = append_line(&out, volume);
	if (r)
		return r;
	buf_deinit(ret);
	*ret = out;
	out = (struct buf)BUF_NULL;
	return 0;
}
