/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Chains: a set-associative table; the digest picks four places, the least recently used of them gives way. No allocation after cache_new.
 * Pairs of CA certificates: a short list, the oldest gives way.
 *
 * Each place has a gate: how many threads read it, or that one writes. Who finds it shut does not wait; a reader takes it for a miss and
 * verifies for itself, a writer keeps nothing. Both happen seldom and cost time only. So there is no lock, and nothing to wait for.
 */
#include <errno.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "snp/cache_internal.h"

#define WAYS 4
#define PAIRS 8 /* three products with ASK and ASVK each, and two of an operator */

#define WRITING (-1)

/* 0: nobody; n: n readers; WRITING: one writer. */
struct gate {
	atomic_int users;
};

struct pair {
	struct gate gate;
	uint8_t *der; /* the intermediate's, then the root's */
	size_t intermediate_size, size;
};

struct slot {
	struct gate gate;
	_Atomic uint64_t used; /* 0: empty */
	uint8_t digest[32];
	struct snp_chain chain;
};

struct snp_vek_cache {
	_Atomic uint64_t clock, hits, misses;
	struct pair pairs[PAIRS];
	atomic_uint next_pair;
	size_t sets;
	struct slot slots[];
};

static bool gate_read(struct gate *gate)
{
	int users = atomic_load_explicit(&gate->users, memory_order_relaxed);

	while (users >= 0)
		if (atomic_compare_exchange_weak_explicit(&gate->users, &users, users + 1, memory_order_acquire, memory_order_relaxed))
			return true;
	return false;
}

static void gate_read_end(struct gate *gate)
{
	(void)atomic_fetch_sub_explicit(&gate->users, 1, memory_order_release);
}

static bool gate_write(struct gate *gate)
{
	int nobody = 0;

	return atomic_compare_exchange_strong_explicit(&gate->users, &nobody, WRITING, memory_order_acquire, memory_order_relaxed);
}

static void gate_write_end(struct gate *gate)
{
	atomic_store_explicit(&gate->users, 0, memory_order_release);
}

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

struct snp_vek_cache_stats snp_vek_cache_stats(struct snp_vek_cache *cache)
{
	return (struct snp_vek_cache_stats){atomic_load(&cache->hits), atomic_load(&cache->misses)};
}

/* The digest is SHA-256: any part of it spreads evenly, unless somebody searches for collisions of a set, which costs him only his own
 * hits. */
static struct slot *set_of(struct snp_vek_cache *cache, const uint8_t digest[static 32])
{
	uint64_t number;

	memcpy(&number, digest, sizeof(number));
	return &cache->slots[number % cache->sets * WAYS];
}

static uint64_t tick(struct snp_vek_cache *cache)
{
	return atomic_fetch_add_explicit(&cache->clock, 1, memory_order_relaxed) + 1;
}

static bool slot_get(struct slot *slot, const uint8_t digest[static 32], struct snp_chain *ret)
{
	bool found;

	if (atomic_load_explicit(&slot->used, memory_order_relaxed) == 0 || !gate_read(&slot->gate))
		return false;
	found = memcmp(slot->digest, digest, 32) == 0;
	if (found)
		*ret = slot->chain;
	gate_read_end(&slot->gate);
	return found;
}

bool snp_vek_cache_get(struct snp_vek_cache *cache, const uint8_t digest[static 32], struct snp_chain *ret)
{
	struct slot *set = set_of(cache, digest);

	for (size_t i = 0; i < WAYS; i++) {
		if (!slot_get(&set[i], digest, ret))
			continue;
		atomic_store_explicit(&set[i].used, tick(cache), memory_order_relaxed);
		(void)atomic_fetch_add_explicit(&cache->hits, 1, memory_order_relaxed);
		return true;
	}
	(void)atomic_fetch_add_explicit(&cache->misses, 1, memory_order_relaxed);
	return false;
}

void snp_vek_cache_put(struct snp_vek_cache *cache, const uint8_t digest[static 32], const struct snp_chain *chain)
{
	struct slot *set = set_of(cache, digest), *victim = set;

	for (size_t i = 1; i < WAYS; i++)
		if (atomic_load_explicit(&set[i].used, memory_order_relaxed) < atomic_load_explicit(&victim->used, memory_order_relaxed))
			victim = &set[i];
	if (!gate_write(&victim->gate))
		return;
	memcpy(victim->digest, digest, 32);
	victim->chain = *chain;
	atomic_store_explicit(&victim->used, tick(cache), memory_order_relaxed);
	gate_write_end(&victim->gate);
}

static bool is_pair(struct pair *pair, struct bytes intermediate, struct bytes root)
{
	bool same;

	if (!gate_read(&pair->gate))
		return false;
	same = pair->der && bytes_equal(bytes_of(pair->der, pair->intermediate_size), intermediate) &&
	       bytes_equal(bytes_of(pair->der + pair->intermediate_size, pair->size - pair->intermediate_size), root);
	gate_read_end(&pair->gate);
	return same;
}

bool snp_vek_cache_has_pair(struct snp_vek_cache *cache, struct bytes intermediate, struct bytes root)
{
	for (size_t i = 0; i < PAIRS; i++)
		if (is_pair(&cache->pairs[i], intermediate, root))
			return true;
	return false;
}

void snp_vek_cache_put_pair(struct snp_vek_cache *cache, struct bytes intermediate, struct bytes root)
{
	struct pair *pair = &cache->pairs[atomic_fetch_add(&cache->next_pair, 1) % PAIRS];
	size_t size = intermediate.size + root.size;
	uint8_t *der = malloc(size);

	if (!der || !gate_write(&pair->gate)) {
		free(der);
		return;
	}
	memcpy(der, intermediate.data, intermediate.size);
	memcpy(der + intermediate.size, root.data, root.size);
	free(pair->der);
	pair->der = der;
	pair->intermediate_size = intermediate.size;
	pair->size = size;
	gate_write_end(&pair->gate);
}
