/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* TCB_VERSION: eight bytes whose meaning depends on the product (SNP ABI, table TCB_VERSION). Compared part by part, never as a number. */
#include <stdbool.h>
#include <stdint.h>

#include "snp/product.h"

#define SNP_TCB_SIZE 8
#define SNP_TCB_TEXT_MAX 96

struct snp_tcb {
	uint8_t fmc, bootloader, tee, snp, microcode;
	bool has_fmc; /* Turin */
	uint8_t raw[SNP_TCB_SIZE];
};

/* Reads the layout of `product`; UNKNOWN reads as Milan and Genoa do. */
struct snp_tcb snp_tcb_decode(const uint8_t raw[static SNP_TCB_SIZE], enum snp_product product);
/* True when the bytes that the product's layout reserves are zero. */
bool snp_tcb_reserved_zero(const uint8_t raw[static SNP_TCB_SIZE], enum snp_product product);
/* Every part of `a` is at most that of `b`. */
bool snp_tcb_at_most(const struct snp_tcb *a, const struct snp_tcb *b);
bool snp_tcb_equal(const struct snp_tcb *a, const struct snp_tcb *b);
/* "bootloader 4, tee 0, snp 24, microcode 219" (with "fmc N, " in front on Turin). */
void snp_tcb_text(char to[static SNP_TCB_TEXT_MAX], const struct snp_tcb *tcb);
