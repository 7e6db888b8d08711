/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/credentials.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "agent/delivery.h"
#include "agent/peer.h"
#include "base/log.h"
#include "io/clock.h"
#include "io/notify.h"
#include "kbs/resource.h"

#define NAME_MAX_SIZE 48

struct connection {
	struct credentials *owner;
	int fd; /* -1: free */
	bool answering; /* an answer has begun, in parts */
	char name[NAME_MAX_SIZE]; /* in the store */
	struct peer_name peer;
	struct delivery delivery;
	sd_event_source *source;
};

/* What became of the requests for one line of Map=. */
struct tally {
	struct agent_map map;
	int64_t served_at, refused_at;
	uint64_t served, version;
	char refusal[ERROR_TEXT_MAX];
};

struct credentials {
	struct core *core;
	struct life *life;
	int listen_fd, notify_fd;
	sd_event_source *listener;
	struct connection connections[CREDENTIALS_MAX];
	size_t count;
	struct tally *tallies;
	size_t tally_count;
	uint32_t instance, next; /* of names in the store */
	bool updating, update_again;
};

static int on_listener(sd_event_source *source, int fd, uint32_t revents, void *context);

int credentials_new(struct core *core, int listen_fd, int notify_fd, struct credentials **ret)
{
	CLEANUP(credentials_freep) struct credentials *credentials = calloc(1, sizeof(*credentials));
	int r;

	if (!credentials)
		return -ENOMEM;
	credentials->core = core;
	credentials->listen_fd = -1;
	credentials->notify_fd = notify_fd;
	for (size_t i = 0; i < CREDENTIALS_MAX; i++) {
		credentials->connections[i].owner = credentials;
		credentials->connections[i].fd = -1;
	}
	r = random_bytes(&credentials->instance, sizeof(credentials->instance));
	if (!r)
		r = credentials_reload(credentials);
	if (!r && listen_fd >= 0)
		r = sd_event_add_io(core->event, &credentials->listener, listen_fd, EPOLLIN, on_listener, credentials);
	if (r < 0)
		return r;
	if (credentials->listener)
		(void)sd_event_source_set_enabled(credentials->listener, SD_EVENT_OFF);
	credentials->listen_fd = listen_fd;
	*ret = credentials;
	credentials = NULL;
	return 0;
}

/* At our end the connections stay in the store: whoever comes next answers them. */
struct credentials *credentials_free(struct credentials *credentials)
{
	if (!credentials)
		return NULL;
	for (size_t i = 0; i < CREDENTIALS_MAX; i++) {
		struct connection *connection = &credentials->connections[i];

		connection->source = sd_event_source_disable_unref(connection->source);
		delivery_deinit(&connection->delivery);
		if (connection->fd >= 0)
			(void)close(connection->fd);
	}
	credentials->listener = sd_event_source_disable_unref(credentials->listener);
	if (credentials->listen_fd >= 0)
		(void)close(credentials->listen_fd);
	free(credentials->tallies);
	free(credentials);
	return NULL;
}

void credentials_set_life(struct credentials *credentials, struct life *life)
{
	credentials->life = life;
}

/* Counts for people */

static struct tally *tally_of(const struct credentials *credentials, const struct peer_name *peer)
{
	for (size_t i = 0; i < credentials->tally_count; i++) {
		struct tally *tally = &credentials->tallies[i];

		if (strcmp(tally->map.unit, peer->unit) == 0 && strcmp(tally->map.id, peer->id) == 0)
			return tally;
	}
	return NULL;
}

int credentials_reload(struct credentials *credentials)
{
	const struct agent_config *config = credentials->core->config;
	struct tally *fresh = config->map_count ? calloc(config->map_count, sizeof(*fresh)) : NULL;

	if (config->map_count && !fresh)
		return -ENOMEM;
	for (size_t i = 0; i < config->map_count; i++) {
		struct peer_name name;
		const struct tally *old;

		memcpy(name.unit, config->maps[i].unit, sizeof(name.unit));
		memcpy(name.id, config->maps[i].id, sizeof(name.id));
		old = tally_of(credentials, &name);
		if (old)
			fresh[i] = *old;
		fresh[i].map = config->maps[i];
	}
	free(credentials->tallies);
	credentials->tallies = fresh;
	credentials->tally_count = config->map_count;
	return 0;
}

