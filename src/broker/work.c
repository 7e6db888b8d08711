/* SPDX-License-Identifier: Apache-2.0 */
#include "broker/work.h"

#include <errno.h>
#include <inttypes.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "broker/kbs_ops.h"
#include "broker/status.h"
#include "io/clock.h"
#include "io/http_frame.h"
#include "kbs/messages.h"

#define RETRY_AFTER 5 /* seconds, when the store or the audit cannot be written, or nothing is initialised */

struct workers {
	struct live_slot *slot;
	struct queue *work;
	pthread_t *threads;
	size_t count;
};

struct worker {
	struct workers *pool;
	struct live *live; /* that `server` was made for */
	struct kbs_server *server;
	struct kbs_ops_context ops;
};

static void encode(struct exchange *exchange, const struct http_frame_response *response)
{
	buf_deinit(&exchange->answer);
	if (http_frame_response_encode(&exchange->answer, response)) {
		log_error("an answer of status %u cannot be encoded", response->status);
		buf_deinit(&exchange->answer); /* empty: the loop closes the link */
	}
}

static void answer_error(struct exchange *exchange, uint16_t status, const char *type, const char *detail, uint32_t retry_after)
{
	CLEANUP(buf_deinit) struct buf body = BUF_NULL;
	struct http_frame_response response = {
		.status = status, .content_type = bytes_of_text("application/json"), .retry_after = retry_after};

	if (kbs_error_write(&body, type, detail) == 0)
		response.body = buf_view(&body);
	encode(exchange, &response);
}

/* In the audit's thread: durable, or the answer becomes another one. */
static void audited(void *context, int result)
{
	struct exchange *exchange = context;

	if (result) {
		log_error("the audit cannot be written: %s; nothing is given out", strerror(-result));
		answer_error(exchange, 503, "Unavailable", "not now, try again later", RETRY_AFTER);
	} else if (exchange->decision) {
		recent_add(exchange->recent, exchange->decision);
	}
	queue_put(exchange->done, exchange);
}

static void finish(struct worker *worker, struct exchange *exchange)
{
	struct buf *record = &worker->ops.record;
	int r;

	if (record->size == 0) {
		queue_put(exchange->done, exchange);
		return;
	}
	exchange->recent = &worker->live->recent;
	exchange->decision = worker->ops.decision;
	worker->ops.decision = NULL;
	r = audit_submit(worker->live->audit, record, audited, exchange);
	buf_deinit(record);
	if (r)
		audited(exchange, r);
}

static enum kbs_method method_of(enum http_method method)
{
	return method == HTTP_GET ? KBS_GET : method == HTTP_POST ? KBS_POST : KBS_OTHER;
}

/* The engine of this thread, made when there is something to serve. */
static int ensure_server(struct worker *worker)
{
	struct kbs_server_config config = {.ops = &kbs_ops, .context = &worker->ops};

	if (worker->server)
		return 0;
	worker->live = live_get(worker->pool->slot);
	if (!worker->live)
		return -ENODATA;
	worker->ops.live = worker->live;
	config.kek = keys_view(&worker->live->keys, KEYS_SESSION);
	config.token_key = worker->live->signing.token;
	config.release_key = worker->live->signing.release;
	config.enrol_key = worker->live->signing.enrol;
	return kbs_server_new(&config, &worker->server);
}

static void answer_kbs(struct worker *worker, struct exchange *exchange, const struct http_frame_request *http)
{
	struct kbs_response answer = KBS_RESPONSE_NULL;
	struct http_frame_response response;
	struct kbs_request request = {
		.method = method_of(http->method),
		.path = http->path,
		.cookie = http->cookie,
		.authorization = http->authorization,
		.body = http->body,
		.peer = http->peer,
	};
	int r;

	kbs_ops_begin(&worker->ops);
	r = kbs_server_handle(worker->server, &request, clock_now(), &answer);
	kbs_ops_end(&worker->ops);
	if (r) {
		log_error("a request could not be answered: %s", strerror(-r));
		answer_error(exchange, 503, "Unavailable", "not now, try again later", RETRY_AFTER);
		return;
	}
	response = (struct http_frame_response){
		.status = (uint16_t)answer.status,
		.set_cookie = buf_view(&answer.set_cookie),
		.content_type = bytes_of_text(answer.content_type ? answer.content_type : ""),
		.retry_after = answer.retry_after,
		.body = buf_view(&answer.body),
	};
	encode(exchange, &response);
	kbs_response_deinit(&answer);
}

static void answer_status(struct worker *worker, struct exchange *exchange)
{
	buf_deinit(&exchange->answer);
	if (status_answer(worker->pool->slot, buf_view(&exchange->payload), clock_now(), &exchange->answer)) {
		log_error("a status page cannot be made");
		buf_deinit(&exchange->answer); /* empty: the loop closes the link */
	}
}

static void handle(struct worker *worker, struct exchange *exchange)
{
	struct http_frame_request http;
	int r = ensure_server(worker);

	if (exchange->type == FRAME_STATUS_REQUEST) {
		answer_status(worker, exchange);
		return;
	}
	if (http_frame_request_decode(buf_view(&exchange->payload), &http))
		return; /* no answer: the link is closed */
	if (r) {
		answer_error(exchange, 503, "Unavailable",
			r == -ENODATA ? "the broker has not been initialised" : "not now, try again later", RETRY_AFTER);
		return;
	}
	answer_kbs(worker, exchange, &http);
}

static void *run(void *context)
{
	struct worker worker = {.pool = context};
	struct exchange *exchange;

	while ((exchange = queue_wait(worker.pool->work))) {
		handle(&worker, exchange);
		finish(&worker, exchange);
	}
	(void)kbs_server_free(worker.server);
	kbs_ops_deinit(&worker.ops);
	return NULL;
}

int workers_start(struct live_slot *slot, struct queue *work, size_t count, struct workers **ret, struct error *error)
{
	struct workers *workers = calloc(1, sizeof(*workers));
	int r = 0;

	if (!workers)
		return error_set(error, -ENOMEM, "no memory");
	workers->slot = slot;
	workers->work = work;
	workers->threads = calloc(count, sizeof(pthread_t));
	if (!workers->threads)
		r = ENOMEM;
	while (!r && workers->count < count) {
		r = pthread_create(&workers->threads[workers->count], NULL, run, workers);
		workers->count += r ? 0 : 1;
	}
	if (r) {
		queue_stop(work);
		(void)workers_join(workers);
		return error_set(error, -r, "threads: %s", strerror(r));
	}
	*ret = workers;
	return 0;
}

struct workers *workers_join(struct workers *workers)
{
	if (!workers)
		return NULL;
	for (size_t i = 0; i < workers->count; i++)
		(void)pthread_join(workers->threads[i], NULL);
	free(workers->threads);
	free(workers);
	return NULL;
}
