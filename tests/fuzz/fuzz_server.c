/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The broker's engine on a client's request: mode (u8), sizes of path, cookie and authorization (u8 each), these three, body. The low two bits of the mode are the
 * method; 4: the evidence is not genuine, 8: it satisfies no policy. Then, so that what lies behind a seal or a signature is reached, the same once more 10h: as what
 * follows a good /auth, 20h: as a fetch with the cookie of a good /attest, 40h: with the body as the claims of a token that we signed, 80h: with the body as what an
 * attested guest encrypts to the enrolment key, behind a ticket that is good for the state 0.
 *
 * planted: scan kbs_server_handle
 */
#include "base/text.h"
#include "fuzz.h"
#include "jose/jwe.h"
#include "jose/jwk.h"
#include "jose/jws.h"
#include "kbs/server.h"

#define NOW INT64_C(1000000)

enum { MODE_METHOD = 3, MODE_FORGED = 4, MODE_DENIED = 8, MODE_ATTEST = 0x10, MODE_FETCH = 0x20, MODE_TOKEN = 0x40, MODE_ENROL = 0x80 };

static uint8_t mode;

static struct jwk *guest_key, *signer, *enrol_key;
static struct kbs_server *server;
static const uint8_t kek[32];

static int op_appraise(void *context, const struct kbs_appraise_input *input, struct kbs_appraised *ret)
{
	(void)context;
	(void)input;
	ret->genuine = !(mode & MODE_FORGED);
	ret->passed_count = mode & MODE_DENIED ? 0 : 1;
	memcpy(ret->passed[0].name, "web", 4);
	return 0;
}

/* Only repository `a` is granted. */
static int op_grant(void *context, const char *resource, struct kbs_grant *ret)
{
	(void)context;
	ret->policy_count = resource[0] == 'a' ? 1 : 0;
	memcpy(ret->policies[0].name, "web", 4);
	ret->enrol[0] = resource[1] == '/' ? KBS_ENROL_ACCEPT : KBS_ENROL_NONE;
	return 0;
}

static int op_fetch(void *context, const char *resource, struct kbs_resource_value *ret)
{
	(void)context;
	(void)resource;
	return secret_copy_in(&ret->secret, "x", 1);
}

static int op_audit(void *context, const struct kbs_audit *record)
{
	(void)context;
	(void)record;
	return 0;
}

static int op_enrol_state(void *context, const char *resource, struct kbs_enrol_state *ret)
{
	(void)context;
	*ret = (struct kbs_enrol_state){0, 0};
	return resource[2] == 'n' ? KBS_OP_INVALID : 0;
}

/* By the end of the name: each outcome. */
static int op_enrol(void *context, const struct kbs_enrol_input *input, struct kbs_registered *ret)
{
	const char *name = input->enrolment->resource;
	char last = name[strlen(name) - 1];

	(void)context;
	memcpy(input->reason, "why", 4);
	*ret = (struct kbs_registered){.accepted = last == 'c', .version = 1, .id = 1};
	return last == 'c' || last == 'p' ? 0 : last == 'i' ? KBS_OP_INVALID : last == 'f' ? KBS_OP_FULL : KBS_OP_CONFLICT;
}

static const struct kbs_server_ops ops = {op_appraise, op_grant, op_fetch, op_audit, op_enrol_state, op_enrol};

static void set_up(void)
{
	struct kbs_server_config config = {.ops = &ops, .kek = bytes_of(kek, sizeof(kek))};

	if (server)
		return;
	fuzz_secrets();
	if (jwk_generate(JWK_P256, 0, &guest_key) || jwk_generate_signer(&signer) || jwk_generate(JWK_P256, 0, &enrol_key))
		abort();
	config.token_key = signer;
	config.release_key = signer;
	config.enrol_key = enrol_key;
	if (kbs_server_new(&config, &server))
		abort();
}

/* Every answer has a status, and a refusal says why in JSON. */
static void handle(const struct kbs_request *request)
{
	struct kbs_response response = KBS_RESPONSE_NULL;

	if (kbs_server_handle(server, request, NOW, &response) == 0 && (response.status < 200 || response.status > 599))
		abort();
	kbs_response_deinit(&response);
}

/* The guest that came so far. */
static struct kbs_session session_of(enum kbs_session_kind kind)
{
	struct kbs_session session = {.kind = kind, .tee = KBS_TEE_SNP, .expiry = NOW + 100, .nonce = "bm9uY2U=", .policy_count = 1};
	struct json_object *public = NULL;
	struct buf text = BUF_NULL;

