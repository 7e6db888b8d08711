/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * Emergency and rescue mode: a boot that has failed, with a root shell on a console that the host may own. Nothing is given out then. It keeps a boot
 * that the host has disturbed from ending as a shell beside an open disk; against whoever is root in that shell it is no protection, for root can be
 * anybody.
 */
#include <stdbool.h>

/*
 * The shell's service runs: its control group is there. `groups` is where they are mounted (/sys/fs/cgroup), of version 1 or 2. It can be asked inside
 * the sandbox, which has no way to the service manager.
 */
bool emergency_mode(const char *groups);
