/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* What verify.c asks the cache; private to snp/. */
#include "snp/cache.h"
#include "snp/chain.h"

/* Lives until the next put. */
const struct snp_chain *snp_vek_cache_get(struct snp_vek_cache *cache, const uint8_t digest[static 32]);
void snp_vek_cache_put(struct snp_vek_cache *cache, const uint8_t digest[static 32], const struct snp_chain *chain);
