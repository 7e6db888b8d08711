/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/disks.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "agent/disk_check.h"
#include "agent/hold.h"
#include "agent/peer.h"
#include "base/log.h"
#include "io/clock.h"
#include "io/frame.h"
#include "io/luks_frame.h"
#include "luks/choose.h"

#define CHECK_ATTESTED "disk.attested"
#define CHECK_RELEASED "disk.released"
#define CHECK_PEER "disk.peer"
#define CHECK_ANSWER "disk.answer"
#define REQUEST_MAX (FRAME_HEADER_SIZE + VOLUME_NAME_MAX)

enum { RELEASE_WAITS = 2 }; /* beside DISK_E_REFUSED */

/* What is known of one volume, for people. */
struct volume {
	char name[VOLUME_NAME_MAX + 1];
	char resource[KBS_RESOURCE_MAX + 1];
	enum agent_disk_state state;
	int64_t checked_at, given_at, refused_at;
	uint64_t given, version;
	struct disk_refusal refusal;
};

struct disks {
	struct core *core;
	struct life *life;
	struct hold *luks, *cryptsetup;
	struct volume *volumes;
	size_t count;
};

static const struct hold_owner luks_owner, cryptsetup_owner;

int disks_new(struct core *core, int luks_fd, int cryptsetup_fd, int notify_fd, struct disks **ret)
{
	CLEANUP(disks_freep) struct disks *disks = calloc(1, sizeof(*disks));
	int r;

	if (!disks)
		return -ENOMEM;
	disks->core = core;
	r = disks_reload(disks);
	if (!r)
		r = hold_new(core->event, luks_fd, notify_fd, &luks_owner, disks, &disks->luks);
	if (!r)
		r = hold_new(core->event, cryptsetup_fd, notify_fd, &cryptsetup_owner, disks, &disks->cryptsetup);
	if (r)
		return r;
	*ret = disks;
	disks = NULL;
	return 0;
}

struct disks *disks_free(struct disks *disks)
{
	if (!disks)
		return NULL;
	disks->luks = hold_free(disks->luks);
	disks->cryptsetup = hold_free(disks->cryptsetup);
	free(disks->volumes);
	free(disks);
	return NULL;
}

void disks_set_life(struct disks *disks, struct life *life)
{
	disks->life = life;
}

/* Counts for people */

static struct volume *volume_of(const struct disks *disks, const char *name)
{
	for (size_t i = 0; i < disks->count; i++) {
		if (strcmp(disks->volumes[i].name, name) == 0)
			return &disks->volumes[i];
	}
	return NULL;
}

static void fill_row(const struct disks *disks, struct volume *to, const char *name)
{
	CLEANUP(volume_conf_deinit) struct volume_conf conf = VOLUME_CONF_NULL;
	const struct volume *old = volume_of(disks, name);
	struct error error = ERROR_NULL;

	if (old)
		*to = *old;
	(void)snprintf(to->name, sizeof(to->name), "%s", name);
	if (volume_conf_read(disks->core->config->settings.volumes, name, &conf, &error))
		log_error("volume %s: %s", name, error_text(&error));
	else
		(void)snprintf(to->resource, sizeof(to->resource), "%s", conf.resource);
}

int disks_reload(struct disks *disks)
{
	CLEANUP(volume_conf_list_deinit) struct config_list names = {NULL, 0};
	struct error error = ERROR_NULL;
	struct volume *fresh;

	if (volume_conf_list(disks->core->config->settings.volumes, &names, &error))
		log_error("volumes: %s", error_text(&error));
	fresh = calloc(names.count + 1, sizeof(*fresh));
	if (!fresh)
		return -ENOMEM;
	for (size_t i = 0; i < names.count; i++)
		fill_row(disks, &fresh[i], names.items[i]);
	free(disks->volumes);
	disks->volumes = fresh;
	disks->count = names.count;
	return 0;
}

/* A volume that was enrolled since the last look has a row from its first request on. */
static struct volume *row_of(struct disks *disks, const char *name)
{
	struct volume *volume = volume_of(disks, name);

	if (volume || disks_reload(disks))
		return volume;
	return volume_of(disks, name);
}

