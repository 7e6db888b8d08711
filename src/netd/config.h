/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * What netd reads: sections [net], [broker], [kds] and [imds] of agent.conf(5), or [net] and [kds] of broker.conf(5). The rest of the file
 * is for the daemon that it serves.
 */
#include <stdbool.h>
#include <stddef.h>

#include "base/compiler.h"
#include "base/config.h"
#include "base/error.h"
#include "netd/rules.h"

#define NETD_BROKERS_MAX 8
#define NETD_ORIGINS_MAX (NETD_BROKERS_MAX + 2)

/* Texts point into the configuration. */
struct netd_origin {
	char name[FETCH_FRAME_ORIGIN_MAX + 1]; /* "broker-1", "kds", "imds" */
	enum origin_kind kind;
	const char *url;
	const char *ca; /* NULL: none needed */
};

struct netd_config {
	char *socket;
	struct config_list broker_urls;
	char *broker_ca;
	char *broker_key; /* of no use here: the daemon's pin */
	char *kds_url;
	char *kds_ca;
	char *imds_url;
	bool agent;
	struct netd_origin origins[NETD_ORIGINS_MAX];
	size_t origin_count;
};

/* `agent`: the guest's side. 0; -EINVAL with a text; -errno of reading. */
int netd_config_read(const char *path, bool agent, struct netd_config *ret, struct error *error) MUST_CHECK;
/* Leaves out the origin at this place, before anybody has a pointer to it or to those behind. */
void netd_config_drop(struct netd_config *config, size_t at);
void netd_config_deinit(struct netd_config *config);
