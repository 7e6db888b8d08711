/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Layout of a state, little endian: u8 format, u8 tee, u64 expiry, u16 size + nonce; and when attested: u16 size + guest key, 64 bytes
 * chip, 48 bytes measurement, u8 count, count times (16 bytes policy id, u64 version). The kind is not in it: it is associated data of the seal,
 * so that a state opens as one kind only.
 */
#include "kbs/session.h"

#include <errno.h>
#include <string.h>

#include "base/crypto.h"
#include "base/text.h"

#define STATE_FORMAT 1
#define SECONDS_PER_HOUR 3600
#define STATE_PLAIN_MAX ((KBS_SESSION_STATE_MAX / 4) * 3 - AEAD_OVERHEAD)

int kbs_policy_id(uint8_t ret[static KBS_POLICY_ID_SIZE], const char *name)
{
	uint8_t digest[SHA256_SIZE];
	int r = sha256(digest, bytes_of_text(name));

	if (r == 0)
		memcpy(ret, digest, KBS_POLICY_ID_SIZE);
	return r;
}

static struct bytes associated_data(enum kbs_session_kind kind)
{
	return bytes_of_text(kind == KBS_SESSION_ATTESTED ? "sevattest session attested" : "sevattest session auth");
}

static int put_text(struct buf *to, const char *text)
{
	size_t size = strlen(text);
	int r = buf_u16le(to, (uint16_t)size);

	return r ? r : buf_append(to, text, size);
}

static int encode_attested(struct buf *to, const struct kbs_session *session)
{
	int r;

	r = put_text(to, session->guest_key);
	if (r == 0)
		r = buf_append(to, session->chip_id, sizeof(session->chip_id));
	if (r == 0)
		r = buf_append(to, session->measurement, sizeof(session->measurement));
	if (r == 0)
		r = buf_u8(to, (uint8_t)session->policy_count);
	for (size_t i = 0; r == 0 && i < session->policy_count; i++) {
		r = buf_append(to, session->policies[i].id, KBS_POLICY_ID_SIZE);
		if (r == 0)
			r = buf_u64le(to, session->policies[i].version);
	}
	return r;
}

int kbs_session_encode(struct buf *to, const struct kbs_session *session)
{
	int r;

	if (session->policy_count > KBS_SESSION_POLICIES_MAX)
		return -EINVAL;
	r = buf_u8(to, STATE_FORMAT);
	if (r == 0)
		r = buf_u8(to, (uint8_t)session->tee);
	if (r == 0)
		r = buf_u64le(to, (uint64_t)session->expiry);
	if (r == 0)
		r = put_text(to, session->nonce);
	if (r == 0 && session->kind == KBS_SESSION_ATTESTED)
		r = encode_attested(to, session);
	return r;
}

static void get_text(struct reader *reader, char *to, size_t max)
{
	size_t size = reader_u16le(reader);
	struct bytes text;

	if (size > max) {
		reader_fail(reader);
		return;
	}
	text = reader_bytes(reader, size);
	if (!reader_ok(reader) || (text.size && memchr(text.data, 0, text.size))) {
		reader_fail(reader);
		return;
	}
	if (text.size)
		memcpy(to, text.data, text.size);
	to[text.size] = 0;
}

static void decode_attested(struct reader *reader, struct kbs_session *session)
{
	get_text(reader, session->guest_key, KBS_JWK_TEXT_MAX);
	reader_copy(reader, session->chip_id, sizeof(session->chip_id));
	reader_copy(reader, session->measurement, sizeof(session->measurement));
	session->policy_count = reader_u8(reader);
	if (session->policy_count > KBS_SESSION_POLICIES_MAX) {
		reader_fail(reader);
		return;
	}
	for (size_t i = 0; i < session->policy_count; i++) {
		reader_copy(reader, session->policies[i].id, KBS_POLICY_ID_SIZE);
		session->policies[i].version = reader_u64le(reader);
	}
}

int kbs_session_decode(struct kbs_session *ret, enum kbs_session_kind kind, struct bytes state)
{
	struct kbs_session session = {.kind = kind};
	struct reader reader;
	uint8_t tee;

	reader_init(&reader, state);
	if (reader_u8(&reader) != STATE_FORMAT)
		reader_fail(&reader);
	tee = reader_u8(&reader);
	if (tee != KBS_TEE_SNP && tee != KBS_TEE_AZ_SNP_VTPM)
		reader_fail(&reader);
	session.tee = (enum kbs_tee)tee;
	session.expiry = (int64_t)reader_u64le(&reader);
	get_text(&reader, session.nonce, KBS_NONCE_TEXT_MAX);
	if (kind == KBS_SESSION_ATTESTED)
		decode_attested(&reader, &session);
	if (!reader_done(&reader))
		return SESSION_E_FORGED;
	*ret = session;
	return 0;
}

