/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/peer.h"

#include <errno.h>
#include <poll.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/files.h"
#include "io/socket.h"

#define CGROUP_TEXT_MAX ((size_t)16384) /* a line for each of a dozen hierarchies, PATH_MAX at most */
#define SO_PEERPIDFD_VALUE 77           /* Linux 6.5; the headers of the build may be older */

static int claimed_name(int fd, enum peer_kind kind, struct peer_name *ret, struct error *error)
{
	struct sockaddr_un address;
	socklen_t size = sizeof(address);
	size_t head = offsetof(struct sockaddr_un, sun_path);
	int r;

	if (getpeername(fd, (struct sockaddr *)&address, &size) < 0)
		return error_set(error, -errno, "the peer's address: %s", strerror(errno));
	if (address.sun_family != AF_UNIX || size < head || size > sizeof(address))
		return error_set(error, PEER_E_NAME, "%s", peer_name_error_text(PEER_NAME_E_ABSENT));
	r = peer_name_parse(bytes_of(address.sun_path, size - head), kind, ret);
	return r ? error_set(error, PEER_E_NAME, "%s", peer_name_error_text(r)) : 0;
}

/* A descriptor of the very process that connected; before Linux 6.5 of whoever has its number now. */
static int open_process(int fd, pid_t pid)
{
	socklen_t size = sizeof(int);
	int process = -1;

	if (getsockopt(fd, SOL_SOCKET, SO_PEERPIDFD_VALUE, &process, &size) == 0)
		return process;
	return (int)syscall(SYS_pidfd_open, pid, 0);
}

/* A pidfd becomes readable when its process ends: as long as it is not, /proc/PID is that process. */
static bool is_running(int process)
{
	struct pollfd item = {.fd = process, .events = POLLIN};

	return poll(&item, 1, 0) == 0;
}

static int check_cgroup(int fd, pid_t pid, const char *unit, struct error *error)
{
	CLEANUP(buf_deinit) struct buf text = BUF_NULL;
	FD_AUTO process = open_process(fd, pid);
	char actual[UNIT_SYSTEM_MAX + 1];
	char path[64];
	int r;

	if (process < 0)
		return error_set(error, PEER_E_CGROUP, "process %ld has ended", (long)pid);
	(void)snprintf(path, sizeof(path), "/proc/%ld/cgroup", (long)pid);
	r = file_read(path, CGROUP_TEXT_MAX, &text, error);
	if (r)
		return r == -ENOENT || r == -ESRCH ? PEER_E_CGROUP : r;
	if (!is_running(process))
		return error_set(error, PEER_E_CGROUP, "process %ld has ended", (long)pid);
	r = peer_cgroup_unit(buf_view(&text), actual);
	if (r == PEER_CGROUP_E_NONE)
		return error_set(error, PEER_E_CGROUP, "process %ld calls itself %s but is in no unit's control group", (long)pid, unit);
	if (r)
		return error_set(error, PEER_E_CGROUP, "process %ld: its control group cannot be told", (long)pid);
	if (strcmp(actual, unit) != 0)
		return error_set(error, PEER_E_CGROUP, "process %ld calls itself %s but is in the control group of %s", (long)pid, unit, actual);
	return 0;
}

static int check_user(int fd, const char *what, pid_t *ret_pid, struct error *error)
{
	uid_t uid;
	gid_t gid;
	int r = socket_peer(fd, ret_pid, &uid, &gid);

	if (r)
		return error_set(error, r, "the peer's user: %s", strerror(-r));
	if (uid != 0)
		return error_set(error, PEER_E_USER, "process %ld of user %lu calls itself %s: only root's requests are served", (long)*ret_pid,
			(unsigned long)uid, what);
	return 0;
}

int peer_is_root(int fd, struct error *error)
{
	pid_t pid;

	return check_user(fd, "sevattest-luks", &pid, error);
}

int peer_identify(int fd, enum peer_kind kind, struct peer_name *ret, struct error *error)
{
	struct peer_name name = {.kind = kind};
	char unit[UNIT_SYSTEM_MAX + 1];
	pid_t pid;
	int r = claimed_name(fd, kind, &name, error);

	*ret = name;
	if (r)
		return r;
	r = peer_name_unit(&name, unit);
	if (r)
		return error_set(error, PEER_E_NAME, "%s", peer_name_error_text(PEER_NAME_E_VOLUME));
	r = check_user(fd, unit, &pid, error);
	return r ? r : check_cgroup(fd, pid, unit, error);
}
