/* SPDX-License-Identifier: Apache-2.0 */
#include "base/files.h"

#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static void free_textp(char **text)
{
	free(*text);
}

static int open_in(const char *path, int *ret_fd, struct error *error)
{
	int fd;

	if (strcmp(path, "-") == 0)
		fd = fcntl(STDIN_FILENO, F_DUPFD_CLOEXEC, 3);
	else
		fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
	if (fd < 0) {
		int code = -errno;

		return error_set(error, code, "%s: %s", path, strerror(-code));
	}
	*ret_fd = fd;
	return 0;
}

static int read_some(int fd, void *to, size_t size, size_t *ret)
{
	ssize_t n;

	do
		n = read(fd, to, size);
	while (n < 0 && errno == EINTR);
	if (n < 0)
		return -errno;
	*ret = (size_t)n;
	return 0;
}

static int read_all(int fd, const char *path, size_t max, struct buf *ret, struct error *error)
{
	CLEANUP(buf_deinit) struct buf out = BUF_NULL;
	int r = 0;

	while (r == 0) {
		size_t n = 0;

		r = buf_reserve(&out, 4096);
		if (r == 0)
			r = read_some(fd, out.data + out.size, out.capacity - out.size, &n);
		if (r < 0)
			return error_set(error, r, "%s: %s", path, strerror(-r));
		if (n == 0)
			break;
		out.size += n;
		if (out.size > max)
			return error_set(error, -EFBIG, "%s: longer than %zu bytes", path, max);
	}
	if (r < 0)
		return r;
	buf_deinit(ret);
	*ret = out;
	out = (struct buf)BUF_NULL;
	return 0;
}

int file_read(const char *path, size_t max, struct buf *ret, struct error *error)
{
	FD_AUTO fd = -1;
	int r = open_in(path, &fd, error);

	return r ? r : read_all(fd, path, max, ret, error);
}

int file_read_regular(const char *path, size_t max, struct buf *ret, struct error *error)
{
	/* Without O_NONBLOCK the open of a pipe waits for somebody who writes. */
	FD_AUTO fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NOFOLLOW | O_NONBLOCK);
	struct stat info;

	if (fd < 0 || fstat(fd, &info) < 0)
		return error_set(error, -errno, "%s: %s", path, strerror(errno));
	if (!S_ISREG(info.st_mode))
		return error_set(error, -EINVAL, "%s: not a file", path);
	return read_all(fd, path, max, ret, error);
}

/* systemd 254 and later hand a credential over as root's, with an access list for the service's user that shows as the group's bits. */
static mode_t forbidden_bits(const struct stat *info)
{
	return info->st_uid == 0 && info->st_gid == 0 ? 0037 : 0077;
}

static int refuse_open_mode(int fd, const char *path, struct error *error)
{
	struct stat info;

	if (fstat(fd, &info) < 0)
		return error_set(error, -errno, "%s: %s", path, strerror(errno));
	if (S_ISREG(info.st_mode) && (info.st_mode & forbidden_bits(&info)))
		return error_set(
			error, -EPERM, "%s: others may read this secret (mode %04o): chmod 600 it", path, (unsigned)(info.st_mode & 07777));
	return 0;
}

int file_read_secret(const char *path, size_t max, bool any_mode, struct secret *ret, struct error *error)
{
	CLEANUP(secret_deinit) struct secret out = SECRET_NULL;
	FD_AUTO fd = -1;
	size_t size = 0, n = 1;
	int r = open_in(path, &fd, error);

	if (r == 0 && !any_mode)
		r = refuse_open_mode(fd, path, error);
	if (r < 0)
		return r;
	if (max >= SECRET_MAX)
		max = SECRET_MAX - 1;
	r = secret_alloc(&out, max + 1);
	while (r == 0 && n > 0 && size <= max) {
		r = read_some(fd, out.data + size, max + 1 - size, &n);
		size += r == 0 ? n : 0;
	}
	if (r < 0)
		return error_set(error, r, "%s: %s", path, strerror(-r));
	if (size > max)
		return error_set(error, -EFBIG, "%s: longer than %zu bytes", path, max);
	/* Exactly sized, so that a short key does not hold a megabyte of the secure heap. */
	r = secret_copy_in(ret, out.data, size);
	return r < 0 ? error_set(error, r, "%s: %s", path, strerror(-r)) : 0;
}

