/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * sd_notify(3) in two steps: sd_notify() itself makes a socket for each message, which a program inside its sandbox may no longer do.
 * Everything works, and does nothing, without systemd.
 */
#include "base/compiler.h"

/* A socket connected to $NOTIFY_SOCKET, or -1 when there is none to be notified. */
int notify_open(void);
/* "READY=1", "STATUS=...", "STOPPING=1", one per line. `fd` may be -1. */
void notify_send(int fd, const char *text);
/*
 * The service manager's store (FDSTORE=1, sd_notify(3)): what is in it outlives this process and comes back as an inherited descriptor of
 * this name, which has no ":". 0 when the message is on its way, also without a manager; -errno.
 */
int notify_store(int fd, const char *name, int stored_fd) MUST_CHECK;
void notify_unstore(int fd, const char *name);
