/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * Which AMD product made a report. The KDS knows three products (each with its own ARK); microcode SPLs count per silicon line, of which
 * there are more. Both come from the CPUID bytes that the firmware signs (report version 3 and later), never from a default.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum snp_product { SNP_PRODUCT_UNKNOWN, SNP_MILAN, SNP_GENOA, SNP_TURIN };

enum snp_line {
	SNP_LINE_UNKNOWN,
	SNP_LINE_MILAN,
	SNP_LINE_MILAN_X,
	SNP_LINE_GENOA,
	SNP_LINE_GENOA_X,
	SNP_LINE_BERGAMO, /* Bergamo and Siena share CPUID 19h/A0h..AFh; snp_line_of() says BERGAMO for both */
	SNP_LINE_SIENA,
	SNP_LINE_TURIN,
};

/* "Milan", "Genoa", "Turin" exactly as KDS and the certificates spell them; "unknown" else. */
const char *snp_product_name(enum snp_product product);
/* The product with exactly this name (not NUL-terminated), else UNKNOWN. */
enum snp_product snp_product_from_name(const void *name, size_t size);
/* Combined CPUID family and model; UNKNOWN for Venice (no pin is established) and everything else. */
enum snp_product snp_product_of(uint8_t family, uint8_t model);

const char *snp_line_name(enum snp_line line);
enum snp_line snp_line_of(uint8_t family, uint8_t model, uint8_t stepping);
/* True when both names stand for the same CPUID range (Bergamo and Siena do). */
bool snp_line_same(enum snp_line a, enum snp_line b);
enum snp_product snp_line_product(enum snp_line line);
