/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * What the parts of sevattestd share: configuration, loop, guest key, the way to the network, and what is known of this machine. One thread,
 * one loop, so nothing is locked.
 */
#include <sys/types.h>
#include <systemd/sd-event.h>

#include "agent/config.h"
#include "agent/port.h"
#include "agent/status_model.h"
#include "base/finding.h"
#include "base/text.h"
#include "evidence/evidence.h"
#include "snp/report.h"

/* The last report, verified or not. */
struct core_machine {
	bool known;
	char provider[32];
	char note[256];
	struct snp_report report;
	struct verdict verdict; /* our own check of it */
	bool checked;
};

struct core {
	sd_event *event;
	struct agent_config *config;
	struct port *net;
	struct core_machine machine;
	struct agent_status_counters counters;
	struct metrics_histogram attest_duration;
	int64_t started;
};

/* The time by which certificates are judged: a clock that is behind the build of this program is wrong. */
int64_t core_now(void);