static int sync_directory(const char *path)
{
	CLEANUP(free_textp) char *copy = strdup(path);
	FD_AUTO fd = -1;

	if (!copy)
		return -ENOMEM;
	fd = open(dirname(copy), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	return fsync(fd) < 0 ? -errno : 0;
}

struct ownership {
	mode_t mode;
	uid_t owner;
	gid_t group;
};

static int write_temporary(const char *temporary, struct bytes data, const struct ownership *as)
{
	FD_AUTO fd = open(temporary, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
	int r;

	if (fd < 0)
		return -errno;
	r = fd_write_all(fd, data);
	/* Before the mode: a change of owner clears bits of it. */
	if (r == 0 && (as->owner != (uid_t)-1 || as->group != (gid_t)-1) && fchown(fd, as->owner, as->group) < 0)
		r = -errno;
	if (r == 0 && fchmod(fd, as->mode) < 0)
		r = -errno;
	if (r == 0 && fsync(fd) < 0)
		r = -errno;
	return r;
}

/* Beside the file and hidden, so that whoever lists a directory of configuration passes over what a killed program left. */
static char *temporary_name(const char *path)
{
	const char *slash = strrchr(path, '/');
	const char *name = slash ? slash + 1 : path;
	char *temporary;

	return asprintf(&temporary, "%.*s.%s.%ld.new", (int)(name - path), path, name, (long)getpid()) < 0 ? NULL : temporary;
}

/* /dev/null stays what it is, also when root writes to it. Not through a symbolic link, nor into a pipe: others may have laid those. */
static int write_device(const char *path, struct bytes data, struct error *error)
{
	FD_AUTO fd = open(path, O_WRONLY | O_CLOEXEC | O_NOCTTY | O_NOFOLLOW);
	int r = fd < 0 ? -errno : fd_write_all(fd, data);

	return r < 0 ? error_set(error, r, "%s: %s", path, strerror(-r)) : 0;
}

int file_write(const char *path, struct bytes data, mode_t mode, struct error *error)
{
	struct stat st;

	if (strcmp(path, "-") == 0) {
		int r = fd_write_all(STDOUT_FILENO, data);

		return r < 0 ? error_set(error, r, "standard output: %s", strerror(-r)) : 0;
	}
	if (lstat(path, &st) == 0 && S_ISCHR(st.st_mode))
		return write_device(path, data, error);
	return file_write_owned(path, data, mode, (uid_t)-1, (gid_t)-1, error);
}

int file_write_owned(const char *path, struct bytes data, mode_t mode, uid_t owner, gid_t group, struct error *error)
{
	const struct ownership as = {mode, owner, group};
	CLEANUP(free_textp) char *temporary = temporary_name(path);
	int r;

	if (!temporary)
		return -ENOMEM;
	r = write_temporary(temporary, data, &as);
	/* A program that was killed here left it, and in a container the next one has the same process id. Only one writer has this name. */
	if (r == -EEXIST && unlink(temporary) == 0)
		r = write_temporary(temporary, data, &as);
	if (r == 0 && rename(temporary, path) < 0)
		r = -errno;
	if (r < 0) {
		if (r != -EEXIST)
			(void)unlink(temporary);
		return error_set(error, r, "%s: %s", path, strerror(-r));
	}
	r = sync_directory(path);
	return r < 0 ? error_set(error, r, "%s: %s", path, strerror(-r)) : 0;
}

int fd_write_all(int fd, struct bytes data)
{
	size_t done = 0;

	while (done < data.size) {
		ssize_t n = write(fd, data.data + done, data.size - done);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		done += (size_t)n;
	}
	return 0;
}

int fd_read_all(int fd, void *to, size_t size)
{
	size_t done = 0;

	while (done < size) {
		size_t n = 0;
		int r = read_some(fd, (uint8_t *)to + done, size - done, &n);

		if (r < 0)
			return r;
		if (n == 0)
			return done == 0 ? -EPIPE : -EPROTO;
		done += n;
	}
	return 0;
}
