/* SPDX-License-Identifier: Apache-2.0 */
#include "netd/origin.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "io/clock.h"
#include "io/fetch.h"

#define CONNECT_MS 10000

struct worker {
	struct origin *origin;
	struct fetcher *fetcher;
	pthread_t thread;
	pthread_cond_t wake;
	struct job *job; /* NULL: idle */
	bool started;
};

struct origin {
	const struct netd_origin *config;
	struct done *done;
	pthread_mutex_t lock;
	struct buf ca;
	size_t worker_count;
	struct worker workers[ORIGIN_WORKERS_MAX];
	struct job *first; /* waiting for a worker, in order */
	struct job **last;
	bool stopping;
};

/* A NUL-terminated copy of a header, or NULL when there is none. */
static int copy_text(struct bytes text, char **ret)
{
	char *copy = NULL;

	if (text.size) {
		copy = strndup((const char *)text.data, text.size);
		if (!copy)
			return -ENOMEM;
	}
	*ret = copy;
	return 0;
}

static void text_free(char **text)
{
	if (*text)
		explicit_bzero(*text, strlen(*text));
	free(*text);
}

/* curl's own texts hold no control characters; a header of an answer is left out rather than passed on with one. */
static void encode(struct job *job, const struct fetch_response *response)
{
	struct fetch_frame_response answer = {
		.status = (uint16_t)response->status,
		.set_cookie = bytes_of_text(response->set_cookie),
		.content_type = bytes_of_text(response->content_type),
		.retry_after = response->retry_after,
		.reused = response->reused,
		.body = buf_view(&response->body),
	};

	if (fetch_frame_response_encode(&job->answer, &answer))
		job_fail(job, FETCH_E_INTERNAL, "the answer does not fit into a frame");
}

static int ask(struct worker *worker, struct job *job, unsigned timeout_ms, struct error *error)
{
	CLEANUP(fetch_response_deinit) struct fetch_response response = FETCH_RESPONSE_NULL;
	CLEANUP(text_free) char *authorization = NULL;
	CLEANUP(text_free) char *content_type = NULL;
	CLEANUP(text_free) char *cookie = NULL;
	const struct fetch_frame_request *asked = &job->request;
	char url[FETCH_URL_MAX + 1];
	struct fetch_request request = {.method = http_method_text(asked->method), .url = url, .body = asked->body, .timeout_ms = timeout_ms,
		.body_max = asked->answer_max};
	size_t base = strlen(worker->origin->config->url);
	int r;

	if (base + asked->path.size >= sizeof(url))
		return error_set(error, FETCH_E_DENIED, "the URL is too long");
	memcpy(url, worker->origin->config->url, base);
	memcpy(url + base, asked->path.data, asked->path.size);
	url[base + asked->path.size] = '\0';
	r = copy_text(asked->cookie, &cookie);
	if (!r)
		r = copy_text(asked->authorization, &authorization);
	if (!r)
		r = copy_text(asked->content_type, &content_type);
	request.cookie = cookie;
	request.authorization = authorization;
	request.content_type = content_type;
	if (!r)
		r = fetch(worker->fetcher, &request, &response, error);
	if (!r)
		encode(job, &response);
	return r;
}

static void run_job(struct worker *worker, struct job *job)
{
	uint64_t now = clock_monotonic_ms();
	struct error error = ERROR_NULL;
	char text[FETCH_FRAME_ERROR_MAX + 1];
	int r;

	if (now >= job->deadline_ms)
		r = error_set(&error, FETCH_E_TIMEOUT, "%s: no answer in time: requests before this one took all of it", worker->origin->config->url);
	else
		r = ask(worker, job, (unsigned)(job->deadline_ms - now), &error);
	if (!r)
		return;
	text_printable(text, sizeof(text), bytes_of_text(error_text(&error)));
	job_fail(job, r > 0 ? r : FETCH_E_INTERNAL, text);
}

/* With the lock: the next in line, or NULL. */
static struct job *take_next(struct origin *origin)
{
	struct job *job = origin->first;

	if (job) {
		origin->first = job->next;
		if (!origin->first)
			origin->last = &origin->first;
	}
	return job;
}

static void *run(void *context)
{
	struct worker *worker = context;
	struct origin *origin = worker->origin;

	(void)pthread_mutex_lock(&origin->lock);
	while (!origin->stopping) {
		struct job *job = worker->job;

		if (!job) {
			(void)pthread_cond_wait(&worker->wake, &origin->lock);
			continue;
		}
		(void)pthread_mutex_unlock(&origin->lock);
		run_job(worker, job);
		(void)pthread_mutex_lock(&origin->lock);
		worker->job = take_next(origin);
		/* Only now: a client that asks again at once shall find this connection idle. */
		done_put(origin->done, job);
	}
	(void)pthread_mutex_unlock(&origin->lock);
	return NULL;
}

