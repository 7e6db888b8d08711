/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How it copies the kernel (fs/configfs/file.c, drivers/virt/coco/guest/report.c):
 * - text attributes: each write(2) is one store, whatever the offset; binary attributes: write(2) collects and close(2) stores, its result discarded;
 * - every accepted store moves the write generation; a read of outblob or auxblob makes one firmware request per generation and serves both from it;
 * - files are opened direct_io, so that their stat size of 0 cuts nothing, and nothing is cached between calls.
 * FUSE reports close(2) as flush; a descriptor that was duplicated closes more than once, and the first close stores. One thread serves, as one mutex does there.
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
#include <time.h>
#include <unistd.h>

#include "base/log.h"
#include "base/text.h"
#include "io/clock.h"
#include "sim/report.h"

#define ENTRIES_MAX 64
#define NAME_SIZE 64
#define TEXT_ATTRIBUTE_MAX 4095
#define OUTBLOB_MAX ((size_t)32 << 10) /* TSM_REPORT_OUTBLOB_MAX of 6.7 */

struct entry {
	char name[NAME_SIZE];
	unsigned references; /* the directory itself, and every open file */
	uint8_t inblob[SIM_REPORT_DATA_SIZE];
	size_t inblob_size;
	unsigned privlevel;
	uint64_t write_generation, read_generation;
	struct buf outblob, auxblob;
};

enum attribute { GENERATION, PROVIDER, INBLOB, OUTBLOB, AUXBLOB, PRIVLEVEL, PRIVLEVEL_FLOOR, ATTRIBUTE_COUNT };

static const struct {
	const char *name;
	mode_t mode;
	bool binary;
} attributes[ATTRIBUTE_COUNT] = {
	[GENERATION] = {"generation", 0444, false}, [PROVIDER] = {"provider", 0444, false},   [INBLOB] = {"inblob", 0200, true},
	[OUTBLOB] = {"outblob", 0444, true},        [AUXBLOB] = {"auxblob", 0444, true},      [PRIVLEVEL] = {"privlevel", 0200, false},
	[PRIVLEVEL_FLOOR] = {"privlevel_floor", 0444, false},
};

/* One open file: what a read filled, or what writes collected. */
struct file {
	struct entry *entry;
	enum attribute attribute;
	struct buf content;
	bool filled;
	bool wrote;
};

struct tsm {
	const struct sim_platform *platform;
	const char *state_path;
	struct entry *entries[ENTRIES_MAX];
};

static struct tsm *self(void)
{
	return fuse_get_context()->private_data;
}

static int state_now(struct sim_state *ret)
{
	const struct tsm *tsm = self();
	struct error error = ERROR_NULL;

	sim_state_init(ret, tsm->platform->product, tsm->platform->chip_id);
	if (sim_state_read(ret, tsm->state_path, &error)) {
		log_error("%s", error_text(&error));
		return -EIO;
	}
	return 0;
}

