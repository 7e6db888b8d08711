/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * The HTTP server (libmicrohttpd with its GnuTLS, only here). HTTP/1.1 over TLS 1.2 or 1.3, a bounded head and body, limits per address,
 * and an answer that may come later from any thread: a connection waits suspended and holds up no other.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/bytes.h"
#include "base/compiler.h"
#include "base/error.h"
#include "base/secret.h"

#define HTTPSERVER_HEAD_MAX ((size_t)40 << 10) /* request line and headers: cookie and bearer of 16 KiB each, and room */
#define HTTPSERVER_BODY_MAX ((size_t)2 << 20)
#define HTTPSERVER_METHOD_MAX 16

struct httpserver;
struct httpserver_exchange;

/* The whole request has arrived. Views and texts live until the exchange is answered. */
struct httpserver_request {
	const char *method; /* as sent: "GET" */
	const char *path;   /* percent-decoded once; no query, no NUL, no control characters */
	const char *query;  /* raw text after "?", or NULL */
	const char *cookie;        /* header values, or NULL */
	const char *authorization;
	const char *host;
	const char *accept;
	const char *peer; /* "192.0.2.1" or "2001:db8::1" */
	struct bytes body;
};

struct httpserver_response {
	unsigned status;
	const char *content_type; /* NULL: none */
	const char *set_cookie;
	const char *allow;    /* for 405 */
	const char *location; /* the simulator's redirects */
	uint32_t retry_after; /* seconds; 0: no header */
	struct bytes body;    /* copied */
};

/* Called in a server thread; must not block. Answers now or hands the exchange on; exactly one httpserver_answer() must follow. */
typedef void (*httpserver_handler)(void *context, struct httpserver_exchange *exchange, const struct httpserver_request *request);

struct httpserver_config {
	int listen_fd;                     /* listening stream socket, taken over */
	struct bytes certificate;          /* PEM chain; empty: plain HTTP */
	const struct secret *private_key;  /* PEM; copied by GnuTLS into its own memory */
	unsigned threads;                  /* 0: 1 */
	unsigned connections_max;          /* 0: 1000 */
	unsigned connections_per_address;  /* 0: 64 */
	unsigned idle_timeout_s;           /* 0: 30; also the most between two bytes of a request */
	unsigned request_timeout_s;        /* 0: 30; from the first byte of a connection's request to its last */
	size_t body_max;                   /* 0: HTTPSERVER_BODY_MAX */
	const char *page_policy;           /* Content-Security-Policy of every answer, and the headers that go with it; NULL: none */
	httpserver_handler handler;
	void *context;
};

int httpserver_new(const struct httpserver_config *config, struct httpserver **ret, struct error *error) MUST_CHECK;
/* Stops listening, answers what is still open with 503 and joins the threads. No exchange may be answered afterwards. */
struct httpserver *httpserver_free(struct httpserver *server);
DEFINE_CLEANUP(struct httpserver *, httpserver_free)

/* Any thread. The exchange is gone afterwards. */
void httpserver_answer(struct httpserver_exchange *exchange, const struct httpserver_response *response);
/* The same with our error body {"type": ".../errors/NAME", "detail": detail}. */
void httpserver_answer_error(
	struct httpserver_exchange *exchange, unsigned status, const char *name, const char *detail, uint32_t retry_after);

struct httpserver_counts {
	uint64_t connections;    /* open now */
	uint64_t requests;       /* whole requests handed to the handler */
	uint64_t refused;        /* answered here: too large, malformed, slow */
};
void httpserver_counts(struct httpserver *server, struct httpserver_counts *ret);
