/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* The names that AMD's Key Distribution Service gives to certificates and CRLs (KDS specification 57230). Pure: text only. */
#include "base/error.h"
#include "snp/report.h"

#define SNP_KDS_PATH_MAX 320

/*
 * "/vcek/v1/Milan/{hwID}?blSPL=..": the VCEK for a chip and a TCB. On Turin 8 bytes of the chip id and fmcSPL. 0, or -EINVAL: no product,
 * or the chip id is masked, so that no such name exists.
 */
int snp_kds_vcek_path(char to[static SNP_KDS_PATH_MAX], enum snp_product product, const uint8_t chip_id[static SNP_CHIP_ID_SIZE],
	const struct snp_tcb *tcb) MUST_CHECK;
/* "/vcek/v1/Milan/cert_chain" or the VLEK one; PEM, intermediate first, then ARK. */
int snp_kds_chain_path(char to[static SNP_KDS_PATH_MAX], enum snp_product product, enum snp_signer signer) MUST_CHECK;
int snp_kds_crl_path(char to[static SNP_KDS_PATH_MAX], enum snp_product product, enum snp_signer signer) MUST_CHECK;