void credentials_status(
	const struct credentials *credentials, struct agent_status *status, struct agent_status_credential rows[static AGENT_MAPS_MAX])
{
	for (size_t i = 0; i < credentials->tally_count && i < AGENT_MAPS_MAX; i++) {
		const struct tally *tally = &credentials->tallies[i];

		rows[i] = (struct agent_status_credential){
			.unit = tally->map.unit,
			.id = tally->map.id,
			.resource = tally->map.resource,
			.served_at = tally->served_at,
			.served = tally->served,
			.version = tally->version,
			.refused_at = tally->refused_at,
			.refusal = tally->refusal[0] ? tally->refusal : NULL,
		};
	}
	for (size_t i = 0; i < CREDENTIALS_MAX; i++) {
		const struct connection *connection = &credentials->connections[i];
		const struct tally *tally = connection->fd >= 0 ? tally_of(credentials, &connection->peer) : NULL;

		if (tally && (size_t)(tally - credentials->tallies) < AGENT_MAPS_MAX)
			rows[tally - credentials->tallies].waiting++;
	}
	status->credentials = rows;
	status->credential_count = credentials->tally_count;
	status->counters.waiting = credentials->count;
}

/* The end of a connection */

static void drop(struct connection *connection)
{
	connection->source = sd_event_source_disable_unref(connection->source);
	delivery_deinit(&connection->delivery);
	/* First here, then there: the peer sees the end when both are gone, and after its answer. */
	(void)close(connection->fd);
	connection->fd = -1;
	connection->answering = false;
	connection->owner->count--;
	notify_unstore(connection->owner->notify_fd, connection->name);
}

/* What came of writing: done, more later, gone. */
static void settle(struct connection *connection, int r)
{
	if (r != -EAGAIN) {
		drop(connection);
		return;
	}
	connection->answering = true;
	(void)sd_event_source_set_io_events(connection->source, EPOLLOUT);
}

static void refuse(struct connection *connection, const char *why)
{
	struct credentials *credentials = connection->owner;
	struct tally *tally = tally_of(credentials, &connection->peer);

	log_error("refused %s/%s: %s", connection->peer.unit[0] ? connection->peer.unit : "?", connection->peer.id, why);
	credentials->core->counters.keys_refused++;
	if (tally) {
		tally->refused_at = clock_now();
		(void)snprintf(tally->refusal, sizeof(tally->refusal), "%s", why);
	}
	settle(connection, delivery_refusal(&connection->delivery, connection->fd));
}

static void serve(struct connection *connection, const struct key *key)
{
	struct credentials *credentials = connection->owner;
	struct tally *tally = tally_of(credentials, &connection->peer);
	int r;

	if (key->value->secret.size == 0) {
		refuse(connection, "the key is empty: an empty credential is what a failed request looks like");
		return;
	}
	r = delivery_key(&connection->delivery, connection->fd, key->value);
	if (r && r != -EAGAIN) {
		settle(connection, r);
		return;
	}
	log_notice("served %s/%s: %s, version %llu", connection->peer.unit, connection->peer.id, key->resource,
		(unsigned long long)key->version);
	credentials->core->counters.keys_served++;
	if (tally) {
		tally->served_at = clock_now();
		tally->served++;
		tally->version = key->version;
	}
	settle(connection, r);
}

/* Asks for the key, and answers when there is something to answer. */
static void resolve(struct connection *connection)
{
	struct credentials *credentials = connection->owner;
	const char *resource = agent_config_resource(credentials->core->config, connection->peer.unit, connection->peer.id);
	struct key *key;
	int r;

	if (!resource) {
		refuse(connection, "no line of Map= in agent.conf names it");
		return;
	}
	r = life_want(credentials->life, resource, &key);
	if (r)
		refuse(connection, r == -ENOSPC ? "too many keys" : "out of memory");
	else if (life_is_refused(credentials->life))
		refuse(connection, life_reason(credentials->life));
	else if (!life_is_definite(credentials->life))
		return;
	else if (key->state == KEY_GOOD)
		serve(connection, key);
	else if (key->state == KEY_REFUSED)
		refuse(connection, key->why);
}

