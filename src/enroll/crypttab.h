/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* crypttab(5): finds a line, and writes the line of a guarded volume (DESIGN 11, spec/systemd.md 11.1). Pure; all other lines keep their bytes. */
#include "base/error.h"
#include "enroll/table.h"

#define CRYPTTAB_FILE "/etc/crypttab"
#define CRYPTTAB_SOCKET "/run/sevattest/cryptsetup.sock"
#define CRYPTTAB_HEADERS "/run/sevattest-luks"

/* Views into the text; `key` and `options` may be empty. */
struct crypttab_entry {
	struct bytes volume, source, key, options;
	size_t number; /* of the line, from 1 */
};

/* What the caller knows about a volume, all borrowed. Names are those of device_names() (enroll/device.h), `device` is one of them. */
struct crypttab_volume {
	const char *name;
	const char *device;
	const char *const *names; /* whatever else stands for this device in a table: its node, its links, UUID=... */
	size_t name_count;
};

/* The first line of this mapping. */
bool crypttab_find(struct bytes text, const char *volume, struct crypttab_entry *ret);
/* The first line of this device, by whatever name. */
bool crypttab_find_device(struct bytes text, const struct crypttab_volume *volume, struct crypttab_entry *ret);

/*
 * The text with the line "NAME DEVICE " CRYPTTAB_SOCKET " luks,_netdev,nofail,headless=yes,header=..." in place of that volume's line, or at the end. Of the
 * line that was there only options stay that say nothing about how it is unlocked (discard, read-only, performance, x-systemd.device-timeout=).
 * 0; -EEXIST: the name is another device's, the device has another name, or there are two lines; -EOPNOTSUPP: the line is the initrd's, or not of LUKS;
 * -EINVAL: a word that cannot stand in the table, or a text with a NUL; -ENOMEM. `error` says which line.
 */
int crypttab_guard(struct bytes text, const struct crypttab_volume *volume, struct buf *ret, struct error *error) MUST_CHECK;
