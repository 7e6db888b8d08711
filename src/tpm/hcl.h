/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * Azure's HCL report, the content of vTPM NV index 01400001h: a hardware report in a fixed slot, then the runtime claims whose hash is that report's
 * REPORT_DATA. The claims name the vTPM's attestation key (AK), so this is what ties a quote to the hardware.
 */
#include <stdint.h>

#include "base/bytes.h"
#include "base/finding.h"

#define HCL_REPORT_OFFSET 32
#define HCL_REPORT_SIZE 1184
#define HCL_CLAIMS_MAX ((size_t)16 << 10) /* genuine ones have 1.2 KiB */
#define HCL_AK_SIZE 256                   /* RSA-2048, e = 65537 */
#define HCL_USER_DATA_SIZE 64

struct hcl {
	uint32_t version, report_type, hash_type;
	struct bytes report, claims;   /* views into the input */
	uint8_t ak_modulus[HCL_AK_SIZE]; /* big endian */
	uint8_t user_data[HCL_USER_DATA_SIZE];
	bool has_user_data;
};

/* The checks of hcl_check() in their order, NULL at the end. */
extern const char *const hcl_check_names[];

/* True when the input begins as an HCL report does. */
bool hcl_looks_like(struct bytes input);

/*
 * The findings hcl.header, hcl.runtime, hcl.type, hcl.binding, hcl.claims; after the first failure the others are `not checked`. Returns true when all passed;
 * `ret` is then filled. The hardware report itself is snp_verify()'s to judge.
 */
bool hcl_check(struct bytes input, struct hcl *ret, struct verdict *verdict);
