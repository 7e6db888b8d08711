/* SPDX-License-Identifier: Apache-2.0 */
#include "kbs/messages.h"

#include <errno.h>
#include <string.h>

#include "base/crypto.h"
#include "base/text.h"

#define ERROR_URI "https://github.com/confidential-containers/kbs/errors/"

static const struct {
	enum kbs_tee tee;
	const char *name;
} tees[] = {
	{KBS_TEE_SNP, "snp"},
	{KBS_TEE_AZ_SNP_VTPM, "az-snp-vtpm"},
};

const char *kbs_tee_name(enum kbs_tee tee)
{
	for (size_t i = 0; i < ARRAY_SIZE(tees); i++) {
		if (tees[i].tee == tee)
			return tees[i].name;
	}
	return "none";
}

enum kbs_tee kbs_tee_from_name(const char *name)
{
	for (size_t i = 0; i < ARRAY_SIZE(tees); i++) {
		if (strcmp(tees[i].name, name) == 0)
			return tees[i].tee;
	}
	return KBS_TEE_NONE;
}

/* The message as an object. 0, KBS_E_*, -ENOMEM. */
static int read_object(struct bytes body, size_t max, const char *what, struct json_object **ret, struct error *error)
{
	JSON_AUTO object = NULL;
	int r;

	if (body.size > max)
		return error_set(error, KBS_E_TOO_LARGE, "%s of %zu bytes, at most %zu are read", what, body.size, max);
	r = json_read(body, &object, error);
	if (r == -ENOMEM)
		return r;
	if (r) {
		error_prefix(error, "%s", what);
		return error_set(error, r == -E2BIG ? KBS_E_TOO_LARGE : KBS_E_MALFORMED, "%s is not JSON", what);
	}
	if (!json_object_is_type(object, json_type_object))
		return error_set(error, KBS_E_MALFORMED, "%s is not a JSON object", what);
	*ret = object;
	object = NULL;
	return 0;
}

/* A required text member of at most `max` bytes; `ret` borrows from the object. */
static int need_text(struct json_object *object, const char *member, size_t max, struct bytes *ret, struct error *error)
{
	size_t size = 0;
	const char *text = json_get_text(object, member, &size);

	if (!text)
		return error_set(error, KBS_E_MALFORMED, "member \"%s\" is missing or no text", member);
	if (size > max)
		return error_set(error, KBS_E_TOO_LARGE, "member \"%s\" of %zu bytes, at most %zu are read", member, size, max);
	*ret = bytes_of(text, size);
	return 0;
}

static int need_object(struct json_object *object, const char *member, struct json_object **ret, struct error *error)
{
	*ret = json_get_object(object, member);
	if (!*ret)
		return error_set(error, KBS_E_MALFORMED, "member \"%s\" is missing or no object", member);
	return 0;
}

/* `extra-params` may be anything, also null, but not absent. */
static int need_extra_params(struct json_object *object, struct error *error)
{
	if (!json_object_object_get_ex(object, "extra-params", NULL))
		return error_set(error, KBS_E_MALFORMED, "member \"extra-params\" is missing");
	return 0;
}

static int read_nonce(struct json_object *object, char to[static KBS_NONCE_TEXT_MAX + 1], struct error *error)
{
	struct bytes text = {NULL, 0};
	int r = need_text(object, "nonce", KBS_NONCE_TEXT_MAX, &text, error);

	if (r)
		return r;
	if (text.size == 0)
		return error_set(error, KBS_E_MALFORMED, "member \"nonce\" is empty");
	memcpy(to, text.data, text.size);
	to[text.size] = 0;
	return 0;
}

/* Adds `child` to `object` and leaves it to the caller as a borrowed object. NULL without memory. */
static struct json_object *add_object(struct json_object *object, const char *member)
{
	struct json_object *child = json_object_new_object();

	if (!child || json_add(object, member, child))
		return NULL;
	return child;
}

/* Request */

int kbs_request_read(struct bytes body, enum kbs_tee *ret_tee, struct error *error)
{
	JSON_AUTO object = NULL;
	struct bytes version;
	struct bytes name;
	enum kbs_tee tee;
	char shown[64];
	int r;

	r = read_object(body, KBS_AUTH_MAX, "request", &object, error);
	if (r == 0)
		r = need_text(object, "version", 64, &version, error);
	if (r == 0)
		r = need_text(object, "tee", 64, &name, error);
	if (r == 0)
		r = need_extra_params(object, error);
	if (r)
		return r;
	if (!bytes_equal(version, bytes_of_text(KBS_PROTOCOL_VERSION))) {
		text_printable(shown, sizeof(shown), version);
		return error_set(error, KBS_E_VERSION, "protocol version \"%s\", this broker speaks " KBS_PROTOCOL_VERSION, shown);
	}
	tee = kbs_tee_from_name((const char *)name.data);
	if (tee == KBS_TEE_NONE) {
		text_printable(shown, sizeof(shown), name);
		return error_set(error, KBS_E_TEE, "TEE \"%s\" is not verified here, only snp and az-snp-vtpm", shown);
	}
	*ret_tee = tee;
	return 0;
}

