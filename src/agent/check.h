/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* Our own look at the evidence, before anybody else gets it: it fails early and says exactly what is wrong. The broker decides. */
#include "agent/core.h"

enum {
	CHECK_E_REFUSED = 1, /* verified, and not what Policy= wants; or not genuine although the chain is there */
	CHECK_E_NO_CHAIN,    /* Policy= is set and the certificates to verify the report are missing: nothing could be checked */
};

/*
 * `report_data` are the 64 bytes that it must carry; `complete` says that the chain is there. Without Policy= only those are compared, and what else could be is left to the broker.
 * Keeps the verdict in core->machine. 0, CHECK_E_* with the first failed check in `error`, -errno.
 */
int check_evidence(struct core *core, const struct evidence *evidence, const uint8_t report_data[static 64], bool complete,
	struct error *error) MUST_CHECK;
