/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* Certificates of a report that nobody handed over: from the cache, else from AMD's key service or a mirror of it. */
#include "cli/cli.h"
#include "io/kds.h"
#include "snp/certs.h"
#include "snp/report.h"

#define FETCH_CACHE_DIR "/var/cache/sevattest"
#define FETCH_CA_FILE "/etc/ssl/certs/ca-certificates.crt" /* AMD's service has a certificate of a public authority; what it gives proves itself */
#define FETCH_WAIT_S 600                                    /* AMD's 429 lasts minutes */
#define FETCH_CRL_AGE (24 * 3600)                           /* a revocation list older than that is asked for again */

struct fetch_options {
	const char *kds, *kds_ca, *cache;
	struct option_u64 wait;
};

#define FETCH_OPTION_ROWS(o)                                                                                                               \
	{"kds", 0, OPTION_TEXT, &(o).kds, "URL", "key service or mirror (" KDS_BASE_URL ")"},                                              \
		{"kds-ca", 0, OPTION_TEXT, &(o).kds_ca, "FILE", "its certification authorities (" FETCH_CA_FILE ")"},                      \
	{                                                                                                                                  \
		"wait", 0, OPTION_U64, &(o).wait, "SECONDS", "how long to wait for a service that is busy or away (600)"                   \
	}

/* For fetch_report(): what to bring, and how it came. */
struct fetch_job {
	struct kds *kds;
	const struct snp_report *report;
	int64_t now;
	bool fresh;        /* pass over the cache: what it holds did not verify */
	bool crl;          /* the revocation list too */
	bool explain;      /* on 404, ask a little more to say why */
	bool used_cache;   /* out: something came from the cache */
};

/* `cache` NULL: none. enum exit_code, with a text unless EXIT_YES. `verb` is for the progress line; a static text. */
int fetch_open(const struct fetch_options *options, const char *cache, const char *verb, struct kds **ret, struct error *error) MUST_CHECK;

/* Adds what is missing of the report's chain to `certs`. enum exit_code, with a text unless EXIT_YES. */
int fetch_report(struct fetch_job *job, struct snp_certs *certs, struct error *error) MUST_CHECK;
