/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * Is this report genuine? Structure, signer, chain to a pinned root, product, revocation, what the VEK certifies, signature: one finding
 * for each step, in a fixed order (snp_check_names). Whether a genuine report is also a wanted one is the policy's question (appraise/).
 */
#include <stdbool.h>
#include <stdint.h>

#include "base/bytes.h"
#include "base/finding.h"
#include "snp/cache.h"
#include "snp/certs.h"
#include "snp/report.h"
#include "snp/roots.h"
#include "snp/vek.h"

enum snp_revocation { SNP_REVOCATION_OFF, SNP_REVOCATION_IF_PRESENT, SNP_REVOCATION_REQUIRE };

#define SNP_NOT_BEFORE_SKEW 300 /* seconds: KDS issues a VEK when it is first asked for, and clocks differ */

struct snp_verify_input {
	struct bytes report;
	const struct snp_certs *certs; /* never NULL; may be empty */
	enum snp_revocation revocation;
	const struct snp_pins *extra_pins; /* NULL: AMD's only */
	int64_t now;                       /* Unix seconds */
	bool allow_masked_chip_id;   /* a report without a chip id may come with a VCEK: then nothing binds it to the chip but the signature
				      */
	struct snp_vek_cache *cache; /* NULL: none */
	uint64_t *p384_operations;   /* NULL, or counts up by one for each P-384 verification */
};

struct snp_verified {
	struct snp_report report; /* decoded whenever the size fits; TCBs in the layout of `product` */
	enum snp_product product; /* CPUID's, or for version 2 the chain's; UNKNOWN before that */
	enum snp_signer signer;
	struct snp_vek vek;   /* once the chain's signatures are good */
	bool operator_trust;  /* the root is an operator's pin, not AMD's */
	char trust_text[160]; /* which root, for people; empty without one */
};

/*
 * 0: it ran and `verdict` has the answer, one finding for each name of snp_check_names that applies; <0: could not tell (-ENOMEM, -EIO),
 * and what `verdict` then has is never a yes.
 */
int snp_verify(const struct snp_verify_input *input, struct snp_verified *ret, struct verdict *verdict) MUST_CHECK;

/* Every check of this layer in the order of the verdict, NULL at the end. */
extern const char *const snp_check_names[];
