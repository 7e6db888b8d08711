/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * Inside the server engine. One file per route: server_attest.c, server_resource.c; server.c has the table, /auth and the JWKS. A handler
 * writes exactly one answer with answer_*() and returns 0, or forwards -errno, which becomes 500.
 */
#include "kbs/server.h"

struct kbs_server {
	struct kbs_server_config config;
};

struct kbs_exchange {
	const struct kbs_server *server;
	const struct kbs_request *request;
	int64_t now;
	struct bytes rest; /* of the path, behind the route's prefix */
	struct kbs_response *response;
};

/* An error answer. `detail` names nothing that the caller may not know. */
int answer_error(struct kbs_exchange *exchange, unsigned status, const char *type, const char *detail) MUST_CHECK;
/* 503 with Retry-After; `seconds` 0: the default. */
int answer_later(struct kbs_exchange *exchange, unsigned seconds) MUST_CHECK;
/* 200 with `body`, which is moved. */
int answer_json(struct kbs_exchange *exchange, struct buf *body) MUST_CHECK;
/* What an operation returned that is neither 0 nor a named outcome: -EAGAIN is 503, anything else forwarded. */
int answer_trouble(struct kbs_exchange *exchange, int r, unsigned retry_after) MUST_CHECK;

/* Seals `session` into the answer's Set-Cookie; *ret_text (may be NULL) gets the sealed text as well. 0, SESSION_E_TOO_LARGE, -errno. */
int answer_cookie(struct kbs_exchange *exchange, const struct kbs_session *session, struct buf *ret_text) MUST_CHECK;

/*
 * The one place where a session is opened, from the cookie and from the token alike: under the current key-encryption key or the one before
 * a rotation. 0, SESSION_E_*, -errno.
 */
int session_open(const struct kbs_exchange *exchange, enum kbs_session_kind kind, struct bytes text, struct kbs_session *ret) MUST_CHECK;
/* The answer to a session that does not open: 401 of Trustee's `type` for this place, -errno forwarded. */
int answer_no_session(struct kbs_exchange *exchange, const char *type, int r) MUST_CHECK;

int handle_attest(struct kbs_exchange *exchange) MUST_CHECK;
int handle_resource(struct kbs_exchange *exchange) MUST_CHECK;
