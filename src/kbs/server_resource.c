/* SPDX-License-Identifier: Apache-2.0 */
/*
 * GET /kbs/v0/resource/{repository}/{type}/{tag}. Order: a name that can exist, a session, a grant, a policy that passed at its current
 * version, the secret, the JWE to the session's key, the signature, the audit record; the answer is handed out only after the record is
 * durable. There is no way to the secret that does not pass each of them.
 */
#include <errno.h>
#include <string.h>

#include "jose/jwe.h"
#include "jose/jwk.h"
#include "kbs/release.h"
#include "kbs/server_internal.h"
#include "kbs/token.h"

/* What one GET is about. */
struct get {
	char resource[KBS_RESOURCE_MAX + 1];
	struct kbs_session session;
	const struct kbs_policy_ref *passed; /* into `grant` */
	struct kbs_grant grant;
	struct kbs_resource_value value;
	struct buf body;
};

static void get_deinit(struct get *get)
{
	secret_deinit(&get->value.secret);
	buf_deinit(&get->body);
}

/* Each step returns 0 to go on, ANSWERED when the answer is written, another number for trouble. */
enum { ANSWERED = 1000 };

static int answered(int r)
{
	return r ? r : ANSWERED;
}

static int audit(struct kbs_exchange *exchange, const struct get *get, enum kbs_audit_kind kind, const char *reason)
{
	const struct kbs_server_config *config = &exchange->server->config;
	const struct kbs_audit record = {
		.kind = kind,
		.tee = get->session.tee,
		.resource = get->resource,
		.version = kind == KBS_AUDIT_RELEASE ? get->value.version : 0,
		.policy = kind == KBS_AUDIT_RELEASE ? get->passed->name : NULL,
		.policy_version = kind == KBS_AUDIT_RELEASE ? get->passed->version : 0,
		.chip_id = get->session.chip_id,
		.measurement = get->session.measurement,
		.nonce = get->session.nonce,
		.guest_key = get->session.guest_key,
		.reason = reason,
		.peer = exchange->request->peer,
		.now = exchange->now,
	};

	return config->ops->audit(config->context, &record);
}

/* A refusal of an attested guest: on record before it is told. */
static int deny(struct kbs_exchange *exchange, const struct get *get, unsigned status, const char *type, const char *detail)
{
	int r = audit(exchange, get, KBS_AUDIT_DENIED, type);

	if (r)
		return answered(answer_trouble(exchange, r, 0));
	return answered(answer_error(exchange, status, type, detail));
}

static int step_name(struct kbs_exchange *exchange, struct get *get)
{
	if (!kbs_resource_valid(exchange->rest))
		return answered(answer_error(exchange, 404, "InvalidRequestPath", "no resource can have this name"));
	memcpy(get->resource, exchange->rest.data, exchange->rest.size);
	get->resource[exchange->rest.size] = 0;
	return 0;
}

/* The sealed state of a bearer token. 0, SESSION_E_*, -errno. */
static int open_token(struct kbs_exchange *exchange, struct bytes token, struct kbs_session *ret)
{
	CLEANUP(buf_deinit) struct buf state = BUF_NULL;
	int r;

	if (token.size == 0 || token.size > KBS_TOKEN_MAX)
		return SESSION_E_FORGED;
	r = token_verify(&state, exchange->server->config.token_key, token, exchange->now);
	if (r)
		return r < 0 ? r : SESSION_E_FORGED;
	return session_open(exchange, KBS_SESSION_ATTESTED, buf_view(&state), ret);
}

/* As the protocol has it: the cookie of an attested session, else the token. */
static int step_session(struct kbs_exchange *exchange, struct get *get)
{
	struct bytes token = kbs_bearer_find(exchange->request->authorization);
	const char *type = "TokenNotFound";
	int r;

	r = session_open(exchange, KBS_SESSION_ATTESTED, kbs_cookie_find(exchange->request->cookie), &get->session);
	if (r > 0 && token.size) {
		r = open_token(exchange, token, &get->session);
		type = "TokenVerifierError";
	}
	return r ? answered(answer_no_session(exchange, type, r)) : 0;
}