/* The key for one hour. */
static int derive_key(struct secret *ret, struct bytes kek, int64_t hour)
{
	CLEANUP(buf_deinit) struct buf info = BUF_NULL;
	int r;

	if (kek.size != AEAD_KEY_SIZE || hour < 0)
		return -EINVAL;
	r = buf_append_text(&info, "cookie");
	if (r == 0)
		r = buf_u64be(&info, (uint64_t)hour);
	if (r == 0)
		r = hkdf_sha256(ret, AEAD_KEY_SIZE, kek, buf_view(&info));
	return r;
}

int kbs_session_seal(struct buf *to, struct bytes kek, const struct kbs_session *session, int64_t now)
{
	CLEANUP(buf_deinit) struct buf plain = BUF_NULL;
	CLEANUP(buf_deinit) struct buf sealed = BUF_NULL;
	CLEANUP(secret_deinit) struct secret key = SECRET_NULL;
	int r;

	r = kbs_session_encode(&plain, session);
	if (r)
		return r;
	if (plain.size > STATE_PLAIN_MAX)
		return SESSION_E_TOO_LARGE;
	r = derive_key(&key, kek, now / SECONDS_PER_HOUR);
	if (r == 0)
		r = aead_seal(&sealed, secret_view(&key), associated_data(session->kind), buf_view(&plain));
	if (r == 0)
		r = base64_encode(to, BASE64_URL, buf_view(&sealed));
	return r;
}

/* 0, SESSION_E_FORGED, -errno. */
static int open_in_hour(struct kbs_session *ret, struct bytes kek, enum kbs_session_kind kind, struct bytes sealed, int64_t hour)
{
	CLEANUP(secret_deinit) struct secret key = SECRET_NULL;
	CLEANUP(secret_deinit) struct secret plain = SECRET_NULL;
	int r;

	if (hour < 0)
		return SESSION_E_FORGED;
	r = derive_key(&key, kek, hour);
	if (r)
		return r;
	r = aead_open(&plain, secret_view(&key), associated_data(kind), sealed);
	if (r)
		return r < 0 ? r : SESSION_E_FORGED;
	return kbs_session_decode(ret, kind, secret_view(&plain));
}

int kbs_session_open(struct kbs_session *ret, struct bytes kek, enum kbs_session_kind kind, struct bytes text, int64_t now)
{
	CLEANUP(buf_deinit) struct buf sealed = BUF_NULL;
	struct kbs_session session;
	int r;

	if (text.size == 0 || text.size > KBS_SESSION_STATE_MAX)
		return SESSION_E_FORGED;
	r = base64_decode(&sealed, BASE64_URL, text);
	if (r)
		return r == -EINVAL ? SESSION_E_FORGED : r;
	r = open_in_hour(&session, kek, kind, buf_view(&sealed), now / SECONDS_PER_HOUR);
	if (r == SESSION_E_FORGED)
		r = open_in_hour(&session, kek, kind, buf_view(&sealed), now / SECONDS_PER_HOUR - 1);
	if (r)
		return r;
	if (now >= session.expiry)
		return SESSION_E_EXPIRED;
	*ret = session;
	return 0;
}

static struct bytes trim(struct bytes text)
{
	while (text.size && (text.data[0] == ' ' || text.data[0] == '\t'))
		text = bytes_of(text.data + 1, text.size - 1);
	while (text.size && (text.data[text.size - 1] == ' ' || text.data[text.size - 1] == '\t'))
		text.size--;
	return text;
}

struct bytes kbs_cookie_find(struct bytes header)
{
	static const char name[] = KBS_COOKIE_NAME "=";
	const size_t name_size = sizeof(name) - 1;
	struct bytes found = {NULL, 0};

	while (header.size) {
		const uint8_t *end = memchr(header.data, ';', header.size);
		size_t size = end ? (size_t)(end - header.data) : header.size;
		struct bytes pair = trim(bytes_of(header.data, size));

		if (pair.size >= name_size && memcmp(pair.data, name, name_size) == 0) {
			if (found.data)
				return bytes_of(NULL, 0);
			found = bytes_of(pair.data + name_size, pair.size - name_size);
		}
		if (!end)
			break;
		header = bytes_of(end + 1, header.size - size - 1);
	}
	return found;
}

struct bytes kbs_bearer_find(struct bytes header)
{
	static const char scheme[] = "bearer ";
	const size_t scheme_size = sizeof(scheme) - 1;

	if (header.size <= scheme_size)
		return bytes_of(NULL, 0);
	for (size_t i = 0; i < scheme_size; i++) {
		uint8_t c = header.data[i];

		if (c >= 'A' && c <= 'Z')
			c = (uint8_t)(c - 'A' + 'a');
		if (c != (uint8_t)scheme[i])
			return bytes_of(NULL, 0);
	}
	return trim(bytes_of(header.data + scheme_size, header.size - scheme_size));
}
