/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * What AMD writes into a VCEK or VLEK certificate: the extensions 1.3.6.1.4.1.3704.1.N (KDS specification 57230), read as exact DER.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/bytes.h"
#include "base/error.h"
#include "snp/product.h"
#include "snp/tcb.h"

#define SNP_HWID_MAX 64
#define SNP_VEK_TEXT_MAX 128 /* productName has 8 characters, csp_id 29 */

/* Which extensions are there, readable or not. */
enum snp_vek_has {
	SNP_VEK_STRUCT_VERSION = 1 << 0, /* 1 */
	SNP_VEK_PRODUCT_NAME = 1 << 1,   /* 2 */
	SNP_VEK_BOOTLOADER = 1 << 2,     /* 3.1 */
	SNP_VEK_TEE = 1 << 3,            /* 3.2 */
	SNP_VEK_SNP = 1 << 4,            /* 3.3 */
	SNP_VEK_SPL4 = 1 << 5,           /* 3.4 */
	SNP_VEK_SPL5 = 1 << 6,
	SNP_VEK_SPL6 = 1 << 7,
	SNP_VEK_SPL7 = 1 << 8,
	SNP_VEK_MICROCODE = 1 << 9, /* 3.8 */
	SNP_VEK_FMC = 1 << 10,      /* 3.9 */
	SNP_VEK_HWID = 1 << 11,     /* 4 */
	SNP_VEK_CSP_ID = 1 << 12,   /* 5 */
};

struct snp_vek {
	unsigned present; /* enum snp_vek_has */
	unsigned bad;     /* present, but not the DER that it must be */
	unsigned twice;
	uint8_t struct_version;
	char product_name[SNP_VEK_TEXT_MAX];
	enum snp_product product; /* of product_name before "-" */
	struct snp_tcb tcb;       /* the SPLs; `raw` is not filled */
	bool spl_reserved_zero;   /* spl_4..7, those that are there, are 0 */
	uint8_t hwid[SNP_HWID_MAX];
	size_t hwid_size; /* 64, on Turin 8 */
	char csp_id[SNP_VEK_TEXT_MAX];
	int64_t not_before, not_after; /* of the certificate; Unix seconds */
};

/*
 * Reads the extensions of one DER certificate; only a certificate that does not parse is an error (-EINVAL), what the extensions say wrong
 * stands in `bad` and `twice`. Verifies nothing. For `show` and for fuzzing; snp_verify() reads the same way.
 */
int snp_vek_decode(struct bytes der, struct snp_vek *ret, struct error *error) MUST_CHECK;

/* One extension: `oid` is the content octets behind 1.3.6.1.4.1.3704.1 (02, or 03 01), `value` the content of extnValue. */
void snp_vek_read_extension(struct snp_vek *vek, struct bytes oid, struct bytes value);

/* "hwID", "ucodeSPL"... of the lowest bit in `mask`; NULL for 0. */
const char *snp_vek_extension_name(unsigned mask);

struct json_object *snp_vek_to_json(const struct snp_vek *vek); /* NULL without memory */
