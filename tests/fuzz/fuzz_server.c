/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The broker's engine on a client's request: mode (u8), sizes of path, cookie and authorization (u8 each), these three, body. The low two bits of the mode are the
 * method; 4: the evidence is not genuine, 8: it satisfies no policy. Then, so that what lies behind a seal or a signature is reached, the same once more 10h: as what
 * follows a good /auth, 20h: as a fetch with the cookie of a good /attest, 40h: with the body as the claims of a token that we signed.
 *
 * planted: scan kbs_server_handle
 */
#include "base/text.h"
#include "fuzz.h"
#include "jose/jwk.h"
#include "jose/jws.h"
#include "kbs/server.h"

#define NOW INT64_C(1000000)

enum { MODE_METHOD = 3, MODE_FORGED = 4, MODE_DENIED = 8, MODE_ATTEST = 0x10, MODE_FETCH = 0x20, MODE_TOKEN = 0x40 };

static uint8_t mode;

static struct jwk *guest_key, *signer;
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

static const struct kbs_server_ops ops = {op_appraise, op_grant, op_fetch, op_audit};

static void set_up(void)
{
	struct kbs_server_config config = {.ops = &ops, .kek = bytes_of(kek, sizeof(kek))};

	if (server)
		return;
	fuzz_secrets();
	if (jwk_generate(JWK_P256, 0, &guest_key) || jwk_generate_signer(&signer))
		abort();
	config.token_key = signer;
	config.release_key = signer;
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

/* A Cookie header with a state of this kind, as if the guest had come so far. */
static void make_cookie(enum kbs_session_kind kind, struct buf *to)
{
	struct kbs_session session = {.kind = kind, .tee = KBS_TEE_SNP, .expiry = NOW + 100, .nonce = "bm9uY2U=", .policy_count = 1};
	struct json_object *public = NULL;
	struct buf text = BUF_NULL;

	if (jwk_export_public(guest_key, &public) || json_write(&text, public) || text.size > KBS_JWK_TEXT_MAX ||
		kbs_policy_id(session.policies[0].id, "web"))
		abort();
	memcpy(session.guest_key, text.data, text.size);
	if (buf_append_text(to, KBS_COOKIE_NAME "=") || kbs_session_seal(to, bytes_of(kek, sizeof(kek)), &session, NOW))
		abort();
	buf_deinit(&text);
	json_putp(&public);
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
	return 0;
}
