/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* net.sock: frames from the daemon become jobs for the origins, and their answers frames again. One thread, the program's main one. */
#include <stddef.h>

#include "base/compiler.h"
#include "base/error.h"
#include "netd/config.h"
#include "netd/origin.h"

#define SERVE_LINKS_MAX 8 /* one daemon; a restart that overlaps, a command beside it */

struct serve_config {
	int listen_fd; /* borrowed, as the other */
	int stop_fd;   /* a signalfd: readable means end */
	struct done *done;
	const struct netd_origin *names; /* `count` of each, in the same order */
	struct origin *const *origins;
	size_t count;
};

/* Until a signal: 0. Else -errno with a message. */
int serve_run(const struct serve_config *config, struct error *error) MUST_CHECK;
