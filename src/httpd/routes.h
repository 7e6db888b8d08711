/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* What httpd answers itself and what goes to the daemon: two tables of routes, one per port. */
#include <stdbool.h>

#include "httpd/broker.h"
#include "httpd/config.h"
#include "httpd/limit.h"
#include "io/httpserver.h"

struct routes {
	struct broker *broker;
	struct limit *limit;       /* NULL: none */
	struct httpserver *server; /* of the KBS port, for its counts; set before the status port opens; NULL in the guest */
	bool status_any_address;   /* the status port is open to more than this machine */
	const struct config_list *status_hosts;
};

/* httpserver_handler of the KBS port: everything below /kbs/v0/ goes to brokerd. */
void routes_kbs(void *routes, struct httpserver_exchange *exchange, const struct httpserver_request *request);
/* httpserver_handler of the status port: /healthz, /readyz, /metrics, /status and the page. */
void routes_status(void *routes, struct httpserver_exchange *exchange, const struct httpserver_request *request);
