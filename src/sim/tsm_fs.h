/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * A look-alike of the kernel's configfs-tsm directory (/sys/kernel/config/tsm/report) by FUSE, with the kernel's semantics of spec section
 * 4.
 */
#include "sim/pki.h"

/*
 * Mounts on `mount` and serves until SIGTERM, SIGINT or SIGHUP, then unmounts. `state_path` is read for every request. `on_ready` is called
 * once the mount stands. -ENOENT or -EACCES with what to do when FUSE or the right to mount is missing.
 */
int sim_tsm_serve(const struct sim_platform *platform, const char *state_path, const char *mount, bool allow_other,
	void (*on_ready)(void *), void *context, struct error *error) MUST_CHECK;
