/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* Client engine and server engine in one process, and a place to stand between them. For tests only. */
#include "fake_broker.h"
#include "jose/jwk.h"
#include "kbs/client.h"

struct talk;

/* Changes a request or an answer on its way; `request` counts from 1. */
typedef void talk_request_fn(struct talk *talk, unsigned number, struct kbs_request *request);
typedef void talk_response_fn(struct talk *talk, unsigned number, struct kbs_response *response);

struct talk {
	struct fake_broker broker;
	struct jwk *guest_key;
	struct jwk *pin;
	struct kbs_client *client;
	int64_t now;
	unsigned requests;
	talk_request_fn *on_request;
	talk_response_fn *on_response;
	void (*on_evidence)(struct talk *talk, struct buf *evidence);
	struct buf spare; /* for a hook that replaces bytes */
	struct buf event_log;
};

#define TALK_NOW INT64_C(1795578238)

enum talk_pin { TALK_NO_PIN, TALK_PIN, TALK_OTHER_PIN };

/* `kind` and `bits` as jwk_generate() takes them; the broker signs when `signs`. */
void talk_init(struct talk *talk, enum jwk_kind kind, unsigned bits, bool signs, enum talk_pin pin);
void talk_deinit(struct talk *talk);

/* Starts `resource` (NULL: only the handshake) and runs until DONE or FAILED. */
enum kbs_client_want talk_run(struct talk *talk, const char *resource);
/* The same for what was started already. */
enum kbs_client_want talk_on(struct talk *talk);
/* Asserts the outcome: DONE with this secret, or FAILED with outcome and error type. */
void talk_expect_secret(struct talk *talk, const char *secret);
void talk_expect_failure(struct talk *talk, enum kbs_client_outcome outcome, const char *type);

/* One bare request to the server. `cookie` is the header's value. Check status and type, then kbs_response_deinit(). */
struct kbs_response talk_call(struct talk *talk, enum kbs_method method, const char *path, struct bytes cookie, const char *authorization,
	struct bytes body);
/* Asserts status and error type ("" for an answer that is no error) and frees. */
void talk_expect(struct kbs_response response, unsigned status, const char *type);
/* "kbs-session-id=VALUE" of a Set-Cookie into `to`. */
void talk_cookie(const struct kbs_response *response, struct buf *to);
