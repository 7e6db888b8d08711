/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * The HTTP client (libcurl, only here). HTTPS with the given certification authorities and nothing else: no system store, TLS 1.2 or
 * newer, name checked, no redirect, no proxy, no netrc, nothing from the environment. Every answer is bounded in size and time. A handle
 * keeps one connection alive between calls; a handle belongs to one thread.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/bytes.h"
#include "base/compiler.h"
#include "base/error.h"
#include "io/fetch_outcome.h"

#define FETCH_CONNECT_MS 10000
#define FETCH_TOTAL_MS 60000

struct fetcher;

struct fetch_config {
	const char *ca_file;         /* PEM, read once by fetch_new(); may be NULL only with allow_http */
	struct bytes ca_pem;         /* the same as bytes, instead; borrowed as long as the fetcher lives */
	bool allow_http;             /* simulators on loopback; https:// still works with ca_file */
	unsigned connect_timeout_ms; /* 0: FETCH_CONNECT_MS */
	unsigned total_timeout_ms;   /* 0: FETCH_TOTAL_MS; for the whole exchange */
	size_t body_max;             /* 0: FETCH_BODY_MAX */
	const char *header;          /* one header more in every request, "Metadata: true"; NULL: none; not copied */
};

struct fetch_request {
	const char *method; /* "GET", "POST", "PUT", "DELETE" */
	const char *url;
	const char *cookie;        /* value of Cookie:, or NULL */
	const char *authorization; /* value of Authorization:, or NULL */
	const char *content_type;  /* NULL: application/json when there is a body */
	struct bytes body;
	unsigned timeout_ms; /* for this exchange; 0: the configuration's */
	size_t body_max;     /* the same */
};

struct fetch_response {
	unsigned status;
	struct buf body;
	char set_cookie[FETCH_COOKIE_MAX + 1]; /* first Set-Cookie value, whole with its attributes; "" when absent */
	char content_type[128];
	uint32_t retry_after; /* seconds; 0 when absent or a date */
	int64_t date;         /* the peer's clock (Date:), Unix seconds; 0 when absent: a hint */
	bool reused;          /* went over the connection of the call before */
};

#define FETCH_RESPONSE_NULL {0, BUF_NULL, {0}, {0}, 0, 0, false}

/* The CA's file as fetch_new() would read it. 0, -EINVAL: no certificate in it, -errno; with a text. */
int fetch_read_ca(const char *path, struct buf *ret, struct error *error) MUST_CHECK;

/* -EINVAL when the CA file holds no certificate; -errno of reading it. The configuration is copied. */
int fetch_new(const struct fetch_config *config, struct fetcher **ret, struct error *error) MUST_CHECK;
struct fetcher *fetch_free(struct fetcher *fetcher);
DEFINE_CLEANUP(struct fetcher *, fetch_free)

/* One exchange; any final status below 300 or from 400 is an answer. 0, FETCH_E_*, -EINVAL (a bad URL), -ENOMEM. */
int fetch(struct fetcher *fetcher, const struct fetch_request *request, struct fetch_response *ret, struct error *error) MUST_CHECK;
void fetch_response_deinit(struct fetch_response *response);
