/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/credentials.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "agent/emergency.h"
#include "agent/hold.h"
#include "agent/peer.h"
#include "base/log.h"
#include "io/clock.h"
#include "kbs/resource.h"

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
	struct hold *hold;
	struct tally *tallies;
	size_t tally_count;
};

static const struct hold_owner owner;

int credentials_new(struct core *core, int listen_fd, int notify_fd, struct credentials **ret)
{
	CLEANUP(credentials_freep) struct credentials *credentials = calloc(1, sizeof(*credentials));
	int r;

	if (!credentials)
		return -ENOMEM;
	credentials->core = core;
	r = credentials_reload(credentials);
	if (!r)
		r = hold_new(core->event, listen_fd, notify_fd, &owner, credentials, &credentials->hold);
	if (r)
		return r;
	*ret = credentials;
	credentials = NULL;
	return 0;
}

struct credentials *credentials_free(struct credentials *credentials)
{
	if (!credentials)
		return NULL;
	credentials->hold = hold_free(credentials->hold);
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

void credentials_status(const struct credentials *credentials, struct agent_status *status, struct agent_status_credential *rows, size_t *count)
{
	const size_t first = *count;
	const struct held *held;
	size_t at = 0;

	for (size_t i = 0; i < credentials->tally_count; i++) {
		const struct tally *tally = &credentials->tallies[i];

		rows[(*count)++] = (struct agent_status_credential){
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
	while ((held = hold_next(credentials->hold, &at))) {
		const struct tally *tally = tally_of(credentials, &held->peer);

		if (tally)
			rows[first + (size_t)(tally - credentials->tallies)].waiting++;
	}
	status->counters.waiting += hold_count(credentials->hold);
}

/* Answers */

static void refuse(struct credentials *credentials, struct held *held, const char *why)
{
	struct tally *tally = tally_of(credentials, &held->peer);

	log_error("refused %s/%s: %s", held->peer.unit[0] ? held->peer.unit : "?", held->peer.id, why);
	credentials->core->counters.keys_refused++;
	if (tally) {
		tally->refused_at = clock_now();
		(void)snprintf(tally->refusal, sizeof(tally->refusal), "%s", why);
	}
	held_settle(held, delivery_refusal(&held->delivery, held->fd, DELIVERY_CREDENTIAL_REFUSAL));
}

static void serve(struct credentials *credentials, struct held *held, const struct key *key)
{
	struct tally *tally = tally_of(credentials, &held->peer);
	int r;

	if (key->value->secret.size == 0) {
		refuse(credentials, held, "the key is empty: an empty credential is what a failed request looks like");
		return;
	}
	r = delivery_key(&held->delivery, held->fd, key->value);
	if (r && r != -EAGAIN) {
		held_settle(held, r);
		return;
	}
	log_notice("served %s/%s: %s, version %llu", held->peer.unit, held->peer.id, key->resource, (unsigned long long)key->version);
	credentials->core->counters.keys_served++;
	if (tally) {
		tally->served_at = clock_now();
		tally->served++;
		tally->version = key->version;
		tally->refusal[0] = '\0';
		tally->refused_at = 0;
	}
	held_settle(held, r);
}

/* Asks for the key, and answers when there is something to answer. */
static void resolve(void *context, struct held *held)
{
	struct credentials *credentials = context;
	const char *resource = agent_config_resource(credentials->core->config, held->peer.unit, held->peer.id);
	struct key *key;
	int r;

	if (!resource) {
		refuse(credentials, held, "no line of Map= in agent.conf names it");
		return;
	}
	r = life_want(credentials->life, resource, &key);
	if (r)
		refuse(credentials, held, r == -ENOSPC ? "too many keys" : "out of memory");
	else if (life_is_refused(credentials->life))
		refuse(credentials, held, life_reason(credentials->life));
	else if (!life_is_definite(credentials->life))
		return;
	else if (key->state == KEY_GOOD && emergency_mode(credentials->core->config->settings.control_groups))
		refuse(credentials, held, "the system is in emergency or rescue mode");
	else if (key->state == KEY_GOOD)
		serve(credentials, held, key);
	else if (key->state == KEY_REFUSED)
		refuse(credentials, held, key->why);
}

/* The kernel's word against the peer's. */
static void taken(void *context, struct held *held, bool begun)
{
	struct credentials *credentials = context;
	struct error error = ERROR_NULL;
	int r = peer_identify(held->fd, PEER_CREDENTIAL, &held->peer, &error);

	if (r) {
		credentials->core->counters.peers_refused++;
		refuse(credentials, held, error_text(&error));
	} else if (begun) {
		refuse(credentials, held, "the process before us ended in the middle of the answer: start the service again");
	}
}

static bool wants(void *context)
{
	const struct credentials *credentials = context;

	return life_is_definite(credentials->life);
}

static const struct hold_owner owner = {CREDENTIALS_FD_NAME, CREDENTIALS_MAX, taken, resolve, wants};

void credentials_update(struct credentials *credentials)
{
	if (credentials->life)
		hold_update(credentials->hold);
}

void credentials_adopt(struct credentials *credentials, int fd, const char *name)
{
	hold_adopt(credentials->hold, fd, name);
}
