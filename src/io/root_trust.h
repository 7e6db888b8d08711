/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * By what the root file system is bound to what is measured (DESIGN 2): keys given to a system whose root the host may write are the host's. RootTrust= of
 * agent.conf states it; here the statement is held against what the machine shows. That is a check against mistakes, not evidence: what counts is what the
 * broker's policy demands of the measurement.
 */
#include "base/compiler.h"
#include "base/error.h"

enum root_trust {
	ROOT_TRUST_NONE,     /* nothing is stated */
	ROOT_TRUST_LUKS,     /* opened by us: a dm-crypt mapping of a volume in /etc/sevattest/volumes, or what lies on such ones only */
	ROOT_TRUST_VERITY,   /* dm-verity, with the root hash on the (measured) kernel command line */
	ROOT_TRUST_INITRD,   /* the measured initrd itself: nothing was switched to */
	ROOT_TRUST_PLATFORM, /* the platform's own encrypted OS disk: Azure's confidential OS disk */
};

enum { ROOT_TRUST_E_NOT_STATED = 1, ROOT_TRUST_E_DIFFERS };

#define ROOT_TRUST_TEXT_MAX 256

/* "luks", "verity", "initrd", "platform"; NULL is ROOT_TRUST_NONE. 0, or -EINVAL with a text. */
int root_trust_parse(const char *text, enum root_trust *ret, struct error *error) MUST_CHECK;
const char *root_trust_name(enum root_trust trust); /* "none" */

/*
 * Looks at /proc/self/mountinfo, /proc/cmdline, /sys and /etc/sevattest/volumes below `root` (NULL: /). 0: as stated; ROOT_TRUST_E_*; -errno: it cannot be seen.
 * `ret_shown` says in every case what the root file system is, `error` why it is not what was stated.
 */
int root_trust_check(const char *root, enum root_trust stated, char ret_shown[static ROOT_TRUST_TEXT_MAX], struct error *error) MUST_CHECK;
