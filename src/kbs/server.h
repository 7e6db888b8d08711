/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * The broker's side of the KBS protocol as a pure engine: a request's bytes in, an answer's bytes out. No session is kept; the cookie
 * or the token is the session (session.h). What evidence is worth, which policies there are, who may have what, and where secrets lie,
 * it asks through struct kbs_server_ops. Thread-safe: the server is not changed by a request.
 *
 *   POST /kbs/v0/auth                        nonce, auth cookie
 *   POST /kbs/v0/attest                      appraise; token and attested cookie
 *   GET  /kbs/v0/resource/{r}/{t}/{tag}      grant, secret, JWE to the guest's key, release signature, audit; the answer follows its record
 *   GET  /kbs/v0/enrol-ticket/{r}/{t}/{tag}  judged as that GET; what a guest needs to register its disk (ticket.h)
 *   POST /kbs/v0/resource/{r}/{t}/{tag}      judged as that GET; an enrolment (enrolment.h) of a grant that takes them
 *   GET  /kbs/v0/enrol-key                   the public key that enrolments are sealed to
 *   GET  /kbs/v0/jwks                        the public keys of the token signer
 *   anything else                            404
 *
 * Statuses: 401 only where a new handshake helps (no session, expired or forged, a policy changed since); 403 a denial and a name that no
 * grant covers; 404 a granted name without a secret; 400 a message that is none; 409 an enrolment that does not fit what is there; 413; 429 too
 * many enrolments wait; 503 with Retry-After for trouble that passes.
 */
#include <stdbool.h>
#include <stdint.h>

#include "base/bytes.h"
#include "base/json.h"
#include "base/secret.h"
#include "kbs/enrolment.h"
#include "kbs/messages.h"
#include "kbs/resource.h"
#include "kbs/session.h"
#include "kbs/ticket.h"

struct jwk;

#define KBS_JWKS_PATH "/kbs/v0/jwks"
#define KBS_ENROL_KEY_PATH "/kbs/v0/enrol-key"
#define KBS_POLICY_NAME_MAX 128   /* POLICY_NAME_MAX of appraise/policy.h */
#define KBS_CHECKS_TEXT_MAX 512   /* names of failed checks, separated by ", " */
#define KBS_RETRY_AFTER_DEFAULT 5 /* seconds */

enum kbs_method { KBS_GET = 1, KBS_POST = 2, KBS_OTHER = 3 };

/* Views; absent headers are empty. `path` is percent-decoded once and has no query. `peer` is a hint, only handed to the audit. */
struct kbs_request {
	enum kbs_method method;
	struct bytes path;
	struct bytes cookie;        /* value of the Cookie header */
	struct bytes authorization; /* value of the Authorization header */
	struct bytes body;
	struct bytes peer;
};

/* Owned (kbs_response_deinit). `content_type` is a static string. `set_cookie` is empty or a whole header value. */
struct kbs_response {
	unsigned status;
	unsigned retry_after; /* seconds; 0: no such header */
	const char *content_type;
	struct buf set_cookie;
	struct buf body;
};
#define KBS_RESPONSE_NULL {.status = 0}
void kbs_response_deinit(struct kbs_response *response);

/* A policy by name, at the version that was evaluated (appraise) or that is current (grant). */
struct kbs_policy_ref {
	char name[KBS_POLICY_NAME_MAX + 1];
	uint64_t version;
};

/* What /attest asks. Everything is borrowed for the call. */
struct kbs_appraise_input {
	enum kbs_tee tee;
	struct json_object *primary_evidence;
	struct bytes event_log;                    /* empty: none */
	const uint8_t *report_data;                /* KBS_REPORT_DATA_SIZE: what the evidence must carry (az-snp-vtpm: the first 48) */
	const char *nonce;
	struct bytes peer;
	int64_t now;
};

/*
 * And what it learns. `genuine`: chain, signature and binding hold; chip_id and measurement mean something. `passed`: the policies that the
 * claims satisfy; none is a refusal. With more than KBS_SESSION_POLICIES_MAX the callback gives those first that grants name.
 * `failed_checks` goes to the caller: check names only, never expected values.
 */
struct kbs_appraised {
	bool genuine;
	uint8_t chip_id[KBS_CHIP_ID_SIZE];
	uint8_t measurement[KBS_MEASUREMENT_SIZE];
	struct kbs_policy_ref passed[KBS_SESSION_POLICIES_MAX];
	size_t passed_count;
	char failed_checks[KBS_CHECKS_TEXT_MAX];
	unsigned retry_after; /* with -EAGAIN */
};

/* What a grant says of guests that register a disk. */
enum kbs_enrol { KBS_ENROL_NONE, KBS_ENROL_PENDING, KBS_ENROL_ACCEPT };

/* The policies of which one must have passed for a resource, with their current versions, and what a guest that passed may do beside GET. */
struct kbs_grant {
	struct kbs_policy_ref policies[KBS_SESSION_POLICIES_MAX];
	enum kbs_enrol enrol[KBS_SESSION_POLICIES_MAX];
	size_t policy_count;
};

struct kbs_resource_value {
	struct secret secret;
	uint64_t version;
};

enum kbs_audit_kind {
	KBS_AUDIT_RELEASE,  /* the answer holds the secret */
	KBS_AUDIT_DENIED,   /* an attested guest asked for what it may not have, or for what is not there */
	KBS_AUDIT_REFUSED,  /* genuine evidence that no policy accepts */
	KBS_AUDIT_ENROLLED, /* an attested guest's disk becomes the resource */
	KBS_AUDIT_PENDING,  /* it waits for the operator */
};
#define KBS_AUDIT_KINDS 5

