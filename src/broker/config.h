/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* Sections [broker] and [admin] of broker.conf(5), and what concerns brokerd of netd's. */
#include <stdbool.h>
#include <stdint.h>

#include "base/bytes.h"
#include "base/compiler.h"
#include "base/config.h"
#include "base/error.h"

#define BROKER_CONFIG_FILE "/etc/sevattest/broker.conf"

struct broker_config {
	char *http_socket;
	char *state_directory;
	char *store;
	char *key_file; /* NULL: the credential, else "kek" in the state directory */
	char *certificate_directory;
	char *cache_directory;
	char *crl_directory;
	uint64_t threads; /* 0: one for each processor */
	bool debug;
	char *admin_socket;
	char *net_socket; /* of netd, the way to AMD's key service */
	char *kds_url;    /* netd's; here only whether there is one: "off" */
	char *kds_ca;     /* netd's */
	struct config_list admin_users; /* besides root and the user that the broker runs as */
};

/* Pure: the text of the file; `name` is for messages. */
int broker_config_parse(struct broker_config *ret, const char *name, struct buf *text, struct error *error) MUST_CHECK;
/* 0 or -errno, -EINVAL for a malformed one. Reads the file. */
int broker_config_read(const char *path, struct broker_config *ret, struct error *error) MUST_CHECK;
void broker_config_deinit(struct broker_config *config);
