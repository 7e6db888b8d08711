/* SPDX-License-Identifier: Apache-2.0 */
#include "io/root_trust.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/files.h"
#include "base/text.h"
#include "io/volume_conf.h"

#define TEXT_MAX ((size_t)1 << 20) /* mountinfo of a machine with thousands of containers */
#define NAME_MAX_SYSFS 256
#define DEPTH_MAX 8 /* LVM on MD on dm-crypt is 3 */
#define ROOT_HASH_MIN 64

static const char *const names[] = {"none", "luks", "verity", "initrd", "platform"};

int root_trust_parse(const char *text, enum root_trust *ret, struct error *error)
{
	if (!text) {
		*ret = ROOT_TRUST_NONE;
		return 0;
	}
	for (size_t i = ROOT_TRUST_LUKS; i < ARRAY_SIZE(names); i++) {
		if (strcmp(names[i], text) == 0) {
			*ret = (enum root_trust)i;
			return 0;
		}
	}
	return error_set(error, -EINVAL, "RootTrust=%s: luks, verity, initrd or platform", text);
}

const char *root_trust_name(enum root_trust trust)
{
	return names[trust];
}

/* What lies below the root file system. */
struct view {
	const char *root;
	char type[64], source[NAME_MAX_SYSFS], device[32]; /* of the mount; "253:0" */
	char *shown;
};

static int read_text(const char *root, const char *path, struct buf *ret, struct error *error)
{
	char name[PATH_MAX];
	int r;

	if (snprintf(name, sizeof(name), "%s%s", root, path) >= (int)sizeof(name))
		return -ENAMETOOLONG;
	r = file_read(name, TEXT_MAX, ret, error);
	return r ? r : buf_u8(ret, 0);
}

/* The word at *at, which moves behind it; "" at the end of the line. */
static void take_word(const char **at, char *to, size_t size)
{
	size_t length = strcspn(*at, " \n");

	(void)snprintf(to, size, "%.*s", (int)(length < size ? length : size - 1), *at);
	*at += length;
	if (**at == ' ')
		(*at)++;
}

/* proc(5): "36 35 98:0 /mnt1 /mnt2 rw,noatime master:1 - ext3 /dev/root rw". True for the mount on "/". */
static bool read_mount(const char *line, struct view *view)
{
	char word[NAME_MAX_SYSFS], device[32];
	const char *end = strstr(line, " - "), *newline = strchr(line, '\n');

	if (!end || (newline && end > newline))
		return false;
	take_word(&line, word, sizeof(word));
	take_word(&line, word, sizeof(word));
	take_word(&line, device, sizeof(device));
	take_word(&line, word, sizeof(word));
	take_word(&line, word, sizeof(word));
	if (strcmp(word, "/") != 0)
		return false;
	end += strlen(" - ");
	(void)snprintf(view->device, sizeof(view->device), "%s", device);
	take_word(&end, view->type, sizeof(view->type));
	take_word(&end, view->source, sizeof(view->source));
	return true;
}

static int find_mount(struct view *view, struct error *error)
{
	CLEANUP(buf_deinit) struct buf text = BUF_NULL;
	bool found = false;
	int r = read_text(view->root, "/proc/self/mountinfo", &text, error);

	if (r)
		return r;
	/* Of several the last one is on top. */
	for (const char *line = (const char *)text.data; line; line = strchr(line, '\n')) {
		line += *line == '\n';
		found = read_mount(line, view) || found;
	}
	return found ? 0 : error_set(error, -ENODATA, "/proc/self/mountinfo: has no mount on /");
}

/* The first line of a file of sysfs; "" where there is none. */
static void read_attribute(const char *directory, const char *name, char to[static NAME_MAX_SYSFS])
{
	CLEANUP(buf_deinit) struct buf text = BUF_NULL;
	char path[PATH_MAX];

	*to = 0;
	if (snprintf(path, sizeof(path), "%s/%s", directory, name) < (int)sizeof(path) && file_read(path, NAME_MAX_SYSFS, &text, NULL) == 0)
		(void)snprintf(to, NAME_MAX_SYSFS, "%.*s", (int)text.size, text.data ? (const char *)text.data : "");
	to[strcspn(to, "\n")] = 0;
}

