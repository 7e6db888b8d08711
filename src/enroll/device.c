/* SPDX-License-Identifier: Apache-2.0 */
#include "enroll/device.h"

#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"

/* udev's directories, and how tables write a name of theirs. */
static const struct {
	const char *directory, *tag;
} kinds[] = {
	{"/dev/disk/by-partuuid", "PARTUUID="},
	{"/dev/disk/by-id", "ID="},
	{"/dev/disk/by-uuid", "UUID="},
	{"/dev/disk/by-label", "LABEL="},
	{"/dev/disk/by-partlabel", "PARTLABEL="},
	{"/dev/disk/by-path", NULL},
	{"/dev/mapper", NULL},
};

void device_names_deinit(struct device_names *names)
{
	for (size_t i = 0; i < names->count; i++)
		free(names->items[i]);
	free(names->items);
	*names = (struct device_names)DEVICE_NAMES_NULL;
}

bool device_is_stable(const char *path)
{
	static const char *const directories[] = {"/dev/disk/by-id/", "/dev/disk/by-partuuid/"};

	for (size_t i = 0; i < ARRAY_SIZE(directories); i++) {
		const char *name = path + strlen(directories[i]);

		if (!text_starts_with(path, directories[i]))
			continue;
		if (!*name || strchr(name, '/') || strcmp(name, ".") == 0 || strcmp(name, "..") == 0)
			return false;
		for (; *name; name++) {
			if ((unsigned char)*name <= ' ' || *name == 0x7f)
				return false;
		}
		return true;
	}
	return false;
}

/* UUID="x" and UUID=x are the path of a link. */
static int source_path(const char *source, char to[static PATH_MAX])
{
	if (*source == '/')
		return snprintf(to, PATH_MAX, "%s", source) < PATH_MAX ? 0 : -EINVAL;
	for (size_t i = 0; i < ARRAY_SIZE(kinds); i++) {
		const char *value;
		size_t size;

		if (!kinds[i].tag || !text_starts_with(source, kinds[i].tag))
			continue;
		value = source + strlen(kinds[i].tag);
		size = strlen(value);
		if (size > 1 && value[0] == '"' && value[size - 1] == '"') {
			value++;
			size -= 2;
		}
		if (!size || memchr(value, '/', size))
			return -EINVAL;
		return snprintf(to, PATH_MAX, "%s/%.*s", kinds[i].directory, (int)size, value) < PATH_MAX ? 0 : -EINVAL;
	}
	return -EINVAL;
}

/* The node behind a path below the root, with the root in front. */
static int resolve(const char *root, const char *path, char to[static PATH_MAX])
{
	char name[PATH_MAX];

	if (snprintf(name, sizeof(name), "%s%s", root, path) >= (int)sizeof(name))
		return -ENAMETOOLONG;
	return realpath(name, to) ? 0 : -errno;
}

static int add(struct device_names *names, const char *format, ...) PRINTF_LIKE(2, 3);
static int add(struct device_names *names, const char *format, ...)
{
	char **items, *text;
	va_list arguments;
	int size;

	if (names->count == DEVICE_NAMES_MAX)
		return -E2BIG;
	items = reallocarray(names->items, names->count + 1, sizeof(*items));
	if (!items)
		return -ENOMEM;
	names->items = items;
	va_start(arguments, format);
	size = vasprintf(&text, format, arguments);
	va_end(arguments);
	if (size < 0)
		return -ENOMEM;
	names->items[names->count++] = text;
	return 0;
}

static int visible(const struct dirent *entry)
{
	return entry->d_name[0] != '.';
}