/* The version at which the session passed a policy, or false. */
static bool session_passed(const struct kbs_session *session, const uint8_t id[static KBS_POLICY_ID_SIZE], uint64_t *ret_version)
{
	for (size_t i = 0; i < session->policy_count; i++) {
		if (memcmp(session->policies[i].id, id, KBS_POLICY_ID_SIZE) == 0) {
			*ret_version = session->policies[i].version;
			return true;
		}
	}
	return false;
}

/* Looks for one policy of the grant that passed at the version which is current. */
static int find_passed(struct get *get, bool *ret_changed)
{
	*ret_changed = false;
	if (get->grant.policy_count > KBS_SESSION_POLICIES_MAX)
		return -EINVAL;
	for (size_t i = 0; i < get->grant.policy_count; i++) {
		uint8_t id[KBS_POLICY_ID_SIZE];
		uint64_t version;
		int r = kbs_policy_id(id, get->grant.policies[i].name);

		if (r)
			return r;
		if (!session_passed(&get->session, id, &version))
			continue;
		if (version == get->grant.policies[i].version) {
			get->passed = &get->grant.policies[i];
			return 0;
		}
		*ret_changed = true;
	}
	return 0;
}

static int step_grant(struct kbs_exchange *exchange, struct get *get)
{
	const struct kbs_server_config *config = &exchange->server->config;
	bool changed;
	int r;

	r = config->ops->grant(config->context, get->resource, &get->grant);
	if (r == KBS_OP_NONE)
		return deny(exchange, get, 403, "PolicyDeny", "no grant covers this resource");
	if (r)
		return answered(answer_trouble(exchange, r, 0));
	r = find_passed(get, &changed);
	if (r)
		return r;
	if (get->passed)
		return 0;
	if (changed)
		return answered(answer_error(exchange, 401, "TokenVerifierError", "a policy has changed: begin a new handshake"));
	return deny(exchange, get, 403, "PolicyDeny", "none of the policies of this resource's grant has passed");
}

static int step_fetch(struct kbs_exchange *exchange, struct get *get)
{
	const struct kbs_server_config *config = &exchange->server->config;
	int r = config->ops->fetch(config->context, get->resource, &get->value);

	if (r == KBS_OP_NONE)
		return deny(exchange, get, 404, "PluginInternalError", "there is no such resource");
	return r ? answered(answer_trouble(exchange, r, 0)) : 0;
}

/* The guest's key as the session holds it. */
static int session_key(const struct kbs_session *session, struct jwk **ret)
{
	JSON_AUTO json = NULL;
	int r = json_read(bytes_of_text(session->guest_key), &json, NULL);

	return r ? r : jwk_import_recipient(ret, json, NULL);
}

static int step_wrap(struct kbs_exchange *exchange, struct get *get)
{
	const struct kbs_server_config *config = &exchange->server->config;
	JWK_AUTO key = NULL;
	JSON_AUTO jwe = NULL;
	CLEANUP(buf_deinit) struct buf signature = BUF_NULL;
	int r;

	r = session_key(&get->session, &key);
	if (r == 0)
		r = jwe_encrypt(&jwe, key, secret_view(&get->value.secret));
	secret_deinit(&get->value.secret);
	if (r == 0 && config->release_key)
		r = release_sign(&signature, config->release_key, get->session.nonce, get->resource, get->value.version, jwe);
	if (r == 0)
		r = kbs_response_write(&get->body, jwe, config->release_key ? (const char *)signature.data : NULL);
	return r;
}

/* Nothing is given out before the record is durable. */
static int step_release(struct kbs_exchange *exchange, struct get *get)
{
	int r = audit(exchange, get, KBS_AUDIT_RELEASE, "");

	if (r)
		return answered(answer_trouble(exchange, r, 0));
	return answer_json(exchange, &get->body);
}

int handle_resource(struct kbs_exchange *exchange)
{
	static int (*const steps[])(struct kbs_exchange *exchange, struct get *get) = {
		step_name, step_session, step_grant, step_fetch, step_wrap, step_release,
	};
	CLEANUP(get_deinit) struct get get = {.passed = NULL};
	int r = 0;

	for (size_t i = 0; r == 0 && i < ARRAY_SIZE(steps); i++)
		r = steps[i](exchange, &get);
	return r == ANSWERED ? 0 : r;
}
