/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * Certificates and revocation lists that the operator's directories hold, read once and at SIGHUP; and the cache (io/kds_cache),
 * which broker/cert_fetch.h fills: its VCEKs are looked up when evidence brings none. Nothing in here is trusted.
 */
#include <stdbool.h>

#include "base/error.h"
#include "broker/config.h"
#include "io/kds_object.h"
#include "snp/certs.h"
#include "snp/report.h"

/* A set that is shared and does not change. */
struct cert_set {
	unsigned refs;
	struct snp_certs certs;
	/* What calls itself so, by enum snp_product: it decides what is asked for, nothing else. */
	bool has_ask[SNP_TURIN + 1], has_asvk[SNP_TURIN + 1], has_ark[SNP_TURIN + 1], has_crl[SNP_TURIN + 1];
};

struct cert_set *cert_set_unref(struct cert_set *set);
DEFINE_CLEANUP(struct cert_set *, cert_set_unref)

/*
 * Reads both directories, and the chains, revocation lists and VLEKs of the cache; a directory that is missing is empty, a file that is no
 * certificate is told to the log and passed over. 0, -ENOMEM.
 */
int cert_set_load(const struct broker_config *config, struct cert_set **ret, struct error *error) MUST_CHECK;

/* `base` and the cached certificate of this chip and TCB, as a new set. 0; -ENOENT (none in the cache, or not that), -errno. */
int cert_set_with_chip(const struct broker_config *config, const struct cert_set *base, const struct kds_object *vcek, struct cert_set **ret)
	MUST_CHECK;

/* Intermediate and root for this kind of VEK are there. */
bool cert_set_has_chain(const struct cert_set *set, enum snp_product product, enum snp_signer signer);