static int visible(const struct dirent *entry)
{
	return entry->d_name[0] != '.';
}

/* btrfs has a device number of its own: by the name of what is mounted. */
static int find_by_name(const struct view *view, char to[static PATH_MAX])
{
	const char *name = strrchr(view->source, '/');
	struct dirent **entries = NULL;
	char path[PATH_MAX], attribute[NAME_MAX_SYSFS];
	int count, r = -ENOENT;

	if (!text_starts_with(view->source, "/dev/") || snprintf(path, sizeof(path), "%s/sys/class/block", view->root) >= (int)sizeof(path))
		return -ENOENT;
	count = scandir(path, &entries, visible, alphasort);
	for (int i = 0; i < count; i++) {
		bool mapped = text_starts_with(view->source, "/dev/mapper/");

		if (snprintf(path, sizeof(path), "%s/sys/class/block/%s", view->root, entries[i]->d_name) < (int)sizeof(path) && r) {
			read_attribute(path, "dm/name", attribute);
			if (strcmp(mapped ? attribute : entries[i]->d_name, name + 1) == 0)
				r = snprintf(to, PATH_MAX, "%s", path) < PATH_MAX ? 0 : -ENAMETOOLONG;
		}
		free(entries[i]);
	}
	free(entries);
	return r;
}

static int find_device(const struct view *view, char to[static PATH_MAX])
{
	DIR *directory;

	if (text_starts_with(view->device, "0:"))
		return find_by_name(view, to);
	if (snprintf(to, PATH_MAX, "%s/sys/dev/block/%s", view->root, view->device) >= PATH_MAX)
		return -ENAMETOOLONG;
	directory = opendir(to);
	if (!directory)
		return -errno;
	(void)closedir(directory);
	return 0;
}

static void show(struct view *view, const char *format, ...) PRINTF_LIKE(2, 3);
static void show(struct view *view, const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	(void)vsnprintf(view->shown, ROOT_TRUST_TEXT_MAX, format, arguments);
	va_end(arguments);
}

/* Is a mapping with this device-mapper UUID what was stated? */
static bool accepts(struct view *view, enum root_trust stated, const char *uuid, const char *name, struct error *error)
{
	CLEANUP(volume_conf_deinit) struct volume_conf conf = VOLUME_CONF_NULL;
	char directory[PATH_MAX];

	if (stated == ROOT_TRUST_VERITY && text_starts_with(uuid, "CRYPT-VERITY-")) {
		show(view, "dm-verity (%s)", name);
		return true;
	}
	if (!text_starts_with(uuid, "CRYPT-LUKS"))
		return false;
	show(view, "dm-crypt (%s)", name);
	if (stated == ROOT_TRUST_PLATFORM)
		return true;
	if (stated != ROOT_TRUST_LUKS ||
		snprintf(directory, sizeof(directory), "%s" VOLUME_CONF_DIRECTORY, view->root) >= (int)sizeof(directory))
		return false;
	if (volume_conf_read(directory, name, &conf, error) == 0)
		return true;
	error_prefix(error, "the root's mapping %s is no volume of ours", name);
	return false;
}

/* Does everything below this block device lie on mappings as stated? */
static bool stands_on(struct view *view, enum root_trust stated, const char *device, int depth, struct error *error)
{
	char uuid[NAME_MAX_SYSFS], name[NAME_MAX_SYSFS], slaves[PATH_MAX];
	struct dirent **entries = NULL;
	bool all;
	int count;

	read_attribute(device, "dm/uuid", uuid);
	read_attribute(device, "dm/name", name);
	if (*uuid && accepts(view, stated, uuid, name, error))
		return true;
	if (depth == DEPTH_MAX || snprintf(slaves, sizeof(slaves), "%s/slaves", device) >= (int)sizeof(slaves))
		return false;
	count = scandir(slaves, &entries, visible, alphasort);
	all = count > 0;
	for (int i = 0; i < count; i++) {
		char path[PATH_MAX];

		all = all && snprintf(path, sizeof(path), "%s/%s", slaves, entries[i]->d_name) < (int)sizeof(path) &&
		      stands_on(view, stated, path, depth + 1, error);
		free(entries[i]);
	}
	free(entries);
	return all;
}

