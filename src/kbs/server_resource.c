/* SPDX-License-Identifier: Apache-2.0 */
/*
 * GET /kbs/v0/resource/{repository}/{type}/{tag}. Order: who may (server_access.c), the secret, the JWE to the session's key, the signature,
 * the audit record; the answer is handed out only after the record is durable. There is no way to the secret that does not pass each of them.
 */
#include "kbs/server_internal.h"

/* What one GET is about. */
struct get {
	struct access access;
	struct kbs_resource_value value;
	struct buf body;
};

static void get_deinit(struct get *get)
{
	secret_deinit(&get->value.secret);
	buf_deinit(&get->body);
}

static int step_judge(struct kbs_exchange *exchange, struct get *get)
{
	return access_judge(exchange, &get->access);
}

static int step_fetch(struct kbs_exchange *exchange, struct get *get)
{
	const struct kbs_server_config *config = &exchange->server->config;
	int r = config->ops->fetch(config->context, get->access.resource, &get->value);

	if (r == KBS_OP_NONE)
		return access_deny(exchange, &get->access, 404, "PluginInternalError", "there is no such resource");
	return r ? answered(answer_trouble(exchange, r, 0)) : 0;
}

static int step_wrap(struct kbs_exchange *exchange, struct get *get)
{
	int r = access_wrap(exchange, &get->access, get->access.resource, get->value.version, secret_view(&get->value.secret), &get->body);

	secret_deinit(&get->value.secret);
	return r;
}

/* Nothing is given out before the record is durable. */
static int step_release(struct kbs_exchange *exchange, struct get *get)
{
	const struct kbs_server_config *config = &exchange->server->config;
	struct kbs_audit record = access_record(exchange, &get->access, KBS_AUDIT_RELEASE, "");
	int r;

	record.version = get->value.version;
	r = config->ops->audit(config->context, &record);
	if (r)
		return answered(answer_trouble(exchange, r, 0));
	return answer_json(exchange, &get->body);
}

int handle_resource(struct kbs_exchange *exchange)
{
	static int (*const steps[])(struct kbs_exchange *exchange, struct get *get) = {step_judge, step_fetch, step_wrap, step_release};
	CLEANUP(get_deinit) struct get get = {.value = {.secret = SECRET_NULL}};
	int r = 0;

	for (size_t i = 0; r == 0 && i < ARRAY_SIZE(steps); i++)
		r = steps[i](exchange, &get);
	return r == ANSWERED ? 0 : r;
}
