/* SPDX-License-Identifier: Apache-2.0 */
#include "httpd/broker.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "base/log.h"
#include "httpd/away.h"
#include "httpd/connector.h"
#include "io/clock.h"
#include "io/frame.h"

#define RETRY_MS 100   /* between attempts to connect: AF_UNIX answers at once */
#define TICK_MS 250    /* how exact time-outs are */
#define ORPHANS_MAX 32 /* requests without an answer in time, before the connection is given up */
#define RETRY_AFTER 1  /* seconds, told to clients */

/* A request on its way. `exchange` NULL: answered already, because it took too long. */
struct pending {
	struct pending *next;
	struct httpserver_exchange *exchange;
	enum frame_type type;
	struct buf payload;
	const char *path;           /* of a status page */
	enum metrics_format format; /* of `ours` */
	struct buf ours;            /* our part of the metrics, before the daemon's */
	uint64_t deadline_ms;
	uint32_t id;
};

struct broker {
	/* Shared with the server's threads. */
	pthread_mutex_t lock;
	struct pending *first;
	struct pending **last;
	size_t waiting;
	bool accepting; /* a connection stands and nobody stops */
	int wake_fd;
	atomic_ullong answered;
	atomic_ullong unavailable;
	atomic_ullong connects;
	/* The running thread's own. */
	const char *daemon;
	struct frame_link *link;
	struct pending *flight[FRAME_IN_FLIGHT_MAX];
	size_t flights;
	size_t orphans;
	uint32_t next_id;
	unsigned timeout_ms;
	int connector_fd;
	bool asked;
	bool told; /* the log knows that brokerd is away */
	uint64_t ask_at_ms;
};

int broker_new(const char *daemon, int connector_fd, unsigned timeout_ms, struct broker **ret)
{
	struct broker *broker = calloc(1, sizeof(*broker));

	if (!broker)
		return -ENOMEM;
	broker->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (broker->wake_fd < 0 || pthread_mutex_init(&broker->lock, NULL)) {
		if (broker->wake_fd >= 0)
			(void)close(broker->wake_fd);
		free(broker);
		return -EMFILE;
	}
	broker->last = &broker->first;
	broker->daemon = daemon;
	broker->connector_fd = connector_fd;
	broker->timeout_ms = timeout_ms;
	*ret = broker;
	return 0;
}

static struct pending *pending_free(struct pending *pending)
{
	if (!pending)
		return NULL;
	buf_deinit(&pending->payload);
	buf_deinit(&pending->ours);
	free(pending);
	return NULL;
}

struct broker *broker_free(struct broker *broker)
{
	if (!broker)
		return NULL;
	(void)frame_link_free(broker->link);
	(void)close(broker->wake_fd);
	(void)close(broker->connector_fd);
	(void)pthread_mutex_destroy(&broker->lock);
	free(broker);
	return NULL;
}

/* Our part of the metrics stands without the daemon's. */
static bool answer_ours(struct pending *pending)
{
	struct httpserver_response ours = {.status = 200, .content_type = metrics_content_type(pending->format)};

	if (pending->ours.size == 0)
		return false;
	if (pending->format == METRICS_OPENMETRICS && buf_append_text(&pending->ours, "# EOF\n"))
		return false;
	ours.body = buf_view(&pending->ours);
	httpserver_answer(pending->exchange, &ours);
	return true;
}

static void answer_unavailable(struct broker *broker, struct pending *pending, const char *why)
{
	atomic_fetch_add(&broker->unavailable, 1);
	if (pending->path && strcmp(pending->path, "/") == 0)
		away_answer(pending->exchange, broker->daemon, why, RETRY_AFTER);
	else if (!answer_ours(pending))
		httpserver_answer_error(pending->exchange, 503, "Unavailable", why, RETRY_AFTER);
	pending->exchange = NULL;
}

static void wake(const struct broker *broker)
{
	uint64_t one = 1;

	(void)!write(broker->wake_fd, &one, sizeof(one)); /* full: awake anyway */
}

/* True when the queue has taken it. */
static bool enqueue(struct broker *broker, struct pending *pending)
{
	bool taken;
	bool was_empty;

	(void)pthread_mutex_lock(&broker->lock);
	taken = broker->accepting && broker->waiting < BROKER_WAITING_MAX;
	was_empty = broker->waiting == 0;
	if (taken) {
		*broker->last = pending;
		broker->last = &pending->next;
		broker->waiting++;
	}
	(void)pthread_mutex_unlock(&broker->lock);
	if (taken && was_empty)
		wake(broker);
	return taken;
}

static struct pending *pending_new(const struct broker *broker, struct httpserver_exchange *exchange, enum frame_type type)
{
	struct pending *pending = calloc(1, sizeof(*pending));

	if (pending) {
		pending->exchange = exchange;
		pending->type = type;
		pending->deadline_ms = clock_monotonic_ms() + broker->timeout_ms;
	}
	return pending;
}

