/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* One request on its way through brokerd: from the poll loop to a worker, perhaps through the audit, and back. One owner at a time. */
#include <stdint.h>

#include "base/bytes.h"
#include "io/frame.h"

struct queue;
struct recent;
struct recent_decision;

struct exchange {
	struct exchange *next;
	uint64_t link; /* which connection it came from */
	uint32_t id;
	enum frame_type type;
	struct buf payload; /* of the request */
	struct buf answer;  /* payload of the answer frame */
	struct recent_decision *decision; /* shown in `recent` when its record is durable; owned */
	struct recent *recent;
	struct queue *done; /* where it goes when the answer may leave */
};

/* A list between threads. `wake_fd` (an eventfd, or -1) is made readable when something is put in. */
struct queue;

int queue_new(int wake_fd, struct queue **ret) MUST_CHECK;
/* Frees what is still in it. */
struct queue *queue_free(struct queue *queue);
DEFINE_CLEANUP(struct queue *, queue_free)
void queue_put(struct queue *queue, struct exchange *exchange);
/* Waits; NULL after queue_stop() once it is empty. */
struct exchange *queue_wait(struct queue *queue);
/* All that is there, oldest first; NULL when there is none. */
struct exchange *queue_take_all(struct queue *queue);
void queue_stop(struct queue *queue);

struct exchange *exchange_free(struct exchange *exchange);
