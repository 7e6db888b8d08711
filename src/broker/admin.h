/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * admin.sock: what sevattest-broker(1) asks. A few threads serve a connection each, but verbs run one at a time. A peer
 * that is neither root, nor the broker's own user, nor named by User= is closed at once; one that stalls is closed after ADMIN_TIMEOUT_S.
 *
 * A request is a FRAME_ADMIN_REQUEST with a JSON object: {"verb": "key-put", ...}; when it says "secret": true, a FRAME_ADMIN_SECRET with
 * the same id follows. The answer is a FRAME_ADMIN_RESPONSE {"exit": code of DESIGN section 10, "error": text, "result": {...}}, or for
 * "init" a FRAME_ADMIN_KEY with the escrow copy.
 */
#include <stdbool.h>

#include "base/bytes.h"
#include "base/error.h"
#include "base/json.h"
#include "base/secret.h"
#include "broker/live.h"

#define ADMIN_TIMEOUT_S 10
#define ADMIN_PAGE_MAX 1000                /* entries in one answer of a listing */
#define ADMIN_PAGE_BYTES ((size_t)2 << 20) /* and the text of audit records in one */

/* One request in work. */
struct admin_call {
	struct live_slot *slot;
	struct live *live; /* NULL before `init` */
	struct json_object *request;
	struct secret secret;       /* what came after it */
	struct secret key;          /* the answer of `init` */
	struct json_object *result; /* an object to fill */
	struct error error;
	int64_t now;
	unsigned uid;
	unsigned pid;
};

/* Returns the exit code; the text of what went wrong is in call->error. */
typedef int (*admin_verb)(struct admin_call *call);

struct admin_verb_row {
	const char *name;
	admin_verb function;
	bool needs_live;
	bool takes_secret;
};

extern const struct admin_verb_row admin_verbs[];
extern const size_t admin_verb_count;

/* Pure but for the verb itself: reads the request's text and runs it. What the fuzzer calls with a slot of its own. */
int admin_parse(struct bytes text, struct json_object **ret, const struct admin_verb_row **ret_verb, struct error *error) MUST_CHECK;

struct admin;

/* Looks up the users, which the sandbox would not allow later. `listen_fd` is borrowed. */
int admin_new(struct live_slot *slot, int listen_fd, struct admin **ret, struct error *error) MUST_CHECK;
int admin_start(struct admin *admin, struct error *error) MUST_CHECK;
/* Ends the threads, if there are any: within ADMIN_TIMEOUT_S where a peer stalls. */
struct admin *admin_stop(struct admin *admin);
