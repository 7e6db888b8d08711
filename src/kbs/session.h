/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * The broker's sessions live in the guest: a cookie (and a claim of the token) that only the broker can open or make (DESIGN section 9).
 *
 * A sealed state is base64url( AES-256-GCM( HKDF(key-encryption key, "cookie" and the hour), state ) ) with the kind as associated data, so
 * that the cookie of /auth is never taken for one of /attest. It opens in the hour in which it was made and in the next one, and never
 * after its own expiry. Policies are held as a digest of the name and the version that passed.
 */
#include <stdbool.h>
#include <stdint.h>

#include "base/bytes.h"
#include "base/json.h"
#include "kbs/messages.h"

#define KBS_SESSION_SECONDS 300
#define KBS_SESSION_STATE_MAX ((size_t)3072) /* of the base64 text: with its name below the 4096 that every client keeps (RFC 6265) */
#define KBS_SESSION_POLICIES_MAX 32
#define KBS_COOKIE_NAME "kbs-session-id"
#define KBS_COOKIE_ATTRIBUTES "; Path=/kbs/v0; Secure; HttpOnly"
#define KBS_SET_COOKIE_MAX (KBS_SESSION_STATE_MAX + 64)
#define KBS_POLICY_ID_SIZE 16
#define KBS_CHIP_ID_SIZE 64
#define KBS_MEASUREMENT_SIZE 48

enum kbs_session_kind { KBS_SESSION_AUTH = 1, KBS_SESSION_ATTESTED = 2 };

/* SESSION_E_*: why a text is no session of ours. */
enum {
	SESSION_E_FORGED = 1, /* edited, of another kind, of another broker, or older than two hours: indistinguishable */
	SESSION_E_EXPIRED,
	SESSION_E_TOO_LARGE,
};

struct kbs_session_policy {
	uint8_t id[KBS_POLICY_ID_SIZE]; /* kbs_policy_id() */
	uint64_t version;
};

struct kbs_session {
	enum kbs_session_kind kind;
	enum kbs_tee tee;
	int64_t expiry; /* Unix seconds */
	char nonce[KBS_NONCE_TEXT_MAX + 1];
	/* The rest only in KBS_SESSION_ATTESTED. */
	char guest_key[KBS_JWK_TEXT_MAX + 1]; /* canonical JSON of the public JWK */
	uint8_t chip_id[KBS_CHIP_ID_SIZE];
	uint8_t measurement[KBS_MEASUREMENT_SIZE];
	struct kbs_session_policy policies[KBS_SESSION_POLICIES_MAX];
	size_t policy_count;
};

/* The first 16 bytes of SHA-256 over the policy's name. */
int kbs_policy_id(uint8_t ret[static KBS_POLICY_ID_SIZE], const char *name) MUST_CHECK;

/* Appends the sealed text. `kek` is the key-encryption key, 32 bytes. 0, SESSION_E_TOO_LARGE, -ENOMEM, -EINVAL. */
int kbs_session_seal(struct buf *to, struct bytes kek, const struct kbs_session *session, int64_t now) MUST_CHECK;
/* Opens a text that must be of `kind` and not expired at `now`. 0, SESSION_E_*, -errno. */
int kbs_session_open(struct kbs_session *ret, struct bytes kek, enum kbs_session_kind kind, struct bytes text, int64_t now) MUST_CHECK;

/* The state without its seal: what the fuzzer and the tests call. Append; 0 or SESSION_E_FORGED for bytes that are not one state. */
int kbs_session_encode(struct buf *to, const struct kbs_session *session) MUST_CHECK;
int kbs_session_decode(struct kbs_session *ret, enum kbs_session_kind kind, struct bytes state) MUST_CHECK;

/*
 * Finds our cookie in a Cookie header ("a=b; kbs-session-id=VALUE"). An empty view when there is none, or more than one: nobody
 * should have to guess which is meant.
 */
struct bytes kbs_cookie_find(struct bytes header);
/* The value of "Authorization: Bearer VALUE"; an empty view for anything else. */
struct bytes kbs_bearer_find(struct bytes header);
