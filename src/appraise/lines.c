/* SPDX-License-Identifier: Apache-2.0 */
#include "appraise/lines.h"

bool line_is_zen4c(enum snp_line line)
{
	return line == SNP_LINE_BERGAMO || line == SNP_LINE_SIENA;
}

bool line_may_be(const struct policy_line *row, const struct claims *claims)
{
	if (claims->line == SNP_LINE_UNKNOWN)
		return !claims->report.has_cpuid && row->product == claims->product;
	return row->line == claims->line || (line_is_zen4c(row->line) && line_is_zen4c(claims->line));
}

void tcb_to_parts(const struct snp_tcb *tcb, uint8_t to[static TCB_PARTS])
{
	to[TCB_FMC] = tcb->fmc;
	to[TCB_BOOTLOADER] = tcb->bootloader;
	to[TCB_TEE] = tcb->tee;
	to[TCB_SNP] = tcb->snp;
	to[TCB_MICROCODE] = tcb->microcode;
}

const struct snp_tcb *tcb_of(const struct snp_report *report, enum policy_tcb_field field)
{
	switch (field) {
	case TCB_COMMITTED:
		return &report->committed_tcb;
	case TCB_CURRENT:
		return &report->current_tcb;
	case TCB_LAUNCH:
		return &report->launch_tcb;
	case TCB_REPORTED:
	case TCB_FIELDS:
		break;
	}
	return &report->reported_tcb;
}

const char *tcb_fix(enum policy_tcb_field field)
{
	static const char *const fixes[TCB_FIELDS] = {
		[TCB_REPORTED] = "let the host update its firmware and raise REPORTED_TCB",
		[TCB_COMMITTED] = "let the host commit newer firmware: it can go back to what it has committed",
		[TCB_CURRENT] = "let the host update its firmware",
		[TCB_LAUNCH] = "the guest was launched on older firmware: restart it",
	};

	return fixes[field];
}

size_t tcb_first_below(const struct snp_tcb *tcb, const uint8_t min[static TCB_PARTS])
{
	uint8_t parts[TCB_PARTS];
	size_t i = 0;

	tcb_to_parts(tcb, parts);
	/* FMC has a meaning on Turin only; a minimum for it can only be stated there. */
	while (i < TCB_PARTS && parts[i] >= min[i])
		i++;
	return i;
}
