/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * What a policy document says, parsed: shared by its reader (policy*.c) and the checks (checks_*.c), by nobody else.
 * One member of the document is one member here.
 */
#include <stdbool.h>
#include <stdint.h>

#include "appraise/allow.h"
#include "appraise/policy.h"
#include "base/compiler.h"
#include "snp/report.h"
#include "snp/roots.h"

enum policy_os { POLICY_OS_UNSTATED, POLICY_OS_KERNEL_HASHES, POLICY_OS_ID_BLOCK, POLICY_OS_PCRS, POLICY_OS_UNVERIFIED };

/* A JSON boolean, or null/absent. */
enum policy_tri { POLICY_ANY, POLICY_FALSE, POLICY_TRUE };

struct policy_u32 {
	bool stated;
	uint32_t value;
};

/* A set of named things as a bit mask; stated and zero allows nothing. */
struct policy_set {
	bool stated;
	uint64_t mask;
};

struct policy_text {
	char *text;
};

struct policy_texts {
	bool stated;
	size_t count;
	struct policy_text *items;
};

struct policy_version {
	bool stated;
	uint8_t major, minor, build;
};

/* The members of "guest_policy" that are one bit of POLICY, and those of "platform_info". In the order of their tables in policy_bits.c. */
#define POLICY_GUEST_BITS 9
#define POLICY_PLATFORM_BITS 8

struct policy_bit {
	const char *member; /* in the document */
	const char *check;  /* "guest_policy.debug" */
	unsigned bit;
	unsigned from_version; /* lowest report version that can tell; 0 = all */
	const char *set;       /* what a 1 means, for people */
	const char *clear;
};

extern const struct policy_bit policy_guest_bits[POLICY_GUEST_BITS];
extern const struct policy_bit policy_platform_bits[POLICY_PLATFORM_BITS];

/* Components of a TCB floor. One that is not stated has no floor. */
enum policy_tcb_part { TCB_FMC, TCB_BOOTLOADER, TCB_TEE, TCB_SNP, TCB_MICROCODE, TCB_PARTS };
extern const char *const policy_tcb_parts[TCB_PARTS];

enum policy_tcb_field { TCB_REPORTED, TCB_COMMITTED, TCB_CURRENT, TCB_LAUNCH, TCB_FIELDS };
extern const char *const policy_tcb_fields[TCB_FIELDS];

struct policy_floor {
	bool stated;
	uint8_t min[TCB_PARTS];
};

/* Lines are indexed by POLICY_LINES' own order (policy_lines), not by the enum of snp/. */
#define POLICY_LINES 7
struct policy_line {
	const char *name;
	enum snp_line line;
	enum snp_product product;
};
extern const struct policy_line policy_lines[POLICY_LINES];

struct policy_tpm {
	bool stated;
	bool bank_stated;
	bool pcrs_stated;
	struct allow_list pcrs[16];
	enum { EVENT_LOG_UNSTATED, EVENT_LOG_OFF, EVENT_LOG_IF_PRESENT, EVENT_LOG_REQUIRE } event_log;
	enum policy_tri secure_boot;
	bool azure_stated;
	enum policy_tri azure_secure_boot, azure_console_enabled;
};

struct policy {
	char *name;
	enum policy_os os_identity;

	struct allow_list measurement, host_data, id_key_digest, author_key_digest, family_id, image_id, chip_id, chip_id_denied;
	struct policy_texts csp_id;
	struct policy_u32 guest_svn_min, vmpl_max;
	struct policy_set products, signer; /* masks of 1 << enum snp_product, 1 << enum snp_signer */
	enum policy_tri guest_bits[POLICY_GUEST_BITS], platform_bits[POLICY_PLATFORM_BITS];
	struct policy_version abi_min, firmware_min; /* abi_min has no build */

	const char *floor_name; /* static; NULL when the document has its own floors */
	const char *floor_date; /* static; of the data file */
	struct policy_floor floors[POLICY_LINES];
	struct policy_set tcb_fields; /* mask of 1 << enum policy_tcb_field; not stated: all four */

	struct policy_set mitigations_launch, mitigations_current;
	struct policy_set advisories; /* bits in the order of advisories_names() */
	enum policy_tri provisional_firmware, masked_chip_id;

	struct policy_tpm tpm;

	bool revocation_stated;
	enum snp_revocation revocation;
	struct snp_pins pins;
};
