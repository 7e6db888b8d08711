/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * Which certificates of a set belong to a report, and the certificate table that carries them beside it. By chip, TCB and names only: whoever
 * verifies the evidence looks at signatures.
 */
#include "base/bytes.h"
#include "snp/certs.h"
#include "snp/report.h"

#define EVIDENCE_CHAIN_MAX 3 /* VEK, intermediate, root */

/* As many as are there, the VEK first; 0 without a VEK of this chip and TCB. Views into the set. */
size_t evidence_chain_find(const struct snp_certs *certs, const struct snp_report *report, struct bytes ret[static EVIDENCE_CHAIN_MAX]);

/* Appends the table of evidence_chain_find(); nothing without a VEK. 0, -EINVAL (too large), -ENOMEM. */
int evidence_chain_table(const struct snp_certs *certs, const struct snp_report *report, struct buf *to) MUST_CHECK;
