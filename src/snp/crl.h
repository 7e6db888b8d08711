/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * AMD's revocation lists (RFC 5280): signed by the root (ARK), they can list only what the root issued, that is intermediates. What the
 * bytes alone decide is found out once and may be kept; the window is judged at each time anew.
 */
#include <stdbool.h>
#include <stdint.h>

#include "base/bytes.h"
#include "base/error.h"
#include "snp/cert.h"

/* In the order of the findings; a CRL is described by the first that it fails. */
enum snp_crl_state {
	SNP_CRL_UNREADABLE,    /* crl.parse */
	SNP_CRL_OTHER_ISSUER,  /* crl.issuer */
	SNP_CRL_BAD_ALGORITHM, /* crl.signature_algo */
	SNP_CRL_BAD_EXTENSION, /* crl.extensions */
	SNP_CRL_BAD_SIGNATURE, /* crl.signature */
	SNP_CRL_AUTHENTIC,
};

struct snp_crl {
	enum snp_crl_state state;
	bool revoked;                     /* it lists the intermediate; means nothing unless AUTHENTIC */
	int64_t this_update, next_update; /* next_update INT64_MIN when it has none: never fresh */
	char issuer[SNP_NAME_MAX];
	char extension[SNP_NAME_MAX]; /* the OID that BAD_EXTENSION is about */
};

/* Judges one CRL against the root that has to have signed it and the intermediate that it must not list. -ENOMEM, or 0 with `state`. */
int snp_crl_judge(struct bytes der, const struct snp_cert *root, const struct snp_cert *intermediate, struct snp_crl *ret) MUST_CHECK;

struct snp_crl_info {
	char issuer[SNP_NAME_MAX];
	int64_t this_update, next_update;
	size_t revoked_count;
};

/* For `show` and for fuzzing: what a CRL says, unverified. 0; -EINVAL with a text. */
int snp_crl_decode(struct bytes der, struct snp_crl_info *ret, struct error *error) MUST_CHECK;
