/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * AMD's CRLs: signed by the ARK, they can name only what the ARK issued, that is the intermediate (and itself). VEKs all have serial 0 and another issuer, so
 * no CRL can name one chip: that is a policy's chip_id_denied.
 */
#include "snp/chain.h"

/* The findings crl.parse .. crl.revoked. */
void snp_crl_check(struct column *column, const struct snp_verify_input *input, const struct snp_chain *chain);
