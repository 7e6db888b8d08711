/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * Names as systemd accepts them, of units that start programs and of their credentials. Both must fit into the address that
 * LoadCredential= uses: a NUL, up to 16 hex digits, "/unit/", the unit, "/", the credential, 108 bytes in all.
 */
#include "base/bytes.h"

#define UNIT_NAME_MAX 98       /* with one digit and one character of a credential; systemd itself allows 255 */
#define UNIT_CREDENTIAL_MAX 98
#define UNIT_BOTH_MAX 84       /* unit and credential together, so that any random number fits */

/* Services, sockets, mounts and swaps start programs. Escapes (\\x2d) stay as they are written. */
bool unit_name_valid(struct bytes unit);
/* A file name of printable ASCII without ":". */
bool unit_credential_valid(struct bytes id);
