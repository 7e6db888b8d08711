/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * httpd must never be able to connect to anything, but brokerd may be restarted. So a child process, forked before the TLS key is read
 * and before any port is open, does the one thing: on request it connects to brokerd's socket and hands the descriptor over. It knows one
 * path and listens to nobody else.
 */
#include "base/compiler.h"
#include "base/error.h"

/* Forks. `path` is brokerd's http.sock. Returns the parent's end, non-blocking: poll it for POLLIN after connector_ask(). */
int connector_start(const char *path, int *ret_fd, struct error *error) MUST_CHECK;
int connector_ask(int fd) MUST_CHECK;
/* The answer: 0 and a connected descriptor; -EAGAIN, not yet; -EPIPE, the child is gone; other -errno, brokerd cannot be reached. */
int connector_take(int fd, int *ret_broker_fd) MUST_CHECK;
