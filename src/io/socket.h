/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* AF_UNIX and TCP sockets as our programs make them: close-on-exec from birth, bounded names, a clear message. */
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/compiler.h"
#include "base/error.h"

/*
 * Listens on the path (at most 107 bytes). A stale socket file that nobody answers on is replaced; a live one is -EADDRINUSE. `mode` are
 * the permissions of the file. -errno with a message.
 */
int socket_listen_unix(const char *path, mode_t mode, int *ret_fd, struct error *error) MUST_CHECK;
/* Connects, blocking; `timeout_ms` (0: none) becomes the send and receive time-out of the socket. */
int socket_connect_unix(const char *path, unsigned timeout_ms, int *ret_fd, struct error *error) MUST_CHECK;
/* "127.0.0.1:8080", "[::1]:0", "8080" (all addresses) or ":8080". Numeric only: no name service. Port 0 takes a free one. */
int socket_listen_tcp(const char *address, int *ret_fd, uint16_t *ret_port, struct error *error) MUST_CHECK;
/* Who is at the other end of a connected AF_UNIX socket (SO_PEERCRED). */
int socket_peer(int fd, pid_t *ret_pid, uid_t *ret_uid, gid_t *ret_gid) MUST_CHECK;
/* The socket that systemd hands over under FileDescriptorName=`name`; -ENOENT when there is none. */
int socket_inherited(const char *name, int *ret_fd) MUST_CHECK;
