/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * Chains that were verified before, found by the SHA-256 of their DER and of all that chose among it. What is kept is only what the bytes alone
 * decide (names, algorithms, signatures, extensions, the VEK's key); the time, the report and its signature are judged anew in every
 * verification. Any number of threads may verify with one cache at once, and none of them ever waits: see cache.c.
 */
#include <stddef.h>
#include <stdint.h>

#include "base/compiler.h"

struct snp_vek_cache;

#define SNP_VEK_CACHE_MAX 65536 /* entries, at about 4 KiB */

/* `capacity` chains, 1..SNP_VEK_CACHE_MAX, rounded up; older ones make room. 0, -EINVAL, -ENOMEM. */
int snp_vek_cache_new(size_t capacity, struct snp_vek_cache **ret) MUST_CHECK;
/* Nobody may be using it any more. */
struct snp_vek_cache *snp_vek_cache_free(struct snp_vek_cache *cache);
DEFINE_CLEANUP(struct snp_vek_cache *, snp_vek_cache_free)

struct snp_vek_cache_stats {
	uint64_t hits, misses;
};
struct snp_vek_cache_stats snp_vek_cache_stats(struct snp_vek_cache *cache);
