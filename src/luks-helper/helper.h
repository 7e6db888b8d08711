/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * sevattest-luks: three short root programs in one, around systemd-cryptsetup@VOLUME (DESIGN section 11). `check` copies the header of the configured device
 * once and asks sevattestd whether the volume may be opened with it; `verify` looks, after opening, whether the kernel's mapping is what that header says, and
 * only then lets the system see it; `clean` removes what the two left. No network, no key: sevattestd judges, sevattest-luks does what must be done as root.
 */
#include "base/compiler.h"
#include "base/error.h"
#include "io/volume_conf.h"

#define HELPER_RUN_DIRECTORY "/run/sevattest-luks"

struct helper {
	const char *volume; /* a valid name */
	const char *run;    /* directory of VOLUME.header and VOLUME.ok */
	const char *socket; /* the agent's luks.sock */
	struct volume_conf conf;
};

/* The configured device, opened for reading: a block device. 0 and descriptor and number; -ENOTBLK, other -errno, with a message. */
int helper_open_device(const struct helper *helper, int *ret_fd, unsigned *ret_major, unsigned *ret_minor, struct error *error) MUST_CHECK;

/* No new privileges, a list of system calls, no file but those of the run directory: before anything that the disk says is looked at. 0, -errno. */
int helper_narrow(const struct helper *helper, struct error *error) MUST_CHECK;

/* The verbs; exit codes. What goes wrong is logged. */
int helper_check(const struct helper *helper) MUST_CHECK;
int helper_verify(const struct helper *helper) MUST_CHECK;
int helper_clean(const struct helper *helper) MUST_CHECK;
