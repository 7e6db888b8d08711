/* SPDX-License-Identifier: Apache-2.0 */
/*
 * An attested guest registers a disk: GET /kbs/v0/enrol-ticket/{r}/{t}/{tag}, then POST /kbs/v0/resource/{r}/{t}/{tag}; ticket.h says why it
 * takes both. Order of the POST: size, who may (server_access.c, exactly as for GET), whether the grant takes enrolments by the policy that
 * passed, the enrolment's own key, its resource, its ticket; then the store (kbs_server_ops.enrol), which writes the record before the change.
 */
#include <errno.h>
#include <string.h>

#include "jose/jwk.h"
#include "kbs/server_internal.h"

/* What one request is about. */
struct enrol {
	struct access access;
	enum kbs_enrol level;
	struct kbs_enrol_state state;
	struct kbs_enrolment enrolment;
	uint8_t fingerprint[SHA256_SIZE];
	char reason[KBS_CHECKS_TEXT_MAX];
};

static void enrol_deinit(struct enrol *enrol)
{
	kbs_enrolment_deinit(&enrol->enrolment);
}

/* The most that any policy which passed may do: two grants can cover a resource. Its name is the one for the record. */
static int step_level(struct kbs_exchange *exchange, struct enrol *enrol)
{
	const struct kbs_grant *grant = &enrol->access.grant;
	bool passed, changed = false;

	for (size_t i = 0; i < grant->policy_count; i++) {
		int r = access_passed(&enrol->access, i, &passed, &changed);

		if (r)
			return r;
		if (passed && grant->enrol[i] > enrol->level) {
			enrol->level = grant->enrol[i];
			enrol->access.passed = &grant->policies[i];
		}
	}
	if (enrol->level == KBS_ENROL_NONE)
		return access_deny(exchange, &enrol->access, 403, "PolicyDeny", "the resource's grant takes no enrolments");
	return 0;
}

static int step_state(struct kbs_exchange *exchange, struct enrol *enrol)
{
	const struct kbs_server_config *config = &exchange->server->config;
	int r = config->ops->enrol_state(config->context, enrol->access.resource, &enrol->state);

	if (r == KBS_OP_INVALID)
		return access_deny(exchange, &enrol->access, 403, "PolicyDeny", "the resource is no disk: a guest cannot replace it");
	return r ? answered(answer_trouble(exchange, r, 0)) : 0;
}

static int judge(struct kbs_exchange *exchange, struct enrol *enrol)
{
	int r = access_judge(exchange, &enrol->access);

	if (r == 0)
		r = step_level(exchange, enrol);
	return r ? r : step_state(exchange, enrol);
}

/* GET /kbs/v0/enrol-ticket/... */

static int give_ticket(struct kbs_exchange *exchange, const struct enrol *enrol)
{
	const struct kbs_server_config *config = &exchange->server->config;
	char name[KBS_TICKET_NAME_MAX + 1] = KBS_TICKET_PREFIX;
	CLEANUP(buf_deinit) struct buf text = BUF_NULL;
	CLEANUP(buf_deinit) struct buf body = BUF_NULL;
	uint8_t ticket[KBS_TICKET_SIZE];
	int r;

	memcpy(name + strlen(KBS_TICKET_PREFIX), enrol->access.resource, strlen(enrol->access.resource) + 1);
	r = kbs_ticket_make(ticket, config->kek, &enrol->access.session, enrol->access.resource, enrol->state.state);
	if (r == 0)
		r = kbs_ticket_write(&text, enrol->access.resource, enrol->state.version, ticket, config->enrol_key);
	if (r == 0)
		r = access_wrap(exchange, &enrol->access, name, enrol->state.version, buf_view(&text), &body);
	return r ? r : answer_json(exchange, &body);
}

int handle_ticket(struct kbs_exchange *exchange)
{
	CLEANUP(enrol_deinit) struct enrol enrol = {.enrolment = KBS_ENROLMENT_NULL};
	int r;

	if (!exchange->server->config.enrol_key)
		return answer_nothing(exchange);
	r = judge(exchange, &enrol);
	if (r == 0)
		r = give_ticket(exchange, &enrol);
	return r == ANSWERED ? 0 : r;
}

/* POST /kbs/v0/resource/... */

