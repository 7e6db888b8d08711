/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* What the two halves of the HTTP server share: httpserver.c owns the daemon and its connections, httpserver_exchange.c one request. */
#include <microhttpd.h>
#include <pthread.h>
#include <stdatomic.h>

#include "io/httpserver.h"

/* A connection's memory: head, parsed headers, and the head of the answer. */
#define POOL_SIZE (2 * HTTPSERVER_HEAD_MAX + ((size_t)32 << 10))
/* Where a connection stands; each state has a deadline, so that nobody holds one by sending a byte now and then. */
enum connection_state {
	CONNECTION_WAITS,   /* TLS handshake, between requests, or in a head */
	CONNECTION_BODY,    /* the body arrives */
	CONNECTION_BUSY,    /* we think: no deadline */
	CONNECTION_ANSWERS, /* the answer goes out */
};

struct connection {
	struct connection *previous;
	struct connection *next;
	int fd;
	enum connection_state state;
	uint64_t deadline_ms;
};

enum exchange_state {
	EXCHANGE_ARRIVES,    /* head and body */
	EXCHANGE_IN_HANDLER, /* the handler's call has not come back */
	EXCHANGE_SUSPENDS,   /* between the two */
	EXCHANGE_SUSPENDED,  /* somebody will answer later */
	EXCHANGE_ANSWERED,   /* `answer` waits to be queued */
	EXCHANGE_QUEUED,
};

struct httpserver_exchange {
	struct httpserver *server;
	struct MHD_Connection *connection;
	struct httpserver_exchange *previous;
	struct httpserver_exchange *next;
	enum exchange_state state; /* under server->lock */
	struct MHD_Response *answer;
	unsigned status;
	char *uri; /* path, decoded in place, and after a NUL the query */
	const char *query;
	const char *target; /* the same as it came, in libmicrohttpd's memory: only the address is of use */
	size_t target_size;
	bool head_seen;
	struct buf body;
	size_t body_dropped; /* bytes of a body that is too large; not 0 once that is known */
	char peer[64];
};

struct httpserver {
	struct MHD_Daemon *daemon;
	struct httpserver_config config; /* with defaults filled in */
	pthread_mutex_t lock;            /* connections, exchanges and their states, stopping */
	pthread_cond_t wake;
	struct connection *connections;
	struct httpserver_exchange *exchanges;
	bool stopping;
	pthread_t watchdog;
	atomic_ullong requests;
	atomic_ullong refused;
	char start_text[256]; /* what libmicrohttpd said while it started */
	bool started;
};

/* libmicrohttpd's callbacks (their documentation in microhttpd.h). */
void *exchange_begin(void *server, const char *uri, struct MHD_Connection *connection);
enum MHD_Result exchange_access(void *server, struct MHD_Connection *connection, const char *url, const char *method, const char *version,
	const char *upload, size_t *upload_size, void **exchange);
void exchange_end(void *server, struct MHD_Connection *connection, void **exchange, enum MHD_RequestTerminationCode code);

void connection_state_set(struct MHD_Connection *connection, struct httpserver *server, enum connection_state state);

/*
 * Splits off the query and decodes the path in place, once. False for a path without leading "/", bad escapes, an escaped "/" and control
 * characters.
 */
bool httpserver_split_uri(char *uri, const char **ret_query);
