/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * Connections of one listening socket whose answer may take long. They are taken while their owner wants them; until then they wait in the
 * socket, which outlives us. One that is taken goes into the service manager's store before anything else: whoever is killed here leaves it to
 * the next process, which finds it by its name. Who the peer is and what it gets are the owner's (credentials.h, disks.h).
 */
#include <stdbool.h>
#include <stddef.h>
#include <systemd/sd-event.h>

#include "agent/delivery.h"
#include "agent/peer_name.h"

#define HELD_NAME_SIZE 48

struct hold;

struct held {
	struct hold *hold;
	int fd;         /* -1: free */
	bool answering; /* an answer has begun, in parts */
	char name[HELD_NAME_SIZE]; /* in the store */
	struct peer_name peer;     /* the owner's */
	struct delivery delivery;
	sd_event_source *source;
};

struct hold_owner {
	const char *prefix; /* of names in the store: the next process knows by it whose they are */
	size_t most;        /* connections at a time */
	/* Once for each: says who it is in held->peer, or answers. `begun`: a process before us had begun an answer, which nobody can go on with. */
	void (*taken)(void *context, struct held *held, bool begun);
	/* Something has changed: answers when there is something to answer. */
	void (*resolve)(void *context, struct held *held);
	/* May connections be taken now? */
	bool (*wants)(void *context);
};

/* Takes over `listen_fd` (-1: none). `owner` must live as long. 0, -ENOMEM, -errno. */
int hold_new(sd_event *event, int listen_fd, int notify_fd, const struct hold_owner *owner, void *context, struct hold **ret) MUST_CHECK;
/* The connections stay in the store: whoever comes next answers them. */
struct hold *hold_free(struct hold *hold);
DEFINE_CLEANUP(struct hold *, hold_free)

/* A connection that an earlier process had taken: inherited under this name. */
void hold_adopt(struct hold *hold, int fd, const char *name);
/* Looks at all who wait, and at whether more are wanted. The owner may call it from everywhere. */
void hold_update(struct hold *hold);
size_t hold_count(const struct hold *hold);
/* The next one from *at on, which is 0 at the begin; NULL at the end. */
const struct held *hold_next(const struct hold *hold, size_t *at);

/* What came of writing an answer: 0 done, -EAGAIN goes on when the peer has read, else it is gone. */
void held_settle(struct held *held, int r);
/* Ends it. The peer sees the end, after what was sent. */
void held_drop(struct held *held);
/* Wakes resolve() for these too, besides the peer's end. */
void held_watch(struct held *held, uint32_t events);