static int start(struct worker *worker)
{
	if (worker->started)
		return 0;
	if (pthread_create(&worker->thread, NULL, run, worker))
		return -EAGAIN;
	worker->started = true;
	return 0;
}

void origin_submit(struct origin *origin, struct job *job)
{
	struct worker *worker = NULL;

	job->next = NULL;
	(void)pthread_mutex_lock(&origin->lock);
	for (size_t i = 0; i < origin->worker_count && !worker; i++)
		if (!origin->workers[i].job && start(&origin->workers[i]) == 0)
			worker = &origin->workers[i];
	if (worker) {
		worker->job = job;
		(void)pthread_cond_signal(&worker->wake);
	} else if (origin->workers[0].started) {
		*origin->last = job;
		origin->last = &job->next;
	}
	(void)pthread_mutex_unlock(&origin->lock);
	if (!worker && !origin->workers[0].started) {
		job_fail(job, FETCH_E_INTERNAL, "no thread could be started");
		done_put(origin->done, job);
	}
}

void origin_forget(struct origin *origin, uint64_t link)
{
	struct job **at = &origin->first;

	(void)pthread_mutex_lock(&origin->lock);
	while (*at) {
		struct job *job = *at;

		if (job->link != link) {
			at = &job->next;
			continue;
		}
		*at = job->next;
		(void)job_free(job);
	}
	origin->last = at;
	(void)pthread_mutex_unlock(&origin->lock);
}

bool origin_busy(struct origin *origin)
{
	bool busy = false;

	(void)pthread_mutex_lock(&origin->lock);
	for (size_t i = 0; i < origin->worker_count; i++)
		busy = busy || origin->workers[i].job;
	(void)pthread_mutex_unlock(&origin->lock);
	return busy;
}

int origin_new(const struct netd_origin *config, struct done *done, struct origin **ret, struct error *error)
{
	static const size_t connections[] = {[ORIGIN_BROKER] = ORIGIN_WORKERS_MAX, [ORIGIN_KDS] = 2, [ORIGIN_IMDS] = 1};
	struct fetch_config fetch_config = {
		.allow_http = !rules_is_https(config->url),
		.connect_timeout_ms = CONNECT_MS,
		.header = config->kind == ORIGIN_IMDS ? "Metadata: true" : NULL,
	};
	struct origin *origin = calloc(1, sizeof(*origin));
	int r = 0;

	if (!origin)
		return error_set(error, -ENOMEM, "no memory");
	origin->config = config;
	origin->done = done;
	origin->last = &origin->first;
	(void)pthread_mutex_init(&origin->lock, NULL);
	if (config->ca)
		r = fetch_read_ca(config->ca, &origin->ca, error);
	fetch_config.ca_pem = buf_view(&origin->ca);
	origin->worker_count = r ? 0 : connections[config->kind];
	for (size_t i = 0; i < origin->worker_count && !r; i++) {
		origin->workers[i].origin = origin;
		(void)pthread_cond_init(&origin->workers[i].wake, NULL);
		r = fetch_new(&fetch_config, &origin->workers[i].fetcher, error);
	}
	if (r) {
		error_prefix(error, "%s", config->name);
		(void)origin_free(origin);
		return r;
	}
	*ret = origin;
	return 0;
}

struct origin *origin_free(struct origin *origin)
{
	if (!origin)
		return NULL;
	(void)pthread_mutex_lock(&origin->lock);
	origin->stopping = true;
	for (size_t i = 0; i < origin->worker_count; i++)
		(void)pthread_cond_signal(&origin->workers[i].wake);
	(void)pthread_mutex_unlock(&origin->lock);
	for (size_t i = 0; i < origin->worker_count; i++) {
		struct worker *worker = &origin->workers[i];

		if (worker->started)
			(void)pthread_join(worker->thread, NULL);
		(void)fetch_free(worker->fetcher);
		(void)job_free(worker->job);
	}
	while (origin->first) {
		struct job *job = origin->first;

		origin->first = job->next;
		(void)job_free(job);
	}
	buf_deinit(&origin->ca);
	(void)pthread_mutex_destroy(&origin->lock);
	free(origin);
	return NULL;
}
