/* SPDX-License-Identifier: Apache-2.0 */
#include "luks-helper/files.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/files.h"

#define PAGE ((size_t)4096)

int files_path(char ret[static PATH_MAX], const char *run, const char *volume, const char *suffix)
{
	return snprintf(ret, PATH_MAX, "%s/%s.%s", run, volume, suffix) >= PATH_MAX ? -ENAMETOOLONG : 0;
}

static int remove_one(const char *run, const char *volume, const char *suffix, struct error *error)
{
	char path[PATH_MAX];
	int r = files_path(path, run, volume, suffix);

	if (!r && unlink(path) < 0 && errno != ENOENT)
		r = -errno;
	return r ? error_set(error, r, "%s/%s.%s: %s", run, volume, suffix, strerror(-r)) : 0;
}

int files_remove(const char *run, const char *volume, struct error *error)
{
	/* The mark first: what follows must not find it. */
	int r = remove_one(run, volume, "ok", error);

	if (!r)
		r = remove_one(run, volume, "header", error);
	return r ? r : remove_one(run, volume, "header.new", error);
}

int files_unmark(const char *run, const char *volume, struct error *error)
{
	return remove_one(run, volume, "ok", error);
}

/* The group of the directory is sevattestd's: nobody has to be looked up. */
static int share(int fd, const char *run)
{
	struct stat directory, file;

	if (stat(run, &directory) < 0 || fstat(fd, &file) < 0)
		return -errno;
	if (directory.st_gid != file.st_gid && fchown(fd, (uid_t)-1, directory.st_gid) < 0)
		return -errno;
	return fchmod(fd, 0640) < 0 ? -errno : 0;
}

/* Zeros are left out: the directory is memory, and nearly all of a header's area is unused. */
static int write_sparse(int fd, struct bytes content)
{
	for (size_t at = 0; at < content.size; at += PAGE) {
		size_t size = content.size - at < PAGE ? content.size - at : PAGE;
		int r;

		if (bytes_all_zero(content.data + at, size))
			continue;
		if (lseek(fd, (off_t)at, SEEK_SET) < 0)
			return -errno;
		r = fd_write_all(fd, bytes_of(content.data + at, size));
		if (r)
			return r;
	}
	return ftruncate(fd, (off_t)content.size) < 0 ? -errno : 0;
}

static int make(const char *path, const char *run, struct bytes content)
{
	FD_AUTO fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
	int r;

	if (fd < 0)
		return -errno;
	r = write_sparse(fd, content);
	return r ? r : share(fd, run);
}

int files_write_header(const char *run, const char *volume, struct bytes header, struct error *error)
{
	char fresh[PATH_MAX], path[PATH_MAX];
	int r = remove_one(run, volume, "header.new", error);

	if (!r)
		r = files_path(fresh, run, volume, "header.new");
	if (!r)
		r = files_path(path, run, volume, "header");
	if (r)
		return r;
	r = make(fresh, run, header);
	if (!r && rename(fresh, path) < 0)
		r = -errno;
	if (r) {
		(void)unlink(fresh);
		return error_set(error, r, "%s: %s", path, strerror(-r));
	}
	return 0;
}

int files_mark(const char *run, const char *volume, struct error *error)
{
	char path[PATH_MAX];
	int r = files_path(path, run, volume, "ok");

	if (!r)
		r = make(path, run, bytes_of(NULL, 0));
	return r ? error_set(error, r, "%s/%s.ok: %s", run, volume, strerror(-r)) : 0;
}
