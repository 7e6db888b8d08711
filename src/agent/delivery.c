/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/delivery.h"

#include <errno.h>
#include <sys/socket.h>

/* Never written: pages that take no memory, and no room in the program's file as constants would. */
static uint8_t zeros[65536];

void delivery_deinit(struct delivery *delivery)
{
	delivery->value = key_value_unref(delivery->value);
	delivery->sent = delivery->zeros = 0;
}

enum delivery_mark delivery_mark(int fd)
{
	socklen_t size = sizeof(int);
	int mark;

	if (getsockopt(fd, SOL_SOCKET, SO_RCVLOWAT, &mark, &size) < 0)
		return DELIVERY_BEGUN;
	return mark == DELIVERY_UNTOUCHED || mark == DELIVERY_DONE ? (enum delivery_mark)mark : DELIVERY_BEGUN;
}

static int set_mark(int fd, enum delivery_mark mark)
{
	const int value = (int)mark;

	return setsockopt(fd, SOL_SOCKET, SO_RCVLOWAT, &value, sizeof(value)) < 0 ? -errno : 0;
}

/* As much as the socket takes. */
static int send_some(int fd, struct bytes data, size_t *ret_sent)
{
	size_t sent = 0;

	while (sent < data.size) {
		ssize_t n = send(fd, data.data + sent, data.size - sent, MSG_NOSIGNAL | MSG_DONTWAIT);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0 && errno != EAGAIN)
			return -errno;
		if (n < 0)
			break;
		sent += (size_t)n;
	}
	*ret_sent = sent;
	return 0;
}

static int complete(int fd)
{
	int r = set_mark(fd, DELIVERY_DONE);

	return shutdown(fd, SHUT_WR) < 0 ? -errno : r;
}

static int go_on_with_key(struct delivery *delivery, int fd)
{
	struct bytes left = bytes_from(secret_view(&delivery->value->secret), delivery->sent);
	size_t sent;
	int r = send_some(fd, left, &sent);

	if (r)
		return r;
	delivery->sent += sent;
	return sent == left.size ? complete(fd) : -EAGAIN;
}

int delivery_key(struct delivery *delivery, int fd, struct key_value *value)
{
	int r;

	if (value->secret.size == 0)
		return -EINVAL;
	r = set_mark(fd, DELIVERY_BEGUN);
	if (r)
		return r;
	delivery_deinit(delivery);
	delivery->value = key_value_ref(value);
	return go_on_with_key(delivery, fd);
}

static int go_on_with_zeros(struct delivery *delivery, int fd)
{
	while (delivery->zeros) {
		size_t size = delivery->zeros < sizeof(zeros) ? delivery->zeros : sizeof(zeros);
		size_t sent;
		int r = send_some(fd, bytes_of(zeros, size), &sent);

		if (r)
			return r;
		delivery->zeros -= sent;
		if (sent < size)
			return -EAGAIN;
	}
	return complete(fd);
}

int delivery_refusal(struct delivery *delivery, int fd, size_t size)
{
	delivery_deinit(delivery);
	(void)!set_mark(fd, DELIVERY_BEGUN);
	delivery->zeros = size;
	return go_on_with_zeros(delivery, fd);
}

int delivery_go_on(struct delivery *delivery, int fd)
{
	return delivery->value ? go_on_with_key(delivery, fd) : go_on_with_zeros(delivery, fd);
}
