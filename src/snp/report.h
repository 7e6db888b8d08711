/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * ATTESTATION_REPORT of SEV-SNP, 1184 bytes (SNP ABI 56860, table ATTESTATION_REPORT; versions 2 to 5).
 * Decoding is lenient, so that `show` can explain a broken report; judging is snp_report_check()'s.
 */
#include "base/bytes.h"
#include "base/finding.h"
#include "snp/product.h"
#include "snp/tcb.h"

#define SNP_REPORT_SIZE 1184
#define SNP_SIGNED_SIZE 0x2a0 /* the signature covers 000h..29Fh */
#define SNP_CHIP_ID_SIZE 64
#define SNP_TURIN_HWID_SIZE 8

/* POLICY bits (SNP ABI, table GUEST_POLICY). */
#define SNP_POLICY_SMT (UINT64_C(1) << 16)
#define SNP_POLICY_RESERVED_ONE (UINT64_C(1) << 17)
#define SNP_POLICY_MIGRATE_MA (UINT64_C(1) << 18)
#define SNP_POLICY_DEBUG (UINT64_C(1) << 19)
#define SNP_POLICY_SINGLE_SOCKET (UINT64_C(1) << 20)
#define SNP_POLICY_CXL (UINT64_C(1) << 21)
#define SNP_POLICY_MEM_AES_256_XTS (UINT64_C(1) << 22)
#define SNP_POLICY_RAPL_DIS (UINT64_C(1) << 23)
#define SNP_POLICY_CIPHERTEXT_HIDING (UINT64_C(1) << 24)
#define SNP_POLICY_PAGE_SWAP_DISABLE (UINT64_C(1) << 25)
#define SNP_POLICY_KNOWN ((UINT64_C(1) << 26) - 1)

/* SIGNING_KEY, bits 4:2 of the key information at 048h. */
enum snp_signer { SNP_SIGNER_VCEK = 0, SNP_SIGNER_VLEK = 1, SNP_SIGNER_NONE = 7 };

enum { SNP_E_SIZE = 1 };

struct snp_version {
	uint8_t major, minor, build;
};

struct snp_report {
	uint32_t version, guest_svn;
	uint64_t policy;
	uint8_t family_id[16], image_id[16];
	uint32_t vmpl, signature_algo;
	struct snp_tcb current_tcb;
	uint64_t platform_info;
	uint32_t key_info;
	uint8_t report_data[64], measurement[48], host_data[32], id_key_digest[48], author_key_digest[48];
	uint8_t report_id[32], report_id_ma[32];
	struct snp_tcb reported_tcb;
	uint8_t cpuid_family, cpuid_model, cpuid_stepping;
	bool has_cpuid; /* version 3 and later */
	uint8_t chip_id[SNP_CHIP_ID_SIZE];
	struct snp_tcb committed_tcb;
	struct snp_version current, committed;
	struct snp_tcb launch_tcb;
	uint64_t launch_mit_vector, current_mit_vector;
	bool has_mit_vectors;                     /* version 5 */
	uint8_t signature_r[72], signature_s[72]; /* little endian, as received */
	enum snp_product product;                 /* from CPUID; UNKNOWN for version 2 */
};

/* 0, or SNP_E_SIZE unless `input` is 1184 bytes. Rejects nothing else. */
int snp_report_decode(struct bytes input, struct snp_report *ret) MUST_CHECK;

/* Reads the four TCB fields again in the layout of `product`: version 2 cannot say it itself. */
void snp_report_relayout(struct snp_report *report, enum snp_product product);

/* 0 VCEK, 1 VLEK, 7 none, 2..6 reserved. */
unsigned snp_report_signer(const struct snp_report *report);

/*
 * The findings report.version .. report.product, in that order, over a decoded report and the bytes that it came from. Returns true when
 * all passed.
 */
bool snp_report_check(const struct snp_report *report, struct bytes input, struct verdict *verdict);

/* The findings report.migration_agent and report.id_block: fields that genuine firmware never lets contradict each other. */
void snp_report_check_genuine(const struct snp_report *report, struct verdict *verdict);

/* Members as in the index of the vectors: every field. NULL without memory. */
struct json_object *snp_report_to_json(const struct snp_report *report);
