/* SPDX-License-Identifier: Apache-2.0 */
#include "snp/kds.h"

#include <errno.h>
#include <stdio.h>

#include "base/text.h"

int snp_kds_vcek_path(char to[static SNP_KDS_PATH_MAX], enum snp_product product, const uint8_t chip_id[static SNP_CHIP_ID_SIZE],
	const struct snp_tcb *tcb)
{
	size_t size = product == SNP_TURIN ? SNP_TURIN_HWID_SIZE : SNP_CHIP_ID_SIZE;
	char hwid[2 * SNP_CHIP_ID_SIZE + 1], fmc[16] = "";

	if (product == SNP_PRODUCT_UNKNOWN || bytes_all_zero(chip_id, SNP_CHIP_ID_SIZE))
		return -EINVAL;
	hex_encode(hwid, chip_id, size);
	if (product == SNP_TURIN)
		(void)snprintf(fmc, sizeof(fmc), "fmcSPL=%02u&", tcb->fmc);
	(void)snprintf(to, SNP_KDS_PATH_MAX, "/vcek/v1/%s/%s?%sblSPL=%02u&teeSPL=%02u&snpSPL=%02u&ucodeSPL=%02u", snp_product_name(product),
		hwid, fmc, tcb->bootloader, tcb->tee, tcb->snp, tcb->microcode);
	return 0;
}

static int product_path(char to[static SNP_KDS_PATH_MAX], enum snp_product product, enum snp_signer signer, const char *what)
{
	if (product == SNP_PRODUCT_UNKNOWN)
		return -EINVAL;
	(void)snprintf(to, SNP_KDS_PATH_MAX, "/%s/v1/%s/%s", signer == SNP_SIGNER_VLEK ? "vlek" : "vcek", snp_product_name(product), what);
	return 0;
}

int snp_kds_chain_path(char to[static SNP_KDS_PATH_MAX], enum snp_product product, enum snp_signer signer)
{
	return product_path(to, product, signer, "cert_chain");
}

int snp_kds_crl_path(char to[static SNP_KDS_PATH_MAX], enum snp_product product, enum snp_signer signer)
{
	return product_path(to, product, signer, "crl");
}
