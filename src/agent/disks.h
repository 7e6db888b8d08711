/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * The two sockets of encrypted volumes (DESIGN section 11). luks.sock: sevattest-luks asks whether a volume may be opened with the header file that it made;
 * the answer is definite, and until there is one it waits. cryptsetup.sock: systemd-cryptsetup asks for the key; the same file is judged again, the key goes
 * out in one write and is forgotten here. A refusal there is an answer too large to be a key file (delivery.h), temporary trouble holds the connection.
 *
 * A request at luks.sock stays in the socket until it is answered: the process that comes after one that was killed finds it there.
 */
#include "agent/life.h"
#include "io/volume_conf.h"

#define DISKS_CONNECTIONS_MAX 64 /* on each of the two sockets; FileDescriptorStoreMax= of the unit counts them too */
#define DISKS_LUKS_FD_NAME "luks-" /* of connections in the store */
#define DISKS_CRYPTSETUP_FD_NAME "cryptsetup-"
#define DISKS_ROWS_MAX VOLUME_CONF_LIST_MAX

struct disks;

/* Takes over both descriptors (-1: none). `notify_fd` is notify_open()'s. 0, -ENOMEM, -errno. */
int disks_new(struct core *core, int luks_fd, int cryptsetup_fd, int notify_fd, struct disks **ret) MUST_CHECK;
struct disks *disks_free(struct disks *disks);
DEFINE_CLEANUP(struct disks *, disks_free)

/* Where keys come from; before anything else, and again after a reload. */
void disks_set_life(struct disks *disks, struct life *life);
/* A connection that an earlier process had taken. */
void disks_adopt_luks(struct disks *disks, int fd, const char *name);
void disks_adopt_cryptsetup(struct disks *disks, int fd, const char *name);
/* Looks at all who wait: something has changed. */
void disks_update(struct disks *disks);
/* The volumes that are configured now. What is known of those that stay is kept. A folder that cannot be read has none, and the log says so. */
int disks_reload(struct disks *disks) MUST_CHECK;
/* As credentials_status(), a row for each volume, DISKS_ROWS_MAX at most. */
void disks_status(const struct disks *disks, struct agent_status *status, struct agent_status_credential *rows, size_t *count);
