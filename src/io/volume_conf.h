/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * What the administrator says about a guarded volume: one small file for each, /etc/sevattest/volumes/VOLUME, written by `sevattest enroll`, read by
 * sevattest-luks, sevattestd and doctor. A disk is the host's; this file is root's, so only this file says which device is looked at and which
 * resource opens it.
 *
 *     [volume]
 *     Device = /dev/disk/by-id/virtio-data
 *     Resource = prod/disk/data
 *     KeyCheck = 64 hex digits, optional
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/bytes.h"
#include "base/compiler.h"
#include "base/config.h"
#include "base/error.h"

#define VOLUME_CONF_DIRECTORY "/etc/sevattest/volumes"
#define VOLUME_NAME_MAX 127 /* what device-mapper takes */
#define VOLUME_CONF_TEXT_MAX ((size_t)16 << 10)
#define VOLUME_CONF_LIST_MAX 256 /* volumes of one machine */
#define VOLUME_KEY_CHECK_SIZE 32

struct volume_conf {
	char *device;   /* absolute path */
	char *resource; /* repository/type/tag; its form is for kbs/resource.h to judge */
	bool has_key_check;
	uint8_t key_check[VOLUME_KEY_CHECK_SIZE]; /* kbs/key_check.h */
};

#define VOLUME_CONF_NULL {.device = NULL}

/*
 * A mapping name: 1 to VOLUME_NAME_MAX of [A-Za-z0-9_.+-], not beginning with "." or "-", and not "control", which device-mapper keeps for itself. As a file name it
 * stays in its directory.
 */
bool volume_name_valid(const char *text);

/*
 * Pure: reads the text of such a file, `name` is for messages. 0 and *ret (volume_conf_deinit()); -EINVAL with file and line: also for a device
 * below /dev/disk/by-uuid or by-label, which follow what the header on the disk says; -ENOMEM.
 */
int volume_conf_parse(const char *name, struct bytes text, struct volume_conf *ret, struct error *error) MUST_CHECK;

/*
 * Reads DIRECTORY/VOLUME: a regular file, not through a symbolic link, of root (or of who calls), writable by its owner only. 0; -EINVAL for a bad
 * name, kind or text; -EPERM for owner and mode; -ENOENT where the volume is not guarded; -errno of reading.
 */
int volume_conf_read(const char *directory, const char *volume, struct volume_conf *ret, struct error *error) MUST_CHECK;
void volume_conf_deinit(struct volume_conf *conf);

/*
 * The names of the volumes that DIRECTORY has files for, sorted; editors' files ("x~", ".x.swp") are passed over because their names are no volume's. A
 * directory that is not there has none. 0 and *ret (volume_conf_list_deinit()); -errno.
 */
int volume_conf_list(const char *directory, struct config_list *ret, struct error *error) MUST_CHECK;
void volume_conf_list_deinit(struct config_list *list);
