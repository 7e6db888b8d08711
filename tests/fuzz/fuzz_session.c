/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The sealed state of a session. The first byte picks: 0 the decoder below the seal, 1 a state that is sealed with the right key and then opened, as from a broker
 * of another version, 2 a text as a client sends it, 3 the headers that carry one.
 *
 * planted: reader kbs_session_decode
 * planted: base64 kbs_session_open
 */
#include "base/crypto.h"
#include "base/text.h"
#include "fuzz.h"
#include "kbs/session.h"

#define NOW INT64_C(1000000)
#define SECONDS_PER_HOUR 3600

static const uint8_t kek[AEAD_KEY_SIZE];

static void decode(struct bytes state)
{
	struct kbs_session session;
	struct buf again = BUF_NULL;

	for (int kind = KBS_SESSION_AUTH; kind <= KBS_SESSION_ATTESTED; kind++) {
		if (kbs_session_decode(&session, (enum kbs_session_kind)kind, state))
			continue;
		if (kbs_session_encode(&again, &session) || !bytes_equal(buf_view(&again), state))
			abort();
		buf_deinit(&again);
	}
}

/* As session.c seals, but whatever bytes: the key and the associated data are what a broker would use. */
static void seal(struct bytes state, struct buf *to)
{
	struct buf info = BUF_NULL, sealed = BUF_NULL;
	struct secret key = SECRET_NULL;

	if (buf_append_text(&info, "cookie") || buf_u64be(&info, (uint64_t)(NOW / SECONDS_PER_HOUR)) ||
		hkdf_sha256(&key, AEAD_KEY_SIZE, bytes_of(kek, sizeof(kek)), buf_view(&info)) ||
		aead_seal(&sealed, secret_view(&key), bytes_of_text("sevattest session attested"), state) ||
		base64_encode(to, BASE64_URL, buf_view(&sealed)))
		abort();
	buf_deinit(&info);
	buf_deinit(&sealed);
	secret_deinit(&key);
}

static void open_text(struct bytes text)
{
	struct kbs_session session;

	for (int kind = KBS_SESSION_AUTH; kind <= KBS_SESSION_ATTESTED; kind++)
		(void)!kbs_session_open(&session, bytes_of(kek, sizeof(kek)), (enum kbs_session_kind)kind, text, NOW);
}

/* A state that decodes and is not expired opens; no other does. */
static void open_sealed(struct bytes state)
{
	struct kbs_session session, decoded;
	struct buf text = BUF_NULL;
	int opened, wanted = kbs_session_decode(&decoded, KBS_SESSION_ATTESTED, state);

	seal(state, &text);
	opened = kbs_session_open(&session, bytes_of(kek, sizeof(kek)), KBS_SESSION_ATTESTED, buf_view(&text), NOW);
	if (wanted == 0 && text.size <= KBS_SESSION_STATE_MAX)
		wanted = decoded.expiry <= NOW ? SESSION_E_EXPIRED : 0;
	else
		wanted = SESSION_E_FORGED;
	if (opened != wanted)
		abort();
	buf_deinit(&text);
}

static void headers(struct bytes header)
{
	struct bytes cookie = kbs_cookie_find(header), bearer = kbs_bearer_find(header);

	if (cookie.size > header.size || bearer.size > header.size)
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static void (*const targets[])(struct bytes) = {decode, open_sealed, open_text, headers};
	static bool ready;

	if (!ready)
		fuzz_secrets();
	ready = true;
	if (size)
		targets[data[0] % ARRAY_SIZE(targets)](bytes_of(data + 1, size - 1));
	return 0;
}
