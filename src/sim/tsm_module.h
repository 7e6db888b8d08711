/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * Answers the test module of the real configfs-tsm (tests/vm/tsmsim): it waits with each report that the kernel wants until this side has
 * written one to /dev/tsmsim. Little endian:
 *   read:   u32 privlevel, u32 size, u8 inblob[64]
 *   write:  u32 errno (0: good), u32 size of outblob, u32 size of auxblob, then both
 */
#include "sim/firmware.h"

#define SIM_MODULE_REQUEST_SIZE 72
#define SIM_MODULE_DEVICE "/dev/tsmsim"

struct sim_module;

/* Serves from a thread of its own until it is stopped. -ENOENT, -EACCES, -EBUSY with what to do. */
int sim_module_start(const struct sim_source *source, const char *path, struct sim_module **ret, struct error *error) MUST_CHECK;
/* NULL is allowed. */
void sim_module_stop(struct sim_module *module);
