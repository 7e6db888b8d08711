/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * What a block device is called: its node and the links to it that udev made below a root directory's /dev, so that a line of a table can be known for the
 * device's by whatever name it has there, and so that the device gets a name that a changed header or another order of disks does not move.
 */
#include <stdbool.h>
#include <stddef.h>

#include "base/error.h"

#define DEVICE_NAMES_MAX 128 /* a disk has some ten links */

struct device_names {
	char **items; /* "/dev/vdb", "/dev/disk/by-uuid/X", "UUID=X", ... */
	size_t count;
	const char *stable; /* the item to write down: by-partuuid, else by-id; NULL where it has neither */
};

#define DEVICE_NAMES_NULL                                                                                                                  \
	{                                                                                                                                  \
		NULL, 0, NULL                                                                                                              \
	}

void device_names_deinit(struct device_names *names);

/*
 * Of a device, given as crypttab and fstab do: a path, UUID=, LABEL=, PARTUUID=, PARTLABEL=, ID=. `root` as in plan_init(). 0; -ENOENT: there is none; -EINVAL:
 * the word names no device; -E2BIG, -ENOMEM, -errno of looking.
 */
int device_names(const char *root, const char *source, struct device_names *ret, struct error *error) MUST_CHECK;

/*
 * What stands for a LUKS device in the tables of another root directory: its header's `uuid` (any text that is not one gives nothing), and of the names that it
 * has here those that do not depend on the machine: of the partition, of the disk's serial, of the header. 0, -E2BIG, -ENOMEM.
 */
int device_header_names(const char *uuid, const struct device_names *here, struct device_names *ret) MUST_CHECK;

/* "/dev/disk/by-id/X" or "/dev/disk/by-partuuid/X", without blanks. */
bool device_is_stable(const char *path);
