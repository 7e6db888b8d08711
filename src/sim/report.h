/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* What the simulated firmware and host hand to a guest: a signed ATTESTATION_REPORT and a certificate table (spec: sections 1, 2, 3.3). */
#include "sim/pki.h"

#define SIM_REPORT_SIZE 1184
#define SIM_REPORT_DATA_SIZE 64

/* A report at `vmpl` over `report_data`, signed by the VEK of the reported TCB (all-zero signature for SIM_SIGNER_NONE). */
int sim_report(const struct sim_platform *platform, const struct sim_state *state, uint32_t vmpl,
	const uint8_t report_data[static SIM_REPORT_DATA_SIZE], uint8_t ret[static SIM_REPORT_SIZE]) MUST_CHECK;

/* Signs an edited report again, by the VEK that its own REPORTED_TCB, CHIP_ID and KEY_INFO name. */
int sim_report_sign(const struct sim_platform *platform, const struct sim_state *state, uint8_t report[static SIM_REPORT_SIZE]) MUST_CHECK;

/* The certificate table as `state->aux` says; nothing for SIM_AUX_EMPTY. */
int sim_certificate_table(const struct sim_platform *platform, const struct sim_state *state, int64_t now, struct buf *to) MUST_CHECK;
