/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * How many requests an address may make: a token bucket per IPv4 address or IPv6 /64, in a table of fixed size. Many addresses push each
 * other out of it: the limit is there against one peer that floods, not against a botnet. Thread-safe.
 */
#include <stdbool.h>
#include <stdint.h>

#include "base/compiler.h"

struct limit;

/* `rate` requests per second in the long run, `burst` at once. -ENOMEM. */
int limit_new(uint64_t rate, uint64_t burst, struct limit **ret) MUST_CHECK;
struct limit *limit_free(struct limit *limit);
DEFINE_CLEANUP(struct limit *, limit_free)

/* Takes one request of `peer` (numeric address) at `now_ms` (monotonic); false: too many. `limit` NULL: no limit. */
bool limit_take(struct limit *limit, const char *peer, uint64_t now_ms);
