/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/life.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "agent/refusal.h"
#include "base/log.h"
#include "io/clock.h"

#define NEXT_BROKER_MS 1000      /* the next broker is started beside one that is silent (DESIGN, issue 4) */
#define REFUSED_FRESH_MS 10000   /* who asks within this time after a refusal gets it again: the firmware throttles */
#define VALID_INTERVALS 2        /* a proof counts for twice Reattest=: one failed attempt harms nobody */
#define SHIFT_MAX 16

struct life {
	struct core *core;
	life_changed *changed;
	void *context;
	struct broker *brokers[AGENT_BROKERS_MAX];
	unsigned order[AGENT_BROKERS_MAX]; /* the last good one first */
	unsigned count;
	struct keys keys;

	enum agent_state state;
	int64_t since, attested_until, next_attempt;
	char reason[ERROR_TEXT_MAX];
	enum broker_class reason_class;
	bool want_handshake;
	unsigned failures;   /* attempts in a row without success */
	uint64_t tried_ms;   /* end of the last attempt */

	bool racing;
	struct key *key; /* of the race; NULL: only a handshake */
	unsigned started, running;
	uint64_t race_ms;
	bool noted;
	enum broker_class noted_class;
	bool noted_handshake;
	unsigned noted_retry_after;
	char noted_why[ERROR_TEXT_MAX];

	sd_event_source *next_timer, *retry_timer, *reattest_timer, *expiry_timer;
};

/*
 * Which of two failures of one attempt counts: the more definite. How long to wait before the next, doubled each time up to a most: to ask a
 * network that is not up yet costs nothing, a report costs the firmware's patience.
 */
static const struct {
	unsigned rank;
	unsigned wait_ms, most_ms;
	bool stops_race; /* another broker cannot help */
	const char *fix;
} classes[] = {
	[BROKER_GOOD] = {0, 0, 0, false, NULL},
	[BROKER_REFUSED] = {8, 30000, 300000, false,
		"compare the machine with the policy: sevattest policy explain; the broker's audit names the failed checks"},
	[BROKER_KEY_REFUSED] = {7, 0, 0, false, "check the resource's name in Map= and its grant at the broker"},
	[BROKER_UNTRUSTED] = {6, 5000, 60000, false, "somebody between us and the broker, or BrokerKey= is not the key of this broker"},
	[BROKER_NO_DEVICE] = {5, 30000, 300000, true, "sevattest doctor says what the machine lacks"},
	[BROKER_NO_EVIDENCE] = {4, 5000, 60000, true, "sevattest-evidence's journal says what the hardware answered"},
	[BROKER_BUSY] = {3, 2000, 60000, false, "the broker answers, but not now: look at its journal"},
	[BROKER_UNREACHABLE] = {2, 500, 10000, false, "check Url=, CA= and the network; sevattest-netd's journal says more"},
	[BROKER_INTERNAL] = {1, 5000, 60000, true, "the journal says more"},
};

static void kick(struct life *life);
static broker_done on_broker;

int life_new(struct core *core, life_changed *changed, void *context, struct life **ret)
{
	CLEANUP(life_freep) struct life *life = calloc(1, sizeof(*life));

	if (!life)
		return -ENOMEM;
	life->core = core;
	life->changed = changed;
	life->context = context;
	life->since = clock_now();
	for (unsigned i = 0; i < core->config->settings.urls.count; i++) {
		int r = broker_new(core, i + 1, on_broker, life, &life->brokers[i]);

		if (r)
			return r;
		life->order[i] = i;
		life->count++;
	}
	*ret = life;
	life = NULL;
	return 0;
}

static void stop_timer(sd_event_source **timer)
{
	*timer = sd_event_source_disable_unref(*timer);
}

struct life *life_free(struct life *life)
{
	if (!life)
		return NULL;
	stop_timer(&life->next_timer);
	stop_timer(&life->retry_timer);
	stop_timer(&life->reattest_timer);
	stop_timer(&life->expiry_timer);
	for (unsigned i = 0; i < life->count; i++)
		life->brokers[i] = broker_free(life->brokers[i]);
	keys_deinit(&life->keys);
	free(life);
	return NULL;
}

