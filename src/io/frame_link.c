/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One end of a connection in a poll loop. Bytes that have arrived lie in `in`; frames that wait to be sent lie in a ring, one buffer
 * each, so that a large answer is copied once. `open` holds the ids of requests without an answer, whichever way they went: on any of our
 * sockets requests go one way only.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "io/frame.h"

#define OUT_SLOTS (2 * FRAME_IN_FLIGHT_MAX) /* a request and its secret, for each id */
#define READ_SIZE ((size_t)64 << 10)

struct frame_link {
	int fd;
	uint32_t accept;
	size_t in_limit; /* the largest frame that may arrive */
	struct buf in;
	size_t in_at; /* consumed bytes at the front of `in` */
	struct buf out[OUT_SLOTS];
	size_t out_first;
	size_t out_count;
	size_t out_at; /* bytes of the first one that are sent */
	size_t out_bytes;
	uint32_t open[FRAME_IN_FLIGHT_MAX];
	size_t open_count;
};

int frame_link_new(struct frame_link **ret, int fd, uint32_t accept)
{
	struct frame_link *link;
	int flags = fcntl(fd, F_GETFL);

	if (flags < 0 || fcntl(fd, F_SETFL, flags | O_NONBLOCK) < 0)
		return -errno;
	link = calloc(1, sizeof(*link));
	if (!link)
		return -ENOMEM;
	link->fd = fd;
	link->accept = accept;
	for (unsigned type = 0; type < 32; type++)
		if ((accept & FRAME_BIT(type)) && frame_cap(type) > link->in_limit)
			link->in_limit = frame_cap(type);
	link->in_limit += FRAME_HEADER_SIZE;
	*ret = link;
	return 0;
}

struct frame_link *frame_link_free(struct frame_link *link)
{
	if (!link)
		return NULL;
	(void)close(link->fd);
	buf_deinit(&link->in);
	for (size_t i = 0; i < OUT_SLOTS; i++)
		buf_deinit(&link->out[i]);
	free(link);
	return NULL;
}

int frame_link_fd(const struct frame_link *link)
{
	return link->fd;
}

size_t frame_link_in_flight(const struct frame_link *link)
{
	return link->open_count;
}

short frame_link_events(const struct frame_link *link)
{
	short events = 0;

	if (link->in.size - link->in_at < link->in_limit && link->out_bytes <= FRAME_LINK_BACKLOG)
		events |= POLLIN;
	if (link->out_count > 0)
		events |= POLLOUT;
	return events;
}

static void drop_consumed(struct frame_link *link)
{
	size_t left = link->in.size - link->in_at;

	if (link->in_at == 0)
		return;
	memmove(link->in.data, link->in.data + link->in_at, left);
	explicit_bzero(link->in.data + left, link->in_at);
	link->in.size = left;
	link->in_at = 0;
}

/* Reads until the socket is empty or a whole frame of the largest kind is here. */
static int work_in(struct frame_link *link)
{
	drop_consumed(link);
	while (link->in.size < link->in_limit) {
		size_t room = link->in_limit - link->in.size;
		size_t want = room < READ_SIZE ? room : READ_SIZE;
		ssize_t n;
		int r;

		r = buf_reserve(&link->in, want);
		if (r)
			return r;
		n = recv(link->fd, link->in.data + link->in.size, want, 0);
		if (n == 0)
			return -EPIPE;
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return errno == EAGAIN ? 0 : -errno;
		link->in.size += (size_t)n;
		if ((size_t)n < want)
			return 0;
	}
	return 0;
}

static int work_out(struct frame_link *link)
{
	while (link->out_count > 0) {
		struct buf *first = &link->out[link->out_first];
		ssize_t n = send(link->fd, first->data + link->out_at, first->size - link->out_at, MSG_NOSIGNAL);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return errno == EAGAIN ? 0 : -errno;
		link->out_at += (size_t)n;
		link->out_bytes -= (size_t)n;
		if (link->out_at < first->size)
			continue;
		buf_deinit(first);
		link->out_at = 0;
		link->out_first = (link->out_first + 1) % OUT_SLOTS;
		link->out_count--;
	}
	return 0;
}

int frame_link_work(struct frame_link *link, short revents)
{
	int r = 0;

	if (link->out_count > 0)
		r = work_out(link);
	if (!r && (revents & (POLLIN | POLLHUP | POLLERR)))
		r = work_in(link);
	return r;
}

static size_t find_open(const struct frame_link *link, uint32_t id)
{
	size_t i = 0;

	while (i < link->open_count && link->open[i] != id)
		i++;
	return i;
}

/* Keeps the table of open requests. FRAME_E_* as seen from a receiver. */
static int track(struct frame_link *link, enum frame_type type, uint32_t id)
{
	size_t at = find_open(link, id);
	bool is_open = at < link->open_count;

	if (type == FRAME_ADMIN_SECRET) /* belongs to the request before it */
		return is_open ? 0 : FRAME_E_ID;
	if (!frame_is_request(type)) {
		if (!is_open)
			return FRAME_E_ID;
		link->open[at] = link->open[--link->open_count];
		return 0;
	}
	if (is_open)
		return FRAME_E_ID;
	if (link->open_count == FRAME_IN_FLIGHT_MAX)
		return FRAME_E_FLOOD;
	link->open[link->open_count++] = id;
	return 0;
}

int frame_link_next(struct frame_link *link, struct frame_header *ret, struct bytes *ret_payload)
{
	struct bytes left = bytes_from(buf_view(&link->in), link->in_at);
	struct frame_header header;
	int r;

	if (left.size < FRAME_HEADER_SIZE)
		return -EAGAIN;
	r = frame_header_decode(left, link->accept, &header);
	if (r)
		return r;
	if (left.size - FRAME_HEADER_SIZE < header.size)
		return -EAGAIN;
	r = track(link, header.type, header.id);
	if (r)
		return r;
	link->in_at += FRAME_HEADER_SIZE + header.size;
	*ret = header;
	*ret_payload = bytes_of(left.data + FRAME_HEADER_SIZE, header.size);
	return 0;
}

int frame_link_queue(struct frame_link *link, enum frame_type type, uint32_t id, struct bytes payload)
{
	struct buf frame = BUF_NULL;
	int r;

	if (link->out_count == OUT_SLOTS)
		return -EBUSY;
	r = frame_encode(&frame, type, id, payload);
	if (r)
		return r;
	r = track(link, type, id);
	if (r) {
		buf_deinit(&frame);
		return frame_is_request(type) && type != FRAME_ADMIN_SECRET ? -EBUSY : -ENOENT;
	}
	link->out[(link->out_first + link->out_count++) % OUT_SLOTS] = frame;
	link->out_bytes += frame.size;
	return 0;
}
