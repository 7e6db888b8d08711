/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * Who asks for a key, as it says itself. systemd binds its end to an abstract address before it connects: a NUL, a random number in hex, and
 *     "/unit/", the unit, "/", the credential's ID    for LoadCredential=ID:/path/of/socket (systemd.exec(5), "Credentials")
 *     "/cryptsetup/", the volume                      for a key file that is a socket (crypttab(5), "AF_UNIX Key Files")
 * A claim: any process can bind such a name. What the kernel says of the peer decides (peer.h). Pure.
 */
#include "base/bytes.h"
#include "base/compiler.h"
#include "base/unit_name.h"

#define PEER_NAME_SIZE_MAX 108 /* sun_path: an abstract name fills it without a NUL at the end */
#define PEER_UNIT_MAX UNIT_NAME_MAX
#define PEER_ID_MAX UNIT_CREDENTIAL_MAX /* a volume's name has 94 bytes at most: what is left of 108 */
#define PEER_VOLUME_MAX 79 /* with any random number */

enum {
	PEER_NAME_E_ABSENT = 1, /* not bound to an abstract address */
	PEER_NAME_E_FORM,       /* not NUL, hex, and what systemd writes for this socket */
	PEER_NAME_E_UNIT,       /* no unit that systemd could start can have this name */
	PEER_NAME_E_ID,         /* likewise for a credential */
	PEER_NAME_E_VOLUME,     /* likewise for a volume */
};

/* What a socket is for. A name of the other kind is of no form: it asks for something else. */
enum peer_kind { PEER_CREDENTIAL, PEER_VOLUME };

struct peer_name {
	enum peer_kind kind;
	char unit[PEER_UNIT_MAX + 1]; /* of a credential, as systemd writes it: escapes stay as they are */
	char id[PEER_ID_MAX + 1];     /* the credential's, or the volume */
};

/* `name` is sun_path as getpeername(2) gave it, of exactly the length that it gave. 0 or PEER_NAME_E_*. */
int peer_name_parse(struct bytes name, enum peer_kind kind, struct peer_name *ret) MUST_CHECK;
const char *peer_name_error_text(int outcome);

/* The unit in whose control group that peer must be: the credential's own, or systemd-cryptsetup@VOLUME.service. 0, -ENAMETOOLONG, -EINVAL. */
int peer_name_unit(const struct peer_name *name, char to[static UNIT_SYSTEM_MAX + 1]) MUST_CHECK;

/*
 * The unit whose control group a process is in, from the text of /proc/PID/cgroup: the first part of the path that is no slice. What a unit
 * makes below its own group stays that unit's. 0; PEER_CGROUP_E_*.
 */
enum {
	PEER_CGROUP_E_NONE = 1,  /* in no unit's group */
	PEER_CGROUP_E_DIFFERENT, /* the hierarchies do not agree, or the group is deleted */
	PEER_CGROUP_E_FORM,      /* not such a text */
};
int peer_cgroup_unit(struct bytes text, char ret[static UNIT_SYSTEM_MAX + 1]) MUST_CHECK;
