/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What opens the way to a resource, for reading and for enrolling alike. Order: a name that can exist, a session, a grant, a policy that
 * passed at its current version. There is no way to a resource that does not pass each of them.
 */
#include <errno.h>
#include <string.h>

#include "jose/jwe.h"
#include "jose/jwk.h"
#include "kbs/release.h"
#include "kbs/server_internal.h"
#include "kbs/token.h"

struct kbs_audit access_record(const struct kbs_exchange *exchange, const struct access *access, enum kbs_audit_kind kind, const char *reason)
{
	bool passed = kind != KBS_AUDIT_DENIED && access->passed;

	return (struct kbs_audit){
		.kind = kind,
		.tee = access->session.tee,
		.resource = access->resource,
		.policy = passed ? access->passed->name : NULL,
		.policy_version = passed ? access->passed->version : 0,
		.chip_id = access->session.chip_id,
		.measurement = access->session.measurement,
		.nonce = access->session.nonce,
		.guest_key = access->session.guest_key,
		.reason = reason,
		.peer = exchange->request->peer,
		.now = exchange->now,
	};
}

int access_deny(struct kbs_exchange *exchange, const struct access *access, unsigned status, const char *type, const char *detail)
{
	const struct kbs_server_config *config = &exchange->server->config;
	const struct kbs_audit record = access_record(exchange, access, KBS_AUDIT_DENIED, type);
	int r = config->ops->audit(config->context, &record);

	if (r)
		return answered(answer_trouble(exchange, r, 0));
	return answered(answer_error(exchange, status, type, detail));
}

static int step_name(struct kbs_exchange *exchange, struct access *access)
{
	if (!kbs_resource_valid(exchange->rest))
		return answered(answer_error(exchange, 404, "InvalidRequestPath", "no resource can have this name"));
	memcpy(access->resource, exchange->rest.data, exchange->rest.size);
	access->resource[exchange->rest.size] = 0;
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
static int step_session(struct kbs_exchange *exchange, struct access *access)
{
	struct bytes token = kbs_bearer_find(exchange->request->authorization);
	const char *type = "TokenNotFound";
	int r;

	r = session_open(exchange, KBS_SESSION_ATTESTED, kbs_cookie_find(exchange->request->cookie), &access->session);
	if (r > 0 && token.size) {
		r = open_token(exchange, token, &access->session);
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

int access_passed(const struct access *access, size_t policy, bool *ret_passed, bool *ret_changed)
{
	uint8_t id[KBS_POLICY_ID_SIZE];
	uint64_t version;
	int r = kbs_policy_id(id, access->grant.policies[policy].name);

	*ret_passed = false;
	if (r || !session_passed(&access->session, id, &version))
		return r;
	*ret_passed = version == access->grant.policies[policy].version;
	if (!*ret_passed)
		*ret_changed = true;
	return 0;
}

/* Looks for one policy of the grant that passed at the version which is current. */
static int find_passed(struct access *access, bool *ret_changed)
{
	*ret_changed = false;
	if (access->grant.policy_count > KBS_SESSION_POLICIES_MAX)
		return -EINVAL;
	for (size_t i = 0; i < access->grant.policy_count; i++) {
		bool passed;
		int r = access_passed(access, i, &passed, ret_changed);

		if (r)
			return r;
		if (passed) {
			access->passed = &access->grant.policies[i];
			return 0;
		}
	}
	return 0;
}

static int step_grant(struct kbs_exchange *exchange, struct access *access)
{
	const struct kbs_server_config *config = &exchange->server->config;
	bool changed;
	int r;

	r = config->ops->grant(config->context, access->resource, &access->grant);
	if (r == KBS_OP_NONE)
		return access_deny(exchange, access, 403, "PolicyDeny", "no grant covers this resource");
	if (r)
		return answered(answer_trouble(exchange, r, 0));
	r = find_passed(access, &changed);
	if (r)
		return r;
	if (access->passed)
		return 0;
	if (changed)
		return answered(answer_error(exchange, 401, "TokenVerifierError", "a policy has changed: begin a new handshake"));
	return access_deny(exchange, access, 403, "PolicyDeny", "none of the policies of this resource's grant has passed");
}

int access_judge(struct kbs_exchange *exchange, struct access *access)
{
	int r = step_name(exchange, access);

	if (r == 0)
		r = step_session(exchange, access);
	return r ? r : step_grant(exchange, access);
}

/* The guest's key as the session holds it. */
static int session_key(const struct kbs_session *session, struct jwk **ret)
{
	JSON_AUTO json = NULL;
	int r = json_read(bytes_of_text(session->guest_key), &json, NULL);

	return r ? r : jwk_import_recipient(ret, json, NULL);
}

int access_wrap(const struct kbs_exchange *exchange, const struct access *access, const char *name, uint64_t version, struct bytes secret,
	struct buf *ret)
{
	const struct kbs_server_config *config = &exchange->server->config;
	JWK_AUTO key = NULL;
	JSON_AUTO jwe = NULL;
	CLEANUP(buf_deinit) struct buf signature = BUF_NULL;
	int r;

	r = session_key(&access->session, &key);
	if (r == 0)
		r = jwe_encrypt(&jwe, key, secret);
	if (r == 0 && config->release_key)
		r = release_sign(&signature, config->release_key, access->session.nonce, name, version, jwe);
	return r ? r : kbs_response_write(ret, jwe, config->release_key ? (const char *)signature.data : NULL);
}
