/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * The messages of the KBS protocol 0.4.0 (spec/kbs.md sections 3 to 6): reading and writing of each, and the text whose hash goes into
 * REPORT_DATA. Pure: bytes in, struct out. What a TEE's evidence looks like inside is opaque here.
 *
 * Unknown members are ignored, as the protocol wants it; a duplicate member, a wrong type or a text past its cap is refused.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/bytes.h"
#include "base/error.h"
#include "base/json.h"

#define KBS_PROTOCOL_VERSION "0.4.0"
#define KBS_REPORT_DATA_SIZE 64 /* 48 bytes of SHA-384, 16 zero bytes; az-snp-vtpm takes the first 48 */
#define KBS_HASH_SIZE 48

#define KBS_NONCE_TEXT_MAX 256               /* ours and Trustee's have 44; it is text that is hashed and echoed */
#define KBS_AUTH_MAX ((size_t)4096)          /* a Request or Challenge has 120 */
#define KBS_ATTESTATION_MAX ((size_t)2 << 20) /* HTTP_FRAME_REQUEST_BODY_MAX, Trustee's limit too */
#define KBS_EVENT_LOG_MAX ((size_t)1 << 20)  /* DESIGN section 9 */
#define KBS_ADDITIONAL_MAX ((size_t)1 << 20) /* text of device evidence: only hashed */
#define KBS_TOKEN_MAX ((size_t)16384)        /* HTTP_FRAME_HEADER_MAX */
#define KBS_JWK_TEXT_MAX 2048                /* canonical public JWK: RSA 4096 has about 740 */
#define KBS_RESPONSE_MAX ((size_t)3 << 20)   /* JWE of a secret of 1 MiB: base64 in JSON */
#define KBS_ERROR_BODY_MAX ((size_t)65536)   /* what a broker has to say about a refusal */
#define KBS_ERROR_TYPE_MAX 64                /* the name after the last "/" */
#define KBS_ERROR_DETAIL_MAX 1024            /* names of failed checks */

/* What is wrong with a message. The text in `error` says which member. */
enum {
	KBS_E_MALFORMED = 1, /* not JSON, a required member absent, or of a wrong type */
	KBS_E_TOO_LARGE,
	KBS_E_VERSION,  /* another protocol version */
	KBS_E_TEE,      /* a TEE that we do not verify */
};

enum kbs_tee { KBS_TEE_NONE, KBS_TEE_SNP, KBS_TEE_AZ_SNP_VTPM };

const char *kbs_tee_name(enum kbs_tee tee); /* "snp" */
enum kbs_tee kbs_tee_from_name(const char *name);

/* Request: POST /auth. */
int kbs_request_read(struct bytes body, enum kbs_tee *ret_tee, struct error *error) MUST_CHECK;
int kbs_request_write(struct buf *to, enum kbs_tee tee) MUST_CHECK;

/* Challenge: the answer to it. `announced`: extra-params has our member `sevattest`. */
struct kbs_challenge {
	char nonce[KBS_NONCE_TEXT_MAX + 1];
	bool announced;
};
int kbs_challenge_read(struct bytes body, struct kbs_challenge *ret, struct error *error) MUST_CHECK;
int kbs_challenge_write(struct buf *to, const struct kbs_challenge *challenge) MUST_CHECK;

/*
 * Attestation: POST /attest. Owns its parts (kbs_attestation_deinit). `tee_pubkey` is as received: jwk_import() judges it. The JSON of
 * `primary_evidence` is opaque. `event_log` is decoded, empty when there is none. A sender fills the same struct.
 */
struct kbs_attestation {
	char nonce[KBS_NONCE_TEXT_MAX + 1];
	struct json_object *tee_pubkey;
	struct json_object *primary_evidence;
	struct buf additional_evidence; /* the text, as a rule empty */
	struct buf event_log;
	bool has_init_data; /* sent, and ignored: our policies have host_data of their own */
};
#define KBS_ATTESTATION_NULL {.nonce = {0}}
void kbs_attestation_deinit(struct kbs_attestation *attestation);
int kbs_attestation_read(struct bytes body, struct kbs_attestation *ret, struct error *error) MUST_CHECK;
/* `event_log` is written only if `announced` says that the broker knows the member. */
int kbs_attestation_write(struct buf *to, const struct kbs_attestation *attestation, bool announced) MUST_CHECK;

/* The answer to it: {"token": JWT}. The token's inside is not looked at. */
int kbs_token_answer_read(struct bytes body, struct buf *ret_token, struct error *error) MUST_CHECK;
int kbs_token_answer_write(struct buf *to, const char *token) MUST_CHECK;

/*
 * Response: the answer to GET resource, a flattened JWE and perhaps our member `sevattest-sig`. `jwe` is the whole object (the caller puts
 * it); `signature` is an empty view when there is none, and lives as long as the object.
 */
struct kbs_response_message {
	struct json_object *jwe;
	struct bytes signature;
};
int kbs_response_read(struct bytes body, struct kbs_response_message *ret, struct error *error) MUST_CHECK;
/* `jwe` is the object that jwe_encrypt() made; `signature` may be NULL. */
int kbs_response_write(struct buf *to, struct json_object *jwe, const char *signature) MUST_CHECK;

/* ErrorInformation. `type` is the last path segment of the URI ("PolicyDeny"); `detail` is printable. */
struct kbs_error_information {
	char type[KBS_ERROR_TYPE_MAX + 1];
	char detail[KBS_ERROR_DETAIL_MAX + 1];
};
int kbs_error_read(struct bytes body, struct kbs_error_information *ret, struct error *error) MUST_CHECK;
int kbs_error_write(struct buf *to, const char *type, const char *detail) MUST_CHECK;

/*
 * REPORT_DATA: SHA-384 over the canonical {"additional-evidence": A, "nonce": N, "tee-pubkey": JWK}, then 16 zero bytes (spec/kbs.md
 * section 4). `jwk` must be the public key re-exported from the parsed one, so that members which nobody checks are never hashed.
 */
int kbs_report_data(uint8_t ret[static KBS_REPORT_DATA_SIZE], const char *nonce, struct json_object *jwk,
	struct bytes additional) MUST_CHECK;
/* The text that is hashed, for tests and `--json`. */
int kbs_report_data_text(struct buf *to, const char *nonce, struct json_object *jwk, struct bytes additional) MUST_CHECK;
