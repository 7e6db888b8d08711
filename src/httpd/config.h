/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * What httpd needs to know: at the broker section [http] of broker.conf, in the guest section [status] of agent.conf. The files' other
 * sections are other programs' and are passed over here.
 */
#include <stdbool.h>
#include <stdint.h>

#include "base/compiler.h"
#include "base/config.h"
#include "base/error.h"

#define HTTPD_CONFIG_FILE "/etc/sevattest/broker.conf"

struct httpd_config {
	bool agent;
	char *listen; /* this and the next two: broker only */
	char *certificate;
	char *private_key;
	char *broker; /* the socket of brokerd or of sevattestd */
	char *status_listen;
	struct config_list status_hosts; /* names that may stand in Host, besides those of loopback */
	uint64_t threads;
	uint64_t connections;
	uint64_t connections_per_address;
	uint64_t requests_per_second; /* per address; 0: no limit */
	uint64_t request_burst;
	uint64_t idle_timeout;
	uint64_t request_timeout;
	uint64_t broker_timeout;
};

/* `path` NULL: the default of the role. */
int httpd_config_read(const char *path, bool agent, struct httpd_config *ret, struct error *error) MUST_CHECK;
void httpd_config_deinit(struct httpd_config *config);