	if (jwk_export_public(guest_key, &public) || json_write(&text, public) || text.size > KBS_JWK_TEXT_MAX ||
		kbs_policy_id(session.policies[0].id, "web"))
		abort();
	memcpy(session.guest_key, text.data, text.size);
	buf_deinit(&text);
	json_putp(&public);
	return session;
}

/* A Cookie header with its state. */
static void make_cookie(enum kbs_session_kind kind, struct buf *to)
{
	struct kbs_session session = session_of(kind);

	if (buf_append_text(to, KBS_COOKIE_NAME "=") || kbs_session_seal(to, bytes_of(kek, sizeof(kek)), &session, NOW))
		abort();
}

static void attest_in_session(struct kbs_request request)
{
	struct buf cookie = BUF_NULL;

	make_cookie(KBS_SESSION_AUTH, &cookie);
	request.cookie = buf_view(&cookie);
	request.method = KBS_POST;
	request.path = bytes_of_text("/kbs/v0/attest");
	handle(&request);
	buf_deinit(&cookie);
}

static void fetch_in_session(struct kbs_request request)
{
	struct buf cookie = BUF_NULL;

	make_cookie(KBS_SESSION_ATTESTED, &cookie);
	request.cookie = buf_view(&cookie);
	request.method = KBS_GET;
	handle(&request);
	buf_deinit(&cookie);
}

/* {"replaces":0,"ticket":"...", and the input from its second character on. */
static void enrol_in_session(struct kbs_request request)
{
	struct kbs_session session = session_of(KBS_SESSION_ATTESTED);
	size_t prefix = strlen("/kbs/v0/resource/");
	struct json_object *jwe = NULL;
	struct buf cookie = BUF_NULL, plain = BUF_NULL, body = BUF_NULL;
	char name[KBS_RESOURCE_MAX + 1] = "";
	uint8_t ticket[KBS_TICKET_SIZE];

	if (request.path.size > prefix && request.path.size - prefix < sizeof(name))
		memcpy(name, request.path.data + prefix, request.path.size - prefix);
	make_cookie(KBS_SESSION_ATTESTED, &cookie);
	if (kbs_ticket_make(ticket, bytes_of(kek, sizeof(kek)), &session, name, 0) || buf_append_text(&plain, "{\"replaces\":0,\"ticket\":\"") ||
		base64_encode(&plain, BASE64_URL, bytes_of(ticket, sizeof(ticket))) || buf_append_text(&plain, "\",") ||
		(request.body.size > 1 && buf_append(&plain, request.body.data + 1, request.body.size - 1)) ||
		jwe_encrypt_typed(&jwe, enrol_key, KBS_ENROLMENT_TYP, buf_view(&plain)) || json_write(&body, jwe))
		abort();
	request.cookie = buf_view(&cookie);
	request.body = buf_view(&body);
	request.method = KBS_POST;
	handle(&request);
	buf_deinit(&cookie);
	buf_deinit(&plain);
	buf_deinit(&body);
	json_putp(&jwe);
}

static void fetch_with_token(struct kbs_request request)
{
	struct json_object *header = json_object_new_object();
	struct buf authorization = BUF_NULL;

	if (!header || json_add_text(header, "typ", "JWT") || buf_append_text(&authorization, "Bearer ") ||
		jws_sign(&authorization, signer, JWS_COMPACT, header, request.body))
		abort();
	request.authorization = buf_view(&authorization);
	request.cookie = bytes_of(NULL, 0);
	request.method = KBS_GET;
	handle(&request);
	buf_deinit(&authorization);
	json_putp(&header);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct kbs_request request = {.method = KBS_GET};
	struct bytes input = bytes_of(data, size);
	size_t path, cookie, authorization;

	set_up();
	mode = fuzz_u8(&input);
	path = fuzz_u8(&input);
	cookie = fuzz_u8(&input);
	authorization = fuzz_u8(&input);
	request.method = (enum kbs_method)(mode & MODE_METHOD);
	request.path = fuzz_take(&input, path);
	request.cookie = fuzz_take(&input, cookie);
	request.authorization = fuzz_take(&input, authorization);
	request.body = input;
	handle(&request);
	if (mode & MODE_ATTEST)
		attest_in_session(request);
	if (mode & MODE_FETCH)
		fetch_in_session(request);
	if (mode & MODE_TOKEN)
		fetch_with_token(request);
	if (mode & MODE_ENROL)
		enrol_in_session(request);
	return 0;
}
