/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * The connection to brokerd, or in the guest to sevattestd: one AF_UNIX stream, up to 64 requests in flight, the others waiting in a bounded
 * queue. Server threads submit; the thread that runs broker_run() owns the socket, matches answers to requests, makes a new connection when
 * the daemon has gone, and answers 503 with Retry-After for what cannot be asked.
 */
#include <stdbool.h>
#include <stdint.h>

#include "base/bytes.h"
#include "base/compiler.h"
#include "base/error.h"
#include "base/metrics.h"
#include "io/http_frame.h"
#include "io/httpserver.h"

#define BROKER_WAITING_MAX 1024 /* requests that wait for one of the 64 places */

struct broker;

struct broker_counts {
	uint64_t answered;
	uint64_t unavailable; /* answered with 503 by us */
	uint64_t connects;
	bool connected;
};

/* `daemon` (static) names the program at the other end. `connector_fd` from connector_start(), taken over. */
int broker_new(const char *daemon, int connector_fd, unsigned timeout_ms, struct broker **ret) MUST_CHECK;
struct broker *broker_free(struct broker *broker);
DEFINE_CLEANUP(struct broker *, broker_free)

/* Any thread. The exchange is answered later, or at once when nothing can be asked. */
void broker_submit(struct broker *broker, struct httpserver_exchange *exchange, const struct http_frame_request *request);

/* A status page ("/readyz", "/status", "/") that the daemon writes; its path is a static text. */
void broker_submit_page(struct broker *broker, struct httpserver_exchange *exchange, const char *path);
/* Its metrics. `ours` (taken over) goes before its text, and is the answer when the daemon cannot be asked. */
void broker_submit_metrics(
	struct broker *broker, struct httpserver_exchange *exchange, enum metrics_format format, struct buf *ours);

/*
 * Runs until `stop_fd` is readable; then everything is answered with 503, also what is submitted afterwards. 0, or -errno: no way to go on.
 */
int broker_run(struct broker *broker, int stop_fd, struct error *error) MUST_CHECK;

void broker_counts(struct broker *broker, struct broker_counts *ret);