/* What CoCo's clients send; servers look at it for the TEE `se` only. */
static int add_hash_algorithms(struct json_object *object)
{
	static const char *const algorithms[] = {"sha256", "sha384", "sha512", "sm3"};
	struct json_object *extra = add_object(object, "extra-params");
	struct json_object *list = extra ? json_object_new_array() : NULL;
	int r;

	if (!list || json_add(extra, "supported-hash-algorithms", list))
		return -ENOMEM;
	for (size_t i = 0; i < ARRAY_SIZE(algorithms); i++) {
		struct json_object *text = json_object_new_string(algorithms[i]);

		r = text ? json_push(list, text) : -ENOMEM;
		if (r)
			return r;
	}
	return 0;
}

int kbs_request_write(struct buf *to, enum kbs_tee tee)
{
	JSON_AUTO object = json_object_new_object();
	int r;

	if (!object)
		return -ENOMEM;
	r = json_add_text(object, "version", KBS_PROTOCOL_VERSION);
	if (r == 0)
		r = json_add_text(object, "tee", kbs_tee_name(tee));
	if (r == 0)
		r = add_hash_algorithms(object);
	return r ? r : json_write(to, object);
}

/* Challenge */

int kbs_challenge_read(struct bytes body, struct kbs_challenge *ret, struct error *error)
{
	JSON_AUTO object = NULL;
	struct kbs_challenge challenge = {.announced = false};
	struct json_object *extra;
	int r;

	r = read_object(body, KBS_AUTH_MAX, "challenge", &object, error);
	if (r == 0)
		r = read_nonce(object, challenge.nonce, error);
	if (r == 0)
		r = need_extra_params(object, error);
	if (r)
		return r;
	/* A selected-hash-algorithm plays no part for our TEEs: always SHA-384 (spec/kbs.md section 18). */
	extra = json_get_object(object, "extra-params");
	challenge.announced = extra && json_get_object(extra, "sevattest");
	*ret = challenge;
	return 0;
}

int kbs_challenge_write(struct buf *to, const struct kbs_challenge *challenge)
{
	JSON_AUTO object = json_object_new_object();
	struct json_object *ours;
	int r;

	if (!object)
		return -ENOMEM;
	r = json_add_text(object, "nonce", challenge->nonce);
	if (r == 0 && challenge->announced) {
		struct json_object *extra = add_object(object, "extra-params");

		ours = extra ? add_object(extra, "sevattest") : NULL;
		r = ours ? json_add_u64(ours, "version", 1) : -ENOMEM;
	} else if (r == 0) {
		r = json_add_text(object, "extra-params", "");
	}
	return r ? r : json_write(to, object);
}

/* Attestation */

void kbs_attestation_deinit(struct kbs_attestation *attestation)
{
	json_putp(&attestation->tee_pubkey);
	json_putp(&attestation->primary_evidence);
	buf_deinit(&attestation->additional_evidence);
	buf_deinit(&attestation->event_log);
	*attestation = (struct kbs_attestation)KBS_ATTESTATION_NULL;
}

static int read_runtime_data(struct json_object *object, struct kbs_attestation *to, struct error *error)
{
	struct json_object *runtime;
	struct json_object *key;
	int r;

	r = need_object(object, "runtime-data", &runtime, error);
	if (r == 0)
		r = read_nonce(runtime, to->nonce, error);
	if (r == 0)
		r = need_object(runtime, "tee-pubkey", &key, error);
	if (r)
		return r;
	to->tee_pubkey = json_object_get(key);
	return 0;
}

static int read_tee_evidence(struct json_object *object, struct kbs_attestation *to, struct error *error)
{
	struct json_object *evidence;
	struct json_object *primary;
	struct bytes additional;
	int r;

	r = need_object(object, "tee-evidence", &evidence, error);
	if (r == 0)
		r = need_object(evidence, "primary_evidence", &primary, error); /* both of our TEEs send an object */
	if (r == 0)
		r = need_text(evidence, "additional_evidence", KBS_ADDITIONAL_MAX, &additional, error);
	if (r == 0)
		r = buf_append(&to->additional_evidence, additional.data, additional.size);
	if (r)
		return r;
	to->primary_evidence = json_object_get(primary);
	return 0;
}

