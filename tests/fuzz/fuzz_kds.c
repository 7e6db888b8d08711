/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The names that KDS gives to what belongs to a report: chip id (64 bytes), the five parts of the TCB, product, signer. Whatever they are, a name is one line of
 * the characters that a URL may have.
 *
 * planted: encode snp_kds_vcek_path
 */
#include "fuzz.h"
#include "snp/kds.h"

static void one_line(const char *path)
{
	static const char allowed[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789/?&=_";

	if (strlen(path) >= SNP_KDS_PATH_MAX || path[0] != '/' || path[strspn(path, allowed)])
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char path[SNP_KDS_PATH_MAX];
	struct snp_tcb tcb = {0};
	enum snp_signer signer;
	enum snp_product product;
	struct bytes input = bytes_of(data, size), chip_id = fuzz_take(&input, SNP_CHIP_ID_SIZE);

	if (chip_id.size < SNP_CHIP_ID_SIZE)
		return 0;
	tcb.fmc = fuzz_u8(&input);
	tcb.bootloader = fuzz_u8(&input);
	tcb.tee = fuzz_u8(&input);
	tcb.snp = fuzz_u8(&input);
	tcb.microcode = fuzz_u8(&input);
	product = (enum snp_product)(fuzz_u8(&input) % (SNP_TURIN + 1));
	signer = fuzz_u8(&input) & 1 ? SNP_SIGNER_VLEK : SNP_SIGNER_VCEK;
	chip_id = fuzz_copy(chip_id);
	if (snp_kds_vcek_path(path, product, chip_id.data, &tcb) == 0)
		one_line(path);
	fuzz_free(chip_id);
	if (snp_kds_chain_path(path, product, signer) == 0)
		one_line(path);
	if (snp_kds_crl_path(path, product, signer) == 0)
		one_line(path);
	return 0;
}
