/* SPDX-License-Identifier: Apache-2.0 */
/*
 * POST /kbs/v0/attest: the session's nonce, the guest's key and the evidence become a sealed list of the policies that passed.
 *
 * The hash that the evidence must carry is made from the key as we parsed it, not as it was sent: a member that nobody checks is never
 * vouched for (spec/kbs.md section 4).
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "jose/jwk.h"
#include "kbs/server_internal.h"
#include "kbs/token.h"

/* What one /attest is about, from the request to the answer. */
struct attest {
	struct kbs_session session; /* the opened auth session; becomes the attested one */
	struct kbs_attestation attestation;
	struct jwk *guest_key;
	struct json_object *guest_key_json;
	uint8_t report_data[KBS_REPORT_DATA_SIZE];
	struct kbs_appraised appraised;
};

static void attest_deinit(struct attest *attest)
{
	kbs_attestation_deinit(&attest->attestation);
	attest->guest_key = jwk_free(attest->guest_key);
	json_putp(&attest->guest_key_json);
}

static int step_session(struct kbs_exchange *exchange, struct attest *attest)
{
	int r = session_open(exchange, KBS_SESSION_AUTH, kbs_cookie_find(exchange->request->cookie), &attest->session);

	return r ? answered(answer_no_session(exchange, "AttestationError", r)) : 0;
}

static int step_message(struct kbs_exchange *exchange, struct attest *attest)
{
	struct error error = ERROR_NULL;
	int r;

	r = kbs_attestation_read(exchange->request->body, &attest->attestation, &error);
	if (r > 0)
		return answered(answer_error(exchange, r == KBS_E_TOO_LARGE ? 413 : 400, "AttestationError", error_text(&error)));
	if (r)
		return r;
	if (strcmp(attest->attestation.nonce, attest->session.nonce) != 0)
		return answered(answer_error(exchange, 401, "AttestationError", "the nonce is not this session's: begin a new handshake"));
	return 0;
}

static int step_key(struct kbs_exchange *exchange, struct attest *attest)
{
	CLEANUP(buf_deinit) struct buf text = BUF_NULL;
	struct error error = ERROR_NULL;
	int r;

	r = jwk_import_recipient(&attest->guest_key, attest->attestation.tee_pubkey, &error);
	if (r > 0)
		return answered(answer_error(exchange, 400, "JweError", error_text(&error)));
	if (r == 0)
		r = jwk_export_public(attest->guest_key, &attest->guest_key_json);
	if (r == 0)
		r = json_canonical(&text, attest->guest_key_json);
	if (r)
		return r;
	if (text.size > KBS_JWK_TEXT_MAX)
		return answered(answer_error(exchange, 400, "JweError", "the key is too large"));
	memcpy(attest->session.guest_key, text.data, text.size);
	attest->session.guest_key[text.size] = 0;
	return kbs_report_data(attest->report_data, attest->session.nonce, attest->guest_key_json,
		buf_view(&attest->attestation.additional_evidence));
}

/* Evidence that is genuine and refused is worth a record; what is not even genuine the callee counts. */
static int refuse_by_policy(struct kbs_exchange *exchange, struct attest *attest, const char *detail)
{
	const struct kbs_server_config *config = &exchange->server->config;
	struct kbs_audit record = {
		.kind = KBS_AUDIT_REFUSED,
		.tee = attest->session.tee,
		.chip_id = attest->appraised.chip_id,
		.measurement = attest->appraised.measurement,
		.nonce = attest->session.nonce,
		.guest_key = attest->session.guest_key,
		.reason = attest->appraised.failed_checks,
		.peer = exchange->request->peer,
		.now = exchange->now,
	};
	int r = config->ops->audit(config->context, &record);

	if (r)
		return answer_trouble(exchange, r, 0);
	return answer_error(exchange, 403, "PolicyDeny", detail);
}

static int step_appraise(struct kbs_exchange *exchange, struct attest *attest)
{
	const struct kbs_server_config *config = &exchange->server->config;
	const struct kbs_appraise_input input = {
		.tee = attest->session.tee,
		.primary_evidence = attest->attestation.primary_evidence,
		.event_log = buf_view(&attest->attestation.event_log),
		.report_data = attest->report_data,
		.nonce = attest->session.nonce,
		.peer = exchange->request->peer,
		.now = exchange->now,
	};
	struct kbs_appraised *appraised = &attest->appraised;
	char detail[KBS_CHECKS_TEXT_MAX + 64];
	int r;

	r = config->ops->appraise(config->context, &input, appraised);
	if (r)
		return answered(answer_trouble(exchange, r, appraised->retry_after));
	if (appraised->passed_count > KBS_SESSION_POLICIES_MAX)
		return -EINVAL;
	appraised->failed_checks[sizeof(appraised->failed_checks) - 1] = 0;
	(void)snprintf(detail, sizeof(detail), "refused by: %s", appraised->failed_checks[0] ? appraised->failed_checks : "no policy");
	if (!appraised->genuine)
		return answered(answer_error(exchange, 403, "AttestationError", detail));
	if (appraised->passed_count == 0)
		return answered(refuse_by_policy(exchange, attest, detail));
	return 0;
}

/* The auth session becomes an attested one; its expiry stays. */
static int complete_session(struct attest *attest)
{
	struct kbs_session *session = &attest->session;
	const struct kbs_appraised *appraised = &attest->appraised;
	int r = 0;

	session->kind = KBS_SESSION_ATTESTED;
	memcpy(session->chip_id, appraised->chip_id, sizeof(session->chip_id));
	memcpy(session->measurement, appraised->measurement, sizeof(session->measurement));
	session->policy_count = appraised->passed_count;
	for (size_t i = 0; r == 0 && i < appraised->passed_count; i++) {
		r = kbs_policy_id(session->policies[i].id, appraised->passed[i].name);
		session->policies[i].version = appraised->passed[i].version;
	}
	return r;
}

static int step_answer(struct kbs_exchange *exchange, struct attest *attest)
{
	CLEANUP(buf_deinit) struct buf state = BUF_NULL;
	CLEANUP(buf_deinit) struct buf token = BUF_NULL;
	CLEANUP(buf_deinit) struct buf body = BUF_NULL;
	struct token_claims claims = {
		.issued = exchange->now,
		.expiry = attest->session.expiry,
		.tee_pubkey = attest->guest_key_json,
		.tee = kbs_tee_name(attest->session.tee),
	};
	int r;

	r = complete_session(attest);
	if (r == 0)
		r = answer_cookie(exchange, &attest->session, &state);
	claims.state = buf_view(&state);
	if (r == 0)
		r = token_sign(&token, exchange->server->config.token_key, &claims);
	if (r == 0)
		r = kbs_token_answer_write(&body, (const char *)token.data);
	return r ? r : answer_json(exchange, &body);
}

int handle_attest(struct kbs_exchange *exchange)
{
	static int (*const steps[])(struct kbs_exchange *exchange, struct attest *attest) = {
		step_session, step_message, step_key, step_appraise, step_answer,
	};
	CLEANUP(attest_deinit) struct attest attest = {.guest_key = NULL};
	int r = 0;

	for (size_t i = 0; r == 0 && i < ARRAY_SIZE(steps); i++)
		r = steps[i](exchange, &attest);
	return r == ANSWERED ? 0 : r;
}
