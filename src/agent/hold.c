/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/hold.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/crypto.h"
#include "base/log.h"
#include "io/notify.h"

struct hold {
	sd_event *event;
	const struct hold_owner *owner;
	void *context;
	int listen_fd, notify_fd;
	sd_event_source *listener;
	struct held *items; /* owner->most */
	size_t count;
	uint32_t instance, next; /* of names in the store */
	bool updating, update_again;
};

static int on_listener(sd_event_source *source, int fd, uint32_t revents, void *context);

int hold_new(sd_event *event, int listen_fd, int notify_fd, const struct hold_owner *owner, void *context, struct hold **ret)
{
	CLEANUP(hold_freep) struct hold *hold = calloc(1, sizeof(*hold));
	int r;

	if (!hold)
		return -ENOMEM;
	hold->event = sd_event_ref(event);
	hold->owner = owner;
	hold->context = context;
	hold->listen_fd = -1;
	hold->notify_fd = notify_fd;
	hold->items = calloc(owner->most, sizeof(*hold->items));
	if (!hold->items)
		return -ENOMEM;
	for (size_t i = 0; i < owner->most; i++)
		hold->items[i] = (struct held){.hold = hold, .fd = -1};
	r = random_bytes(&hold->instance, sizeof(hold->instance));
	if (!r && listen_fd >= 0)
		r = sd_event_add_io(event, &hold->listener, listen_fd, EPOLLIN, on_listener, hold);
	if (r < 0)
		return r;
	if (hold->listener)
		(void)sd_event_source_set_enabled(hold->listener, SD_EVENT_OFF);
	hold->listen_fd = listen_fd;
	*ret = hold;
	hold = NULL;
	return 0;
}

struct hold *hold_free(struct hold *hold)
{
	if (!hold)
		return NULL;
	for (size_t i = 0; hold->items && i < hold->owner->most; i++) {
		struct held *held = &hold->items[i];

		held->source = sd_event_source_disable_unref(held->source);
		delivery_deinit(&held->delivery);
		if (held->fd >= 0)
			(void)close(held->fd);
	}
	hold->listener = sd_event_source_disable_unref(hold->listener);
	if (hold->listen_fd >= 0)
		(void)close(hold->listen_fd);
	sd_event_unref(hold->event);
	free(hold->items);
	free(hold);
	return NULL;
}

size_t hold_count(const struct hold *hold)
{
	return hold->count;
}

const struct held *hold_next(const struct hold *hold, size_t *at)
{
	while (*at < hold->owner->most) {
		const struct held *held = &hold->items[(*at)++];

		if (held->fd >= 0)
			return held;
	}
	return NULL;
}

void held_drop(struct held *held)
{
	held->source = sd_event_source_disable_unref(held->source);
	delivery_deinit(&held->delivery);
	/* First here, then there: the peer sees the end when both are gone, and after its answer. */
	(void)close(held->fd);
	held->fd = -1;
	held->answering = false;
	held->hold->count--;
	notify_unstore(held->hold->notify_fd, held->name);
}

void held_settle(struct held *held, int r)
{
	if (r != -EAGAIN) {
		held_drop(held);
		return;
	}
	held->answering = true;
	held_watch(held, EPOLLOUT);
}

void held_watch(struct held *held, uint32_t events)
{
	if (held->source)
		(void)sd_event_source_set_io_events(held->source, events);
}

void hold_update(struct hold *hold)
{
	/* Whoever is asked in here may call us back. */
	hold->update_again = true;
	if (hold->updating)
		return;
	hold->updating = true;
	while (hold->update_again) {
		hold->update_again = false;
		for (size_t i = 0; i < hold->owner->most; i++) {
			struct held *held = &hold->items[i];

			if (held->fd >= 0 && !held->answering)
				hold->owner->resolve(hold->context, held);
		}
	}
	hold->updating = false;
	if (hold->listener)
		(void)sd_event_source_set_enabled(hold->listener,
			hold->count < hold->owner->most && hold->owner->wants(hold->context) ? SD_EVENT_ON : SD_EVENT_OFF);
}

static int on_connection(sd_event_source *source, int fd, uint32_t revents, void *context)
{
	struct held *held = context;

	(void)source;
	(void)fd;
	if (held->answering && (revents & EPOLLOUT))
		held_settle(held, delivery_go_on(&held->delivery, held->fd));
	else if (revents & (EPOLLHUP | EPOLLERR))
		held_drop(held); /* it gave up: a start that was stopped or took too long */
	hold_update(held->hold);
	return 0;
}

/* With an event source, so that its end is seen. NULL when all are in use. */
static struct held *add(struct hold *hold, int fd, const char *name)
{
	for (size_t i = 0; i < hold->owner->most; i++) {
		struct held *held = &hold->items[i];
		int r;

		if (held->fd >= 0)
			continue;
		held->fd = fd;
		held->peer = (struct peer_name){.unit = ""};
		(void)snprintf(held->name, sizeof(held->name), "%s", name);
		hold->count++;
		r = sd_event_add_io(hold->event, &held->source, fd, 0, on_connection, held);
		if (r < 0)
			log_error("events of a connection: %s", strerror(-r));
		return held;
	}
	return NULL;
}

static int on_listener(sd_event_source *source, int fd, uint32_t revents, void *context)
{
	struct hold *hold = context;
	char name[HELD_NAME_SIZE];
	struct held *held;
	int accepted, r;

	(void)source;
	(void)revents;
	(void)snprintf(name, sizeof(name), "%s%08x-%u", hold->owner->prefix, hold->instance, hold->next);
	accepted = accept4(fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
	if (accepted < 0)
		return 0;
	/* Nothing comes between: whoever is killed here leaves an empty answer behind. */
	r = notify_store(hold->notify_fd, name, accepted);
	hold->next++;
	if (r)
		log_error("a connection could not be stored: %s", strerror(-r));
	held = add(hold, accepted, name);
	if (!held) { /* the listener is off when all are in use */
		(void)close(accepted);
		return 0;
	}
	hold->owner->taken(hold->context, held, false);
	hold_update(hold);
	return 0;
}

void hold_adopt(struct hold *hold, int fd, const char *name)
{
	struct held *held = add(hold, fd, name);

	if (!held) {
		notify_unstore(hold->notify_fd, name);
		return;
	}
	switch (delivery_mark(fd)) {
	case DELIVERY_UNTOUCHED:
		log_notice("a connection of the process before us is taken over");
		hold->owner->taken(hold->context, held, false);
		return;
	case DELIVERY_DONE:
		(void)shutdown(fd, SHUT_WR);
		held_drop(held);
		return;
	case DELIVERY_BEGUN:
		hold->owner->taken(hold->context, held, true);
		return;
	}
}