/* A timer that cannot be made is an attempt that never comes: better to end, and be started anew. */
static void start_timer(struct life *life, sd_event_source **timer, uint64_t ms, sd_event_time_handler_t handler)
{
	int r;

	stop_timer(timer);
	r = sd_event_add_time_relative(life->core->event, timer, CLOCK_BOOTTIME, ms * 1000, 1000, handler, life);
	if (r < 0) {
		log_error("timer: %s", strerror(-r));
		(void)sd_event_exit(life->core->event, r);
	}
}

/* Between 3/4 and 5/4: a fleet that was refused together must not come back together. */
static uint64_t jitter(uint64_t ms)
{
	uint16_t random = 0x8000;

	(void)!random_bytes(&random, sizeof(random));
	return ms - ms / 4 + ms * random / 2 / 0x10000;
}

static void set_state(struct life *life, enum agent_state state)
{
	if (life->state != state)
		life->since = clock_now();
	life->state = state;
}

static void set_reason(struct life *life, enum broker_class class, const char *why)
{
	if (class != BROKER_GOOD && strcmp(life->reason, why) != 0)
		log_warning("%s", why);
	life->reason_class = class;
	(void)snprintf(life->reason, sizeof(life->reason), "%s", why);
}

static bool is_valid(const struct life *life)
{
	return life->attested_until > clock_now();
}

/* When to try again */

static int on_retry(sd_event_source *source, uint64_t usec, void *context)
{
	struct life *life = context;

	(void)source;
	(void)usec;
	stop_timer(&life->retry_timer);
	life->next_attempt = 0;
	kick(life);
	return 0;
}

static void plan_retry(struct life *life, enum broker_class class, unsigned retry_after)
{
	uint64_t most = classes[class].most_ms;
	uint64_t configured = life->core->config->settings.retry_max * 1000;
	uint64_t ms = (uint64_t)classes[class].wait_ms << (life->failures > SHIFT_MAX ? SHIFT_MAX : life->failures);

	if (class != BROKER_REFUSED && most > configured)
		most = configured;
	ms = jitter(ms > most ? most : ms);
	/* Whoever says so may be netd alone: not for longer than the operator allows. */
	if (ms < (uint64_t)retry_after * 1000)
		ms = most > (uint64_t)retry_after * 1000 ? (uint64_t)retry_after * 1000 : most;
	life->failures++;
	life->next_attempt = clock_now() + (int64_t)(ms / 1000);
	start_timer(life, &life->retry_timer, ms, on_retry);
}

/* A key lives as long as the proof under which it came, not as long as one that is claimed later: no release was signed for that. */
static void expire_keys(struct life *life)
{
	keys_expire(&life->keys, clock_monotonic_ms(), VALID_INTERVALS * life->core->config->settings.reattest * 1000);
}

static int on_reattest(sd_event_source *source, uint64_t usec, void *context)
{
	struct life *life = context;

	(void)source;
	(void)usec;
	stop_timer(&life->reattest_timer);
	expire_keys(life);
	life->want_handshake = true;
	kick(life);
	return 0;
}

static int on_expiry(sd_event_source *source, uint64_t usec, void *context)
{
	struct life *life = context;

	(void)source;
	(void)usec;
	stop_timer(&life->expiry_timer);
	log_warning("the last proof has expired: its keys are dropped");
	life->attested_until = 0;
	keys_drop(&life->keys);
	if (life->state == AGENT_ATTESTED)
		set_state(life, AGENT_TROUBLE);
	life->changed(life->context, NULL);
	return 0;
}

/* How an attempt ends */

static void proven(struct life *life)
{
	uint64_t reattest = life->core->config->settings.reattest;

	if (life->state != AGENT_ATTESTED)
		log_notice("attested by %s: %s", life->core->machine.provider,
			life->core->config->settings.urls.items[life->order[0]]);
	life->attested_until = clock_now() + (int64_t)(VALID_INTERVALS * reattest);
	life->want_handshake = false;
	life->core->counters.attested++;
	metrics_histogram_observe(&life->core->attest_duration, clock_monotonic_ms() - life->race_ms);
	start_timer(life, &life->reattest_timer, jitter(reattest * 800), on_reattest);
	start_timer(life, &life->expiry_timer, VALID_INTERVALS * reattest * 1000, on_expiry);
	refusal_remove(life->core);
	life->failures = 0;
	set_reason(life, BROKER_GOOD, "");
	set_state(life, AGENT_ATTESTED);
}

/* Also a refusal of one key says that the machine is proven, when there was a handshake before it. */
static void session_is_good(struct life *life, bool handshake)
{
	if (handshake)
		proven(life);
	else if (is_valid(life))
		set_state(life, AGENT_ATTESTED);
	life->failures = 0;
}

