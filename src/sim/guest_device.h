/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* A look-alike of /dev/sev-guest by CUSE: the three requests of linux/sev-guest.h, with pointers in their structures (spec section 3.2). */
#include "sim/firmware.h"

struct sim_guest_device;

/*
 * Makes /dev/NAME and serves it from a thread of its own until it is stopped. Returns when the node is there. -ENOENT or -EACCES with what to
 * do when CUSE is missing.
 */
int sim_guest_device_start(const struct sim_source *source, const char *name, struct sim_guest_device **ret, struct error *error)
	MUST_CHECK;
/* NULL is allowed. */
void sim_guest_device_stop(struct sim_guest_device *device);
