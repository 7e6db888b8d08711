/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* What sevattestd reads of agent.conf(5): sections [broker], [agent] and [credentials], checked and in the form that it works with. */
#include <stdbool.h>
#include <stdint.h>

#include "agent/peer_name.h"
#include "appraise/policy.h"
#include "base/config.h"
#include "base/crypto.h"
#include "base/error.h"
#include "jose/jwk.h"
#include "kbs/resource.h"

#define AGENT_BROKERS_MAX 8
#define AGENT_MAPS_MAX 256 /* CONFIG_LIST_MAX */

struct agent_map {
	char unit[PEER_UNIT_MAX + 1];
	char id[PEER_ID_MAX + 1];
	char resource[KBS_RESOURCE_MAX + 1];
};

struct agent_key_check {
	char resource[KBS_RESOURCE_MAX + 1];
	uint8_t digest[SHA256_SIZE];
};

/* As it stands in the files. */
struct agent_settings {
	struct config_list urls;
	char *ca; /* netd's */
	char *broker_key;
	struct config_list key_checks;
	uint64_t evidence_version;
	char *net_socket;
	char *evidence_socket;
	char *credentials_socket;
	char *status_socket;
	char *luks_socket;
	char *cryptsetup_socket;
	char *volumes; /* the folder of volume_conf.h */
	char *luks;    /* the folder of header files */
	char *control_groups;
	char *policy;
	char *key_algorithm;
	uint64_t reattest;
	uint64_t retry_max;
	char *state_directory;
	char *cache_directory;
	char *root_trust; /* by what the root file system is bound to the measurement: a statement of the operator */
	struct config_list maps;
	bool prefetch;
};

struct agent_config {
	struct agent_settings settings;
	struct jwk *broker_key; /* NULL: releases need no signature */
	struct policy *policy;  /* NULL: no check of our own */
	enum jwk_kind key_kind;
	struct agent_map *maps;
	size_t map_count;
	struct agent_key_check *key_checks;
	size_t key_check_count;
};

/*
 * Reads and checks everything, also the files that are named: policy, key. A new configuration, or nothing: -EINVAL with a text that names
 * file and value, -errno of reading, -ENOMEM.
 */
int agent_config_new(const char *path, struct agent_config **ret, struct error *error) MUST_CHECK;
struct agent_config *agent_config_free(struct agent_config *config);
DEFINE_CLEANUP(struct agent_config *, agent_config_free)

/* The resource of a credential, or NULL. */
const char *agent_config_resource(const struct agent_config *config, const char *unit, const char *id);
/* The digest that KeyCheck= gives for a resource, or NULL. */
const uint8_t *agent_config_key_check(const struct agent_config *config, const char *resource);
/* Says in the log for which resources nothing but netd's TLS tells whose key comes: neither BrokerKey= nor KeyCheck=. */
void agent_config_warn(const struct agent_config *config);
/* Does everything that keys and sessions depend on stand as before? Then a reload may keep them. */
bool agent_config_same_source(const struct agent_config *a, const struct agent_config *b);
