/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The tree around the entries of tsm_entry.c. Files are opened direct_io, so that their stat size of 0 cuts nothing, and nothing is cached
 * between calls. FUSE reports close(2) as flush; a descriptor that was duplicated closes more than once, and the first close stores. One
 * thread serves, as one mutex does in the kernel.
 */
#define FUSE_USE_VERSION 31
#include "sim/tsm_fs.h"

#include <errno.h>
#include <fuse3/fuse.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include "sim/tsm_entry.h"

#define ENTRIES_MAX 64

struct tsm {
	struct sim_source source;
	struct tsm_entry *entries[ENTRIES_MAX];
};

static struct tsm *self(void)
{
	return fuse_get_context()->private_data;
}

/* "/", "/NAME" or "/NAME/ATTRIBUTE". The entry's slot and the attribute, each -1 where the path does not go so far. */
static int resolve(const char *path, int *ret_slot, int *ret_attribute)
{
	const struct tsm *tsm = self();
	const char *name = path + 1, *slash = strchr(name, '/');
	size_t size = slash ? (size_t)(slash - name) : strlen(name);

	*ret_slot = *ret_attribute = -1;
	if (!size)
		return 0;
	for (int i = 0; i < ENTRIES_MAX && *ret_slot < 0; i++) {
		if (tsm->entries[i] && strlen(tsm->entries[i]->name) == size && !memcmp(tsm->entries[i]->name, name, size))
			*ret_slot = i;
	}
	if (*ret_slot < 0)
		return -ENOENT;
	if (!slash)
		return 0;
	for (int i = 0; i < TSM_ATTRIBUTE_COUNT && *ret_attribute < 0; i++) {
		if (!strcmp(tsm_attributes[i].name, slash + 1))
			*ret_attribute = i;
	}
	return *ret_attribute < 0 ? -ENOENT : 0;
}

static int tsm_getattr(const char *path, struct stat *st, struct fuse_file_info *info UNUSED)
{
	int slot, attribute, r = resolve(path, &slot, &attribute);

	if (r)
		return r;
	*st = (struct stat){.st_uid = getuid(), .st_gid = getgid(), .st_mode = S_IFDIR | 0755, .st_nlink = 2};
	if (attribute >= 0) {
		st->st_mode = S_IFREG | tsm_attributes[attribute].mode;
		st->st_nlink = 1;
		st->st_size = tsm_attributes[attribute].binary ? 0 : 4096;
	}
	return 0;
}

static int tsm_readdir(const char *path, void *to, fuse_fill_dir_t fill, off_t offset UNUSED, struct fuse_file_info *info UNUSED,
	enum fuse_readdir_flags flags UNUSED)
{
	const struct tsm *tsm = self();
	int slot, attribute, r = resolve(path, &slot, &attribute);

	if (r)
		return r;
	(void)fill(to, ".", NULL, 0, 0);
	(void)fill(to, "..", NULL, 0, 0);
	for (int i = 0; slot < 0 && i < ENTRIES_MAX; i++) {
		if (tsm->entries[i])
			(void)fill(to, tsm->entries[i]->name, NULL, 0, 0);
	}
	for (int i = 0; slot >= 0 && i < TSM_ATTRIBUTE_COUNT; i++)
		(void)fill(to, tsm_attributes[i].name, NULL, 0, 0);
	return 0;
}

static int tsm_mkdir(const char *path, mode_t mode UNUSED)
{
	struct tsm *tsm = self();
	struct sim_state state;
	struct tsm_entry *entry;
	int slot, attribute, r;

	if (strchr(path + 1, '/'))
		return -EPERM; /* an entry has attributes only */
	if (strlen(path + 1) >= TSM_NAME_SIZE)
		return -ENAMETOOLONG;
	if (!resolve(path, &slot, &attribute))
		return -EEXIST;
	r = sim_source_state(&tsm->source, &state);
	if (r || state.mkdir_error)
		return r ? r : -state.mkdir_error;
	for (slot = 0; slot < ENTRIES_MAX && tsm->entries[slot]; slot++)
		;
	if (slot == ENTRIES_MAX)
		return -ENOSPC;
	entry = calloc(1, sizeof(*entry));
	if (!entry)
		return -ENOMEM;
	memcpy(entry->name, path + 1, strlen(path + 1));
	entry->references = 1;
	tsm->entries[slot] = entry;
	return 0;
}

static int tsm_rmdir(const char *path)
{
	struct tsm *tsm = self();
	int slot, attribute, r = resolve(path, &slot, &attribute);

	if (r)
		return r;
	if (slot < 0)
		return -EPERM;
	if (attribute >= 0)
		return -ENOTDIR;
	tsm_entry_unref(tsm->entries[slot]);
	tsm->entries[slot] = NULL;
	return 0;
}

static int tsm_refuse(const char *path UNUSED)
{
	return -EPERM;
}

/* `>` of a shell truncates first: configfs takes that and changes nothing. */
static int tsm_truncate(const char *path UNUSED, off_t size UNUSED, struct fuse_file_info *info UNUSED)
{
	return 0;
}