static int read_init_data(struct json_object *object, struct kbs_attestation *to, struct error *error)
{
	struct json_object *value = NULL;
	const char *format;

	if (!json_object_object_get_ex(object, "init-data", &value) || !value)
		return 0;
	format = json_get_text(value, "format", NULL);
	if (!format || strcmp(format, "toml") != 0 || !json_get_text(value, "body", NULL))
		return error_set(error, KBS_E_MALFORMED, "member \"init-data\" is neither null nor {\"format\": \"toml\", \"body\": text}");
	to->has_init_data = true;
	return 0;
}

/* Our own member: a peer that does not know it ignores it. */
static int read_event_log(struct json_object *object, struct kbs_attestation *to, struct error *error)
{
	struct json_object *ours = NULL;
	struct bytes text = {NULL, 0};
	int r;

	if (!json_object_object_get_ex(object, "sevattest", &ours))
		return 0;
	if (!json_object_is_type(ours, json_type_object))
		return error_set(error, KBS_E_MALFORMED, "member \"sevattest\" is no object");
	if (!json_object_object_get_ex(ours, "event_log", NULL))
		return 0;
	r = need_text(ours, "event_log", (KBS_EVENT_LOG_MAX + 2) / 3 * 4, &text, error);
	if (r)
		return r;
	r = base64_decode(&to->event_log, BASE64_STD, text);
	if (r == -EINVAL)
		return error_set(error, KBS_E_MALFORMED, "member \"event_log\" is not base64");
	return r;
}

int kbs_attestation_read(struct bytes body, struct kbs_attestation *ret, struct error *error)
{
	JSON_AUTO object = NULL;
	CLEANUP(kbs_attestation_deinit) struct kbs_attestation attestation = KBS_ATTESTATION_NULL;
	int r;

	r = read_object(body, KBS_ATTESTATION_MAX, "attestation", &object, error);
	if (r == 0)
		r = read_runtime_data(object, &attestation, error);
	if (r == 0)
		r = read_tee_evidence(object, &attestation, error);
	if (r == 0)
		r = read_init_data(object, &attestation, error);
	if (r == 0)
		r = read_event_log(object, &attestation, error);
	if (r)
		return r;
	*ret = attestation;
	attestation = (struct kbs_attestation)KBS_ATTESTATION_NULL;
	return 0;
}

static int write_parts(struct json_object *object, const struct kbs_attestation *attestation)
{
	struct json_object *runtime;
	struct json_object *evidence;
	int r;

	runtime = add_object(object, "runtime-data");
	r = runtime ? json_add_text(runtime, "nonce", attestation->nonce) : -ENOMEM;
	if (r == 0)
		r = json_add(runtime, "tee-pubkey", json_object_get(attestation->tee_pubkey));
	evidence = r == 0 ? add_object(object, "tee-evidence") : NULL;
	if (!evidence)
		return -ENOMEM;
	r = json_add(evidence, "primary_evidence", json_object_get(attestation->primary_evidence));
	if (r == 0)
		r = json_add_text_size(evidence, "additional_evidence", buf_view(&attestation->additional_evidence));
	return r;
}

static int write_event_log(struct json_object *object, struct bytes event_log)
{
	CLEANUP(buf_deinit) struct buf text = BUF_NULL;
	struct json_object *ours = add_object(object, "sevattest");
	int r;

	if (!ours)
		return -ENOMEM;
	r = base64_encode(&text, BASE64_STD, event_log);
	return r ? r : json_add_text_size(ours, "event_log", buf_view(&text));
}

int kbs_attestation_write(struct buf *to, const struct kbs_attestation *attestation, bool announced)
{
	JSON_AUTO object = json_object_new_object();
	int r;

	if (!object)
		return -ENOMEM;
	if (!attestation->tee_pubkey || !attestation->primary_evidence || attestation->event_log.size > KBS_EVENT_LOG_MAX)
		return -EINVAL;
	r = json_object_object_add(object, "init-data", NULL) == 0 ? 0 : -ENOMEM;
	if (r == 0)
		r = write_parts(object, attestation);
	if (r == 0 && announced && attestation->event_log.size)
		r = write_event_log(object, buf_view(&attestation->event_log));
	return r ? r : json_write(to, object);
}

/* Token */

