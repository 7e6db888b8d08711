/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* Certificates for the simulated KDS's TLS: one that is good, and one for each way to be wrong. Their authority is made anew at every start. */
#include "base/bytes.h"
#include "base/error.h"
#include "base/secret.h"

enum sim_tls_kind {
	SIM_TLS_GOOD,
	SIM_TLS_EXPIRED,
	SIM_TLS_FUTURE,      /* not valid before tomorrow */
	SIM_TLS_WRONG_NAME,  /* for another address */
	SIM_TLS_FOREIGN,     /* an authority with the same name and another key */
	SIM_TLS_SELF_SIGNED,
	SIM_TLS_KINDS,
};

/* PEM, ready for a server; the key is that of the certificate. */
struct sim_tls {
	struct buf authority;
	struct buf certificates[SIM_TLS_KINDS];
	struct secret keys[SIM_TLS_KINDS];
};

/* For servers on 127.0.0.1. 0, -ENOMEM, -EIO. */
int sim_tls_make(int64_t now, struct sim_tls *ret) MUST_CHECK;
void sim_tls_deinit(struct sim_tls *tls);

/* "good", "expired" ... of --kds-tls; NULL past the end. */
const char *sim_tls_name(size_t kind);