struct kbs_audit {
	enum kbs_audit_kind kind;
	enum kbs_tee tee;
	const char *resource;         /* NULL for KBS_AUDIT_REFUSED */
	uint64_t version;             /* of the resource; KBS_AUDIT_RELEASE, KBS_AUDIT_ENROLLED */
	uint64_t id;                  /* KBS_AUDIT_PENDING */
	bool failed;                  /* an enrolment that is on record and was not stored */
	const uint8_t *fingerprint;   /* SHA256_SIZE, of an enrolment that was opened; else NULL */
	const char *policy;           /* that let it pass: a release and an enrolment; else NULL */
	uint64_t policy_version;
	const uint8_t *chip_id;       /* KBS_CHIP_ID_SIZE */
	const uint8_t *measurement;   /* KBS_MEASUREMENT_SIZE */
	const char *nonce;
	const char *guest_key;        /* canonical public JWK */
	const char *reason;           /* error type, or failed checks; "" for a release */
	struct bytes peer;
	int64_t now;
};

enum {
	KBS_OP_NONE = 1, /* grant: no grant covers the name; fetch: there is no such resource */
	KBS_OP_CONFLICT, /* enrol: not of this state of the resource, or it would lock the disk out */
	KBS_OP_INVALID,  /* enrol_state, enrol: no disk resource, what is there or what is to be */
	KBS_OP_FULL,     /* enrol: too many wait */
};

/* What is there before an enrolment. */
struct kbs_enrol_state {
	uint64_t version; /* 0: nothing */
	uint64_t state;   /* another one after each change of the resource, a deletion included */
};

/* An enrolment that was opened and whose ticket is good. `record` is how its audit record begins: kind, version and id are the callee's. */
struct kbs_enrol_input {
	const struct kbs_enrolment *enrolment;
	uint64_t state;      /* that the ticket was made for */
	enum kbs_enrol level; /* PENDING or ACCEPT */
	struct bytes text;   /* as it was received */
	const struct kbs_audit *record;
	char *reason;        /* KBS_CHECKS_TEXT_MAX bytes: why not, for the guest and the audit */
};

/*
 * What the engine asks. Each returns 0, KBS_OP_NONE where it is named, -EAGAIN for trouble that passes (503), any other -errno (500).
 * Called from the thread that runs kbs_server_handle(), with `context` of the configuration.
 */
struct kbs_server_ops {
	/* Verify the evidence and evaluate every policy that a grant names. The verdict itself stays with the callee (log, counters). */
	int (*appraise)(void *context, const struct kbs_appraise_input *input, struct kbs_appraised *ret);
	/* The grant for an exact, valid resource name. */
	int (*grant)(void *context, const char *resource, struct kbs_grant *ret);
	/* The current secret. Called only after a grant and a passed policy; *ret is the engine's on 0. */
	int (*fetch)(void *context, const char *resource, struct kbs_resource_value *ret);
	/*
	 * Returns 0 when the record is durable, or when whoever calls kbs_server_handle() keeps its response back until it is and drops it
	 * if that fails (so that many records can share one commit). Anything else: no secret is in the response. No answer goes out before its record.
	 */
	int (*audit)(void *context, const struct kbs_audit *record);
	/*
	 * For enrolments; only called when the configuration has an enrolment key. The state of a resource: 0, KBS_OP_INVALID (a guest may not
	 * replace it: it is no disk).
	 */
	int (*enrol_state)(void *context, const char *resource, struct kbs_enrol_state *ret);
	/*
	 * Stores it, or lets it wait, if the resource is still in that state. On 0 record and change are durable, in this order. 0,
	 * KBS_OP_CONFLICT, KBS_OP_INVALID, KBS_OP_FULL, each with a reason.
	 */
	int (*enrol)(void *context, const struct kbs_enrol_input *input, struct kbs_registered *ret);
};

/*
 * Keys are borrowed for the life of the server, so that a rotation is a new server. `kek_previous` (may be empty) opens what was sealed
 * before a rotation and never seals. `release_key` may be NULL: answers are then not signed.
 */
struct kbs_server_config {
	const struct kbs_server_ops *ops;
	void *context;
	struct bytes kek;
	struct bytes kek_previous;
	const struct jwk *token_key;   /* private, P-256 */
	const struct jwk *release_key; /* private, P-256 */
	const struct jwk *enrol_key;   /* private, P-256, ECDH-ES+A256KW; NULL: no enrolments, their routes answer as if they were not */
};

struct kbs_server;

int kbs_server_new(const struct kbs_server_config *config, struct kbs_server **ret) MUST_CHECK;
struct kbs_server *kbs_server_free(struct kbs_server *server);
DEFINE_CLEANUP(struct kbs_server *, kbs_server_free)
#define KBS_SERVER_AUTO CLEANUP(kbs_server_freep) struct kbs_server *

/*
 * Answers one request at the time `now` (Unix seconds). 0 and *ret; every refusal is an answer. -ENOMEM only when not even an error
 * body could be made: the caller then answers 503 itself.
 */
int kbs_server_handle(const struct kbs_server *server, const struct kbs_request *request, int64_t now, struct kbs_response *ret) MUST_CHECK;