void credentials_update(struct credentials *credentials)
{
	if (!credentials->life)
		return;
	/* Whoever is asked in here may call us back. */
	credentials->update_again = true;
	if (credentials->updating)
		return;
	credentials->updating = true;
	while (credentials->update_again) {
		credentials->update_again = false;
		for (size_t i = 0; i < CREDENTIALS_MAX; i++) {
			struct connection *connection = &credentials->connections[i];

			if (connection->fd >= 0 && !connection->answering)
				resolve(connection);
		}
	}
	credentials->updating = false;
	if (credentials->listener)
		(void)sd_event_source_set_enabled(credentials->listener,
			life_is_definite(credentials->life) && credentials->count < CREDENTIALS_MAX ? SD_EVENT_ON : SD_EVENT_OFF);
}

/* The beginning of a connection */

static int on_connection(sd_event_source *source, int fd, uint32_t revents, void *context)
{
	struct connection *connection = context;

	(void)source;
	(void)fd;
	if (connection->answering && (revents & EPOLLOUT))
		settle(connection, delivery_go_on(&connection->delivery, connection->fd));
	else if (revents & (EPOLLHUP | EPOLLERR))
		drop(connection); /* it gave up: a start that was stopped or took too long */
	credentials_update(connection->owner);
	return 0;
}

static struct connection *add(struct credentials *credentials, int fd, const char *name)
{
	for (size_t i = 0; i < CREDENTIALS_MAX; i++) {
		struct connection *connection = &credentials->connections[i];

		if (connection->fd >= 0)
			continue;
		connection->fd = fd;
		connection->peer = (struct peer_name){.unit = ""};
		(void)snprintf(connection->name, sizeof(connection->name), "%s", name);
		credentials->count++;
		return connection;
	}
	return NULL;
}

/* The kernel's word against the peer's, then an event source, so that its end is seen. */
static void identify(struct connection *connection)
{
	struct credentials *credentials = connection->owner;
	struct error error = ERROR_NULL;
	int r = sd_event_add_io(credentials->core->event, &connection->source, connection->fd, 0, on_connection, connection);

	if (r < 0)
		log_error("events of a connection: %s", strerror(-r));
	r = peer_identify(connection->fd, PEER_CREDENTIAL, &connection->peer, &error);
	if (r) {
		credentials->core->counters.peers_refused++;
		refuse(connection, error_text(&error));
	}
}

static int on_listener(sd_event_source *source, int fd, uint32_t revents, void *context)
{
	struct credentials *credentials = context;
	struct connection *connection;
	char name[NAME_MAX_SIZE];
	int accepted, r;

	(void)source;
	(void)revents;
	(void)snprintf(name, sizeof(name), CREDENTIALS_FD_NAME "%08x-%u", credentials->instance, credentials->next);
	accepted = accept4(fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
	if (accepted < 0)
		return 0;
	/* Nothing comes between: whoever is killed here leaves an empty credential behind. */
	r = notify_store(credentials->notify_fd, name, accepted);
	credentials->next++;
	if (r)
		log_error("a connection could not be stored: %s", strerror(-r));
	connection = add(credentials, accepted, name);
	if (!connection) { /* the listener is off when all are in use */
		(void)close(accepted);
		return 0;
	}
	identify(connection);
	credentials_update(credentials);
	return 0;
}

void credentials_adopt(struct credentials *credentials, int fd, const char *name)
{
	struct connection *connection = add(credentials, fd, name);

	if (!connection) {
		notify_unstore(credentials->notify_fd, name);
		return;
	}
	switch (delivery_mark(fd)) {
	case DELIVERY_UNTOUCHED:
		log_notice("a connection of the process before us is taken over");
		identify(connection);
		return;
	case DELIVERY_DONE:
		(void)shutdown(fd, SHUT_WR);
		drop(connection);
		return;
	case DELIVERY_BEGUN:
		(void)!peer_identify(fd, PEER_CREDENTIAL, &connection->peer, NULL); /* for the log */
		(void)!sd_event_add_io(credentials->core->event, &connection->source, fd, 0, on_connection, connection);
		refuse(connection, "the process before us ended in the middle of the answer: start the service again");
		return;
	}
}