static void trouble(struct life *life, enum broker_class class, const char *why, unsigned retry_after)
{
	life->core->counters.trouble++;
	set_reason(life, class, why);
	set_state(life, AGENT_TROUBLE);
	plan_retry(life, class, retry_after);
}

static void refused(struct life *life, const char *why)
{
	life->core->counters.refused++;
	log_error("refused: %s", why);
	(void)snprintf(life->reason, sizeof(life->reason), "%s", why);
	life->reason_class = BROKER_REFUSED;
	life->attested_until = 0;
	stop_timer(&life->expiry_timer);
	keys_drop(&life->keys);
	if (life->state != AGENT_REFUSED)
		refusal_write(life->core, why);
	set_state(life, AGENT_REFUSED);
	plan_retry(life, BROKER_REFUSED, 0);
}

static void key_refused(struct life *life, struct key *key, const char *why)
{
	log_error("refused: %s: %s", key->resource, why);
	keys_refuse(&life->keys, key, why, clock_now());
}

static void end_race(struct life *life)
{
	stop_timer(&life->next_timer);
	for (unsigned i = 0; i < life->count; i++)
		broker_cancel(life->brokers[i]);
	life->racing = false;
	life->running = 0;
	life->tried_ms = clock_monotonic_ms();
}

static void lose(struct life *life)
{
	struct key *key = life->key;

	end_race(life);
	switch (life->noted_class) {
	case BROKER_REFUSED:
		refused(life, life->noted_why);
		key = NULL;
		break;
	case BROKER_KEY_REFUSED:
		session_is_good(life, life->noted_handshake);
		key_refused(life, key, life->noted_why);
		break;
	case BROKER_UNTRUSTED:
		if (key && (life->noted_handshake || is_valid(life))) {
			session_is_good(life, life->noted_handshake);
			key_refused(life, key, life->noted_why);
			break;
		}
		trouble(life, BROKER_UNTRUSTED, life->noted_why, 0);
		break;
	default:
		trouble(life, life->noted_class, life->noted_why, life->noted_retry_after);
	}
	life->changed(life->context, key);
	kick(life);
}

/* The winner is asked first next time. */
static void prefer(struct life *life, const struct broker *broker)
{
	unsigned at = 0;
	unsigned index;

	while (at + 1 < life->count && life->brokers[life->order[at]] != broker)
		at++;
	index = life->order[at];
	memmove(&life->order[1], &life->order[0], at * sizeof(life->order[0]));
	life->order[0] = index;
}

/* Keys that were there before are fetched again: a grant may have gone, a secret may be new. That of a disk waits until somebody asks. */
static void want_all(struct life *life)
{
	for (size_t i = 0; i < life->keys.count; i++) {
		struct key *key = life->keys.items[i];

		if (key->brief)
			keys_forget(&life->keys, key);
		else if (key->state == KEY_GOOD)
			key->wanted = true;
	}
}

static void win(struct life *life, const struct broker *broker, const struct broker_result *result)
{
	struct key *key = life->key;

	prefer(life, broker);
	end_race(life);
	session_is_good(life, result->handshake);
	if (!key) {
		want_all(life);
	} else {
		int r = keys_accept(&life->keys, key, life->core->config, result->secret, result->version, clock_now());

		if (r)
			log_error("refused: %s: %s", key->resource, key->why);
		if (r > 0)
			life->core->counters.answers_untrusted++;
	}
	life->changed(life->context, key);
	kick(life);
}

/* Starting */

static void note(struct life *life, const struct broker_result *result)
{
	if (life->noted && classes[result->class].rank <= classes[life->noted_class].rank)
		return;
	life->noted = true;
	life->noted_class = result->class;
	life->noted_handshake = result->handshake;
	life->noted_retry_after = result->retry_after;
	(void)snprintf(life->noted_why, sizeof(life->noted_why), "%s", result->why ? result->why : "");
}

static int on_next(sd_event_source *source, uint64_t usec, void *context);

/* True when one more is under way. */
static bool start_next(struct life *life)
{
	while (life->started < life->count) {
		struct broker *broker = life->brokers[life->order[life->started++]];
		int r = broker_start(broker, life->key ? life->key->resource : NULL);
		const struct broker_result failed = {.class = BROKER_INTERNAL, .why = r ? strerror(-r) : NULL};

		if (!r) {
			life->running++;
			start_timer(life, &life->next_timer, NEXT_BROKER_MS, on_next);
			return true;
		}
		note(life, &failed);
	}
	return false;
}

