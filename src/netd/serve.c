/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The loop blocks on nobody: origins work in threads of their own, and a client that does not read its answers is paused by frame_link.
 * A client that breaks the frame protocol loses its connection; what it asked for is thrown away when it comes.
 */
#include "netd/serve.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "base/files.h"
#include "base/log.h"
#include "io/clock.h"
#include "io/frame.h"

enum { POLL_STOP, POLL_DONE, POLL_LISTEN, POLL_LINKS };

struct link {
	uint64_t number; /* never used twice */
	struct frame_link *frames;
};

struct serve {
	const struct serve_config *config;
	struct link links[SERVE_LINKS_MAX];
	size_t link_count;
	uint64_t next_number;
};

static void drop(struct serve *serve, size_t at, const char *why)
{
	if (why)
		log_warning("net.sock: %s; connection closed", why);
	for (size_t i = 0; i < serve->config->count; i++)
		origin_forget(serve->config->origins[i], serve->links[at].number);
	(void)frame_link_free(serve->links[at].frames);
	serve->links[at] = serve->links[--serve->link_count];
}

static void accept_link(struct serve *serve)
{
	FD_AUTO fd = accept4(serve->config->listen_fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
	struct link *link = &serve->links[serve->link_count];

	if (fd < 0)
		return;
	if (frame_link_new(&link->frames, fd, FRAME_SET_NET_SERVER)) {
		log_warning("net.sock: no memory for a connection");
		return;
	}
	fd = -1;
	link->number = ++serve->next_number;
	serve->link_count++;
}

static size_t find_origin(const struct serve *serve, struct bytes name)
{
	size_t i = 0;

	while (i < serve->config->count && !bytes_equal(name, bytes_of_text(serve->config->names[i].name)))
		i++;
	return i;
}

/* A request that may not be asked is the daemon's mistake, or no longer the daemon's: it is worth a line in the log. */
static void refuse(struct serve *serve, struct job *job, const char *why)
{
	log_warning("a request for %.*s is refused: %s", (int)job->request.origin.size, (const char *)job->request.origin.data, why);
	job_fail(job, FETCH_E_DENIED, why);
	done_put(serve->config->done, job);
}

/* 0, -ENOMEM, or FETCH_FRAME_E_*: the link must go. */
static int hand_over(struct serve *serve, const struct link *link, const struct frame_header *header, struct bytes payload)
{
	CLEANUP(job_freep) struct job *job = calloc(1, sizeof(*job));
	const char *why;
	size_t at;
	int r;

	if (!job || buf_append(&job->payload, payload.data, payload.size))
		return -ENOMEM;
	r = fetch_frame_request_decode(buf_view(&job->payload), &job->request);
	if (r)
		return r;
	job->link = link->number;
	job->id = header->id;
	job->deadline_ms = clock_monotonic_ms() + job->request.timeout_ms;
	at = find_origin(serve, job->request.origin);
	if (at == serve->config->count)
		refuse(serve, job, "no origin of this name is configured");
	else if (!rules_request(serve->config->names[at].kind, &job->request, &why))
		refuse(serve, job, why);
	else
		origin_submit(serve->config->origins[at], job);
	job = NULL;
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
		if (r) {
			drop(serve, at, r > 0 ? "a request that is none" : strerror(-r));
			return false;
		}
	}
	if (r == -EAGAIN)
		return true;
	drop(serve, at, r > 0 ? frame_error_text(r) : strerror(-r));
	return false;
}

static void work_link(struct serve *serve, size_t at, short revents)
{
	int r = frame_link_work(serve->links[at].frames, revents);

	/* What arrived before the end is still asked: the other end may have closed only its half. */
	if (read_link(serve, at) && r)
		drop(serve, at, r == -EPIPE || r == -ECONNRESET ? NULL : strerror(-r));
}

static void answer(struct serve *serve, struct job *job)
{
	size_t at = 0;
	int r;

	while (at < serve->link_count && serve->links[at].number != job->link)
		at++;
	if (at == serve->link_count)
		return;
	if (job->answer.size == 0) {
		drop(serve, at, "no memory for an answer");
		return;
	}
	r = frame_link_queue(serve->links[at].frames, FRAME_FETCH_RESPONSE, job->id, buf_view(&job->answer));
	if (r)
		drop(serve, at, strerror(-r));
}

static void take_done(struct serve *serve)
{
	struct job *job = done_take_all(serve->config->done);

	while (job) {
		struct job *next = job->next;

		answer(serve, job);
		(void)job_free(job);
		job = next;
	}
}

static size_t fill(const struct serve *serve, struct pollfd *polls)
{
	polls[POLL_STOP] = (struct pollfd){.fd = serve->config->stop_fd, .events = POLLIN};
	polls[POLL_DONE] = (struct pollfd){.fd = done_fd(serve->config->done), .events = POLLIN};
	polls[POLL_LISTEN] = (struct pollfd){.fd = serve->link_count < SERVE_LINKS_MAX ? serve->config->listen_fd : -1, .events = POLLIN};
	for (size_t i = 0; i < serve->link_count; i++)
		polls[POLL_LINKS + i] = (struct pollfd){
			.fd = frame_link_fd(serve->links[i].frames), .events = frame_link_events(serve->links[i].frames)};
	return POLL_LINKS + serve->link_count;
}

int serve_run(const struct serve_config *config, struct error *error)
{
	struct pollfd polls[POLL_LINKS + SERVE_LINKS_MAX];
	struct serve serve = {.config = config};
	int r = 0;

	for (;;) {
		size_t count = fill(&serve, polls);

		if (poll(polls, count, -1) < 0) {
			if (errno == EINTR)
				continue;
			r = error_set(error, -errno, "poll: %s", strerror(errno));
			break;
		}
		if (polls[POLL_STOP].revents)
			break;
		/* From the end: drop() puts the last link into the hole, and that one has been looked at. */
		for (size_t i = count - POLL_LINKS; i > 0; i--)
			if (polls[POLL_LINKS + i - 1].revents)
				work_link(&serve, i - 1, polls[POLL_LINKS + i - 1].revents);
		if (polls[POLL_DONE].revents)
			take_done(&serve);
		if (polls[POLL_LISTEN].revents)
			accept_link(&serve);
	}
	while (serve.link_count > 0)
		drop(&serve, serve.link_count - 1, NULL);
	return r;
}
