/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* What httpd answers itself and what goes to brokerd: two tables of routes, one per port. */
#include "httpd/broker.h"
#include "httpd/limit.h"
#include "io/httpserver.h"

struct routes {
	struct broker *broker;
	struct limit *limit;       /* NULL: none */
	struct httpserver *server; /* of the KBS port, for its counts; set before the status port opens */
};

/* httpserver_handler of the KBS port: everything below /kbs/v0/ goes to brokerd. */
void routes_kbs(void *routes, struct httpserver_exchange *exchange, const struct httpserver_request *request);
/* httpserver_handler of the status port: /healthz, /readyz, /metrics. */
void routes_status(void *routes, struct httpserver_exchange *exchange, const struct httpserver_request *request);
