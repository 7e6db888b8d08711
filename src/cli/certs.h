/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* sevattest certs: what certs.c and its two helpers share. */
#include "cli/cli.h"
#include "io/kds_cache.h"
#include "snp/certs.h"

/* certs_store.c: puts every certificate and CRL of a set into the cache under its name. */
struct certs_stored {
	size_t chips;  /* VCEKs and VLEKs */
	size_t chains;
	size_t crls;
	size_t others; /* that have no place: an intermediate without its root, another's certificate */
};

/* `hint` is a file name that may say whose CRL it is ("vlek"); NULL: none. 0 or -errno with a text. */
int certs_store(const char *directory, const struct snp_certs *certs, const char *hint, struct certs_stored *ret, struct error *error) MUST_CHECK;

/* certs_list.c */
int certs_list(const char *directory, bool json, struct error *error) MUST_CHECK;
