/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* fstab(5): the lines of the file system on a guarded volume (DESIGN 11, spec/systemd.md 11.2). Pure; all other lines keep their bytes. */
#include "base/error.h"
#include "enroll/table.h"

#define FSTAB_FILE "/etc/fstab"

/* What the caller knows about the file system, all borrowed. */
struct fstab_volume {
	const char *name; /* the mapping's */
	const char *const *
		names; /* what else stands for it in the table: "UUID=..." of the inner file system, its links; not those of the outer device */
	size_t name_count;
};

/* Mount points of a volume's lines, in their order, with \040 and its kin undone; swap has none. */
#define FSTAB_MOUNTS_MAX 32

struct fstab_mounts {
	char *items[FSTAB_MOUNTS_MAX];
	size_t count, lines; /* `lines`: all that are the volume's, swap too */
};

void fstab_mounts_deinit(struct fstab_mounts *mounts);
/* 0, -E2BIG (more than FSTAB_MOUNTS_MAX), -EINVAL (an escape that is none), -ENOMEM. */
int fstab_mounts(struct bytes text, const struct fstab_volume *volume, struct fstab_mounts *ret, struct error *error) MUST_CHECK;

/*
 * The text with "/dev/mapper/NAME" in the first field of the volume's lines, and _netdev, nofail and x-systemd.device-timeout=infinity among their options; the
 * rest of these lines stays as it is. 0, also where there is no such line; -EINVAL (a text with a NUL, options that end in a backslash), -ENOMEM.
 */
int fstab_guard(struct bytes text, const struct fstab_volume *volume, struct buf *ret, struct error *error) MUST_CHECK;
