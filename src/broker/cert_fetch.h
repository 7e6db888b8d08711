/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * The broker's way to AMD's key service: a thread that asks, through netd, for what evidence lacks, in the order and at the pace of
 * io/kds_queue, and puts it into the cache. A request of a guest never waits here: it is answered with 503 and comes again. It also keeps
 * the revocation lists and chains of the products that it has met fresh, and renews VCEKs before they expire.
 */
#include <stdbool.h>

#include "base/bytes.h"
#include "base/compiler.h"
#include "base/error.h"
#include "broker/config.h"
#include "io/kds_object.h"
#include "io/kds_queue.h"

#define CERT_FETCH_CRL_AGE (12 * 3600)         /* a list older than that is asked for again */
#define CERT_FETCH_RENEW (30 * 24 * 3600)      /* a VCEK that ends within that time is fetched anew */
#define CERT_FETCH_REFRESH_MS (600 * 1000)     /* how often it is looked after both */

struct cert_fetch;

/*
 * `changed` is called from the thread when a chain or a revocation list has come: the set that all requests share is to be read again. The
 * configuration outlives it. 0; -errno with a text. With [kds] Url=off *ret is NULL: all functions take that.
 */
int cert_fetch_start(const struct broker_config *config, void (*changed)(void *context), void *context, struct cert_fetch **ret,
	struct error *error) MUST_CHECK;
/* Ends the request that waits, and the thread. */
struct cert_fetch *cert_fetch_stop(struct cert_fetch *fetch);

/*
 * The cache lacks `object`: it shall be fetched. Any thread. True: it is worth coming back after `ret_seconds`, at least 1; false: nothing
 * will be fetched.
 */
bool cert_fetch_want(struct cert_fetch *fetch, const struct kds_object *object, unsigned *ret_seconds);

/* What came from the cache does not verify: forgets it, and has it fetched anew, unless that was done lately. As above. */
bool cert_fetch_replace(struct cert_fetch *fetch, const struct kds_object *object, unsigned *ret_seconds);

/* Evidence of this product has come: its revocation list is to be kept. */
void cert_fetch_note(struct cert_fetch *fetch, enum snp_product product, enum snp_signer signer);

/* For the status pages. False, and nothing in *ret: there is no way to the key service. */
bool cert_fetch_counts(struct cert_fetch *fetch, struct kds_queue_counts *ret);