static int tsm_open(const char *path, struct fuse_file_info *info)
{
	struct tsm *tsm = self();
	int slot, attribute, r = resolve(path, &slot, &attribute), access_mode = info->flags & O_ACCMODE;
	struct tsm_file *file;

	if (r || attribute < 0)
		return r ? r : -EISDIR;
	/* Also root needs the mode bit: there is no such method to call. */
	if ((access_mode != O_WRONLY && !(tsm_attributes[attribute].mode & 0444)) ||
		(access_mode != O_RDONLY && !(tsm_attributes[attribute].mode & 0222)))
		return -EACCES;
	file = calloc(1, sizeof(*file));
	if (!file)
		return -ENOMEM;
	file->entry = tsm->entries[slot];
	file->entry->references++;
	file->attribute = (enum tsm_attribute)attribute;
	info->fh = (uintptr_t)file;
	info->direct_io = 1;
	info->nonseekable = tsm_attributes[attribute].binary;
	return 0;
}

static struct tsm_file *file_of(const struct fuse_file_info *info)
{
	return (struct tsm_file *)(uintptr_t)info->fh; /* NOLINT: what tsm_open() put there */
}

static int tsm_read(const char *path UNUSED, char *to, size_t size, off_t offset, struct fuse_file_info *info)
{
	return tsm_file_read(file_of(info), &self()->source, to, size, (size_t)offset);
}

static int tsm_write(const char *path UNUSED, const char *data, size_t size, off_t offset, struct fuse_file_info *info)
{
	return tsm_file_write(file_of(info), &self()->source, data, size, (size_t)offset);
}

/* close(2) */
static int tsm_flush(const char *path UNUSED, struct fuse_file_info *info)
{
	tsm_file_close(file_of(info), &self()->source);
	return 0;
}

static int tsm_release(const char *path UNUSED, struct fuse_file_info *info)
{
	struct tsm_file *file = file_of(info);

	tsm_entry_unref(file->entry);
	buf_deinit(&file->content);
	free(file);
	return 0;
}

static void *tsm_init(struct fuse_conn_info *connection UNUSED, struct fuse_config *config)
{
	config->entry_timeout = config->attr_timeout = config->negative_timeout = 0;
	config->hard_remove = 1;
	return fuse_get_context()->private_data;
}

static const struct fuse_operations operations = {
	.init = tsm_init,
	.getattr = tsm_getattr,
	.readdir = tsm_readdir,
	.mkdir = tsm_mkdir,
	.rmdir = tsm_rmdir,
	.unlink = tsm_refuse,
	.truncate = tsm_truncate,
	.open = tsm_open,
	.read = tsm_read,
	.write = tsm_write,
	.flush = tsm_flush,
	.release = tsm_release,
};

/* Says what is missing before libfuse does so in its own words. */
static int check_fuse(const char *mount, struct error *error)
{
	struct stat st;

	if (access("/dev/fuse", R_OK | W_OK)) {
		if (errno == ENOENT)
			return error_set(error, -ENOENT,
				"/dev/fuse is missing: load the kernel module (modprobe fuse), or start the container with --device "
				"/dev/fuse --cap-add SYS_ADMIN");
		return error_set(error, -errno, "/dev/fuse cannot be opened (%s): run as root or as a member of the group that owns it",
			strerror(errno));
	}
	if (stat(mount, &st)) {
		if (errno == ENOTCONN && !umount2(mount, MNT_DETACH))
			return 0; /* what a killed simulator left */
		return error_set(error, -errno, "%s: %s (the mount point must be an existing directory)", mount, strerror(errno));
	}
	return S_ISDIR(st.st_mode) ? 0 : error_set(error, -ENOTDIR, "%s is not a directory", mount);
}

static int loop(struct fuse *fuse, const char *mount, void (*on_ready)(void *), void *context, struct error *error)
{
	struct fuse_session *session = fuse_get_session(fuse);
	int r = 0;

	if (fuse_mount(fuse, mount))
		return error_set(error, -EPERM,
			"cannot mount on %s: this needs root (CAP_SYS_ADMIN), the package fuse3 for other users, or `unshare -Urm`", mount);
	if (fuse_set_signal_handlers(session)) {
		r = error_set(error, -EIO, "cannot set signal handlers");
	} else {
		on_ready(context);
		r = fuse_loop(fuse);
		fuse_remove_signal_handlers(session);
	}
	fuse_unmount(fuse);
	return r < 0 ? r : 0; /* positive: the signal that ended it */
}

int sim_tsm_serve(const struct sim_platform *platform, const char *state_path, const char *mount, bool allow_other,
	void (*on_ready)(void *), void *context, struct error *error)
{
	struct fuse_args args = FUSE_ARGS_INIT(0, NULL);
	struct tsm tsm = {{platform, state_path}, {NULL}};
	struct fuse *fuse = NULL;
	int r = check_fuse(mount, error);

	if (r)
		return r;
	if (fuse_opt_add_arg(&args, "sevattest-sim") || fuse_opt_add_arg(&args, "-ofsname=sevattest-sim,subtype=tsm,default_permissions") ||
		(allow_other && fuse_opt_add_arg(&args, "-oallow_other")))
		r = -ENOMEM;
	if (!r)
		fuse = fuse_new(&args, &operations, sizeof(operations), &tsm);
	r = fuse ? loop(fuse, mount, on_ready, context, error) : error_set(error, r ? r : -EIO, "cannot start FUSE");
	if (fuse)
		fuse_destroy(fuse);
	fuse_opt_free_args(&args);
	for (size_t i = 0; i < ENTRIES_MAX; i++) {
		if (tsm.entries[i])
			tsm_entry_unref(tsm.entries[i]);
	}
	return r;
}