static void entry_unref(struct entry *entry)
{
	if (--entry->references)
		return;
	buf_deinit(&entry->outblob);
	buf_deinit(&entry->auxblob);
	free(entry);
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
	for (int i = 0; i < ATTRIBUTE_COUNT && *ret_attribute < 0; i++) {
		if (!strcmp(attributes[i].name, slash + 1))
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
		st->st_mode = S_IFREG | attributes[attribute].mode;
		st->st_nlink = 1;
		st->st_size = attributes[attribute].binary ? 0 : 4096;
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
	for (int i = 0; slot >= 0 && i < ATTRIBUTE_COUNT; i++)
		(void)fill(to, attributes[i].name, NULL, 0, 0);
	return 0;
}

static int tsm_mkdir(const char *path, mode_t mode UNUSED)
{
	struct tsm *tsm = self();
	struct sim_state state;
	struct entry *entry;
	int slot, attribute, r;

	if (strchr(path + 1, '/'))
		return -EPERM; /* an entry has attributes only */
	if (strlen(path + 1) >= NAME_SIZE)
		return -ENAMETOOLONG;
	if (!resolve(path, &slot, &attribute))
		return -EEXIST;
	r = state_now(&state);
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
	entry_unref(tsm->entries[slot]);
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
	struct file *file;

	if (r || attribute < 0)
		return r ? r : -EISDIR;
	/* Also root needs the mode bit: there is no such method to call. */
	if ((access_mode != O_WRONLY && !(attributes[attribute].mode & 0444)) || (access_mode != O_RDONLY && !(attributes[attribute].mode & 0222)))
		return -EACCES;
	file = calloc(1, sizeof(*file));
	if (!file)
		return -ENOMEM;
	file->entry = tsm->entries[slot];
	file->entry->references++;
	file->attribute = (enum attribute)attribute;
	info->fh = (uintptr_t)file;
	info->direct_io = 1;
	info->nonseekable = attributes[attribute].binary;
	return 0;
}

static struct file *file_of(const struct fuse_file_info *info)
{
	return (struct file *)(uintptr_t)info->fh; /* NOLINT: what tsm_open() put there */
}

static void nap(uint64_t milliseconds)
{
	struct timespec time = {(time_t)(milliseconds / 1000), (long)(milliseconds % 1000) * 1000000};

	(void)nanosleep(&time, NULL); /* a signal ends it early, and the service with it */
}

/* report_new() of the sev-guest driver. */
static int firmware_request(struct entry *entry, const struct sim_state *state)
{
	const struct tsm *tsm = self();
	uint8_t report[SIM_REPORT_SIZE], data[SIM_REPORT_DATA_SIZE];
	int r;

	if (entry->inblob_size != SIM_REPORT_DATA_SIZE || entry->privlevel < state->privlevel_floor)
		return -EINVAL;
	nap(state->delay_ms);
	if (state->outblob_error)
		return -state->outblob_error;
	memcpy(data, entry->inblob, sizeof(data));
	data[0] ^= state->outblob_stale ? 1 : 0;
	buf_deinit(&entry->outblob);
	buf_deinit(&entry->auxblob);
	r = sim_report(tsm->platform, state, entry->privlevel, data, report);
	if (!r && !state->outblob_empty)
		r = buf_append(&entry->outblob, report, sizeof(report));
	if (!r)
		r = sim_certificate_table(tsm->platform, state, clock_now(), &entry->auxblob);
	return r;
}

/* tsm_report_read(): one request per generation. */
static int read_blob(struct file *file, const struct sim_state *state)
{
	struct entry *entry = file->entry;
	const struct buf *blob = file->attribute == OUTBLOB ? &entry->outblob : &entry->auxblob;
	int r;

	if (!entry->inblob_size)
		return -EINVAL;
	if (entry->read_generation != entry->write_generation) {
		r = firmware_request(entry, state);
		if (r)
			return r;
		entry->read_generation = entry->write_generation;
	}
	if (file->attribute == AUXBLOB && state->auxblob_error)
		return -state->auxblob_error;
	if (blob->size > OUTBLOB_MAX)
		return -EFBIG;
	return buf_append(&file->content, blob->data, blob->size);
}

static int fill(struct file *file)
{
	struct sim_state state;
	int r = state_now(&state);

	if (r)
		return r;
	switch (file->attribute) {
	case GENERATION:
		return buf_printf(&file->content, "%llu\n", (unsigned long long)file->entry->write_generation);
	case PROVIDER:
		return buf_printf(&file->content, "%s\n", state.provider);
	case PRIVLEVEL_FLOOR:
		return buf_printf(&file->content, "%u\n", state.privlevel_floor);
	default:
		return read_blob(file, &state);
	}
}

static int tsm_read(const char *path UNUSED, char *to, size_t size, off_t offset, struct fuse_file_info *info)
{
	struct file *file = file_of(info);
	size_t at = (size_t)offset, take;
	int r;

	if (file->wrote)
		return -ETXTBSY;
	if (!file->filled) {
		r = fill(file);
		if (r)
			return r;
		file->filled = true;
	}
	if (at >= file->content.size)
		return 0;
	take = file->content.size - at < size ? file->content.size - at : size;
	memcpy(to, file->content.data + at, take);
	return (int)take;
}

static int advance(struct entry *entry, uint64_t by)
{
	if (entry->write_generation + 1 == entry->read_generation)
		return -EBUSY; /* 2^64 writes later */
	entry->write_generation += by;
	return 0;
}

/* kstrtouint(): any base by prefix, one newline at the end. */
static int store_privlevel(struct file *file, const char *data, size_t size)
{
	char text[32], *end;
	struct sim_state state;
	unsigned long value;
	int r = state_now(&state);

	if (r)
		return r;
	if (size && data[size - 1] == '\n')
		size--;
	if (!size || size >= sizeof(text) || data[0] < '0' || data[0] > '9')
		return -EINVAL;
	memcpy(text, data, size);
	text[size] = 0;
	value = strtoul(text, &end, 0);
	if (*end || value > 3 || value < state.privlevel_floor)
		return -EINVAL;
	r = advance(file->entry, 1);
	if (!r)
		file->entry->privlevel = (unsigned)value;
	return r;
}

static int tsm_write(const char *path UNUSED, const char *data, size_t size, off_t offset, struct fuse_file_info *info)
{
	struct file *file = file_of(info);
	int r;

	if (file->attribute == PRIVLEVEL) {
		r = store_privlevel(file, data, size < TEXT_ATTRIBUTE_MAX ? size : TEXT_ATTRIBUTE_MAX);
		return r ? r : (int)size;
	}
	if (file->filled)
		return -ETXTBSY;
	if ((size_t)offset != file->content.size)
		return -EINVAL;
	if ((size_t)offset + size > SIM_REPORT_DATA_SIZE)
		return -EFBIG;
	file->wrote = true;
	r = buf_append(&file->content, data, size);
	return r ? r : (int)size;
}

/* close(2). What the store says is lost, as in the kernel: the result of this function goes to nobody. */
static int tsm_flush(const char *path UNUSED, struct fuse_file_info *info)
{
	struct file *file = file_of(info);
	struct sim_state state;

	if (!file->wrote || file->attribute != INBLOB)
		return 0;
	file->wrote = false;
	if (state_now(&state) || state.inblob_lost || advance(file->entry, 1 + (uint64_t)state.generation_skip))
		return 0;
	memcpy(file->entry->inblob, file->content.data, file->content.size);
	file->entry->inblob_size = file->content.size;
	return 0;
}

static int tsm_release(const char *path UNUSED, struct fuse_file_info *info)
{
	struct file *file = file_of(info);

	entry_unref(file->entry);
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
			return error_set(error, -ENOENT, "/dev/fuse is missing: load the kernel module (modprobe fuse), or start the container with --device "
							 "/dev/fuse --cap-add SYS_ADMIN");
		return error_set(error, -errno, "/dev/fuse cannot be opened (%s): run as root or as a member of the group that owns it", strerror(errno));
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
		return error_set(error, -EPERM, "cannot mount on %s: this needs root (CAP_SYS_ADMIN), the package fuse3 for other users, or `unshare -Urm`", mount);
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

int sim_tsm_serve(const struct sim_platform *platform, const char *state_path, const char *mount, bool allow_other, void (*on_ready)(void *), void *context,
		  struct error *error)
{
	struct fuse_args args = FUSE_ARGS_INIT(0, NULL);
	struct tsm tsm = {platform, state_path, {NULL}};
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
			entry_unref(tsm.entries[i]);
	}
	return r;
}
