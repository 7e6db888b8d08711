/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * Chains that were verified before. What is kept is only what the bytes alone decide (names, algorithms, signatures, extensions, the VEK's
 * key); the time, the report and its signature are judged anew in every verification. Owned by the caller; not locked: one for each thread.
 */
#include <stddef.h>
#include <stdint.h>

#include "base/compiler.h"

struct snp_vek_cache;

#define SNP_VEK_CACHE_MAX 65536 /* entries, at about 4 KiB */

/* `capacity` chains, 1..SNP_VEK_CACHE_MAX, rounded up; older ones make room. 0, -EINVAL, -ENOMEM. */
int snp_vek_cache_new(size_t capacity, struct snp_vek_cache **ret) MUST_CHECK;
struct snp_vek_cache *snp_vek_cache_free(struct snp_vek_cache *cache);
DEFINE_CLEANUP(struct snp_vek_cache *, snp_vek_cache_free)

struct snp_vek_cache_stats {
	uint64_t hits, misses;
};
struct snp_vek_cache_stats snp_vek_cache_stats(const struct snp_vek_cache *cache);
