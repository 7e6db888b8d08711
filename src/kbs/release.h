/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * The release signature: what tells an agent that a key comes from its broker (DESIGN sections 2 and 9). A JWE is anonymous, anyone
 * can make one for the guest's public key; the member `sevattest-sig` of the answer ties it to the broker's pinned key.
 *
 * `sevattest-sig` is a JWS in detached compact form, "header..signature", ES256:
 *
 *   header   {"alg":"ES256","kid":"<thumbprint>","sevattest-version":<version>,"typ":"sevattest-release"}
 *   payload  (not sent; both sides build it) RFC 8785 canonical JSON, exactly these members:
 *            {"ciphertext":C,"encrypted_key":K,"iv":I,"nonce":N,"protected":P,"resource":R,"tag":T,"version":V}
 *
 * C, K, I, P, T are the five texts of the JWE as sent; N is the text of the Challenge's nonce of the session that is answered; R is
 * "repository/type/tag"; V is the version of the secret, an integer of 0..2^53-1, the same as in the header. The nonce makes it an
 * answer to this boot, the resource keeps two keys from being swapped, the version lets an agent notice a rollback. `typ` keeps a
 * token from passing as a release.
 */
#include <stdint.h>

#include "base/bytes.h"
#include "base/compiler.h"
#include "base/json.h"
#include "jose/jwk.h"

#define RELEASE_TYP "sevattest-release"
#define RELEASE_VERSION_MAX (((uint64_t)1 << 53) - 1)

enum {
	RELEASE_E_MALFORMED = 1, /* not such a signature, or not such a JWE */
	RELEASE_E_SIGNATURE,     /* not of this key over this nonce, resource, version and JWE */
};

/*
 * Appends the text of `sevattest-sig` over the JWE object; a NUL that `size` does not count follows. 0, -EINVAL, -ERANGE, -ENOMEM,
 * -EIO.
 */
int release_sign(struct buf *to, const struct jwk *key, const char *nonce, const char *resource, uint64_t version,
	struct json_object *jwe) MUST_CHECK;

/* Verifies with the pinned public key. *ret_version is written only on 0. 0, RELEASE_E_*, -EINVAL (not an ES256 key), -ENOMEM. */
int release_verify(const struct jwk *pin, struct bytes signature, const char *nonce, const char *resource, struct json_object *jwe,
	uint64_t *ret_version) MUST_CHECK;