static int scan_kind(const char *root, size_t kind, const char *node, struct device_names *names)
{
	const char *directory = kinds[kind].directory;
	char path[PATH_MAX], target[PATH_MAX];
	struct dirent **entries = NULL;
	int count, r = 0;

	if (snprintf(path, sizeof(path), "%s%s", root, directory) >= (int)sizeof(path))
		return -ENAMETOOLONG;
	count = scandir(path, &entries, visible, alphasort);
	if (count < 0)
		return errno == ENOENT ? 0 : -errno;
	for (int i = 0; i < count; i++) {
		const char *name = entries[i]->d_name;

		/* A link that dangles is nobody's. */
		if (!r && snprintf(path, sizeof(path), "%s/%s", directory, name) < (int)sizeof(path) && !resolve(root, path, target) &&
			strcmp(target, node) == 0) {
			r = add(names, "%s", path);
			if (!r && kinds[kind].tag)
				r = add(names, "%s%s", kinds[kind].tag, name);
		}
		free(entries[i]);
	}
	free(entries);
	return r;
}

/* Names that a by-id link should rather not have: they tell of what is on the disk, or nothing to a person. */
static bool is_poor(const char *path)
{
	static const char *const poor[] = {"/dev/disk/by-id/dm-name-", "/dev/disk/by-id/lvm-pv-", "/dev/disk/by-id/md-name-",
		"/dev/disk/by-id/wwn-", "/dev/disk/by-id/nvme-eui.", "/dev/disk/by-id/nvme-nvme."};

	for (size_t i = 0; i < ARRAY_SIZE(poor); i++) {
		if (text_starts_with(path, poor[i]))
			return true;
	}
	return false;
}

/* What the caller wrote where that will do, then by-partuuid (the first kind), then by-id. */
static const char *choose(const struct device_names *names, const char *source)
{
	const char *found = NULL;

	for (size_t i = 0; i < names->count; i++) {
		const char *name = names->items[i];

		if (!device_is_stable(name))
			continue;
		if (strcmp(name, source) == 0)
			return name;
		if (!found || (is_poor(found) && !is_poor(name)))
			found = name;
	}
	return found;
}

int device_names(const char *root, const char *source, struct device_names *ret, struct error *error)
{
	CLEANUP(device_names_deinit) struct device_names names = DEVICE_NAMES_NULL;
	char path[PATH_MAX], node[PATH_MAX], top[PATH_MAX];
	int r = source_path(source, path);

	root = root ? root : "";
	if (r)
		return error_set(error, r, "%s: names no device", source);
	r = resolve(root, path, node);
	if (!r)
		r = resolve(root, "/dev", top);
	if (r)
		return error_set(error, r, "%s: %s", source, r == -ENOENT ? "there is no such device" : strerror(-r));
	if (strncmp(node, top, strlen(top)) != 0 || node[strlen(top)] != '/')
		return error_set(error, -EINVAL, "%s: names nothing below /dev", source);
	r = add(&names, "/dev%s", node + strlen(top));
	for (size_t i = 0; i < ARRAY_SIZE(kinds) && !r; i++)
		r = scan_kind(root, i, node, &names);
	if (r)
		return error_set(error, r, "%s: %s", source, strerror(-r));
	names.stable = choose(&names, path);
	*ret = names;
	names = (struct device_names)DEVICE_NAMES_NULL;
	return 0;
}

int device_header_names(const char *uuid, const struct device_names *here, struct device_names *ret)
{
	static const char *const kept[] = {"/dev/disk/by-partuuid/", "PARTUUID=", "/dev/disk/by-id/", "ID="};
	CLEANUP(device_names_deinit) struct device_names names = DEVICE_NAMES_NULL;
	int r = 0;

	if (*uuid && !uuid[strspn(uuid, "0123456789abcdefABCDEF-")]) {
		r = add(&names, "UUID=%s", uuid);
		if (!r)
			r = add(&names, "/dev/disk/by-uuid/%s", uuid);
	}
	for (size_t i = 0; i < here->count; i++) {
		for (size_t j = 0; j < ARRAY_SIZE(kept) && !r; j++) {
			if (text_starts_with(here->items[i], kept[j]))
				r = add(&names, "%s", here->items[i]);
		}
	}
	if (r)
		return r;
	*ret = names;
	names = (struct device_names)DEVICE_NAMES_NULL;
	return 0;
}
