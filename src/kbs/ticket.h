/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * The ticket with which an attested guest registers a disk, and why there is one.
 *
 * For GET a stolen cookie is worth nothing: the answer is encrypted to the guest's key. A POST is the other way round: whoever carries the
 * guest's messages has its cookie and the public enrolment key, and could register a key and a header of its own; the guest would open
 * that disk on its next boot. So the guest must show that it holds its private key: GET /kbs/v0/enrol-ticket/{r}/{t}/{tag} answers, as a
 * GET of that resource would, with a JWE to the guest's key under the release signature, for the name "enrol-ticket/r/t/tag" (which no
 * resource can have) and the version that is current. Inside:
 *
 *     {"sevattest-ticket":1,"resource":"r/t/tag","replaces":3,"ticket":"...","key":{public JWK of the enrolment key}}
 *
 * The guest seals its enrolment to that key, with ticket and version inside, so that neither the ticket nor the key that it seals to is
 * ever in the hands of the network. The ticket is
 *
 *     HMAC-SHA-256( HKDF(session key of the broker, "sevattest enrolment ticket"), nonce 0 || guest key 0 || resource 0 || u64 state )
 *
 * where `state` changes with each change of the resource, a deletion included. Nothing is kept. A ticket is good for one session, one
 * resource and one state of it: what was accepted once is not accepted again, because it changed the state; an enrolment of an earlier
 * session, or of before a rotation, is a conflict.
 */
#include <stdint.h>

#include "base/bytes.h"
#include "base/error.h"
#include "kbs/enrolment.h"
#include "kbs/session.h"

#define KBS_TICKET_PREFIX "enrol-ticket/"
#define KBS_TICKET_NAME_MAX (sizeof(KBS_TICKET_PREFIX) - 1 + KBS_RESOURCE_MAX)

enum { TICKET_E_MALFORMED = 1 /* not a ticket, or one for another resource */ };

/* The broker's side. `kek` is the key that seals sessions. 0, -ENOMEM, -EIO. */
int kbs_ticket_make(uint8_t ret[static KBS_TICKET_SIZE], struct bytes kek, const struct kbs_session *session, const char *resource,
	uint64_t state) MUST_CHECK;

/* The text that is encrypted to the guest, appended. 0, -ENOMEM, -EIO. */
int kbs_ticket_write(struct buf *to, const char *resource, uint64_t replaces, const uint8_t ticket[static KBS_TICKET_SIZE],
	const struct jwk *enrol_key) MUST_CHECK;

/* The guest's side. */
struct kbs_ticket {
	uint64_t replaces; /* version of the resource, 0: there is none */
	uint8_t ticket[KBS_TICKET_SIZE];
	struct jwk *key; /* public enrolment key; owned */
};
#define KBS_TICKET_NULL {.key = NULL}
void kbs_ticket_deinit(struct kbs_ticket *ticket);

/* The opened text; it must be for `resource`. 0, TICKET_E_MALFORMED, -ENOMEM. */
int kbs_ticket_read(struct bytes text, const char *resource, struct kbs_ticket *ret, struct error *error) MUST_CHECK;

/* The answer to the POST: {"sevattest-enrol":"accepted","version":N} or {"sevattest-enrol":"pending","id":N}. */
struct kbs_registered {
	bool accepted;
	uint64_t version; /* of the resource, when accepted */
	uint64_t id;      /* what the operator accepts or rejects, when not */
};
int kbs_registered_write(struct buf *to, const struct kbs_registered *registered) MUST_CHECK;
/* 0, TICKET_E_MALFORMED, -ENOMEM. */
int kbs_registered_read(struct bytes body, struct kbs_registered *ret, struct error *error) MUST_CHECK;
