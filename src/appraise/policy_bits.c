/* SPDX-License-Identifier: Apache-2.0 */
/* Names of the bits, lines and TCB parts that a policy can speak of. AMD SEV-SNP ABI 1.58: guest policy table, PLATFORM_INFO table. */
#include "appraise/policy_model.h"

const struct policy_bit policy_guest_bits[POLICY_GUEST_BITS] = {
	{"debug", "guest_policy.debug", 19, 0, "the host may read the guest's memory (DEBUG)", "debugging is off"},
	{"migrate_ma", "guest_policy.migrate_ma", 18, 0, "a migration agent may export the guest", "no migration agent"},
	{"smt", "guest_policy.smt", 16, 0, "SMT is allowed on the host", "SMT is forbidden on the host"},
	{"single_socket", "guest_policy.single_socket", 20, 0, "one socket only", "any number of sockets"},
	{"cxl", "guest_policy.cxl", 21, 0, "CXL memory or devices are allowed", "CXL is forbidden"},
	{"mem_aes_256_xts", "guest_policy.mem_aes_256_xts", 22, 0, "AES-256-XTS is required", "AES-256-XTS is not required"},
	{"rapl_dis", "guest_policy.rapl_dis", 23, 0, "RAPL must be off", "RAPL may be on"},
	{"ciphertext_hiding_dram", "guest_policy.ciphertext_hiding_dram", 24, 0, "ciphertext hiding is required",
		"ciphertext hiding is not required"},
	{"page_swap_disable", "guest_policy.page_swap_disable", 25, 0, "page move and swap are refused", "page move and swap are allowed"},
};

const struct policy_bit policy_platform_bits[POLICY_PLATFORM_BITS] = {
	{"smt", "platform_info.smt", 0, 0, "SMT is on", "SMT is off"},
	{"tsme", "platform_info.tsme", 1, 0, "TSME is on", "TSME is off"},
	{"ecc", "platform_info.ecc", 2, 0, "memory has ECC", "memory has no ECC"},
	{"rapl_dis", "platform_info.rapl_dis", 3, 0, "RAPL is off", "RAPL is on"},
	{"ciphertext_hiding_dram", "platform_info.ciphertext_hiding_dram", 4, 0, "ciphertext hiding is on", "ciphertext hiding is off"},
	{"alias_check_complete", "platform_info.alias_check_complete", 5, 3, "the memory alias check has passed",
		"the memory alias check has not passed"},
	{"iommu_write_safe", "platform_info.iommu_write_safe", 6, 3, "IOMMU writes are safe", "IOMMU writes are not known to be safe"},
	{"tio", "platform_info.tio", 7, 5, "SEV-TIO is on", "SEV-TIO is off"},
};

const char *const policy_tcb_parts[TCB_PARTS] = {
	[TCB_FMC] = "fmc",
	[TCB_BOOTLOADER] = "bootloader",
	[TCB_TEE] = "tee",
	[TCB_SNP] = "snp",
	[TCB_MICROCODE] = "microcode",
};

const char *const policy_tcb_fields[TCB_FIELDS] = {
	[TCB_REPORTED] = "reported",
	[TCB_COMMITTED] = "committed",
	[TCB_CURRENT] = "current",
	[TCB_LAUNCH] = "launch",
};

const struct policy_line policy_lines[POLICY_LINES] = {
	{"Milan", SNP_LINE_MILAN, SNP_MILAN},
	{"Milan-X", SNP_LINE_MILAN_X, SNP_MILAN},
	{"Genoa", SNP_LINE_GENOA, SNP_GENOA},
	{"Genoa-X", SNP_LINE_GENOA_X, SNP_GENOA},
	{"Bergamo", SNP_LINE_BERGAMO, SNP_GENOA},
	{"Siena", SNP_LINE_SIENA, SNP_GENOA},
	{"Turin", SNP_LINE_TURIN, SNP_TURIN},
};
