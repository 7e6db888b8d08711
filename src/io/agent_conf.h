/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * agent.conf(5): one file with a section for each program of the guest, and a directory of additions beside it, "FILE.d/" with "NAME.conf",
 * read in the order of their names. An addition replaces single values and adds to lists. Each program reads its own sections with a table
 * of its own and passes over the others; a section that no program has is an error for all of them.
 */
#include <stddef.h>

#include "base/config.h"
#include "base/error.h"

#define AGENT_CONF_FILE "/etc/sevattest/agent.conf"
#define AGENT_CONF_FILES_MAX 64 /* with the additions */

/* Where the programs of the guest find each other. */
#define AGENT_NET_SOCKET "/run/sevattest/net.sock"
#define AGENT_EVIDENCE_SOCKET "/run/sevattest/evidence.sock"
#define AGENT_CREDENTIALS_SOCKET "/run/sevattest/credentials.sock"
#define AGENT_LUKS_SOCKET "/run/sevattest/luks.sock"             /* sevattest-luks asks whether a volume may be opened */
#define AGENT_CRYPTSETUP_SOCKET "/run/sevattest/cryptsetup.sock" /* systemd-cryptsetup asks for its key */
#define AGENT_STATUS_SOCKET "/run/sevattest/status.sock"

/*
 * Fills `into` (zeroed by the caller) from the sections that `keys` names. 0; -EINVAL with file and line; -errno of reading, with the path;
 * -ENOMEM. config_deinit() with the same table frees it.
 */
int agent_conf_read(const char *path, void *into, const struct config_key *keys, size_t key_count, struct error *error) MUST_CHECK;
