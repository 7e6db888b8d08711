/* SPDX-License-Identifier: Apache-2.0 */
#include "httpd/connector.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/files.h"
#include "base/log.h"
#include "io/sandbox.h"
#include "io/socket.h"

#define CONNECT_MS 1000 /* a listener that does not accept */

union control {
	struct cmsghdr align;
	char bytes[CMSG_SPACE(sizeof(int))];
};

/* One message: the errno of the attempt, with the descriptor when that is 0. */
static void answer(int fd, int outcome, int broker_fd)
{
	struct iovec part = {&outcome, sizeof(outcome)};
	union control control = {0};
	struct msghdr message = {.msg_iov = &part, .msg_iovlen = 1};
	struct cmsghdr *head;

	if (outcome == 0) {
		message.msg_control = control.bytes;
		message.msg_controllen = sizeof(control.bytes);
		head = CMSG_FIRSTHDR(&message);
		head->cmsg_level = SOL_SOCKET;
		head->cmsg_type = SCM_RIGHTS;
		head->cmsg_len = CMSG_LEN(sizeof(int));
		memcpy(CMSG_DATA(head), &broker_fd, sizeof(int));
	}
	(void)sendmsg(fd, &message, MSG_NOSIGNAL);
}

static _Noreturn void child(int fd, const char *path)
{
	struct error error = ERROR_NULL;
	struct sandbox_path paths[] = {{path, true}};
	struct sandbox_state state;
	char byte;

	/* The terminal's ^C is for the parent; its end ends us through the socket. */
	(void)signal(SIGINT, SIG_IGN);
	(void)prctl(PR_SET_NAME, "httpd-connector");
	if (sandbox_enter(SANDBOX_CONNECTOR, paths, ARRAY_SIZE(paths), &state, &error)) {
		log_error("%s", error_text(&error));
		_exit(EXIT_INTERNAL);
	}
	while (recv(fd, &byte, 1, 0) == 1) {
		FD_AUTO broker_fd = -1;
		int r = socket_connect_unix(path, CONNECT_MS, &broker_fd, NULL);

		answer(fd, r, broker_fd);
	}
	_exit(EXIT_YES);
}

int connector_start(const char *path, int *ret_fd, struct error *error)
{
	int ends[2];
	pid_t pid;

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) < 0)
		return error_set(error, -errno, "socketpair: %s", strerror(errno));
	pid = fork();
	if (pid < 0) {
		int r = -errno;

		(void)close(ends[0]);
		(void)close(ends[1]);
		return error_set(error, r, "fork: %s", strerror(-r));
	}
	if (pid == 0) {
		(void)close(ends[0]);
		child(ends[1], path);
	}
	(void)close(ends[1]);
	if (fcntl(ends[0], F_SETFL, O_NONBLOCK) < 0) {
		(void)close(ends[0]);
		return error_set(error, -errno, "fcntl: %s", strerror(errno));
	}
	*ret_fd = ends[0];
	return 0;
}

int connector_ask(int fd)
{
	return send(fd, "", 1, MSG_NOSIGNAL) == 1 ? 0 : -errno;
}

int connector_take(int fd, int *ret_broker_fd)
{
	int outcome = 0;
	struct iovec part = {&outcome, sizeof(outcome)};
	union control control = {0};
	struct msghdr message = {.msg_iov = &part, .msg_iovlen = 1, .msg_control = control.bytes, .msg_controllen = sizeof(control.bytes)};
	ssize_t n = recvmsg(fd, &message, MSG_CMSG_CLOEXEC);
	struct cmsghdr *head;

	if (n < 0)
		return errno == EINTR ? -EAGAIN : -errno;
	if (n != (ssize_t)sizeof(outcome))
		return -EPIPE;
	if (outcome != 0)
		return outcome == -EAGAIN ? -ETIMEDOUT : outcome < 0 ? outcome : -EPROTO;
	head = CMSG_FIRSTHDR(&message);
	if (!head || head->cmsg_level != SOL_SOCKET || head->cmsg_type != SCM_RIGHTS || head->cmsg_len != CMSG_LEN(sizeof(int)))
		return -EPROTO;
	memcpy(ret_broker_fd, CMSG_DATA(head), sizeof(int));
	return 0;
}