/* Takes over `pending`. */
static void submit(struct broker *broker, struct pending *pending)
{
	if (enqueue(broker, pending))
		return;
	answer_unavailable(broker, pending, "the daemon cannot be asked now");
	(void)pending_free(pending);
}

void broker_submit(struct broker *broker, struct httpserver_exchange *exchange, const struct http_frame_request *request)
{
	struct pending *pending = pending_new(broker, exchange, FRAME_HTTP_REQUEST);

	if (!pending || http_frame_request_encode(&pending->payload, request)) {
		(void)pending_free(pending);
		httpserver_answer_error(exchange, 400, "BadRequest", "a header or the path holds what cannot be passed on", 0);
		return;
	}
	submit(broker, pending);
}

/* NULL: no memory, and the exchange is answered. */
static struct pending *status_new(struct broker *broker, struct httpserver_exchange *exchange, const char *path)
{
	struct pending *pending = pending_new(broker, exchange, FRAME_STATUS_REQUEST);

	if (!pending || buf_append_text(&pending->payload, path)) {
		httpserver_answer_error(exchange, 503, "Unavailable", "no memory", RETRY_AFTER);
		return pending_free(pending);
	}
	pending->path = path;
	return pending;
}

void broker_submit_page(struct broker *broker, struct httpserver_exchange *exchange, const char *path)
{
	struct pending *pending = status_new(broker, exchange, path);

	if (pending)
		submit(broker, pending);
}

void broker_submit_metrics(struct broker *broker, struct httpserver_exchange *exchange, enum metrics_format format, struct buf *ours)
{
	struct pending *pending = status_new(broker, exchange, format == METRICS_OPENMETRICS ? "/metrics" : "/metrics.txt");

	if (!pending)
		return;
	pending->format = format;
	pending->ours = *ours;
	*ours = (struct buf)BUF_NULL;
	submit(broker, pending);
}

static struct pending *dequeue(struct broker *broker)
{
	struct pending *pending;

	(void)pthread_mutex_lock(&broker->lock);
	pending = broker->first;
	if (pending) {
		broker->first = pending->next;
		if (!broker->first)
			broker->last = &broker->first;
		broker->waiting--;
		pending->next = NULL;
	}
	(void)pthread_mutex_unlock(&broker->lock);
	return pending;
}

static void set_accepting(struct broker *broker, bool accepting)
{
	(void)pthread_mutex_lock(&broker->lock);
	broker->accepting = accepting;
	(void)pthread_mutex_unlock(&broker->lock);
}

/* Ends the connection; everything in flight or waiting is answered. */
static void drop_link(struct broker *broker, const char *why)
{
	struct pending *pending;

	set_accepting(broker, false);
	if (broker->link) {
		log_warning("connection to %s ended: %s", broker->daemon, why);
		broker->told = true;
	}
	broker->link = frame_link_free(broker->link);
	for (size_t i = 0; i < broker->flights; i++) {
		if (broker->flight[i]->exchange)
			answer_unavailable(broker, broker->flight[i], "the daemon went away");
		broker->flight[i] = pending_free(broker->flight[i]);
	}
	broker->flights = 0;
	broker->orphans = 0;
	while ((pending = dequeue(broker))) {
		answer_unavailable(broker, pending, "the daemon went away");
		(void)pending_free(pending);
	}
	broker->ask_at_ms = clock_monotonic_ms();
}

/* Views of a frame as C strings: the decoder has refused control characters. */
static const char *text_of(struct buf *to, struct bytes from)
{
	if (from.size == 0 || buf_append(to, from.data, from.size) || buf_append(to, "", 1))
		return NULL;
	return (const char *)to->data;
}

static void pass_on(struct broker *broker, struct pending *pending, const struct http_frame_response *from)
{
	CLEANUP(buf_deinit) struct buf cookie = BUF_NULL;
	CLEANUP(buf_deinit) struct buf type = BUF_NULL;
	struct httpserver_response response = {
		.status = from->status,
		.content_type = text_of(&type, from->content_type),
		.set_cookie = text_of(&cookie, from->set_cookie),
		.retry_after = from->retry_after,
		.allow = from->status == 405 ? "GET, POST, PUT, DELETE" : NULL,
		.body = from->body,
	};

	atomic_fetch_add(&broker->answered, 1);
	if (pending->ours.size > 0 && !buf_append(&pending->ours, from->body.data, from->body.size))
		response.body = buf_view(&pending->ours);
	httpserver_answer(pending->exchange, &response);
}

/* One answer of brokerd: 0, or -EPROTO when it is none. */
static int take_answer(struct broker *broker, const struct frame_header *header, struct bytes payload)
{
	struct http_frame_response response;
	size_t i = 0;

	if (http_frame_response_decode(payload, &response))
		return -EPROTO;
	while (i < broker->flights && broker->flight[i]->id != header->id)
		i++;
	if (i == broker->flights) /* the link has checked the id */
		return -EPROTO;
	if ((unsigned)header->type != (unsigned)broker->flight[i]->type + 1)
		return -EPROTO;
	if (broker->flight[i]->exchange)
		pass_on(broker, broker->flight[i], &response);
	else
		broker->orphans--;
	(void)pending_free(broker->flight[i]);
	broker->flight[i] = broker->flight[--broker->flights];
	return 0;
}

