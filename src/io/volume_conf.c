/* SPDX-License-Identifier: Apache-2.0 */
#include "io/volume_conf.h"

#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/files.h"
#include "base/text.h"
#include "base/unit_name.h"

/* As in the file; the public struct has the digits decoded. */
struct texts {
	char *device, *resource, *key_check;
};

#define KEY(name, member, text) {"volume", name, CONFIG_TEXT, offsetof(struct texts, member), 0, 0, text}

static const struct config_key keys[] = {
	KEY("Device", device, ""),
	KEY("Resource", resource, ""),
	KEY("KeyCheck", key_check, ""),
};

static void texts_deinit(struct texts *texts)
{
	config_deinit(texts, keys, ARRAY_SIZE(keys));
}

bool volume_name_valid(const char *text)
{
	return unit_volume_valid(bytes_of_text(text));
}

/* Printable, without blanks: it goes into unit names, crypttab and messages. */
static bool one_word(const char *text)
{
	for (size_t i = 0; text[i]; i++) {
		if (text[i] <= 0x20 || text[i] > 0x7e)
			return false;
	}
	return text[0];
}

static int check_device(const char *name, const char *device, struct error *error)
{
	static const char *const follows_header[] = {"/dev/disk/by-uuid/", "/dev/disk/by-label/"};

	if (!device[0])
		return error_set(error, -EINVAL, "%s: Device= is missing in section [volume]", name);
	if (device[0] != '/' || !one_word(device) || strstr(device, "/../") || strstr(device, "//") || device[strlen(device) - 1] == '/')
		return error_set(error, -EINVAL, "%s: Device= wants an absolute path such as /dev/disk/by-id/..., not '%s'", name, device);
	for (size_t i = 0; i < ARRAY_SIZE(follows_header); i++) {
		if (text_starts_with(device, follows_header[i]))
			return error_set(error, -EINVAL, "%s: Device=%s: that link follows what the disk's own header says; name it by-id or by-partuuid",
				name, device);
	}
	return 0;
}

static int check(const char *name, const struct texts *texts, struct volume_conf *conf, struct error *error)
{
	int r = check_device(name, texts->device, error);

	if (r)
		return r;
	if (!one_word(texts->resource))
		return error_set(error, -EINVAL, "%s: Resource= wants repository/type/tag, not '%s'", name, texts->resource);
	conf->has_key_check = texts->key_check[0];
	if (conf->has_key_check && hex_decode(conf->key_check, sizeof(conf->key_check), texts->key_check))
		return error_set(error, -EINVAL, "%s: KeyCheck= wants 64 hex digits", name);
	return 0;
}

int volume_conf_parse(const char *name, struct bytes text, struct volume_conf *ret, struct error *error)
{
	CLEANUP(texts_deinit) struct texts texts = {.device = NULL};
	struct volume_conf conf = VOLUME_CONF_NULL;
	int r = config_read(&texts, keys, ARRAY_SIZE(keys), name, text, error);

	if (!r)
		r = check(name, &texts, &conf, error);
	if (r)
		return r;
	conf.device = texts.device;
	conf.resource = texts.resource;
	texts.device = texts.resource = NULL;
	*ret = conf;
	return 0;
}

void volume_conf_deinit(struct volume_conf *conf)
{
	free(conf->device);
	free(conf->resource);
	*conf = (struct volume_conf)VOLUME_CONF_NULL;
}

/* Whoever may write here chooses the device and the resource. The directory is root's, so what was looked at is what is read afterwards. */
static int check_owner(const char *path, struct error *error)
{
	struct stat info;

	if (lstat(path, &info) < 0)
		return error_set(error, -errno, "%s: %s", path, strerror(errno));
	if (!S_ISREG(info.st_mode))
		return error_set(error, -EINVAL, "%s: not a file", path);
	if (info.st_uid != 0 && info.st_uid != geteuid())
		return error_set(error, -EPERM, "%s: belongs to user %lu: chown root it", path, (unsigned long)info.st_uid);
	if (info.st_mode & 0022)
		return error_set(error, -EPERM, "%s: others may write it (mode %04o): chmod 644 it", path, (unsigned)(info.st_mode & 07777));
	return 0;
}

int volume_conf_read(const char *directory, const char *volume, struct volume_conf *ret, struct error *error)
{
	CLEANUP(buf_deinit) struct buf text = BUF_NULL;
	char path[PATH_MAX];
	int r;

	if (!volume_name_valid(volume))
		return error_set(error, -EINVAL, "'%s' is no name of a volume: 1 to %d of A-Z a-z 0-9 _ . + -, not control", volume, VOLUME_NAME_MAX);
	if (snprintf(path, sizeof(path), "%s/%s", directory, volume) >= (int)sizeof(path))
		return error_set(error, -ENAMETOOLONG, "%s: the path is too long", directory);
	r = check_owner(path, error);
	if (!r)
		r = file_read_regular(path, VOLUME_CONF_TEXT_MAX, &text, error);
	return r ? r : volume_conf_parse(path, buf_view(&text), ret, error);
}

static int is_volume(const struct dirent *entry)
{
	return volume_name_valid(entry->d_name);
}

static int by_bytes(const struct dirent **a, const struct dirent **b)
{
	return strcmp((*a)->d_name, (*b)->d_name); /* alphasort() depends on the locale */
}

static int append(struct config_list *list, const char *name)
{
	char *copy = strdup(name);

	if (copy)
		list->items[list->count++] = copy;
	return copy ? 0 : -ENOMEM;
}

int volume_conf_list(const char *directory, struct config_list *ret, struct error *error)
{
	CLEANUP(volume_conf_list_deinit) struct config_list list = {NULL, 0};
	struct dirent **entries = NULL;
	int count = scandir(directory, &entries, is_volume, by_bytes);
	int r = 0;

	if (count < 0 && errno != ENOENT)
		return error_set(error, -errno, "%s: %s", directory, strerror(errno));
	if (count > VOLUME_CONF_LIST_MAX)
		r = error_set(error, -E2BIG, "%s: more than %d volumes", directory, VOLUME_CONF_LIST_MAX);
	list.items = calloc(count > 0 ? (size_t)count : 1, sizeof(*list.items));
	if (!list.items)
		r = -ENOMEM;
	for (int i = 0; i < count; i++) {
		if (r == 0)
			r = append(&list, entries[i]->d_name);
		free(entries[i]);
	}
	free(entries);
	if (r)
		return r;
	*ret = list;
	list = (struct config_list){NULL, 0};
	return 0;
}

void volume_conf_list_deinit(struct config_list *list)
{
	for (size_t i = 0; i < list->count; i++)
		free(list->items[i]);
	free(list->items);
	*list = (struct config_list){NULL, 0};
}
