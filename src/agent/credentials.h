/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * credentials.sock: systemd asks for LoadCredential= here, a connection for each credential. Connections are taken only while an answer can be
 * given (proven, or definitely refused); until then they wait in the listening socket, which outlives us. One that is taken goes into the service
 * manager's store before anything else, and is never closed without an answer.
 */
#include "agent/life.h"

#define CREDENTIALS_MAX 256 /* with the connections of disks.h FileDescriptorStoreMax= of the unit */
#define CREDENTIALS_FD_NAME "credential-" /* of connections in the store */

struct credentials;

/* Takes over `listen_fd` (-1: none). `notify_fd` is notify_open()'s. 0, -ENOMEM, -errno. */
int credentials_new(struct core *core, int listen_fd, int notify_fd, struct credentials **ret) MUST_CHECK;
struct credentials *credentials_free(struct credentials *credentials);
DEFINE_CLEANUP(struct credentials *, credentials_free)

/* Where keys come from; before anything else, and again after a reload. */
void credentials_set_life(struct credentials *credentials, struct life *life);
/* A connection that an earlier process had taken: inherited under this name. */
void credentials_adopt(struct credentials *credentials, int fd, const char *name);
/* Looks at all who wait: something has changed. */
void credentials_update(struct credentials *credentials);
/* The configuration has changed: the counts of mappings that stay are kept. */
int credentials_reload(struct credentials *credentials) MUST_CHECK;
/* Appends a row for each line of Map= to the `*count` that are there; adds to the counter of those who wait. Views into what lives here. */
void credentials_status(const struct credentials *credentials, struct agent_status *status, struct agent_status_credential *rows, size_t *count);
