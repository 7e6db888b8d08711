/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * The certificates that the host did not give: from the cache, else from AMD's key service through netd. The cache holds a file for each chip
 * and TCB and one for each product's intermediates, so that a machine that booted once boots again while the key service is away. What comes
 * from any of them is worth nothing until it chains to a pin: only such a chain is kept.
 */
#include "agent/core.h"

struct certs_job;

/* `complete`: VEK, intermediate and root are there; else `why` says what is missing. */
typedef void certs_done(void *context, bool complete, const char *why);

enum { CERTS_DONE = 1, CERTS_MISSING };

/*
 * Completes evidence->cert_table, which must live until the answer. CERTS_DONE: it is complete; CERTS_MISSING: it cannot be completed, with a
 * text; 0: netd was asked, `done` is called later, and *ret is the job. -errno.
 */
int certs_start(struct core *core, struct evidence *evidence, certs_done *done, void *context, struct certs_job **ret, struct error *error)
	MUST_CHECK;
struct certs_job *certs_cancel(struct certs_job *job);
