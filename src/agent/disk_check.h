/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * All that must hold before the key of an encrypted volume may be used (DESIGN section 11), check by check, in one order for both sockets: what we are told
 * of the volume, the broker's word about it, and the header file that systemd-cryptsetup will open it with. Each refusal has the name of its check.
 */
#include "agent/config.h"
#include "base/error.h"
#include "base/secret.h"
#include "io/volume_conf.h"
#include "luks/header.h"

#define DISK_CHECK_MAX 48

enum { DISK_E_REFUSED = 1 }; /* definite: the struct says why */

struct disk_refusal {
	char check[DISK_CHECK_MAX];
	char why[ERROR_TEXT_MAX];
	char fix[ERROR_TEXT_MAX]; /* may be empty */
};

/* Fills it and returns DISK_E_REFUSED. `fix` may be NULL. */
int disk_refuse(struct disk_refusal *refusal, const char *check, const char *fix, const char *format, ...) PRINTF_LIKE(4, 5);

/*
 * Before anybody is asked for it: no emergency mode, a configuration that names its resource, and something by which the broker's word will be known.
 * `resource` is in the form that brokers take. 0 and *ret (volume_conf_deinit()), DISK_E_REFUSED.
 */
int disk_configured(const struct agent_config *config, const char *volume, struct volume_conf *ret, char resource[static KBS_RESOURCE_MAX + 1],
	struct disk_refusal *refusal) MUST_CHECK;

/*
 * Judges the disk resource, as it was released, and the header file against it. `opening`: the file must by now be what sevattest-luks made of it, the
 * listed header in both places. 0, the key (NULL: not wanted) and the copy; DISK_E_REFUSED.
 */
int disk_judge(const struct agent_config *config, const char *volume, const struct volume_conf *conf, struct bytes resource, bool opening,
	struct secret *ret_key, enum luks_copy *ret_copy, struct disk_refusal *refusal) MUST_CHECK;