int kbs_token_answer_read(struct bytes body, struct buf *ret_token, struct error *error)
{
	JSON_AUTO object = NULL;
	struct bytes token;
	int r;

	r = read_object(body, 2 * KBS_TOKEN_MAX, "answer to attest", &object, error);
	if (r == 0)
		r = need_text(object, "token", KBS_TOKEN_MAX, &token, error);
	return r ? r : buf_append(ret_token, token.data, token.size);
}

int kbs_token_answer_write(struct buf *to, const char *token)
{
	JSON_AUTO object = json_object_new_object();
	int r;

	if (!object)
		return -ENOMEM;
	r = json_add_text(object, "token", token);
	return r ? r : json_write(to, object);
}

/* Response */

#define SIGNATURE_MEMBER "sevattest-sig"

int kbs_response_read(struct bytes body, struct kbs_response_message *ret, struct error *error)
{
	static const char *const members[] = {"protected", "encrypted_key", "iv", "ciphertext", "tag"};
	JSON_AUTO object = NULL;
	struct bytes text = {NULL, 0};
	int r;

	r = read_object(body, KBS_RESPONSE_MAX, "response", &object, error);
	for (size_t i = 0; r == 0 && i < ARRAY_SIZE(members); i++)
		r = need_text(object, members[i], KBS_RESPONSE_MAX, &text, error);
	text = bytes_of(NULL, 0);
	if (r == 0 && json_object_object_get_ex(object, SIGNATURE_MEMBER, NULL))
		r = need_text(object, SIGNATURE_MEMBER, 4096, &text, error);
	if (r)
		return r;
	ret->jwe = object;
	ret->signature = text;
	object = NULL;
	return 0;
}

int kbs_response_write(struct buf *to, struct json_object *jwe, const char *signature)
{
	int r = signature ? json_add_text(jwe, SIGNATURE_MEMBER, signature) : 0;

	return r ? r : json_write(to, jwe);
}

/* ErrorInformation */

int kbs_error_read(struct bytes body, struct kbs_error_information *ret, struct error *error)
{
	JSON_AUTO object = NULL;
	struct bytes type;
	struct bytes detail;
	const uint8_t *slash;
	int r;

	r = read_object(body, KBS_ERROR_BODY_MAX, "error answer", &object, error);
	if (r == 0)
		r = need_text(object, "type", KBS_ERROR_BODY_MAX, &type, error);
	if (r == 0)
		r = need_text(object, "detail", KBS_ERROR_BODY_MAX, &detail, error);
	if (r)
		return r;
	slash = type.size ? memrchr(type.data, '/', type.size) : NULL;
	if (slash)
		type = bytes_of(slash + 1, type.size - (size_t)(slash + 1 - type.data));
	text_printable(ret->type, sizeof(ret->type), type);
	text_printable(ret->detail, sizeof(ret->detail), detail);
	return 0;
}

int kbs_error_write(struct buf *to, const char *type, const char *detail)
{
	CLEANUP(buf_deinit) struct buf uri = BUF_NULL;
	JSON_AUTO object = json_object_new_object();
	int r;

	if (!object)
		return -ENOMEM;
	r = buf_append_text(&uri, ERROR_URI);
	if (r == 0)
		r = buf_append_text(&uri, type);
	if (r == 0)
		r = json_add_text_size(object, "type", buf_view(&uri));
	if (r == 0)
		r = json_add_text(object, "detail", detail);
	return r ? r : json_write(to, object);
}

/* REPORT_DATA */

int kbs_report_data_text(struct buf *to, const char *nonce, struct json_object *jwk, struct bytes additional)
{
	JSON_AUTO object = json_object_new_object();
	int r;

	if (!object)
		return -ENOMEM;
	r = json_add_text_size(object, "additional-evidence", additional);
	if (r == 0)
		r = json_add_text(object, "nonce", nonce);
	if (r == 0)
		r = json_add(object, "tee-pubkey", json_object_get(jwk));
	return r ? r : json_canonical(to, object);
}

int kbs_report_data(uint8_t ret[static KBS_REPORT_DATA_SIZE], const char *nonce, struct json_object *jwk, struct bytes additional)
{
	CLEANUP(buf_deinit) struct buf text = BUF_NULL;
	uint8_t digest[SHA384_SIZE];
	int r;

	r = kbs_report_data_text(&text, nonce, jwk, additional);
	if (r == 0)
		r = sha384(digest, buf_view(&text));
	if (r)
		return r;
	memset(ret, 0, KBS_REPORT_DATA_SIZE);
	memcpy(ret, digest, sizeof(digest));
	return 0;
}
