/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* status.sock: answers httpd and `sevattest status` with what status_model.h makes of our state. Nothing here can change anything. */
#include "agent/credentials.h"
#include "agent/disks.h"

#define STATUS_CONNECTIONS_MAX 16

struct status_server;

/* Takes over `listen_fd` (-1: none). 0, -ENOMEM, -errno. */
int status_new(struct core *core, int listen_fd, int notify_fd, struct status_server **ret) MUST_CHECK;
struct status_server *status_free(struct status_server *server);
DEFINE_CLEANUP(struct status_server *, status_free)

void status_set_sources(struct status_server *server, const struct life *life, const struct credentials *credentials, const struct disks *disks);
/* Tells the service manager the line of STATUS=, when it is another than before. */
void status_tell(struct status_server *server);
