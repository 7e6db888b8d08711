/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * Inside the server engine. One file per route: server_attest.c, server_resource.c, server_enrol.c; server_access.c has what the last two
 * share; server.c has the table, /auth and the JWKS. A handler
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
/* 404: no such route. */
int answer_nothing(struct kbs_exchange *exchange) MUST_CHECK;
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

/* Who asks for which resource, and by which policy: what every route to a resource judges alike, and before anything else. */
struct access {
	char resource[KBS_RESOURCE_MAX + 1];
	struct kbs_session session;
	struct kbs_grant grant;
	const struct kbs_policy_ref *passed; /* into `grant` */
};

/* A step returns 0 to go on, ANSWERED when the answer is written, another number for trouble. */
enum { ANSWERED = 1000 };
static inline int answered(int r)
{
	return r ? r : ANSWERED;
}

/* A name that can exist, a session, a grant, a policy that passed at its current version; in this order. A step. */
int access_judge(struct kbs_exchange *exchange, struct access *access) MUST_CHECK;
/* Has the session passed this policy of the grant, at the version that is current? 0, -errno. */
int access_passed(const struct access *access, size_t policy, bool *ret_passed, bool *ret_changed) MUST_CHECK;
/* The record of an attested guest's request. `kind` is RELEASE or DENIED as far as the engine writes it. */
struct kbs_audit access_record(const struct kbs_exchange *exchange, const struct access *access, enum kbs_audit_kind kind, const char *reason);
/* A refusal of an attested guest: on record before it is told. A step. */
int access_deny(struct kbs_exchange *exchange, const struct access *access, unsigned status, const char *type, const char *detail) MUST_CHECK;
/* `secret` to the session's key, signed for `name` and `version` where there is a release key: the body of an answer. 0, -errno. */
int access_wrap(const struct kbs_exchange *exchange, const struct access *access, const char *name, uint64_t version, struct bytes secret,
	struct buf *ret) MUST_CHECK;

int handle_attest(struct kbs_exchange *exchange) MUST_CHECK;
int handle_resource(struct kbs_exchange *exchange) MUST_CHECK;
int handle_ticket(struct kbs_exchange *exchange) MUST_CHECK;
int handle_enrolment(struct kbs_exchange *exchange) MUST_CHECK;
int handle_enrol_key(struct kbs_exchange *exchange) MUST_CHECK;
