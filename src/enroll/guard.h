/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * All that the files of a system say about one guarded volume (DESIGN 11): its entry in /etc/sevattest/volumes, crypttab, fstab and the drop-ins. `enroll` carries
 * the plan out, `doctor` makes it and finds what is missing in it: where it is empty, all is as it should be.
 */
#include "enroll/crypttab.h"
#include "enroll/dropins.h"
#include "enroll/fstab.h"
#include "enroll/plan.h"

#define GUARD_VOLUMES "/etc/sevattest/volumes"

/* All borrowed. */
struct guard {
	const char *name;         /* of the mapping; the caller has asked volume_name_valid() */
	const char *device;       /* device_is_stable() */
	const char *resource;     /* of the broker */
	const uint8_t *key_check; /* 32 bytes, or NULL */
	const char *inner_uuid;   /* of the file system inside, or NULL: where the mapping is open its links are looked at as well */
	const char *const *services;
	size_t service_count;
	const char *const *names; /* what else stands for the device in crypttab: "UUID=" of its header (device_header_names()); may be NULL */
	size_t name_count;
};

/*
 * Adds the edits to the plan, the crypttab line last: up to it the volume is opened as before. `ret_mounts` (or NULL) gets the mount points of the volume's lines
 * in fstab, fstab_mounts_deinit(); where it has none, services cannot be given any, and -ENOENT says so.
 * 0; -EDEADLK: it is mounted where sevattestd needs files before it can open a volume; what plan_read(), crypttab_guard(), fstab_guard() and dropin_service() give, with a text in `error`; the plan then holds a part of the edits.
 */
int guard_plan(struct plan *plan, const struct guard *guard, struct fstab_mounts *ret_mounts, struct error *error) MUST_CHECK;

/* The parts of it, for who wants to know which one is missing. */
int guard_plan_volume(struct plan *plan, const struct guard *guard, struct error *error) MUST_CHECK;
int guard_plan_drop_ins(struct plan *plan, const struct guard *guard, struct error *error) MUST_CHECK;
int guard_plan_fstab(struct plan *plan, const struct guard *guard, struct fstab_mounts *ret_mounts, struct error *error) MUST_CHECK;
int guard_plan_services(struct plan *plan, const struct guard *guard, const struct fstab_mounts *mounts, struct error *error) MUST_CHECK;
int guard_plan_crypttab(struct plan *plan, const struct guard *guard, struct error *error) MUST_CHECK;

/*
 * Services of well-known programs whose data lie at or below a mount point, for a hint: "postgresql@*.service". NULL after the last; *cursor begins at 0.
 */
const char *guard_known_service(const char *mount, size_t *cursor);
