/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The loop never blocks on a peer: a link that does not read its answers is paused by frame_link itself. A peer that breaks the frame
 * protocol loses its link; what it had asked is still worked on, and the answers are thrown away.
 */
#include "broker/serve.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/files.h"
#include "base/log.h"
#include "io/clock.h"

enum { POLL_SIGNAL, POLL_DONE, POLL_LISTEN, POLL_LINKS };

struct link {
	uint64_t number; /* never used twice */
	struct frame_link *frames;
};

struct serve {
	const struct serve_config *config;
	struct link links[SERVE_LINKS_MAX];
	size_t link_count;
	uint64_t next_number;
	size_t in_work; /* exchanges that are not back yet */
	bool stopping;
	uint64_t stop_at_ms;
};

static void drop(struct serve *serve, size_t at, const char *why)
{
	if (why)
		log_warning("http.sock: %s; connection closed", why);
	(void)frame_link_free(serve->links[at].frames);
	serve->links[at] = serve->links[--serve->link_count];
}

static void accept_link(struct serve *serve)
{
	FD_AUTO fd = accept4(serve->config->listen_fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
	struct link *link = &serve->links[serve->link_count];

	if (fd < 0)
		return;
	if (frame_link_new(&link->frames, fd, FRAME_SET_HTTP_SERVER)) {
		log_warning("http.sock: no memory for a connection");
		return;
	}
	fd = -1;
	link->number = ++serve->next_number;
	serve->link_count++;
}

static int hand_over(struct serve *serve, const struct link *link, const struct frame_header *header, struct bytes payload)
{
	struct exchange *exchange = calloc(1, sizeof(*exchange));

	if (!exchange || buf_append(&exchange->payload, payload.data, payload.size)) {
		(void)exchange_free(exchange);
		return -ENOMEM;
	}
	exchange->link = link->number;
	exchange->id = header->id;
	exchange->type = header->type;
	exchange->done = serve->config->done;
	serve->in_work++;
	queue_put(serve->config->work, exchange);
	return 0;
}

/* False: the link is gone. */
static bool read_link(struct serve *serve, size_t at)
{
	struct link *link = &serve->links[at];
	struct frame_header header;
	struct bytes payload;
	int r;

	while ((r = frame_link_next(link->frames, &header, &payload)) == 0) {
		r = hand_over(serve, link, &header, payload);
		if (r)
			break;
	}
	if (r == -EAGAIN)
		return true;
	drop(serve, at, r > 0 ? frame_error_text(r) : strerror(-r));
	return false;
}

static void work_link(struct serve *serve, size_t at, short revents)
{
	int r = frame_link_work(serve->links[at].frames, revents);

	/* What arrived before the end is still served: the other end may have closed only its half. */
	if (!serve->stopping && !read_link(serve, at))
		return;
	if (r)
		drop(serve, at, r == -EPIPE || r == -ECONNRESET ? NULL : strerror(-r));
}

static void answer(struct serve *serve, struct exchange *exchange)
{
	size_t at = 0;
	int r;

	while (at < serve->link_count && serve->links[at].number != exchange->link)
		at++;
	if (at == serve->link_count)
		return;
	if (exchange->answer.size == 0) {
		drop(serve, at, "a request that is none");
		return;
	}
	r = frame_link_queue(serve->links[at].frames, (enum frame_type)(exchange->type + 1), exchange->id, buf_view(&exchange->answer));
	if (r)
		drop(serve, at, strerror(-r));
}

static void take_done(struct serve *serve)
{
	struct exchange *exchange;
	uint64_t count;

	if (read(serve->config->done_fd, &count, sizeof(count)) < 0 && errno != EAGAIN)
		log_warning("eventfd: %s", strerror(errno));
	exchange = queue_take_all(serve->config->done);
	while (exchange) {
		struct exchange *next = exchange->next;

		answer(serve, exchange);
		serve->in_work--;
		(void)exchange_free(exchange);
		exchange = next;
	}
}

static void take_signal(struct serve *serve)
{
	struct signalfd_siginfo info;

	if (read(serve->config->signal_fd, &info, sizeof(info)) != (ssize_t)sizeof(info))
		return;
	if (info.ssi_signo == SIGHUP) {
		serve->config->reload(serve->config->context);
		return;
	}
	if (!serve->stopping)
		serve->stop_at_ms = clock_monotonic_ms() + SERVE_DRAIN_MS;
	serve->stopping = true;
}

/* Answers that wait to be sent, or requests that are still in work. */
static bool busy(const struct serve *serve)
{
	bool waiting = serve->in_work > 0;

	for (size_t i = 0; i < serve->link_count; i++)
		waiting = waiting || (frame_link_events(serve->links[i].frames) & POLLOUT);
	return waiting;
}

static size_t fill(const struct serve *serve, struct pollfd *polls)
{
	bool accepting = !serve->stopping && serve->link_count < SERVE_LINKS_MAX;

	polls[POLL_SIGNAL] = (struct pollfd){.fd = serve->config->signal_fd, .events = POLLIN};
	polls[POLL_DONE] = (struct pollfd){.fd = serve->config->done_fd, .events = POLLIN};
	polls[POLL_LISTEN] = (struct pollfd){.fd = accepting ? serve->config->listen_fd : -1, .events = POLLIN};
	for (size_t i = 0; i < serve->link_count; i++) {
		struct frame_link *frames = serve->links[i].frames;
		short events = frame_link_events(frames);

		if (serve->stopping)
			events &= (short)~POLLIN;
		polls[POLL_LINKS + i] = (struct pollfd){.fd = frame_link_fd(frames), .events = events};
	}
	return POLL_LINKS + serve->link_count;
}

static int turn(struct serve *serve, struct error *error)
{
	struct pollfd polls[POLL_LINKS + SERVE_LINKS_MAX];
	size_t count = fill(serve, polls);

	if (poll(polls, count, serve->stopping ? 100 : -1) < 0)
		return errno == EINTR ? 0 : error_set(error, -errno, "poll: %s", strerror(errno));
	/* From the end: drop() puts the last link into the hole, and that one has been looked at. */
	for (size_t i = count - POLL_LINKS; i > 0; i--)
		if (polls[POLL_LINKS + i - 1].revents)
			work_link(serve, i - 1, polls[POLL_LINKS + i - 1].revents);
	if (polls[POLL_DONE].revents)
		take_done(serve);
	if (polls[POLL_LISTEN].revents)
		accept_link(serve);
	if (polls[POLL_SIGNAL].revents)
		take_signal(serve);
	return 0;
}

int serve_run(const struct serve_config *config, struct error *error)
{
	struct serve serve = {.config = config};
	int r = 0;

	while (!r && !(serve.stopping && (!busy(&serve) || clock_monotonic_ms() > serve.stop_at_ms)))
		r = turn(&serve, error);
	while (serve.link_count > 0)
		drop(&serve, serve.link_count - 1, NULL);
	return r;
}
