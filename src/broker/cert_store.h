/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * Certificates and revocation lists that the operator's directories hold, read once and at SIGHUP; and the cache of chips' certificates,
 * looked into when evidence brings none. Nothing in here is trusted.
 */
#include "base/error.h"
#include "broker/config.h"
#include "snp/certs.h"
#include "snp/report.h"

/* A set that is shared and does not change. */
struct cert_set {
	unsigned refs;
	struct snp_certs certs;
};

struct cert_set *cert_set_unref(struct cert_set *set);
DEFINE_CLEANUP(struct cert_set *, cert_set_unref)

/* Reads both directories; one that is missing is empty, a file that is no certificate is told to the log and passed over. 0, -ENOMEM. */
int cert_set_load(const struct broker_config *config, struct cert_set **ret, struct error *error) MUST_CHECK;

/* `base` and the cached certificate of this chip and TCB, as a new set. 0, -ENOENT (none in the cache), -errno. */
int cert_set_with_chip(const struct broker_config *config, const struct cert_set *base, struct bytes report, struct cert_set **ret)
	MUST_CHECK;
