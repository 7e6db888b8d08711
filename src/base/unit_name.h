/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * Names as systemd accepts them, of units that start programs and of their credentials. Both must fit into the address that
 * LoadCredential= uses: a NUL, up to 16 hex digits, "/unit/", the unit, "/", the credential, 108 bytes in all.
 */
#include "base/bytes.h"
#include "base/compiler.h"

#define UNIT_NAME_MAX 98       /* with one digit and one character of a credential; systemd itself allows 255 */
#define UNIT_CREDENTIAL_MAX 98
#define UNIT_BOTH_MAX 84       /* unit and credential together, so that any random number fits */

/* Services, sockets, mounts and swaps start programs. Escapes (\\x2d) stay as they are written. */
bool unit_name_valid(struct bytes unit);
/* A file name of printable ASCII without ":". */
bool unit_credential_valid(struct bytes id);

#define UNIT_SYSTEM_MAX 255 /* of a name, by systemd's own rules */
#define UNIT_VOLUME_MAX 127 /* of a device-mapper name */

/* As unit_name_valid(), of any length that systemd takes: names that systemd makes itself are longer than those of services that ask for credentials. */
bool unit_name_is_systemd(struct bytes unit);
/*
 * The name of an encrypted volume: A-Z a-z 0-9 _ . + -, not beginning with "." or "-"; not "control", which is device-mapper's own. As a file name it stays in
 * its folder.
 */
bool unit_volume_valid(struct bytes name);
/* "PREFIX@INSTANCE.service" with the escapes of systemd-escape(1). 0; -ENAMETOOLONG; -EINVAL for an empty instance or a NUL in it. */
int unit_name_instance(char to[static UNIT_SYSTEM_MAX + 1], const char *prefix, struct bytes instance) MUST_CHECK;

/* The escapes of systemd-escape(1) for any text, appended. 0, -ENOMEM. */
int unit_name_escape(struct buf *to, const char *text) MUST_CHECK;
/*
 * The same of an absolute path (systemd-escape --path): without slashes at its ends and doubled ones; "/" alone is "-". 0; -EINVAL for a path that is not absolute
 * or has a part "." or ".."; -ENOMEM.
 */
int unit_name_escape_path(struct buf *to, const char *path) MUST_CHECK;
