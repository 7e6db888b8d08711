/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/port.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include "base/files.h"
#include "base/log.h"

#define TIMER_ACCURACY_US 10000

struct request {
	struct port *port;
	uint32_t id; /* 0: free */
	port_done *done;
	void *context;
	sd_event_source *timer;
};

struct port {
	sd_event *event;
	char *path;
	uint32_t accept;
	bool one_shot;
	struct frame_link *link;
	sd_event_source *source;
	unsigned links; /* made so far: a callback may have ended one and made another at the same address */
	uint32_t last_id;
	struct request requests[PORT_REQUESTS_MAX];
};

int port_new(sd_event *event, const char *path, uint32_t accept, bool one_shot, struct port **ret)
{
	struct port *port = calloc(1, sizeof(*port));

	if (port)
		port->path = strdup(path);
	if (!port || !port->path) {
		free(port);
		return -ENOMEM;
	}
	port->event = sd_event_ref(event);
	port->accept = accept;
	port->one_shot = one_shot;
	*ret = port;
	return 0;
}

static void drop_link(struct port *port)
{
	port->source = sd_event_source_disable_unref(port->source);
	port->link = frame_link_free(port->link);
}

static void forget(struct request *request)
{
	request->timer = sd_event_source_disable_unref(request->timer);
	request->id = 0;
}

struct port *port_free(struct port *port)
{
	if (!port)
		return NULL;
	for (size_t i = 0; i < PORT_REQUESTS_MAX; i++)
		forget(&port->requests[i]);
	drop_link(port);
	sd_event_unref(port->event);
	free(port->path);
	free(port);
	return NULL;
}

static struct request *find(struct port *port, uint32_t id)
{
	for (size_t i = 0; i < PORT_REQUESTS_MAX; i++) {
		if (port->requests[i].id == id)
			return &port->requests[i];
	}
	return NULL;
}

static void finish(struct request *request, int r, struct bytes payload)
{
	port_done *done = request->done;
	void *context = request->context;

	forget(request);
	done(context, r, payload);
}

/* Every request fails with the connection. The next one makes a new connection. */
static void lose(struct port *port, int r)
{
	uint32_t ids[PORT_REQUESTS_MAX];
	size_t count = 0;

	drop_link(port);
	for (size_t i = 0; i < PORT_REQUESTS_MAX; i++) {
		if (port->requests[i].id)
			ids[count++] = port->requests[i].id;
	}
	for (size_t i = 0; i < count; i++) {
		struct request *request = find(port, ids[i]);

		/* A callback may have cancelled it, or asked anew. */
		if (request)
			finish(request, r, bytes_of(NULL, 0));
	}
}

static void want_events(struct port *port)
{
	short events = frame_link_events(port->link);

	(void)sd_event_source_set_io_events(port->source, (events & POLLIN ? EPOLLIN : 0U) | (events & POLLOUT ? EPOLLOUT : 0U));
}

/* The connection ends with its one answer, and before the call, which may ask anew. */
static void take_only_answer(struct port *port, struct request *request, struct bytes payload)
{
	CLEANUP(buf_deinit) struct buf copy = BUF_NULL;
	int r = buf_append(&copy, payload.data, payload.size);

	drop_link(port);
	if (request)
		finish(request, r, buf_view(&copy));
}

/* 0, or why the connection must end. */
static int take_answers(struct port *port)
{
	struct frame_header header;
	struct bytes payload;
	int r;

	while ((r = frame_link_next(port->link, &header, &payload)) == 0) {
		struct request *request = find(port, header.id);

		if (port->one_shot) {
			take_only_answer(port, request, payload);
			return 0;
		}
		if (request)
			finish(request, 0, payload);
	}
	if (r == -EAGAIN)
		return 0;
	log_error("%s: %s", port->path, r > 0 ? frame_error_text(r) : strerror(-r));
	return -EPROTO;
}

static int on_io(sd_event_source *source, int fd, uint32_t revents, void *context)
{
	struct port *port = context;
	const unsigned links = port->links;
	short events = (short)((revents & EPOLLIN ? POLLIN : 0) | (revents & EPOLLOUT ? POLLOUT : 0) | (revents & EPOLLHUP ? POLLHUP : 0) |
			       (revents & EPOLLERR ? POLLERR : 0));
	int r, taken;

	(void)source;
	(void)fd;
	r = frame_link_work(port->link, events);
	taken = take_answers(port);
	if (!port->link || port->links != links)
		return 0; /* it has ended */
	if (taken || r)
		lose(port, taken ? taken : -ECONNRESET);
	else
		want_events(port);
	return 0;
}

/* Never waits: where the other end is busy with as many as may wait, that is an error of this moment. */
static int connect_now(struct port *port)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	size_t size = strlen(port->path);
	FD_AUTO fd = -1;
	int r;

	if (port->link)
		return 0;
	if (size == 0 || size >= sizeof(address.sun_path))
		return -ENAMETOOLONG;
	memcpy(address.sun_path, port->path, size);
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0 || connect(fd, (const struct sockaddr *)&address, sizeof(address)) < 0)
		return -errno;
	r = frame_link_new(&port->link, fd, port->accept);
	if (r)
		return r;
	port->links++;
	r = sd_event_add_io(port->event, &port->source, fd, EPOLLIN, on_io, port);
	fd = -1;
	if (r < 0) {
		drop_link(port);
		return r;
	}
	return 0;
}

/*
 * The other end tells its own time-outs, before ours: one that is silent past them is broken. The connection goes, and with it what it never
 * answered, or those would fill the table of requests that wait for an answer.
 */
static int on_timeout(sd_event_source *source, uint64_t usec, void *context)
{
	struct port *port = ((struct request *)context)->port;

	(void)source;
	(void)usec;
	if (!port->one_shot)
		log_error("%s: no answer in time: connection closed", port->path);
	lose(port, -ETIMEDOUT);
	return 0;
}

static uint32_t next_id(struct port *port)
{
	do
		port->last_id++;
	while (port->last_id == 0 || find(port, port->last_id));
	return port->last_id;
}

int port_ask(struct port *port, enum frame_type type, struct bytes payload, unsigned timeout_ms, port_done *done, void *context,
	uint32_t *ret_id)
{
	struct request *request = find(port, 0);
	uint32_t id = next_id(port);
	int r;

	if (!request || (port->one_shot && port->link))
		return -EBUSY;
	r = connect_now(port);
	if (!r)
		r = frame_link_queue(port->link, type, id, payload);
	if (r)
		return r;
	want_events(port);
	r = sd_event_add_time_relative(
		port->event, &request->timer, CLOCK_MONOTONIC, (uint64_t)timeout_ms * 1000, TIMER_ACCURACY_US, on_timeout, request);
	if (r < 0)
		return r; /* the answer will be dropped */
	request->port = port;
	request->id = id;
	request->done = done;
	request->context = context;
	*ret_id = id;
	return 0;
}

void port_cancel(struct port *port, uint32_t id)
{
	struct request *request = id ? find(port, id) : NULL;

	if (!request)
		return;
	forget(request);
	if (port->one_shot)
		drop_link(port);
}
