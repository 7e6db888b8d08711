/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * What evidence lacks: certificates that its host did not give. They come from the set that all requests share and from the cache; what
 * is in neither is asked for, once a policy might admit the chip, and the guest comes again.
 */
#include "base/finding.h"
#include "broker/catalog.h"
#include "broker/cert_fetch.h"
#include "broker/cert_store.h"
#include "evidence/evidence.h"

struct cert_need {
	const struct broker_config *config;
	struct cert_fetch *fetch; /* NULL: nothing can be asked for */
	const struct snapshot *snapshot;
	int64_t now;
};

struct cert_completed {
	enum snp_product product; /* UNKNOWN: the report does not tell */
	enum snp_signer signer;
	struct kds_object vcek; /* taken from the cache, when `cached` */
	bool cached;
	bool missing; /* it is in neither evidence nor cache */
	unsigned retry_after; /* with -EAGAIN */
};

/* May replace *certs (a reference is given back and another taken). 0: as complete as it gets; -EAGAIN: come again after `retry_after`. */
int cert_complete(const struct cert_need *need, const struct evidence *evidence, struct cert_set **certs, struct cert_completed *ret) MUST_CHECK;

/*
 * The evidence did not verify, and `verdict` says by what. True: that may be the cache's fault; what it had is forgotten and asked for
 * anew, come again after completed->retry_after.
 */
bool cert_blame_cache(const struct cert_need *need, const struct verdict *verdict, struct cert_completed *completed);
