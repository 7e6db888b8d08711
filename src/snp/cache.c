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

struct authority {
	X509 *x509;
	uint8_t *der;
	size_t size;
};

struct pair {
	struct authority intermediate, root;
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

static void authority_deinit(struct authority *authority)
{
	X509_free(authority->x509);
	free(authority->der);
	*authority = (struct authority){0};
}

static void pair_deinit(struct pair *pair)
{
	authority_deinit(&pair->intermediate);
	authority_deinit(&pair->root);
}

struct snp_vek_cache *snp_vek_cache_free(struct snp_vek_cache *cache)
{
	for (size_t i = 0; cache && i < PAIRS; i++)
		pair_deinit(&cache->pairs[i]);
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

static bool is_from(const struct authority *authority, struct bytes der)
{
	return authority->x509 && bytes_equal(bytes_of(authority->der, authority->size), der);
}

X509 *snp_vek_cache_known(const struct snp_vek_cache *cache, struct bytes der)
{
	for (size_t i = 0; i < PAIRS; i++) {
		if (is_from(&cache->pairs[i].intermediate, der))
			return cache->pairs[i].intermediate.x509;
		if (is_from(&cache->pairs[i].root, der))
			return cache->pairs[i].root.x509;
	}
	return NULL;
}

bool snp_vek_cache_has_pair(const struct snp_vek_cache *cache, const X509 *intermediate, const X509 *root)
{
	for (size_t i = 0; i < PAIRS; i++)
		if (intermediate && cache->pairs[i].intermediate.x509 == intermediate && cache->pairs[i].root.x509 == root)
			return true;
	return false;
}

static bool authority_init(struct authority *authority, const struct snp_cert *cert)
{
	authority->der = malloc(cert->der.size);
	if (!authority->der || X509_up_ref(cert->x509) != 1)
		return false;
	memcpy(authority->der, cert->der.data, cert->der.size);
	authority->size = cert->der.size;
	authority->x509 = cert->x509;
	return true;
}

void snp_vek_cache_put_pair(struct snp_vek_cache *cache, const struct snp_cert *intermediate, const struct snp_cert *root)
{
	struct pair *pair = &cache->pairs[cache->next_pair++ % PAIRS];

	pair_deinit(pair);
	if (!authority_init(&pair->intermediate, intermediate) || !authority_init(&pair->root, root))
		pair_deinit(pair);
}
