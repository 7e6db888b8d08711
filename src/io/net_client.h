/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * A blocking client of net.sock, for a thread that asks one thing after another (brokerd's certificates). The connection is made when it
 * is needed and made anew when netd has gone; a daemon with an event loop uses io/frame and io/fetch_frame itself.
 */
#include <stddef.h>
#include <stdint.h>

#include "base/bytes.h"
#include "base/compiler.h"
#include "base/error.h"

struct net_client;

struct net_answer {
	unsigned status;
	uint32_t retry_after; /* seconds; 0: none */
	struct buf body;
};
#define NET_ANSWER_NULL {.status = 0}

/* `socket_path` is copied. 0, -ENOMEM. */
int net_client_new(const char *socket_path, struct net_client **ret) MUST_CHECK;
struct net_client *net_client_free(struct net_client *client);
DEFINE_CLEANUP(struct net_client *, net_client_free)

/*
 * GET from a configured origin ("kds"). 0 and the answer (the body is the caller's); FETCH_E_*; FETCH_E_INTERNAL also when netd is away or
 * breaks the rules; -errno. With a text.
 */
int net_client_get(struct net_client *client, const char *origin, const char *path, size_t answer_max, unsigned timeout_ms,
	struct net_answer *ret, struct error *error) MUST_CHECK;

/* From another thread: the call that waits returns soon, and all that come after it fail. */
void net_client_stop(struct net_client *client);
