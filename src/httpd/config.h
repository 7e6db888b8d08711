/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* Section [http] of broker.conf: what httpd needs to know. The file's other sections are brokerd's and are passed over here. */
#include <stdint.h>

#include "base/compiler.h"
#include "base/error.h"

#define HTTPD_CONFIG_FILE "/etc/sevattest/broker.conf"

struct httpd_config {
	char *listen;
	char *certificate;
	char *private_key;
	char *broker;
	char *status_listen;
	uint64_t threads;
	uint64_t connections;
	uint64_t connections_per_address;
	uint64_t requests_per_second; /* per address; 0: no limit */
	uint64_t request_burst;
	uint64_t idle_timeout;
	uint64_t request_timeout;
	uint64_t broker_timeout;
};

int httpd_config_read(const char *path, struct httpd_config *ret, struct error *error) MUST_CHECK;
void httpd_config_deinit(struct httpd_config *config);
