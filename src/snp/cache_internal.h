/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* What verify.c asks the cache; private to snp/. */
#include "snp/cache.h"
#include "snp/chain.h"

/* True with a copy in `ret`. False: it is not there, or somebody else is just writing in its place. */
bool snp_vek_cache_get(struct snp_vek_cache *cache, const uint8_t digest[static 32], struct snp_chain *ret);
/* Keeps a copy, unless its place is in use at this moment. */
void snp_vek_cache_put(struct snp_vek_cache *cache, const uint8_t digest[static 32], const struct snp_chain *chain);

/*
 * Pairs of intermediate and root, by their exact bytes, of which the root's signatures on both were verified: a fleet has many VEKs and a
 * handful of these.
 */
bool snp_vek_cache_has_pair(struct snp_vek_cache *cache, struct bytes intermediate, struct bytes root);
/* Without memory nothing is kept. */
void snp_vek_cache_put_pair(struct snp_vek_cache *cache, struct bytes intermediate, struct bytes root);
