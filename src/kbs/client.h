/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * The guest's side of the KBS protocol as a pure state machine: it says which request to send, is given the answer, and says what is next.
 *
 *      kbs_client_get() ->  AUTH --answer--> EVIDENCE --kbs_client_evidence()--> ATTEST --answer--> GET --answer--> DONE
 *                            ^                                                                       |             |
 *                            +------- once: TokenNotFound, TokenVerifierError, or an expired session +             +-- kbs_client_get()
 *
 * and for kbs_client_register(), in the place of GET: TICKET --answer--> ENROL --answer--> DONE (ticket.h says why it takes both).
 *
 * The caller loops: while kbs_client_want() is KBS_CLIENT_SEND, send kbs_client_request() and give the answer to kbs_client_response();
 * when it is KBS_CLIENT_EVIDENCE, collect evidence for kbs_client_report_data() and call kbs_client_evidence(); KBS_CLIENT_DONE: take the
 * secret; KBS_CLIENT_FAILED: kbs_client_outcome(). Refusals are told apart by the last segment of the error's `type`, because Trustee
 * answers 401 for nearly everything (spec/kbs.md section 18).
 */
#include <stdbool.h>
#include <stdint.h>

#include "base/bytes.h"
#include "base/error.h"
#include "base/json.h"
#include "base/secret.h"
#include "kbs/enrolment.h"
#include "kbs/messages.h"
#include "kbs/resource.h"
#include "kbs/ticket.h"

struct jwk;

#define KBS_CLIENT_COOKIE_MAX 8192        /* what we send back; ours has 3 KiB, spec/kbs.md saw 6 KB work */
#define KBS_CLIENT_SESSION_SECONDS 60     /* the shortest session that a Trustee can be configured for: younger ones did not expire */
#define KBS_CLIENT_RETRY_AFTER_MAX 3600u  /* longer waits are cut */

enum kbs_client_want {
	KBS_CLIENT_IDLE,     /* nothing asked yet; kbs_client_get() or kbs_client_attest() */
	KBS_CLIENT_SEND,     /* a request is ready */
	KBS_CLIENT_EVIDENCE, /* report data is ready */
	KBS_CLIENT_DONE,     /* attested; the secret, if one was asked for, can be taken; the next kbs_client_get() is one round trip */
	KBS_CLIENT_FAILED,
};

enum kbs_client_outcome {
	KBS_CLIENT_OK,
	KBS_CLIENT_REFUSED,     /* by the broker: evidence or policy (exit 6) */
	KBS_CLIENT_NOT_FOUND,   /* no such resource (exit 6) */
	KBS_CLIENT_TEMPORARY,   /* 429, 5xx: try later (exit 5); kbs_client_retry_after() */
	KBS_CLIENT_PROTOCOL,    /* the answer is no KBS answer (exit 6) */
	KBS_CLIENT_UNSIGNED,    /* a pin is set and the answer has no signature (exit 6) */
	KBS_CLIENT_BAD_SIGNATURE, /* or one of another key, session, resource or JWE (exit 6) */
	KBS_CLIENT_BAD_JWE,     /* does not open with our key (exit 6) */
	KBS_CLIENT_CONFLICT,    /* registering: the resource is not at the version that was expected, or the broker will not drop every header (exit 6) */
};

/* Borrowed for the life of the client. */
struct kbs_client_config {
	enum kbs_tee tee;
	const struct jwk *guest_key;   /* private: P-256, P-521 or RSA (jwk_generate); its hash goes into REPORT_DATA */
	const struct jwk *release_pin; /* public P-256 of the broker's signer; NULL: signatures are not looked at */
};

/* Views that live until the next call on the client. `cookie` and `body` may be empty. */
struct kbs_http_request {
	const char *method; /* "GET", "POST" */
	const char *path;   /* "/kbs/v0/auth" */
	const char *content_type; /* NULL without a body; "application/json", KBS_ENROLMENT_CONTENT_TYPE */
	struct bytes body;
	struct bytes cookie; /* value for a Cookie header */
	size_t answer_max; /* a longer answer need not be read */
};

/* `set_cookie` is the value of the Set-Cookie header, empty when there is none; with several, each in a line of its own. */
struct kbs_http_response {
	unsigned status;
	struct bytes set_cookie;
	unsigned retry_after; /* seconds; 0: no such header */
	struct bytes body;
};

struct kbs_client;

int kbs_client_new(const struct kbs_client_config *config, struct kbs_client **ret) MUST_CHECK;
struct kbs_client *kbs_client_free(struct kbs_client *client);
DEFINE_CLEANUP(struct kbs_client *, kbs_client_free)
#define KBS_CLIENT_AUTO CLEANUP(kbs_client_freep) struct kbs_client *

