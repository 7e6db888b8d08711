/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* Section [evidence] of agent.conf: where this machine's evidence comes from and who may ask for it. */
#include <stdint.h>

#include "base/compiler.h"
#include "base/error.h"

struct helper_config {
	char *provider;
	char *tsm_root;
	char *sev_guest; /* the device */
	char *vmpl; /* "own" or 0..3 */
	char *lock; /* the file that lets one request at a time on the machine */
	char *user; /* whose requests are taken, beside root's and our own user's */
	uint64_t wait; /* seconds for the request before ours */
	int vmpl_number; /* PROVIDER_VMPL_OWN or 0..3 */
};

/* 0, -EINVAL with file and line, -errno with the path. */
int helper_config_read(const char *path, struct helper_config *ret, struct error *error) MUST_CHECK;
void helper_config_deinit(struct helper_config *config);
