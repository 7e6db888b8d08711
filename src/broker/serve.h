/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * http.sock: frames from httpd become exchanges for the workers, and their answers frames again. One thread, the program's main one.
 */
#include "base/compiler.h"
#include "base/error.h"
#include "broker/exchange.h"

#define SERVE_LINKS_MAX 32  /* httpd has one connection; replicas of it, and restarts that overlap */
#define SERVE_DRAIN_MS 5000 /* how long requests in work may still take after SIGTERM */

struct serve_config {
	int listen_fd; /* borrowed */
	int signal_fd; /* a signalfd: SIGTERM and SIGINT end, SIGHUP reloads */
	int done_fd;   /* the eventfd of `done` */
	struct queue *work;
	struct queue *done;
	void (*reload)(void *context);
	void *context;
};

/* 0 after SIGTERM, or -errno with a message. */
int serve_run(const struct serve_config *config, struct error *error) MUST_CHECK;
