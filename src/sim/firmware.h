/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * The simulated firmware, host and guest driver behind one request: what configfs-tsm's look-alike, the real one's test module and the device
 * all ask.
 */
#include <pthread.h>

#include "sim/report.h"

#define SIM_RESPONSE_SIZE 4000     /* struct snp_report_resp */
#define SIM_REPORT_REQUEST_SIZE 96 /* MSG_REPORT_REQ */
#define SIM_KEY_REQUEST_SIZE 32    /* MSG_KEY_REQ, version 1 */
#define SIM_KEY_RESPONSE_SIZE 64

/* The platform, and where its state is read from. */
struct sim_source {
	const struct sim_platform *platform;
	const char *state_path;
};

int sim_source_state(const struct sim_source *source, struct sim_state *ret) MUST_CHECK;

/* report_new() of the sev-guest driver, for configfs-tsm: fills both buffers, which are emptied first. -errno as the kernel gives it. */
int sim_firmware_tsm(const struct sim_source *source, const struct sim_state *state, uint32_t vmpl, struct bytes report_data,
	struct buf *to_report, struct buf *to_table) MUST_CHECK;

/* The guest's driver: its message key, and how often a fault was shown. One request at a time. */
struct sim_driver {
	struct sim_source source;
	pthread_mutex_t lock;
	uint32_t boot, fault_limit, fault_seen;
	int fault_errno;
	bool key_gone; /* until the next boot: every request gets ENOTTY */
};

/* One request, without its addresses. */
struct sim_request {
	bool wants_key;       /* SNP_GET_DERIVED_KEY */
	bool wants_table;     /* SNP_GET_EXT_REPORT with room for certificates */
	struct bytes message; /* the request message */
	uint32_t table_size;  /* room; afterwards, with -EIO and vmm_error 1, what is needed */
	uint32_t vmm_error, firmware_error;
	uint8_t response[SIM_RESPONSE_SIZE];
	struct buf table; /* `table_size` bytes at most */
};

/* 0 or -errno, as ioctl(2) on the device. */
int sim_driver_request(struct sim_driver *driver, struct sim_request *request) MUST_CHECK;
