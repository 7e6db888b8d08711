/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Chains: a set-associative table; the digest picks four places, the least recently used of them gives way. No allocation after cache_new.
 * Pairs of CA certificates: a short list, the oldest gives way.
 */
#include "snp/cache.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "snp/cache_internal.h"

#define WAYS 4
#define PAIRS 8 /* three products with ASK and ASVK each, and two of an operator */

struct pair {
	uint8_t *der; /* the intermediate's, then the root's */
	size_t intermediate_size, size;
};

struct slot {
	uint8_t digest[32];
	uint64_t used; /* 0: empty */
	struct snp_chain chain;
};

struct snp_vek_cache {
	uint64_t clock;
	struct snp_vek_cache_stats stats;
	struct pair pairs[PAIRS];
	size_t next_pair;
	size_t sets;
	struct slot slots[];
};

int snp_vek_cache_new(size_t capacity, struct snp_vek_cache **ret)
{
	size_t sets = (capacity + WAYS - 1) / WAYS;
	struct snp_vek_cache *cache;

	if (capacity == 0 || capacity > SNP_VEK_CACHE_MAX)
		return -EINVAL;
	cache = calloc(1, sizeof(*cache) + sets * WAYS * sizeof(struct slot));
	if (!cache)
		return -ENOMEM;
	cache->sets = sets;
	*ret = cache;
	return 0;
}

struct snp_vek_cache *snp_vek_cache_free(struct snp_vek_cache *cache)
{
	for (size_t i = 0; cache && i < PAIRS; i++)
		free(cache->pairs[i].der);
	free(cache);
	return NULL;
}

struct snp_vek_cache_stats snp_vek_cache_stats(const struct snp_vek_cache *cache)
{
	return cache->stats;
}

/* The digest is SHA-256: any part of it spreads evenly, unless somebody searches for collisions of a set, which costs him only his own
 * hits. */
static struct slot *set_of(struct snp_vek_cache *cache, const uint8_t digest[static 32])
{
	uint64_t number;

	memcpy(&number, digest, sizeof(number));
	return &cache->slots[number % cache->sets * WAYS];
}

const struct snp_chain *snp_vek_cache_get(struct snp_vek_cache *cache, const uint8_t digest[static 32])
{
	struct slot *set = set_of(cache, digest);

	for (size_t i = 0; i < WAYS; i++)
		if (set[i].used && memcmp(set[i].digest, digest, 32) == 0) {
			set[i].used = ++cache->clock;
			cache->stats.hits++;
			return &set[i].chain;
		}
	cache->stats.misses++;
	return NULL;
}

void snp_vek_cache_put(struct snp_vek_cache *cache, const uint8_t digest[static 32], const struct snp_chain *chain)
{
	struct slot *set = set_of(cache, digest), *victim = set;

	for (size_t i = 1; i < WAYS; i++)
		if (set[i].used < victim->used)
			victim = &set[i];
	memcpy(victim->digest, digest, 32);
	victim->chain = *chain;
	victim->used = ++cache->clock;
}

static bool is_pair(const struct pair *pair, struct bytes intermediate, struct bytes root)
{
	return pair->der && bytes_equal(bytes_of(pair->der, pair->intermediate_size), intermediate) &&
	       bytes_equal(bytes_of(pair->der + pair->intermediate_size, pair->size - pair->intermediate_size), root);
}

bool snp_vek_cache_has_pair(const struct snp_vek_cache *cache, struct bytes intermediate, struct bytes root)
{
	for (size_t i = 0; i < PAIRS; i++)
		if (is_pair(&cache->pairs[i], intermediate, root))
			return true;
	return false;
}

void snp_vek_cache_put_pair(struct snp_vek_cache *cache, struct bytes intermediate, struct bytes root)
{
	struct pair *pair = &cache->pairs[cache->next_pair++ % PAIRS];
	size_t size = intermediate.size + root.size;
	uint8_t *der = malloc(size);

	if (!der)
		return;
	memcpy(der, intermediate.data, intermediate.size);
	memcpy(der + intermediate.size, root.data, root.size);
	free(pair->der);
	*pair = (struct pair){der, intermediate.size, size};
}
