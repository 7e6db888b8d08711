/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * From the evidence in an Attestation to the policies that accept it. The certificates come from the evidence, from the directory of
 * certificates and from the cache, which broker/cert_fetch.h fills; CRLs from their directory and from the cache. Nothing of that is trusted: it counts when it chains to a pin. A policy's own
 * pins and its word on revocation hold for that policy only.
 */
#include "base/error.h"
#include "base/json.h"
#include "broker/catalog.h"
#include "broker/config.h"
#include "broker/refusals.h"
#include "io/kds_queue.h"
#include "kbs/server.h"

struct appraiser;

int appraiser_new(const struct broker_config *config, struct appraiser **ret, struct error *error) MUST_CHECK;
struct appraiser *appraiser_free(struct appraiser *appraiser);
DEFINE_CLEANUP(struct appraiser *, appraiser_free)

/* Reads the directories again. On failure the old content stays. */
int appraiser_reload(struct appraiser *appraiser, struct error *error) MUST_CHECK;

/*
 * Verifies and evaluates every policy of the snapshot that a grant names. `ret_details` gets the findings that did not pass, for audit and
 * log: an array of {policy, version, checks: [...]}; its reference is the caller's, NULL when there are none. 0;
 * -EAGAIN: a certificate is on its way, come again after ret->retry_after; -errno. Any thread.
 */
int appraiser_run(struct appraiser *appraiser, const struct snapshot *snapshot, const struct kbs_appraise_input *input,
	struct kbs_appraised *ret, struct json_object **ret_details) MUST_CHECK;

/* For the status pages. */
struct appraiser_counts {
	struct refusals refusals; /* a copy */
	size_t certificates;      /* of the directories */
	size_t crls;
	int64_t certs_time;     /* when they were read */
	uint64_t chips_cached;  /* evidence without certificates whose chip the cache knew */
	uint64_t chips_unknown; /* and did not */
	bool has_kds;           /* certificates are fetched */
	struct kds_queue_counts kds;
};

void appraiser_counts(struct appraiser *appraiser, struct appraiser_counts *ret);