static uint64_t waiting(const struct hold *hold, const char *name)
{
	const struct held *held;
	uint64_t count = 0;
	size_t at = 0;

	while ((held = hold_next(hold, &at)))
		count += strcmp(held->peer.id, name) == 0;
	return count;
}

void disks_status(const struct disks *disks, struct agent_status *status, struct agent_status_credential *rows, size_t *count)
{
	for (size_t i = 0; i < disks->count && i < DISKS_ROWS_MAX; i++) {
		const struct volume *volume = &disks->volumes[i];
		bool refused = volume->refusal.check[0] != 0;

		rows[(*count)++] = (struct agent_status_credential){
			.disk = true,
			.id = volume->name,
			.resource = volume->resource,
			.disk_state = volume->state,
			.checked_at = volume->checked_at,
			.served_at = volume->given_at,
			.served = volume->given,
			.version = volume->version,
			.refused_at = volume->refused_at,
			.refusal = refused ? volume->refusal.why : NULL,
			.check = refused ? volume->refusal.check : NULL,
			.fix = volume->refusal.fix[0] ? volume->refusal.fix : NULL,
			.waiting = waiting(disks->luks, volume->name) + waiting(disks->cryptsetup, volume->name),
		};
	}
	status->counters.waiting += hold_count(disks->luks) + hold_count(disks->cryptsetup);
}

/* Whoever is not who he says he is changes nothing about the volume that he names. */
static void note_refusal(struct disks *disks, const char *name, bool genuine, const struct disk_refusal *refusal)
{
	struct volume *volume = genuine ? row_of(disks, name) : NULL;

	log_error("refused volume %s: %s: %s%s%s", name[0] ? name : "?", refusal->check, refusal->why, refusal->fix[0] ? "; what to do: " : "", refusal->fix);
	disks->core->counters.keys_refused++;
	if (!volume)
		return;
	volume->state = AGENT_DISK_REFUSED;
	volume->refused_at = clock_now();
	volume->refusal = *refusal;
}

static void note_good(struct disks *disks, const char *name, enum agent_disk_state state, uint64_t version)
{
	struct volume *volume = row_of(disks, name);

	if (!volume)
		return;
	volume->state = state;
	volume->version = version;
	volume->refusal = (struct disk_refusal){.check = ""};
	volume->refused_at = 0;
	if (state == AGENT_DISK_GIVEN) {
		volume->given_at = clock_now();
		volume->given++;
	} else {
		volume->checked_at = clock_now();
	}
}

/* What both sockets do */

/* 0 and the key, which is good; DISK_E_REFUSED; RELEASE_WAITS. `fresh`: what the broker said before does not count, it may list other headers by now. */
static int release(struct disks *disks, const char *name, bool fresh, struct volume_conf *conf, const struct key **ret, struct disk_refusal *refusal)
{
	char resource[KBS_RESOURCE_MAX + 1];
	struct life *life = disks->life;
	struct key *key;
	int r = disk_configured(disks->core->config, name, conf, resource, refusal);

	if (r)
		return r;
	if (fresh)
		life_forget(life, resource);
	r = life_want(life, resource, &key);
	if (r)
		return disk_refuse(refusal, CHECK_RELEASED, NULL, "%s", r == -ENOSPC ? "too many keys" : "out of memory");
	key->brief = true;
	if (life_is_refused(life))
		return disk_refuse(refusal, CHECK_ATTESTED, life_fix(life), "%s", life_reason(life));
	if (!life_is_definite(life))
		return RELEASE_WAITS;
	if (key->state == KEY_REFUSED)
		return disk_refuse(refusal, CHECK_RELEASED, "check Resource= of the volume's file, its grant at the broker and BrokerKey=", "%s", key->why);
	if (key->state != KEY_GOOD)
		return RELEASE_WAITS;
	*ret = key;
	return 0;
}

/* luks.sock */

