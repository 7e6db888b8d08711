/* SPDX-License-Identifier: Apache-2.0 */
#include "io/socket.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/files.h"
#include "base/text.h"

#define BACKLOG 256 /* connections that wait for accept(2): a burst of booting VMs */

static int unix_address(const char *path, struct sockaddr_un *ret, struct error *error)
{
	size_t size = strlen(path);

	if (size == 0 || size >= sizeof(ret->sun_path))
		return error_set(error, -ENAMETOOLONG, "%s: a socket path has 1 to %zu bytes", path, sizeof(ret->sun_path) - 1);
	*ret = (struct sockaddr_un){.sun_family = AF_UNIX};
	memcpy(ret->sun_path, path, size);
	return 0;
}

/* Removes the file that a killed process left behind: a socket that refuses connections. */
static void remove_stale(const struct sockaddr_un *address)
{
	FD_AUTO fd = -1;
	struct stat st;

	if (lstat(address->sun_path, &st) < 0 || !S_ISSOCK(st.st_mode))
		return;
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd >= 0 && connect(fd, (const struct sockaddr *)address, sizeof(*address)) < 0 && errno == ECONNREFUSED)
		(void)unlink(address->sun_path);
}

int socket_listen_unix(const char *path, mode_t mode, int *ret_fd, struct error *error)
{
	struct sockaddr_un address;
	FD_AUTO fd = -1;
	mode_t old_mask;
	int r;

	r = unix_address(path, &address, error);
	if (r)
		return r;
	remove_stale(&address);
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return error_set(error, -errno, "socket: %s", strerror(errno));
	/* Nobody may connect between bind() and chmod(). */
	old_mask = umask(0177);
	r = bind(fd, (const struct sockaddr *)&address, sizeof(address)) < 0 ? -errno : 0;
	(void)umask(old_mask);
	if (r)
		return error_set(error, r, "%s: bind: %s", path, strerror(-r));
	if (chmod(path, mode) < 0 || listen(fd, BACKLOG) < 0) {
		r = -errno;
		(void)unlink(path);
		return error_set(error, r, "%s: listen: %s", path, strerror(-r));
	}
	*ret_fd = fd;
	fd = -1;
	return 0;
}

int socket_connect_unix(const char *path, unsigned timeout_ms, int *ret_fd, struct error *error)
{
	struct timeval limit = {.tv_sec = timeout_ms / 1000, .tv_usec = (suseconds_t)(timeout_ms % 1000) * 1000};
	struct sockaddr_un address;
	FD_AUTO fd = -1;
	int r;

	r = unix_address(path, &address, error);
	if (r)
		return r;
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return error_set(error, -errno, "socket: %s", strerror(errno));
	if (timeout_ms && (setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit)) < 0 ||
				  setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof(limit)) < 0))
		return error_set(error, -errno, "setsockopt: %s", strerror(errno));
	if (connect(fd, (const struct sockaddr *)&address, sizeof(address)) < 0)
		return error_set(error, -errno, "%s: connect: %s", path, strerror(errno));
	*ret_fd = fd;
	fd = -1;
	return 0;
}

union tcp_address {
	struct sockaddr any;
	struct sockaddr_in v4;
	struct sockaddr_in6 v6;
};

/* Splits "host:port", "[host]:port", ":port" and "port". */
static int tcp_address(const char *text, union tcp_address *ret, socklen_t *ret_size)
{
	char host[INET6_ADDRSTRLEN + 1] = "";
	const char *port = strrchr(text, ':');
	size_t host_size = port ? (size_t)(port - text) : 0;
	uint64_t number;

	if (text[0] == '[' && host_size >= 2 && text[host_size - 1] == ']') {
		text++;
		host_size -= 2;
	}
	if (host_size >= sizeof(host) || text_to_u64(port ? port + 1 : text, 65535, false, &number))
		return -EINVAL;
	memcpy(host, text, host_size);
	memset(ret, 0, sizeof(*ret));
	if (inet_pton(AF_INET, host, &ret->v4.sin_addr) == 1) {
		ret->v4.sin_family = AF_INET;
		ret->v4.sin_port = htons((uint16_t)number);
		*ret_size = sizeof(ret->v4);
		return 0;
	}
	if (host_size > 0 && inet_pton(AF_INET6, host, &ret->v6.sin6_addr) != 1)
		return -EINVAL;
	ret->v6.sin6_family = AF_INET6;
	ret->v6.sin6_port = htons((uint16_t)number);
	*ret_size = sizeof(ret->v6);
	return 0;
}

static int bound_port(int fd, uint16_t *ret)
{
	union tcp_address address;
	socklen_t size = sizeof(address);

	if (getsockname(fd, &address.any, &size) < 0)
		return -errno;
	*ret = ntohs(address.any.sa_family == AF_INET6 ? address.v6.sin6_port : address.v4.sin_port);
	return 0;
}

int socket_listen_tcp(const char *address_text, int *ret_fd, uint16_t *ret_port, struct error *error)
{
	static const int one = 1;
	static const int zero = 0;
	union tcp_address address;
	FD_AUTO fd = -1;
	socklen_t size;
	int r;

	if (tcp_address(address_text, &address, &size))
		return error_set(error, -EINVAL, "%s: not an address and port like 127.0.0.1:8080 or [::1]:8080", address_text);
	fd = socket(address.any.sa_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return error_set(error, -errno, "%s: socket: %s", address_text, strerror(errno));
	(void)setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
	/* An answer is written whole; accepted sockets inherit this. */
	(void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
	if (address.any.sa_family == AF_INET6)
		(void)setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &zero, sizeof(zero));
	if (bind(fd, &address.any, size) < 0 || listen(fd, BACKLOG) < 0)
		return error_set(error, -errno, "%s: %s", address_text, strerror(errno));
	r = bound_port(fd, ret_port);
	if (r)
		return error_set(error, r, "%s: getsockname: %s", address_text, strerror(-r));
	*ret_fd = fd;
	fd = -1;
	return 0;
}

int socket_peer(int fd, pid_t *ret_pid, uid_t *ret_uid, gid_t *ret_gid)
{
	struct ucred peer;
	socklen_t size = sizeof(peer);

	if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &size) < 0)
		return -errno;
	*ret_pid = peer.pid;
	*ret_uid = peer.uid;
	*ret_gid = peer.gid;
	return 0;
}
