/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* Whole files, bounded and atomic. (The one part of base/ that does I/O besides log: pure layers must not use it; tests/lint checks symbols.) */
#include <stdbool.h>
#include <sys/types.h>
#include <unistd.h>

#include "base/bytes.h"
#include "base/error.h"
#include "base/secret.h"

/* Reads at most `max` bytes; "-" is standard input. 0, or -errno with the path in `error`; -EFBIG past max. */
int file_read(const char *path, size_t max, struct buf *ret, struct error *error) MUST_CHECK;
/*
 * The same of a regular file only, and not through a symbolic link: for a folder that others may write. Never waits, as the open of a pipe
 * would. -EINVAL for anything else.
 */
int file_read_regular(const char *path, size_t max, struct buf *ret, struct error *error) MUST_CHECK;
/*
 * As file_read(), into the secure heap. Refuses a file that others may read (mode & 0077; of a file of root and group root
 * the group may read) with a message, unless `any_mode`.
 */
int file_read_secret(const char *path, size_t max, bool any_mode, struct secret *ret, struct error *error) MUST_CHECK;
/*
 * Writes a temporary file in the same directory, fsyncs, renames, fsyncs the directory. "-" is standard output; a character device, as /dev/null,
 * is written to.
 */
int file_write(const char *path, struct bytes data, mode_t mode, struct error *error) MUST_CHECK;
/* The same with an owner and a group; (uid_t)-1 and (gid_t)-1 are those of the caller. */
int file_write_owned(const char *path, struct bytes data, mode_t mode, uid_t owner, gid_t group, struct error *error) MUST_CHECK;
/* write(2) until done. */
int fd_write_all(int fd, struct bytes data) MUST_CHECK;
/* read(2) exactly size bytes; -EPIPE at a clean end before the first byte, -EPROTO at an end in the middle. */
int fd_read_all(int fd, void *to, size_t size) MUST_CHECK;

static inline void fd_closep(const int *fd)
{
	if (*fd >= 0)
		(void)close(*fd);
}
#define FD_AUTO CLEANUP(fd_closep) int
