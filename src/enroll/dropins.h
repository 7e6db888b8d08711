/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* The drop-ins that put our checks around systemd-cryptsetup@ (spec/systemd.md 11.2, 11.3), and those of services that live on a guarded volume. Pure. */
#include "base/bytes.h"
#include "base/error.h"

#define DROPINS_DIRECTORY "/etc/systemd/system"
#define DROPINS_HELPER "/usr/lib/sevattest/sevattest-luks"

/* A file below / and what belongs into it. */
struct dropin {
	char *path;
	struct buf text;
};

#define DROPIN_NULL                                                                                                                        \
	{                                                                                                                                  \
		NULL, BUF_NULL                                                                                                             \
	}

void dropin_deinit(struct dropin *dropin);

/* sevattest-luks@VOLUME waits for, and goes with, the device: a path below /dev. 0, -EINVAL (another path), -ENOMEM. */
int dropin_device(const char *volume, const char *device, struct dropin *ret) MUST_CHECK;
/* systemd-cryptsetup@VOLUME runs after our check of the header, and is followed by the check of the table. 0, -ENOMEM. */
int dropin_cryptsetup(const char *volume, struct dropin *ret) MUST_CHECK;
/*
 * The service does not start without these mounts of the volume, and no target waits for it meanwhile. 0; -EINVAL with the reason: `service` is no service, or names no instance of its template;
 * -ENOMEM.
 */
int dropin_service(const char *service, const char *volume, const char *const *mounts, size_t mount_count, struct dropin *ret,
	struct error *error) MUST_CHECK;
