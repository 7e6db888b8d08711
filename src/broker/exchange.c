/* SPDX-License-Identifier: Apache-2.0 */
#include "broker/exchange.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <unistd.h>

struct queue {
	pthread_mutex_t lock;
	pthread_cond_t wake;
	struct exchange *first;
	struct exchange **last;
	int wake_fd;
	bool stop;
};

struct exchange *exchange_free(struct exchange *exchange)
{
	if (exchange) {
		buf_deinit(&exchange->payload);
		buf_deinit(&exchange->answer);
		free(exchange->decision);
		free(exchange);
	}
	return NULL;
}

int queue_new(int wake_fd, struct queue **ret)
{
	struct queue *queue = calloc(1, sizeof(*queue));

	if (!queue)
		return -ENOMEM;
	(void)pthread_mutex_init(&queue->lock, NULL);
	(void)pthread_cond_init(&queue->wake, NULL);
	queue->last = &queue->first;
	queue->wake_fd = wake_fd;
	*ret = queue;
	return 0;
}

struct queue *queue_free(struct queue *queue)
{
	if (!queue)
		return NULL;
	while (queue->first) {
		struct exchange *next = queue->first->next;

		(void)exchange_free(queue->first);
		queue->first = next;
	}
	(void)pthread_mutex_destroy(&queue->lock);
	(void)pthread_cond_destroy(&queue->wake);
	free(queue);
	return NULL;
}

void queue_put(struct queue *queue, struct exchange *exchange)
{
	static const uint64_t one = 1;
	bool was_empty;

	exchange->next = NULL;
	(void)pthread_mutex_lock(&queue->lock);
	was_empty = !queue->first;
	*queue->last = exchange;
	queue->last = &exchange->next;
	(void)pthread_cond_signal(&queue->wake);
	(void)pthread_mutex_unlock(&queue->lock);
	/* An eventfd that is full is readable already. */
	if (was_empty && queue->wake_fd >= 0 && write(queue->wake_fd, &one, sizeof(one)) < 0)
		return;
}

struct exchange *queue_wait(struct queue *queue)
{
	struct exchange *exchange;

	(void)pthread_mutex_lock(&queue->lock);
	while (!queue->first && !queue->stop)
		(void)pthread_cond_wait(&queue->wake, &queue->lock);
	exchange = queue->first;
	if (exchange) {
		queue->first = exchange->next;
		if (!queue->first)
			queue->last = &queue->first;
		exchange->next = NULL;
	}
	(void)pthread_mutex_unlock(&queue->lock);
	return exchange;
}

struct exchange *queue_take_all(struct queue *queue)
{
	struct exchange *all;

	(void)pthread_mutex_lock(&queue->lock);
	all = queue->first;
	queue->first = NULL;
	queue->last = &queue->first;
	(void)pthread_mutex_unlock(&queue->lock);
	return all;
}

void queue_stop(struct queue *queue)
{
	(void)pthread_mutex_lock(&queue->lock);
	queue->stop = true;
	(void)pthread_cond_broadcast(&queue->wake);
	(void)pthread_mutex_unlock(&queue->lock);
}
