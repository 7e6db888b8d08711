/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * One broker: carries one exchange after another between the protocol's engine (kbs/client.h) and the outside: netd for requests,
 * sevattest-evidence for the report, certs.h for its certificates, check.h for our own look at it.
 */
#include "agent/core.h"
#include "base/secret.h"

struct broker;

/* What came of a job. */
enum broker_class {
	BROKER_GOOD,
	BROKER_REFUSED,     /* this machine, by the broker's answer to its evidence, or by our own check: definite */
	BROKER_KEY_REFUSED, /* attested, but this key is not for us, or there is none: definite for the key */
	BROKER_UNTRUSTED,   /* an answer came that a check of ours does not accept */
	BROKER_UNREACHABLE, /* network, TLS, netd: try again soon */
	BROKER_BUSY,        /* 429, 5xx: try again when it says */
	BROKER_NO_EVIDENCE, /* this machine gave none for now */
	BROKER_NO_DEVICE,   /* this machine has no source of evidence */
	BROKER_INTERNAL,
};

struct broker_result {
	enum broker_class class;
	bool handshake;         /* a new one was completed: this machine is proven to the broker as of now */
	bool local;             /* our own check refused, no broker was asked */
	unsigned retry_after;   /* seconds, 0: not told */
	uint64_t version;       /* of the secret; 0 without a release signature */
	struct secret *secret;  /* of a GOOD job for a resource: take it with secret_steal() during the call */
	const char *why;        /* one sentence, unless GOOD */
};

typedef void broker_done(void *context, struct broker *broker, const struct broker_result *result);

/* `number` is 1 for the first Url=. The engine is made when it is first needed. 0, -ENOMEM. */
int broker_new(struct core *core, unsigned number, broker_done *done, void *context, struct broker **ret) MUST_CHECK;
struct broker *broker_free(struct broker *broker);

/* Starts a job: a resource, or (NULL) a new handshake. `done` comes later, once. 0, -EBUSY, -EINVAL, -ENOMEM. */
int broker_start(struct broker *broker, const char *resource) MUST_CHECK;
/* Ends the job without a call; the engine begins anew next time. */
void broker_cancel(struct broker *broker);
bool broker_is_busy(const struct broker *broker);

/* For the status: `origin` is the Url=. */
void broker_status(const struct broker *broker, struct agent_status_broker *ret);
