/* SPDX-License-Identifier: Apache-2.0 */
#include "httpd/limit.h"

#include <arpa/inet.h>
#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "base/crypto.h"

#define SETS 2048
#define WAYS 4
#define ONE 1000 /* tokens are counted in thousandths, so that a millisecond at one per second is one */

struct bucket {
	uint64_t address; /* 0: free */
	uint64_t tokens;
	uint64_t at_ms;
};

struct limit {
	pthread_mutex_t lock;
	uint64_t rate;
	uint64_t burst;
	uint64_t seed; /* so that nobody can choose addresses that share a set */
	struct bucket buckets[SETS][WAYS];
};

int limit_new(uint64_t rate, uint64_t burst, struct limit **ret)
{
	struct limit *limit = calloc(1, sizeof(*limit));

	if (!limit)
		return -ENOMEM;
	if (random_bytes(&limit->seed, sizeof(limit->seed)) || pthread_mutex_init(&limit->lock, NULL)) {
		free(limit);
		return -EIO;
	}
	limit->rate = rate;
	limit->burst = burst * ONE;
	*ret = limit;
	return 0;
}

struct limit *limit_free(struct limit *limit)
{
	if (!limit)
		return NULL;
	(void)pthread_mutex_destroy(&limit->lock);
	free(limit);
	return NULL;
}

static uint64_t address_of(const char *peer)
{
	struct in6_addr v6;
	struct in_addr v4;
	uint64_t high;

	if (inet_pton(AF_INET, peer, &v4) == 1)
		return UINT64_C(0xffff) << 32 | v4.s_addr;
	if (inet_pton(AF_INET6, peer, &v6) != 1)
		return 1; /* all that we cannot tell apart */
	memcpy(&high, &v6, sizeof(high));
	return high ? high : 1;
}

/* The finaliser of MurmurHash3 over a secret seed. */
static size_t set_of(const struct limit *limit, uint64_t address)
{
	uint64_t h = address ^ limit->seed;

	h = (h ^ h >> 33) * UINT64_C(0xff51afd7ed558ccd);
	h = (h ^ h >> 33) * UINT64_C(0xc4ceb9fe1a85ec53);
	return (size_t)((h ^ h >> 33) % SETS);
}

static struct bucket *find(struct limit *limit, uint64_t address, uint64_t now_ms)
{
	struct bucket *set = limit->buckets[set_of(limit, address)];
	struct bucket *oldest = &set[0];

	for (size_t i = 0; i < WAYS; i++) {
		if (set[i].address == address)
			return &set[i];
		if (set[i].at_ms < oldest->at_ms)
			oldest = &set[i];
	}
	*oldest = (struct bucket){address, limit->burst, now_ms};
	return oldest;
}

bool limit_take(struct limit *limit, const char *peer, uint64_t now_ms)
{
	struct bucket *bucket;
	uint64_t elapsed;
	bool good;

	if (!limit)
		return true;
	(void)pthread_mutex_lock(&limit->lock);
	bucket = find(limit, address_of(peer), now_ms);
	elapsed = now_ms > bucket->at_ms ? now_ms - bucket->at_ms : 0;
	if (elapsed > limit->burst / limit->rate)
		bucket->tokens = limit->burst;
	else
		bucket->tokens += elapsed * limit->rate;
	if (bucket->tokens > limit->burst)
		bucket->tokens = limit->burst;
	bucket->at_ms = now_ms > bucket->at_ms ? now_ms : bucket->at_ms;
	good = bucket->tokens >= ONE;
	if (good)
		bucket->tokens -= ONE;
	(void)pthread_mutex_unlock(&limit->lock);
	return good;
}
