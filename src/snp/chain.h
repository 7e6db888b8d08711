/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* Choosing VEK, intermediate and ARK out of a bag, and judging that chain up to a pin (RFC 5280 and KDS specification 57230, narrowed to what AMD issues). */
#include "snp/column.h"
#include "snp/verify.h"

/* Borrowed from the set. */
struct snp_chain {
	const X509 *vek, *intermediate, *ark;
	const struct snp_pin *pin;
	bool operator_trust;
	enum snp_product product; /* of the intermediate's name */
};

/* Picks by names and extensions; whatever is picked still has to verify. */
void snp_chain_choose(const struct snp_certs *certs, const struct snp_report *report, struct snp_chain *ret);
/* The findings cert.parse .. chain.issuers. 0 or -EIO. */
int snp_chain_check(struct column *column, const struct snp_verify_input *input, const struct snp_report *report, struct snp_chain *chain) MUST_CHECK;
/* RSASSA-PSS with SHA-384, MGF1-SHA-384, salt 48 and trailer 1, whatever way the parameters are spelled. */
bool snp_is_amd_pss(const X509_ALGOR *algorithm);
/* now lies in the window [not_before - skew, not_after). */
bool snp_time_in(const ASN1_TIME *not_before, const ASN1_TIME *not_after, int64_t now, int64_t skew);
void snp_time_text(char to[static 32], const ASN1_TIME *time);
