/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * The attestation's life: to whom this machine is proven and until when, which keys came of it, and what is tried next.
 *
 *   STARTING -> ATTESTING -> ATTESTED -(Reattest=)-> ATTESTING ...
 *                  |   ^
 *                  |   +-- after a wait that grows by class of error, with jitter: TROUBLE
 *                  +-----> REFUSED: definite. Keys are dropped, the state file appears; tried again rarely, or when somebody asks
 *
 * One attempt at a time: a race of the brokers, the next one started after a second or as soon as the one before failed, the first good
 * answer wins. An attempt is for a key, with the handshake that it may need, or for a new handshake alone.
 */
#include "agent/broker.h"
#include "agent/keys.h"

struct life;

/* Something changed that may answer those who wait: a key (NULL: any), or the state. */
typedef void life_changed(void *context, struct key *key);

/* 0, -ENOMEM. Nothing is tried before life_begin(). */
int life_new(struct core *core, life_changed *changed, void *context, struct life **ret) MUST_CHECK;
struct life *life_free(struct life *life);
DEFINE_CLEANUP(struct life *, life_free)

/* Attests, with the keys of Map= when Prefetch= says so. Again after a reload: the keys are fetched anew. */
void life_begin(struct life *life);

/*
 * Somebody wants this resource. The key: GOOD or REFUSED can be answered now; UNKNOWN or still wanted: life_changed() follows. -ENOSPC, -ENOMEM.
 */
int life_want(struct life *life, const char *resource, struct key **ret) MUST_CHECK;

/* The value of a key that has been given to the only one who needs it. */
void life_forget(struct life *life, const char *resource);

/* May consumers be served or refused at all? Proven now, or definitely refused. */
bool life_is_definite(const struct life *life);
bool life_is_refused(const struct life *life);
const char *life_reason(const struct life *life);
const char *life_fix(const struct life *life); /* what a person can do about it; NULL: nothing is known */
const struct keys *life_keys(const struct life *life);
/* Fills state, times, reason and fix, and the brokers (room for AGENT_BROKERS_MAX). */
void life_status(const struct life *life, struct agent_status *status, struct agent_status_broker *brokers);
