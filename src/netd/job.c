/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "netd/origin.h"

struct done {
	pthread_mutex_t lock;
	struct job *first;
	int fd;
};

struct job *job_free(struct job *job)
{
	if (job) {
		buf_deinit(&job->payload);
		buf_deinit(&job->answer);
		free(job);
	}
	return NULL;
}

void job_fail(struct job *job, int outcome, const char *text)
{
	struct fetch_frame_response response = {.outcome = (uint8_t)outcome, .error_text = bytes_of_text(text)};

	if (response.error_text.size > FETCH_FRAME_ERROR_MAX)
		response.error_text.size = FETCH_FRAME_ERROR_MAX;
	buf_deinit(&job->answer);
	if (fetch_frame_response_encode(&job->answer, &response))
		buf_deinit(&job->answer);
}

int done_new(struct done **ret)
{
	struct done *done = calloc(1, sizeof(*done));

	if (!done)
		return -ENOMEM;
	done->fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (done->fd < 0) {
		int r = -errno;

		free(done);
		return r;
	}
	(void)pthread_mutex_init(&done->lock, NULL);
	*ret = done;
	return 0;
}

struct done *done_free(struct done *done)
{
	if (!done)
		return NULL;
	while (done->first) {
		struct job *job = done->first;

		done->first = job->next;
		(void)job_free(job);
	}
	(void)close(done->fd);
	(void)pthread_mutex_destroy(&done->lock);
	free(done);
	return NULL;
}

int done_fd(const struct done *done)
{
	return done->fd;
}

void done_put(struct done *done, struct job *job)
{
	uint64_t one = 1;

	(void)pthread_mutex_lock(&done->lock);
	job->next = done->first;
	done->first = job;
	(void)pthread_mutex_unlock(&done->lock);
	(void)!write(done->fd, &one, sizeof(one)); /* full: awake anyway */
}

struct job *done_take_all(struct done *done)
{
	struct job *jobs;
	uint64_t count;

	(void)!read(done->fd, &count, sizeof(count));
	(void)pthread_mutex_lock(&done->lock);
	jobs = done->first;
	done->first = NULL;
	(void)pthread_mutex_unlock(&done->lock);
	return jobs;
}