/* The request, which stays in the socket. 0; -EAGAIN: not all of it is there; -EPROTO: it is none, or its sender has gone. */
static int peek_request(int fd, struct frame_header *ret_header, char ret_name[static VOLUME_NAME_MAX + 1])
{
	uint8_t data[REQUEST_MAX];
	ssize_t size = recv(fd, data, sizeof(data), MSG_PEEK | MSG_DONTWAIT);
	struct frame_header header;
	int r;

	if (size < 0 && (errno == EAGAIN || errno == EINTR))
		return -EAGAIN;
	if (size <= 0)
		return -EPROTO;
	r = frame_header_decode(bytes_of(data, (size_t)size), FRAME_SET_LUKS_SERVER, &header);
	if (r)
		return r == FRAME_E_SHORT ? -EAGAIN : -EPROTO;
	if ((size_t)size < FRAME_HEADER_SIZE + header.size)
		return -EAGAIN;
	if (luks_frame_request_decode(bytes_of(data + FRAME_HEADER_SIZE, header.size), ret_name))
		return -EPROTO;
	*ret_header = header;
	return 0;
}

/*
 * Sent first and taken out of the socket afterwards: whoever is killed between the two leaves a request that is answered twice, and its sender reads the
 * first. The answer is small: what does not take it at once reads nothing.
 */
static void answer(struct held *held, const struct frame_header *request, struct bytes payload)
{
	CLEANUP(buf_deinit) struct buf frame = BUF_NULL;
	uint8_t data[REQUEST_MAX];

	if (frame_encode(&frame, FRAME_LUKS_RESPONSE, request->id, payload) || send(held->fd, frame.data, frame.size, MSG_NOSIGNAL | MSG_DONTWAIT) != (ssize_t)frame.size)
		log_error("luks.sock: an answer could not be sent");
	(void)!recv(held->fd, data, FRAME_HEADER_SIZE + request->size, MSG_DONTWAIT);
	held_drop(held);
}

static void refuse_luks(struct disks *disks, struct held *held, const struct frame_header *request, const char *name, const struct disk_refusal *refusal)
{
	CLEANUP(buf_deinit) struct buf payload = BUF_NULL;

	note_refusal(disks, name, true, refusal);
	if (luks_frame_refusal_encode(&payload, refusal->check, refusal->why, refusal->fix[0] ? refusal->fix : NULL))
		held_drop(held);
	else
		answer(held, request, buf_view(&payload));
}

static void resolve_luks(void *context, struct held *held)
{
	CLEANUP(volume_conf_deinit) struct volume_conf conf = VOLUME_CONF_NULL;
	CLEANUP(buf_deinit) struct buf payload = BUF_NULL;
	struct luks_frame_response open = {.verdict = LUKS_FRAME_OPEN};
	struct disk_refusal refusal = {.check = ""};
	struct disks *disks = context;
	char name[VOLUME_NAME_MAX + 1];
	struct frame_header request;
	const struct key *key;
	enum luks_copy copy;
	int r = peek_request(held->fd, &request, name);

	if (r == -EAGAIN)
		return;
	if (r) {
		log_error("luks.sock: not a request: the connection is closed");
		held_drop(held);
		return;
	}
	r = release(disks, name, !held->peer.id[0], &conf, &key, &refusal);
	if (r == RELEASE_WAITS) { /* its name is short enough by now */
		(void)snprintf(held->peer.id, sizeof(held->peer.id), "%.*s", PEER_VOLUME_MAX, name);
		return;
	}
	if (!r)
		r = disk_judge(disks->core->config, name, &conf, secret_view(&key->value->secret), false, NULL, &copy, &refusal);
	if (r) {
		refuse_luks(disks, held, &request, name, &refusal);
		return;
	}
	open.copy = copy == LUKS_SECONDARY ? LUKS_FRAME_SECONDARY : LUKS_FRAME_PRIMARY;
	log_notice("volume %s: the %s header is the one that the broker lists with %s, version %llu", name, luks_copy_name(copy), key->resource,
		(unsigned long long)key->version);
	note_good(disks, name, AGENT_DISK_CHECKED, key->version);
	if (luks_frame_response_encode(&payload, &open))
		held_drop(held);
	else
		answer(held, &request, buf_view(&payload));
}

/* Nothing secret goes out here, so it is enough that root asks: by hand, in an initrd and from its unit alike. */
static void taken_luks(void *context, struct held *held, bool begun)
{
	struct disks *disks = context;
	struct error error = ERROR_NULL;

	(void)begun;
	if (peer_is_root(held->fd, &error)) {
		disks->core->counters.peers_refused++;
		log_error("luks.sock: %s", error_text(&error));
		held_drop(held);
		return;
	}
	/* At each arrival: half a request must not keep the loop busy. */
	held_watch(held, EPOLLIN | EPOLLET);
}