static int on_next(sd_event_source *source, uint64_t usec, void *context)
{
	struct life *life = context;

	(void)source;
	(void)usec;
	stop_timer(&life->next_timer);
	/* One has refused and the others have had their second: they will not be waited for. */
	if (!start_next(life) && life->noted && classes[life->noted_class].rank >= classes[BROKER_KEY_REFUSED].rank)
		lose(life);
	return 0;
}

static void on_broker(void *context, struct broker *broker, const struct broker_result *result)
{
	struct life *life = context;

	if (!life->racing)
		return;
	life->running--;
	if (result->class == BROKER_GOOD) {
		win(life, broker, result);
		return;
	}
	note(life, result);
	if (result->local || classes[result->class].stops_race || (!start_next(life) && life->running == 0))
		lose(life);
	else if (life->started == life->count && classes[life->noted_class].rank >= classes[BROKER_KEY_REFUSED].rank)
		start_timer(life, &life->next_timer, NEXT_BROKER_MS, on_next);
}

static void race(struct life *life, struct key *key)
{
	life->racing = true;
	life->key = key;
	life->started = life->running = 0;
	life->noted = false;
	life->noted_handshake = false;
	life->race_ms = clock_monotonic_ms();
	if (life->state == AGENT_STARTING)
		set_state(life, AGENT_ATTESTING);
	if (!start_next(life))
		lose(life);
}

/* What is to be done next, if anything, and if it may be done now. */
static void kick(struct life *life)
{
	struct key *key;

	if (life->racing || life->retry_timer)
		return;
	key = keys_wanted(&life->keys);
	if (life->want_handshake && (!key || life->state == AGENT_ATTESTED))
		race(life, NULL);
	else if (key || life->want_handshake)
		race(life, key);
}

static void ask_at_once(struct life *life)
{
	stop_timer(&life->retry_timer);
	life->next_attempt = 0;
	life->failures = 0;
	life->want_handshake = true;
}

void life_begin(struct life *life)
{
	const struct agent_config *config = life->core->config;
	struct key *key;

	for (size_t i = 0; config->settings.prefetch && i < config->map_count; i++) {
		if (!keys_get(&life->keys, config->maps[i].resource, &key))
			key->wanted = true;
	}
	ask_at_once(life);
	kick(life);
}

int life_want(struct life *life, const char *resource, struct key **ret)
{
	uint64_t now = clock_monotonic_ms();
	struct key *key;
	int r;

	expire_keys(life);
	r = keys_get(&life->keys, resource, ret);
	if (r)
		return r;
	key = *ret;
	if (key->state == KEY_GOOD || (key->state == KEY_REFUSED && now - key->tried_ms < REFUSED_FRESH_MS))
		return 0;
	if (life->state == AGENT_REFUSED && !life->racing && now - life->tried_ms < REFUSED_FRESH_MS)
		return 0;
	if (life->state == AGENT_REFUSED) {
		ask_at_once(life);
		set_state(life, AGENT_ATTESTING);
	}
	key->state = KEY_UNKNOWN;
	key->wanted = true;
	kick(life);
	return 0;
}

void life_forget(struct life *life, const char *resource)
{
	struct key *key = keys_find(&life->keys, resource);

	if (key)
		keys_forget(&life->keys, key);
}

/* What is known */

bool life_is_refused(const struct life *life)
{
	return life->state == AGENT_REFUSED;
}

bool life_is_definite(const struct life *life)
{
	return life_is_refused(life) || is_valid(life);
}

const char *life_reason(const struct life *life)
{
	return life->reason;
}

const char *life_fix(const struct life *life)
{
	return life->reason[0] ? classes[life->reason_class].fix : NULL;
}

const struct keys *life_keys(const struct life *life)
{
	return &life->keys;
}

void life_status(const struct life *life, struct agent_status *status, struct agent_status_broker *brokers)
{
	status->state = life->state;
	status->since = life->since;
	status->attested_until = life->attested_until;
	status->next_attempt = life->next_attempt;
	status->reason = life->reason[0] ? life->reason : NULL;
	status->fix = life_fix(life);
	for (unsigned i = 0; i < life->count; i++)
		broker_status(life->brokers[i], &brokers[i]);
	status->brokers = brokers;
	status->broker_count = life->count;
}
