/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * An origin and the threads that ask it. Each thread keeps one connection alive; the lowest idle one is taken, so that requests one after
 * another go over one connection, and a request that the origin holds back holds up no other. Threads are made when they are needed first.
 * Origins know nothing of each other: a slow one slows down nobody.
 */
#include <stdint.h>

#include "base/bytes.h"
#include "base/compiler.h"
#include "base/error.h"
#include "netd/config.h"

#define ORIGIN_WORKERS_MAX 4 /* connections to one origin */

/* One request on its way through. */
struct job {
	struct job *next;
	uint64_t link; /* which client, and its request: serve.c's business */
	uint32_t id;
	struct buf payload; /* the request frame's */
	struct fetch_frame_request request; /* views into it */
	uint64_t deadline_ms; /* clock_monotonic_ms() */
	struct buf answer; /* the response frame's payload; empty: no memory */
};

struct job *job_free(struct job *job);
DEFINE_CLEANUP(struct job *, job_free)

/* Finished jobs, from any thread to the one that polls `fd`. */
struct done;
int done_new(struct done **ret) MUST_CHECK;
struct done *done_free(struct done *done); /* and what is still in it */
int done_fd(const struct done *done);
struct job *done_take_all(struct done *done); /* a list; the caller's */
void done_put(struct done *done, struct job *job);

struct origin;

/* Reads the CA. `config` and `done` outlive it. */
int origin_new(const struct netd_origin *config, struct done *done, struct origin **ret, struct error *error) MUST_CHECK;
/* Joins its threads, which first finish what they do. */
struct origin *origin_free(struct origin *origin);

/* Takes the job; it comes back through `done`, answered in any case. */
void origin_submit(struct origin *origin, struct job *job);
/* Throws away what still waits for a thread and was asked by this client: it has gone. */
void origin_forget(struct origin *origin, uint64_t link);
/* Is a thread at work? */
bool origin_busy(struct origin *origin);

/* Writes the answer of a request that was not asked. */
void job_fail(struct job *job, int outcome, const char *text);
