/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * From a heap of certificates to one chain VEK <- intermediate <- root, and everything that its bytes alone decide. The result is plain
 * data: it is what the cache keeps. Time and report are judged in verify.c.
 */
#include "snp/check.h"
#include "snp/crl.h"
#include "snp/verify.h"

#define SNP_CRLS_MAX 8

enum snp_place { SNP_PLACE_VEK, SNP_PLACE_INTERMEDIATE, SNP_PLACE_ROOT, SNP_PLACES };

struct snp_window {
	char name[SNP_NAME_MAX];
	int64_t not_before, not_after;
};

struct snp_chain {
	/* Which of the steps failed first; the steps before it passed, those behind it were not reached. */
	struct snp_failure failure;
	bool found; /* the three certificates are there: `windows` can be judged */

	struct snp_window windows[SNP_PLACES];
	char given[160]; /* the common names of all certificates, for people */
	struct snp_pin pin;
	bool operator_trust;
	enum snp_product product;
	struct snp_vek vek;
	uint8_t key[96];

	struct snp_crl crls[SNP_CRLS_MAX]; /* those that the root may have issued, and those that cannot be read */
	size_t crl_count;
	bool crl_too_many;
	char crl_other[SNP_NAME_MAX]; /* issuer of a CRL of some other root; empty without one */
};

/*
 * Finds and judges the chain for `report` among input->certs, with input->extra_pins and input->cache's known CA certificates.
 * `ret->failure.check` is NULL when all steps passed. 0; -ENOMEM, -EIO.
 */
int snp_chain_judge(const struct snp_verify_input *input, const struct snp_report *report, struct snp_chain *ret) MUST_CHECK;

/* The steps in their order; chain.validity is among them, and is judged by the caller. NULL at the end. */
extern const char *const snp_chain_steps[];