/* Some refusals need no broker, and all that wait are found again. */
static bool wants_luks(void *context)
{
	(void)context;
	return true;
}

static const struct hold_owner luks_owner = {DISKS_LUKS_FD_NAME, DISKS_CONNECTIONS_MAX, taken_luks, resolve_luks, wants_luks};

/* cryptsetup.sock */

static void refuse_cryptsetup(struct disks *disks, struct held *held, bool genuine, const struct disk_refusal *refusal)
{
	note_refusal(disks, held->peer.id, genuine, refusal);
	held_settle(held, delivery_refusal(&held->delivery, held->fd, DELIVERY_DISK_REFUSAL));
}

/* The key is in `key`, and from here on with the peer alone. */
static void give(struct disks *disks, struct held *held, const struct key *from, struct secret *key)
{
	char resource[KBS_RESOURCE_MAX + 1];
	struct key_value *value;
	int r = key_value_new(key, &value);

	if (r) {
		held_settle(held, r);
		return;
	}
	(void)snprintf(resource, sizeof(resource), "%s", from->resource);
	r = delivery_key(&held->delivery, held->fd, value);
	(void)key_value_unref(value);
	if (!r || r == -EAGAIN) {
		log_notice("gave the key of volume %s: %s, version %llu", held->peer.id, resource, (unsigned long long)from->version);
		disks->core->counters.keys_served++;
		note_good(disks, held->peer.id, AGENT_DISK_GIVEN, from->version);
		life_forget(disks->life, resource);
	}
	held_settle(held, r);
}

static void resolve_cryptsetup(void *context, struct held *held)
{
	CLEANUP(volume_conf_deinit) struct volume_conf conf = VOLUME_CONF_NULL;
	CLEANUP(secret_deinit) struct secret secret = SECRET_NULL;
	struct disk_refusal refusal = {.check = ""};
	struct disks *disks = context;
	const struct key *key;
	enum luks_copy copy;
	int r = release(disks, held->peer.id, false, &conf, &key, &refusal);

	if (r == RELEASE_WAITS)
		return;
	if (!r)
		r = disk_judge(disks->core->config, held->peer.id, &conf, secret_view(&key->value->secret), true, &secret, &copy, &refusal);
	if (r)
		refuse_cryptsetup(disks, held, true, &refusal);
	else
		give(disks, held, key, &secret);
}

static void taken_cryptsetup(void *context, struct held *held, bool begun)
{
	struct disks *disks = context;
	struct disk_refusal refusal = {.check = ""};
	struct error error = ERROR_NULL;
	int r = peer_identify(held->fd, PEER_VOLUME, &held->peer, &error);

	if (r) {
		disks->core->counters.peers_refused++;
		(void)disk_refuse(&refusal, CHECK_PEER, NULL, "%s", error_text(&error));
		refuse_cryptsetup(disks, held, false, &refusal);
	} else if (begun) {
		(void)disk_refuse(&refusal, CHECK_ANSWER, "start the volume's mount again", "the process before us ended in the middle of the answer");
		refuse_cryptsetup(disks, held, true, &refusal);
	}
}

static bool wants_cryptsetup(void *context)
{
	const struct disks *disks = context;

	return life_is_definite(disks->life);
}

static const struct hold_owner cryptsetup_owner = {
	DISKS_CRYPTSETUP_FD_NAME, DISKS_CONNECTIONS_MAX, taken_cryptsetup, resolve_cryptsetup, wants_cryptsetup};

void disks_adopt_luks(struct disks *disks, int fd, const char *name)
{
	hold_adopt(disks->luks, fd, name);
}

void disks_adopt_cryptsetup(struct disks *disks, int fd, const char *name)
{
	hold_adopt(disks->cryptsetup, fd, name);
}

void disks_update(struct disks *disks)
{
	if (!disks->life)
		return;
	hold_update(disks->luks);
	hold_update(disks->cryptsetup);
}