/*
 * Starts a resource ("r/t/tag") or, without one, only the handshake. Allowed when IDLE or DONE, and after FAILED (a new attempt, with the
 * session where it survived). 0, -EINVAL (no such name can exist), -EBUSY.
 */
int kbs_client_get(struct kbs_client *client, const char *resource) MUST_CHECK;
int kbs_client_attest(struct kbs_client *client) MUST_CHECK;

/*
 * What kbs_client_register() sends, and what it must replace. `disk` is the disk resource, moved into the client on success.
 * `replaces`: the version that the broker must hold (0: none), so that two who rotate one disk do not undo each other's work; or
 * KBS_CLIENT_ANY_VERSION, when what the broker holds does not matter.
 */
#define KBS_CLIENT_ANY_VERSION UINT64_MAX
struct kbs_registration {
	struct kbs_volume volume;
	int64_t created; /* Unix seconds */
	uint64_t replaces;
	struct secret disk;
};

/*
 * Starts the registering of a disk under `resource`, as kbs_client_get() starts a resource: the same loop, and DONE when the broker has it or
 * keeps it for its operator (kbs_client_registered()). Only with a release pin: without, whoever carries the messages could name an
 * enrolment key of its own and read the disk's key. The broker judges the guest as for a GET, and its grant must allow it. To register the
 * bytes that are there already changes nothing and is answered with their version, so that an attempt whose answer was lost may be
 * repeated (with KBS_CLIENT_ANY_VERSION). 0, -EINVAL (a name, a volume, a disk that cannot be), -ENOKEY (no release pin), -EBUSY.
 */
int kbs_client_register(struct kbs_client *client, const char *resource, struct kbs_registration *registration) MUST_CHECK;

enum kbs_client_want kbs_client_want(const struct kbs_client *client);

/*
 * Is a handshake about to begin? Then kbs_client_renew_key() gives it another guest key (borrowed, as in the configuration), and the one before
 * may be freed: what was encrypted to it does not open any more, so that the answers of an older session, replayed as a whole, are worth
 * nothing. 0, -EINVAL at any other moment, -ENOMEM.
 */
bool kbs_client_at_handshake(const struct kbs_client *client);
int kbs_client_renew_key(struct kbs_client *client, const struct jwk *guest_key) MUST_CHECK;

/* When SEND. 0, -ENOMEM, -EINVAL in another state. */
int kbs_client_request(struct kbs_client *client, struct kbs_http_request *ret) MUST_CHECK;

/* When SEND. `now` is any clock in seconds that does not run backwards. 0 in every case that is an answer (see want); -ENOMEM, -EINVAL. */
int kbs_client_response(struct kbs_client *client, const struct kbs_http_response *response, int64_t now) MUST_CHECK;

/* When EVIDENCE: the 64 bytes that the evidence must carry; else NULL. */
const uint8_t *kbs_client_report_data(const struct kbs_client *client);
/* When EVIDENCE: primary_evidence as JSON text (evidence_write_kbs()), event log or empty. 0, -EINVAL, -ENOMEM, KBS_E_*. */
int kbs_client_evidence(struct kbs_client *client, struct bytes primary_evidence, struct bytes event_log) MUST_CHECK;

/* When DONE after kbs_client_get(): moves the secret out, once. 0 or -ENODATA. */
int kbs_client_take(struct kbs_client *client, struct secret *ret) MUST_CHECK;

/* When DONE after kbs_client_register(): what became of it. `fingerprint` is that of the enrolment as it was sent. 0 or -ENODATA. */
int kbs_client_registered(const struct kbs_client *client, struct kbs_registered *ret, uint8_t fingerprint[static SHA256_SIZE]) MUST_CHECK;

/* The JWT of /attest, "" before. */
const char *kbs_client_token(const struct kbs_client *client);
/* The version that the release signature names; 0 without a verified signature. */
uint64_t kbs_client_version(const struct kbs_client *client);

/* The nonce of the last challenge, as the broker's audit has it too; "" before. */
const char *kbs_client_nonce(const struct kbs_client *client);

/* When FAILED: what it was, in words, and the error name of the broker ("PolicyDeny", "" when it gave none). */
enum kbs_client_outcome kbs_client_outcome(const struct kbs_client *client);
const char *kbs_client_error(const struct kbs_client *client);
const char *kbs_client_error_type(const struct kbs_client *client);
unsigned kbs_client_retry_after(const struct kbs_client *client);
/* EXIT_REFUSED, EXIT_UNREACHABLE ... for an outcome. */
int kbs_client_exit(enum kbs_client_outcome outcome);
/* Handshakes so far. */
unsigned kbs_client_handshakes(const struct kbs_client *client);