static int take_answers(struct broker *broker)
{
	struct frame_header header;
	struct bytes payload;
	int r;

	while ((r = frame_link_next(broker->link, &header, &payload)) == 0) {
		r = take_answer(broker, &header, payload);
		if (r)
			return r;
	}
	if (r > 0)
		log_warning("frame from %s: %s", broker->daemon, frame_error_text(r));
	return r == -EAGAIN ? 0 : -EPROTO;
}

/* Moves what waits into free places. */
static int send_waiting(struct broker *broker)
{
	struct pending *pending;
	int r;

	while (broker->flights < FRAME_IN_FLIGHT_MAX && (pending = dequeue(broker))) {
		pending->id = broker->next_id++;
		broker->flight[broker->flights++] = pending;
		r = frame_link_queue(broker->link, pending->type, pending->id, buf_view(&pending->payload));
		buf_deinit(&pending->payload);
		if (r)
			return r;
	}
	return 0;
}

static int work_link(struct broker *broker, short revents)
{
	int r = frame_link_work(broker->link, revents);
	int next = take_answers(broker);

	if (!r)
		r = next;
	if (!r)
		r = send_waiting(broker);
	return r ? r : frame_link_work(broker->link, 0);
}

static void expire(struct broker *broker, uint64_t now)
{
	for (size_t i = 0; i < broker->flights; i++) {
		struct pending *pending = broker->flight[i];

		if (!pending->exchange || now < pending->deadline_ms)
			continue;
		answer_unavailable(broker, pending, "the daemon did not answer in time");
		broker->orphans++;
	}
	if (broker->orphans > ORPHANS_MAX)
		drop_link(broker, "no answers in time");
}

static void take_connection(struct broker *broker)
{
	int fd;
	int r = connector_take(broker->connector_fd, &fd);

	if (r == -EAGAIN)
		return;
	broker->asked = false;
	broker->ask_at_ms = clock_monotonic_ms() + RETRY_MS;
	if (r) {
		if (!broker->told)
			log_warning("%s cannot be reached: %s; trying on", broker->daemon, strerror(-r));
		broker->told = true;
		return;
	}
	r = frame_link_new(&broker->link, fd, FRAME_SET_HTTP_CLIENT);
	if (r) {
		(void)close(fd);
		return;
	}
	log_notice("connected to %s", broker->daemon);
	broker->told = false;
	atomic_fetch_add(&broker->connects, 1);
	set_accepting(broker, true);
}

static int ask_connection(struct broker *broker, uint64_t now)
{
	int r;

	if (broker->link || broker->asked || now < broker->ask_at_ms)
		return 0;
	r = connector_ask(broker->connector_fd);
	broker->asked = r == 0;
	return r;
}

/* One turn of the loop. */
static int turn(struct broker *broker, int stop_fd, bool *ret_stop)
{
	struct pollfd fds[] = {
		{.fd = stop_fd, .events = POLLIN},
		{.fd = broker->wake_fd, .events = POLLIN},
		{.fd = broker->connector_fd, .events = POLLIN},
		{.fd = broker->link ? frame_link_fd(broker->link) : -1, .events = broker->link ? frame_link_events(broker->link) : 0},
	};
	int timeout = broker->link || broker->asked ? TICK_MS : RETRY_MS;
	uint64_t ignored;
	int r;

	if (poll(fds, ARRAY_SIZE(fds), timeout) < 0 && errno != EINTR)
		return -errno;
	*ret_stop = fds[0].revents != 0;
	if (fds[1].revents)
		(void)!read(broker->wake_fd, &ignored, sizeof(ignored));
	if (fds[2].revents & POLLIN)
		take_connection(broker);
	else if (fds[2].revents)
		return -EPIPE;
	if (broker->link) {
		r = work_link(broker, fds[3].revents);
		if (r)
			drop_link(broker, r == -EPIPE ? "closed" : strerror(-r));
	}
	expire(broker, clock_monotonic_ms());
	return 0;
}

int broker_run(struct broker *broker, int stop_fd, struct error *error)
{
	bool stop = false;
	int r = 0;

	while (!r && !stop) {
		r = ask_connection(broker, clock_monotonic_ms());
		if (!r)
			r = turn(broker, stop_fd, &stop);
	}
	broker->link = frame_link_free(broker->link);
	drop_link(broker, "stopping");
	return r ? error_set(error, r, "connector process: %s", strerror(-r)) : 0;
}

void broker_counts(struct broker *broker, struct broker_counts *ret)
{
	(void)pthread_mutex_lock(&broker->lock);
	ret->connected = broker->accepting;
	(void)pthread_mutex_unlock(&broker->lock);
	ret->answered = atomic_load(&broker->answered);
	ret->unavailable = atomic_load(&broker->unavailable);
	ret->connects = atomic_load(&broker->connects);
}
