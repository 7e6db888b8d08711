/* SPDX-License-Identifier: Apache-2.0 */
#include "base/unit_name.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

static bool ends_with(struct bytes text, const char *suffix)
{
	size_t size = strlen(suffix);

	return text.size > size && memcmp(text.data + text.size - size, suffix, size) == 0;
}

/* systemd's VALID_CHARS of a unit name. */
static bool unit_character(uint8_t c)
{
	return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c && strchr(":-_.\\@", c));
}

bool unit_name_is_systemd(struct bytes unit)
{
	static const char *const suffixes[] = {".service", ".socket", ".mount", ".swap"};

	if (unit.size == 0 || unit.size > UNIT_SYSTEM_MAX || unit.data[0] == '@')
		return false;
	for (size_t i = 0; i < unit.size; i++) {
		if (!unit_character(unit.data[i]))
			return false;
	}
	for (size_t i = 0; i < ARRAY_SIZE(suffixes); i++) {
		if (ends_with(unit, suffixes[i]))
			return true;
	}
	return false;
}

bool unit_name_valid(struct bytes unit)
{
	return unit.size <= UNIT_NAME_MAX && unit_name_is_systemd(unit);
}

bool unit_credential_valid(struct bytes id)
{
	if (id.size == 0 || id.size > UNIT_CREDENTIAL_MAX)
		return false;
	for (size_t i = 0; i < id.size; i++) {
		if (id.data[i] < 0x20 || id.data[i] > 0x7e || id.data[i] == '/' || id.data[i] == ':')
			return false;
	}
	return !(id.data[0] == '.' && (id.size == 1 || (id.size == 2 && id.data[1] == '.')));
}

static bool alphanumeric(uint8_t c)
{
	return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

bool unit_volume_valid(struct bytes name)
{
	if (name.size == 0 || name.size > UNIT_VOLUME_MAX || name.data[0] == '.' || name.data[0] == '-')
		return false;
	for (size_t i = 0; i < name.size; i++) {
		if (!alphanumeric(name.data[i]) && (!name.data[i] || !strchr("_.+-", name.data[i])))
			return false;
	}
	return !bytes_equal(name, bytes_of_text("control"));
}

/* systemd's do_escape(): "/" becomes "-"; letters, digits, ":", "_" and "." stay, but for a "." at the begin. */
static size_t escape(char to[static 5], uint8_t c, bool first)
{
	bool stays = alphanumeric(c) || c == ':' || c == '_' || (c == '.' && !first);

	return (size_t)(c == '/' ? snprintf(to, 5, "-") : stays ? snprintf(to, 5, "%c", c) : snprintf(to, 5, "\\x%02x", c));
}

int unit_name_instance(char to[static UNIT_SYSTEM_MAX + 1], const char *prefix, struct bytes instance)
{
	static const char suffix[] = ".service";
	size_t size = strlen(prefix) + 1;

	if (instance.size == 0 || memchr(instance.data, 0, instance.size))
		return -EINVAL;
	if (size > UNIT_SYSTEM_MAX)
		return -ENAMETOOLONG;
	(void)snprintf(to, UNIT_SYSTEM_MAX + 1, "%s@", prefix);
	for (size_t i = 0; i < instance.size; i++) {
		char text[5];
		size_t more = escape(text, instance.data[i], i == 0);

		if (size + more + strlen(suffix) > UNIT_SYSTEM_MAX)
			return -ENAMETOOLONG;
		memcpy(to + size, text, more);
		size += more;
	}
	memcpy(to + size, suffix, sizeof(suffix));
	return 0;
}

static int escape_all(struct buf *to, const char *text, size_t size, bool first)
{
	int r = 0;

	for (size_t i = 0; i < size && !r; i++) {
		char escaped[5];

		r = buf_append(to, escaped, escape(escaped, (uint8_t)text[i], first && i == 0));
	}
	return r;
}

int unit_name_escape(struct buf *to, const char *text)
{
	return escape_all(to, text, strlen(text), true);
}

static bool is_dots(const char *part, size_t size)
{
	return part[0] == '.' && (size == 1 || (size == 2 && part[1] == '.'));
}

int unit_name_escape_path(struct buf *to, const char *path)
{
	bool first = true;
	int r = 0;

	if (*path != '/')
		return -EINVAL;
	while (!r) {
		size_t size;

		path += strspn(path, "/");
		size = strcspn(path, "/");
		if (!size)
			break;
		if (is_dots(path, size))
			return -EINVAL;
		if (!first)
			r = buf_append_text(to, "-");
		if (!r)
			r = escape_all(to, path, size, first);
		first = false;
		path += size;
	}
	return !r && first ? buf_append_text(to, "-") : r;
}