/* systemd's roothash=, or that of a dm-mod.create= of verity. */
static int check_root_hash(const struct view *view, struct error *error)
{
	CLEANUP(buf_deinit) struct buf text = BUF_NULL;
	const char *at;
	size_t size = 0;
	int r = read_text(view->root, "/proc/cmdline", &text, error);

	if (r)
		return r;
	at = strstr((const char *)text.data, "roothash=");
	if (at) {
		for (at += strlen("roothash="); isxdigit((unsigned char)at[size]); size++)
			;
	} else if (strstr((const char *)text.data, "dm-mod.create=") && strstr((const char *)text.data, " verity ")) {
		size = ROOT_HASH_MIN;
	}
	return size >= ROOT_HASH_MIN ? 0
				     : error_set(error, ROOT_TRUST_E_DIFFERS,
					       "the root is dm-verity, but the kernel's command line has no roothash= of it, so nothing "
					       "that is measured names it");
}

/* Hints that this is Azure and that the disk was opened by its own tools; spec/azure.md 9. */
static int check_platform(const struct view *view, struct error *error)
{
	char path[PATH_MAX], vendor[NAME_MAX_SYSFS], version[NAME_MAX_SYSFS];

	if (snprintf(path, sizeof(path), "%s/sys/class/dmi/id", view->root) >= (int)sizeof(path))
		return -ENAMETOOLONG;
	read_attribute(path, "sys_vendor", vendor);
	if (strcmp(vendor, "Microsoft Corporation") != 0)
		return error_set(error, ROOT_TRUST_E_DIFFERS,
			"only Azure has an encrypted OS disk of its own that counts, and this machine is of \"%s\"", vendor);
	(void)snprintf(path, sizeof(path), "%s/sys/class/tpm/tpm0", view->root);
	read_attribute(path, "tpm_version_major", version);
	return *version ? 0 : error_set(error, ROOT_TRUST_E_DIFFERS, "the key of Azure's OS disk is sealed to a vTPM, and there is none");
}

static bool is_initrd(const struct view *view)
{
	return strcmp(view->type, "rootfs") == 0 || strcmp(view->type, "tmpfs") == 0 || strcmp(view->type, "ramfs") == 0;
}

static int check_device(struct view *view, enum root_trust stated, struct error *error)
{
	char device[PATH_MAX];
	int r = find_device(view, device);

	if (r == -ENOENT)
		return error_set(error, ROOT_TRUST_E_DIFFERS, "the root is %s on %s, which is no block device that can be seen", view->type,
			view->source);
	if (r)
		return error_set(error, r, "the device of the root, %s: %s", view->device, strerror(-r));
	if (!stands_on(view, stated, device, 0, error))
		return error_set(error, ROOT_TRUST_E_DIFFERS, "the root is %s on %s, which is no %s", view->type, view->source,
			stated == ROOT_TRUST_VERITY ? "dm-verity" : "encrypted volume of ours");
	if (stated == ROOT_TRUST_VERITY)
		return check_root_hash(view, error);
	return stated == ROOT_TRUST_PLATFORM ? check_platform(view, error) : 0;
}

int root_trust_check(const char *root, enum root_trust stated, char ret_shown[static ROOT_TRUST_TEXT_MAX], struct error *error)
{
	struct view view = {.root = root ? root : "", .shown = ret_shown};
	int r = find_mount(&view, error);

	*ret_shown = 0;
	if (r)
		return r;
	show(&view, "%s on %s", view.type, view.source);
	if (stated == ROOT_TRUST_NONE)
		return error_set(
			error, ROOT_TRUST_E_NOT_STATED, "RootTrust= is not set in [agent] of agent.conf; the root is %s", ret_shown);
	if (stated != ROOT_TRUST_INITRD)
		return check_device(&view, stated, error);
	return is_initrd(&view)
		       ? 0
		       : error_set(error, ROOT_TRUST_E_DIFFERS, "the root is %s on %s: the initrd was left", view.type, view.source);
}
