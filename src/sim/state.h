/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * What the simulated platform is told to be: the chip, the guest that runs on it, and the faults that it shows. One table of settings
 * serves the state file, the options of `report` and `serve`, and `set`. The state file (DIR/state.json, a JSON object of texts) is read
 * anew for every request, so that a test can change one thing between two requests.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/bytes.h"
#include "base/compiler.h"
#include "base/error.h"

#define SIM_CHIP_ID_SIZE 64
#define SIM_STATE_TEXT_MAX ((size_t)64 << 10)

enum sim_signer { SIM_SIGNER_VCEK = 0, SIM_SIGNER_VLEK = 1, SIM_SIGNER_NONE = 7 }; /* values of KEY_INFO.SIGNING_KEY */

struct sim_tcb {
	uint8_t fmc, bootloader, tee, snp, microcode;
};

/* What is fixed by the product line (spec: report 1.5, 1.6; certificates 5, 5.1). */
struct sim_product {
	const char *name;      /* in subjects and KDS paths: "Milan" */
	const char *vcek_name; /* productName extension of a VCEK: "Milan-B0" */
	uint8_t struct_version;
	size_t hwid_size;
	bool has_fmc;
	uint8_t family, model, stepping;
	uint32_t serial; /* of the ARK; ASK +1, ASVK +0x101 */
	uint32_t report_version;
	uint64_t platform_info;
	struct sim_tcb tcb;
	uint8_t firmware[3]; /* major, minor, build */
};

enum sim_aux { SIM_AUX_FULL, SIM_AUX_VEK, SIM_AUX_EMPTY, SIM_AUX_JUNK };

struct sim_state {
	const struct sim_product *product;
	/* the report, field by field (spec section 1) */
	uint32_t version, guest_svn, vmpl;
	uint64_t policy, platform_info;
	uint8_t family_id[16], image_id[16], measurement[48], host_data[32], id_key_digest[48], author_key_digest[48], report_id[32];
	bool author_key, mask_chip_key, mask_chip_id;
	enum sim_signer signer;
	struct sim_tcb current, reported, committed, launch;
	uint8_t cpuid[3];
	uint8_t chip_id[SIM_CHIP_ID_SIZE];
	uint8_t firmware[3], committed_firmware[3];
	uint64_t launch_mit, current_mit;
	/* certificates */
	char csp_id[64];
	uint64_t vek_age_days; /* how long ago the VEK's certificate was issued */
	enum sim_aux aux;
	bool aux_pem;
	char revoke[8]; /* "ask", "asvk" or "" */
	/* configfs-tsm */
	char provider[32];
	uint32_t privlevel_floor;
	int outblob_error, auxblob_error, mkdir_error; /* errno values, 0: none */
	bool outblob_empty, outblob_stale;             /* stale: the report carries other REPORT_DATA than was asked for */
	char outblob_file[256], auxblob_file[256];     /* these files' bytes instead, of any length */
	bool inblob_lost;                              /* the store at close fails, which nobody sees */
	uint32_t generation_skip;                      /* another writer: generation moves by that much more at each write of inblob */
	uint64_t delay_ms;                             /* of every firmware request */
	/* the device /dev/sev-guest */
	int guest_errno; /* shown by `guest_faults` requests (0: all), with the two halves of exitinfo2 */
	uint32_t guest_vmm_error, guest_fw_error, guest_faults;
	uint32_t guest_status, guest_size;           /* STATUS, and REPORT_SIZE where it shall not be 1184 */
	uint32_t guest_table_pages, guest_table_max; /* what the host's table needs (0: what it has), and the kernel takes */
	uint32_t guest_boot;                         /* another number is another boot: a message key that was given up works again */
	/* KDS */
	uint32_t kds_status, kds_retry_after; /* status 0: answer truly */
	bool kds_any_chip;
	char kds_fault[16];    /* what VCEKs are answered with: "half", "wrong-chip", "wrong-tcb", "garbage", "chain"; "" truly */
	char kds_tls[16];      /* serve --kds-tls: "" good; a certificate of sim/tls.h, or what sim/front.h does */
	uint32_t kds_storm;    /* so many requests for VCEKs get 429, from when it was set */
	uint64_t kds_delay_ms; /* of every answer */
};

/* "Milan", "milan" ... NULL when there is no such product. */
const struct sim_product *sim_product_find(const char *name);

/* A sound guest on that product's newest firmware. `chip_id` comes from the platform. */
void sim_state_init(struct sim_state *state, const struct sim_product *product, const uint8_t chip_id[static SIM_CHIP_ID_SIZE]);

/* One setting by its name ("host-data"). 0, or -EINVAL with a message. */
int sim_state_set(struct sim_state *state, const char *name, const char *value, struct error *error) MUST_CHECK;
/* The n-th setting's name and help, or NULL past the end. */
const char *sim_state_name(size_t index, const char **ret_help);

/* Applies the state file over `state`; a missing file changes nothing. */
int sim_state_read(struct sim_state *state, const char *path, struct error *error) MUST_CHECK;
/* Changes `count` settings in the state file, atomically; an empty value removes one. All are checked first. */
int sim_state_edit(const struct sim_state *base, const char *path, const char *const *names, const char *const *values, size_t count,
	struct error *error) MUST_CHECK;

/* The 8 bytes of a TCB_VERSION in the product's layout, and back. */
void sim_tcb_encode(uint8_t to[static 8], const struct sim_product *product, const struct sim_tcb *tcb);
void sim_tcb_decode(struct sim_tcb *to, const struct sim_product *product, const uint8_t from[static 8]);
