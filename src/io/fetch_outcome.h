/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* What a fetch may bring and how it may fail: shared by io/fetch, which asks, and io/fetch_frame, which carries requests to it. */
#include <stddef.h>

#define FETCH_URL_MAX 2048
#define FETCH_BODY_MAX ((size_t)4 << 20) /* default and largest cap; a JWE of the largest secret is 2 MiB */
#define FETCH_COOKIE_MAX 4096            /* RFC 6265: what every client keeps; Trustee's is 36 bytes, ours about 4000 */

/* Why there is no answer. Each comes with a sentence that names the host. A value never changes its meaning: frames carry it. */
enum {
	FETCH_E_UNREACHABLE = 1, /* name, route, refused, reset: try again later */
	FETCH_E_TIMEOUT,         /* the peer stalls */
	FETCH_E_CERTIFICATE,     /* somebody answered whose certificate the given CA does not accept for this name and time */
	FETCH_E_TLS,             /* somebody answered who does not speak our TLS */
	FETCH_E_PROTOCOL,        /* not HTTP, or it ended in the middle */
	FETCH_E_TOO_LARGE,       /* more than the cap */
	FETCH_E_REDIRECT,        /* a 3xx answer: never followed */
	FETCH_E_DENIED,          /* through netd only: no such origin, or none that may be asked this */
	FETCH_E_INTERNAL,        /* through netd only: it could not ask (no memory): try again later */
	FETCH_E_LAST = FETCH_E_INTERNAL,
};

const char *fetch_outcome_text(int outcome); /* "unreachable", "certificate not accepted" ... */