static int step_open(struct kbs_exchange *exchange, struct enrol *enrol)
{
	struct error error = ERROR_NULL;
	int r = kbs_enrolment_open(exchange->server->config.enrol_key, exchange->request->body, &enrol->enrolment, &error);

	if (r > 0)
		return access_deny(exchange, &enrol->access, 400, "EnrolmentInvalid", error_text(&error));
	if (r == 0)
		r = kbs_enrolment_fingerprint(enrol->fingerprint, exchange->request->body);
	if (r)
		return r;
	if (strcmp(enrol->enrolment.resource, enrol->access.resource) != 0)
		return access_deny(exchange, &enrol->access, 400, "EnrolmentInvalid", "the enrolment is for another resource");
	return 0;
}

static int ticket_fits(const struct enrol *enrol, struct bytes kek, bool *ret_fits)
{
	uint8_t ticket[KBS_TICKET_SIZE];
	int r = kbs_ticket_make(ticket, kek, &enrol->access.session, enrol->access.resource, enrol->state.state);

	*ret_fits = r == 0 && bytes_equal_secret(ticket, enrol->enrolment.ticket, sizeof(ticket));
	return r;
}

static int step_ticket(struct kbs_exchange *exchange, struct enrol *enrol)
{
	const struct kbs_server_config *config = &exchange->server->config;
	bool fits;
	int r;

	if (!enrol->enrolment.has_ticket)
		return access_deny(exchange, &enrol->access, 400, "EnrolmentInvalid", "the enrolment has no ticket: it is for sevattest-broker key import");
	r = ticket_fits(enrol, config->kek, &fits);
	if (r == 0 && !fits && config->kek_previous.size)
		r = ticket_fits(enrol, config->kek_previous, &fits);
	if (r)
		return r;
	if (!fits || enrol->enrolment.replaces != enrol->state.version)
		return access_deny(exchange, &enrol->access, 409, "EnrolmentConflict",
			"the ticket is not of this session, or the resource has changed since");
	return 0;
}

static int refuse(struct kbs_exchange *exchange, const struct enrol *enrol, int r)
{
	switch (r) {
	case KBS_OP_CONFLICT:
		return access_deny(exchange, &enrol->access, 409, "EnrolmentConflict", enrol->reason);
	case KBS_OP_INVALID:
		return access_deny(exchange, &enrol->access, 400, "EnrolmentInvalid", enrol->reason);
	case KBS_OP_FULL:
		return access_deny(exchange, &enrol->access, 429, "EnrolmentsFull", enrol->reason);
	default:
		return answered(answer_trouble(exchange, r, 0));
	}
}

static int step_store(struct kbs_exchange *exchange, struct enrol *enrol)
{
	const struct kbs_server_config *config = &exchange->server->config;
	struct kbs_audit record = access_record(exchange, &enrol->access, KBS_AUDIT_ENROLLED, "");
	const struct kbs_enrol_input input = {
		.enrolment = &enrol->enrolment,
		.state = enrol->state.state,
		.level = enrol->level,
		.text = exchange->request->body,
		.record = &record,
		.reason = enrol->reason,
	};
	CLEANUP(buf_deinit) struct buf body = BUF_NULL;
	struct kbs_registered registered;
	int r;

	record.fingerprint = enrol->fingerprint;
	r = config->ops->enrol(config->context, &input, &registered);
	if (r)
		return refuse(exchange, enrol, r);
	r = kbs_registered_write(&body, &registered);
	if (r == 0)
		r = answer_json(exchange, &body);
	if (r == 0 && !registered.accepted)
		exchange->response->status = 202;
	return r;
}

int handle_enrolment(struct kbs_exchange *exchange)
{
	static int (*const steps[])(struct kbs_exchange *exchange, struct enrol *enrol) = {judge, step_open, step_ticket, step_store};
	CLEANUP(enrol_deinit) struct enrol enrol = {.enrolment = KBS_ENROLMENT_NULL};
	int r = 0;

	if (!exchange->server->config.enrol_key)
		return answer_nothing(exchange);
	if (exchange->request->body.size > KBS_ENROLMENT_TEXT_MAX)
		return answer_error(exchange, 413, "EnrolmentInvalid", "larger than an enrolment can be");
	for (size_t i = 0; r == 0 && i < ARRAY_SIZE(steps); i++)
		r = steps[i](exchange, &enrol);
	return r == ANSWERED ? 0 : r;
}

/* GET /kbs/v0/enrol-key */

int handle_enrol_key(struct kbs_exchange *exchange)
{
	const struct jwk *key = exchange->server->config.enrol_key;
	CLEANUP(buf_deinit) struct buf body = BUF_NULL;
	JSON_AUTO public_key = NULL;
	int r;

	if (!key)
		return answer_nothing(exchange);
	r = jwk_export_public(key, &public_key);
	if (r == 0)
		r = json_write(&body, public_key);
	return r ? r : answer_json(exchange, &body);
}
