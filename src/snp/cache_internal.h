/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* What verify.c asks the cache; private to snp/. */
#include "snp/cache.h"
#include "snp/chain.h"

/* Lives until the next put. */
const struct snp_chain *snp_vek_cache_get(struct snp_vek_cache *cache, const uint8_t digest[static 32]);
void snp_vek_cache_put(struct snp_vek_cache *cache, const uint8_t digest[static 32], const struct snp_chain *chain);

/*
 * Pairs of intermediate and root whose signatures (the root's on both) were verified: a fleet has many VEKs and a handful of these. `known`
 * finds the parsed certificate of these exact bytes, or NULL; borrowed until the next `put_pair`.
 */
X509 *snp_vek_cache_known(const struct snp_vek_cache *cache, struct bytes der);
/* True when exactly these two objects, which came from `known`, are such a pair. */
bool snp_vek_cache_has_pair(const struct snp_vek_cache *cache, const X509 *intermediate, const X509 *root);
/* Without memory nothing is kept. */
void snp_vek_cache_put_pair(struct snp_vek_cache *cache, const struct snp_cert *intermediate, const struct snp_cert *root);
