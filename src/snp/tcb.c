/* SPDX-License-Identifier: Apache-2.0 */
#include "snp/tcb.h"

#include <stdio.h>
#include <string.h>

#include "base/bytes.h"

struct snp_tcb snp_tcb_decode(const uint8_t raw[static SNP_TCB_SIZE], enum snp_product product)
{
	struct snp_tcb tcb = {0};

	memcpy(tcb.raw, raw, SNP_TCB_SIZE);
	tcb.microcode = raw[7];
	if (product == SNP_TURIN) {
		tcb.has_fmc = true;
		tcb.fmc = raw[0];
		tcb.bootloader = raw[1];
		tcb.tee = raw[2];
		tcb.snp = raw[3];
	} else {
		tcb.bootloader = raw[0];
		tcb.tee = raw[1];
		tcb.snp = raw[6];
	}
	return tcb;
}

bool snp_tcb_reserved_zero(const uint8_t raw[static SNP_TCB_SIZE], enum snp_product product)
{
	return product == SNP_TURIN ? bytes_all_zero(raw + 4, 3) : bytes_all_zero(raw + 2, 4);
}

bool snp_tcb_at_most(const struct snp_tcb *a, const struct snp_tcb *b)
{
	return a->fmc <= b->fmc && a->bootloader <= b->bootloader && a->tee <= b->tee && a->snp <= b->snp && a->microcode <= b->microcode;
}

bool snp_tcb_equal(const struct snp_tcb *a, const struct snp_tcb *b)
{
	return snp_tcb_at_most(a, b) && snp_tcb_at_most(b, a);
}

void snp_tcb_text(char to[static SNP_TCB_TEXT_MAX], const struct snp_tcb *tcb)
{
	char fmc[16] = "";

	if (tcb->has_fmc)
		(void)snprintf(fmc, sizeof(fmc), "fmc %u, ", tcb->fmc);
	(void)snprintf(to, SNP_TCB_TEXT_MAX, "%sbootloader %u, tee %u, snp %u, microcode %u", fmc, tcb->bootloader, tcb->tee, tcb->snp,
		tcb->microcode);
}
