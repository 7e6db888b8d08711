/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* Who a connected peer is, by what the kernel says: its address, its user, the control group of its process. */
#include "agent/peer_name.h"
#include "base/error.h"

enum {
	PEER_E_NAME = 1, /* its address says nothing that systemd would say */
	PEER_E_USER,     /* not root */
	PEER_E_CGROUP,   /* its process is not in the unit that it names, or not running any more */
};

/*
 * 0: root, in the control group of the unit that its address names. PEER_E_* with a text, `ret` may then hold what it claims ("" when not
 * even that). -errno: could not tell; as bad.
 */
int peer_identify(int fd, enum peer_kind kind, struct peer_name *ret, struct error *error) MUST_CHECK;

/* A peer that tells by itself what it wants, and to whom nothing secret goes: 0 for root's, PEER_E_USER with a text, -errno. */
int peer_is_root(int fd, struct error *error) MUST_CHECK;
