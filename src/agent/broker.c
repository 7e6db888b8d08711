/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/broker.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "agent/certs.h"
#include "agent/check.h"
#include "base/log.h"
#include "io/clock.h"
#include "io/evidence_frame.h"
#include "io/fetch_frame.h"
#include "kbs/client.h"

#define REQUEST_MS 20000   /* one exchange; a broker that fetches certificates may take its time */
#define NETD_GRACE_MS 2000 /* netd tells its time-out itself */
#define EVIDENCE_MS 120000 /* a throttled request lasts a minute, and others may be before it */
#define RSA_BITS 3072
#define STEPS_MAX 16       /* exchanges of one job: two handshakes and a resource are seven */

struct broker {
	struct core *core;
	unsigned number;
	char origin[FETCH_FRAME_ORIGIN_MAX + 1];
	struct port *evidence_port;
	struct kbs_client *client;
	struct jwk *guest_key; /* private; a new one for each handshake */
	bool key_used;
	bool busy;
	bool want_key;    /* the job is a resource */
	bool at_resource; /* the last request was for it: what is refused now is the key */
	unsigned handshakes; /* of the engine when the job began */
	unsigned steps;
	uint32_t net_id, evidence_id;
	struct certs_job *certs;
	struct evidence evidence;
	char certs_why[ERROR_TEXT_MAX]; /* why its chain is not complete */
	uint8_t report_data[64];
	broker_done *done;
	void *context;
	sd_event_source *deferred;
	enum agent_broker_outcome outcome;
	int64_t at;
	char why[ERROR_TEXT_MAX];
};

static void step(struct broker *broker);

int broker_new(struct core *core, unsigned number, broker_done *done, void *context, struct broker **ret)
{
	struct broker *broker = calloc(1, sizeof(*broker));
	int r;

	if (!broker)
		return -ENOMEM;
	r = port_new(core->event, core->config->settings.evidence_socket, FRAME_SET_EVIDENCE_CLIENT, true, &broker->evidence_port);
	if (r) {
		free(broker);
		return r;
	}
	broker->core = core;
	broker->number = number;
	(void)snprintf(broker->origin, sizeof(broker->origin), "broker-%u", number);
	broker->done = done;
	broker->context = context;
	*ret = broker;
	return 0;
}

static void drop_job(struct broker *broker)
{
	broker->deferred = sd_event_source_disable_unref(broker->deferred);
	port_cancel(broker->core->net, broker->net_id);
	port_cancel(broker->evidence_port, broker->evidence_id);
	broker->certs = certs_cancel(broker->certs);
	evidence_deinit(&broker->evidence);
	broker->net_id = broker->evidence_id = 0;
	broker->busy = false;
}

struct broker *broker_free(struct broker *broker)
{
	if (!broker)
		return NULL;
	drop_job(broker);
	broker->client = kbs_client_free(broker->client);
	broker->guest_key = jwk_free(broker->guest_key);
	broker->evidence_port = port_free(broker->evidence_port);
	free(broker);
	return NULL;
}

/* An engine whose request was given up stands in the middle of an exchange. */
void broker_cancel(struct broker *broker)
{
	if (!broker->busy)
		return;
	drop_job(broker);
	broker->client = kbs_client_free(broker->client);
}

bool broker_is_busy(const struct broker *broker)
{
	return broker->busy;
}

void broker_status(const struct broker *broker, struct agent_status_broker *ret)
{
	*ret = (struct agent_status_broker){
		.origin = broker->core->config->settings.urls.items[broker->number - 1],
		.outcome = broker->outcome,
		.at = broker->at,
		.why = broker->why[0] ? broker->why : NULL,
		.pinned = broker->core->config->broker_key != NULL,
	};
}

static enum agent_broker_outcome outcome_of(const struct broker_result *result)
{
	switch (result->class) {
	case BROKER_GOOD:
		return AGENT_BROKER_GOOD;
	case BROKER_REFUSED:
	case BROKER_KEY_REFUSED:
		return AGENT_BROKER_REFUSED;
	case BROKER_UNTRUSTED:
		return AGENT_BROKER_UNTRUSTED;
	default:
		return AGENT_BROKER_UNREACHABLE;
	}
}

static bool asked_broker(const struct broker_result *result)
{
	return !result->local && result->class != BROKER_NO_EVIDENCE && result->class != BROKER_NO_DEVICE && result->class != BROKER_INTERNAL;
}

static void finish(struct broker *broker, struct broker_result *result)
{
	struct secret secret = SECRET_NULL;

	if (broker->client) {
		result->handshake = kbs_client_handshakes(broker->client) > broker->handshakes &&
				    (result->class == BROKER_GOOD || broker->at_resource);
		if (result->class == BROKER_GOOD && broker->want_key && !kbs_client_take(broker->client, &secret))
			result->version = kbs_client_version(broker->client);
	}
	result->secret = broker->want_key && result->class == BROKER_GOOD ? &secret : NULL;
	if (asked_broker(result)) {
		broker->outcome = outcome_of(result);
		broker->at = clock_now();
		(void)snprintf(broker->why, sizeof(broker->why), "%s", result->why ? result->why : "");
	}
	drop_job(broker);
	/* After a failure in the middle the engine is made anew; one that has failed by itself keeps its session where that survived. */
	if (result->class != BROKER_GOOD && broker->client && kbs_client_want(broker->client) != KBS_CLIENT_FAILED)
		broker->client = kbs_client_free(broker->client);
	broker->done(broker->context, broker, result);
	secret_deinit(&secret);
}

static void fail(struct broker *broker, enum broker_class class, const char *format, ...) PRINTF_LIKE(3, 4);

static void fail(struct broker *broker, enum broker_class class, const char *format, ...)
{
	struct broker_result result = {.class = class};
	char text[ERROR_TEXT_MAX];
	va_list arguments;

	va_start(arguments, format);
	(void)vsnprintf(text, sizeof(text), format, arguments);
	va_end(arguments);
	result.why = text;
	finish(broker, &result);
}

/* What the engine says about the end of its job */

static void engine_failed(struct broker *broker)
{
	struct broker_result result = {.retry_after = kbs_client_retry_after(broker->client)};
	char text[ERROR_TEXT_MAX];

	text_printable(text, sizeof(text), bytes_of_text(kbs_client_error(broker->client)));
	result.why = text;
	switch (kbs_client_outcome(broker->client)) {
	case KBS_CLIENT_REFUSED:
		result.class = broker->at_resource ? BROKER_KEY_REFUSED : BROKER_REFUSED;
		break;
	case KBS_CLIENT_NOT_FOUND:
		result.class = broker->at_resource ? BROKER_KEY_REFUSED : BROKER_UNTRUSTED;
		break;
	case KBS_CLIENT_TEMPORARY:
		result.class = BROKER_BUSY;
		break;
	case KBS_CLIENT_PROTOCOL:
	case KBS_CLIENT_UNSIGNED:
	case KBS_CLIENT_BAD_SIGNATURE:
	case KBS_CLIENT_BAD_JWE:
	case KBS_CLIENT_CONFLICT:
		broker->core->counters.answers_untrusted++;
		result.class = BROKER_UNTRUSTED;
		break;
	case KBS_CLIENT_OK:
		result.class = BROKER_INTERNAL;
		break;
	}
	finish(broker, &result);
}

/* Requests */

static void take_response(struct broker *broker, const struct fetch_frame_response *response)
{
	struct kbs_http_response answer = {
		.status = response->status,
		.set_cookie = response->set_cookie,
		.retry_after = response->retry_after,
		.body = response->body,
	};
	int r = kbs_client_response(broker->client, &answer, (int64_t)(clock_monotonic_ms() / 1000));

	if (r)
		fail(broker, BROKER_INTERNAL, "cannot take in the broker's answer: %s", strerror(-r));
	else
		step(broker);
}

static void on_response(void *context, int r, struct bytes payload)
{
	struct fetch_frame_response response;
	struct broker *broker = context;
	char text[FETCH_FRAME_ERROR_MAX + 1];

	broker->net_id = 0;
	if (!r && fetch_frame_response_decode(payload, &response))
		r = -EPROTO;
	if (r || response.outcome)
		broker->core->counters.broker_failures++;
	if (r) {
		fail(broker, BROKER_UNREACHABLE, "netd does not answer: %s", strerror(-r));
	} else if (response.outcome) {
		text_printable(text, sizeof(text), response.error_text);
		fail(broker, BROKER_UNREACHABLE, "%s", text[0] ? text : fetch_outcome_text(response.outcome));
	} else {
		take_response(broker, &response);
	}
}

static int make_key(const struct broker *broker, struct jwk **ret)
{
	return jwk_generate(broker->core->config->key_kind, RSA_BITS, ret);
}

/* Nothing else makes an answer of ours fresh: the nonce comes from the other end, which may be netd's and may have come before. */
static int renew_key(struct broker *broker)
{
	struct jwk *fresh;
	int r = make_key(broker, &fresh);

	if (r)
		return r;
	r = kbs_client_renew_key(broker->client, fresh);
	if (r) {
		(void)jwk_free(fresh);
		return r;
	}
	(void)jwk_free(broker->guest_key);
	broker->guest_key = fresh;
	return 0;
}

static int send_request(struct broker *broker)
{
	CLEANUP(buf_deinit) struct buf payload = BUF_NULL;
	struct kbs_http_request request;
	struct fetch_frame_request frame;
	int r = 0;

	if (kbs_client_at_handshake(broker->client)) {
		r = broker->key_used ? renew_key(broker) : 0;
		broker->key_used = true;
	}
	if (!r)
		r = kbs_client_request(broker->client, &request);
	if (r)
		return r;
	frame = (struct fetch_frame_request){
		.origin = bytes_of_text(broker->origin),
		.method = strcmp(request.method, "POST") == 0 ? HTTP_POST : HTTP_GET,
		.path = bytes_of_text(request.path),
		.cookie = request.cookie,
		.content_type = bytes_of_text(request.content_type ? request.content_type : ""),
		.answer_max = (uint32_t)request.answer_max,
		.timeout_ms = REQUEST_MS,
		.body = request.body,
	};
	broker->at_resource = text_starts_with(request.path, "/kbs/v0/resource/");
	r = fetch_frame_request_encode(&payload, &frame);
	broker->core->counters.broker_requests++;
	return r ? r
		 : port_ask(broker->core->net, FRAME_FETCH_REQUEST, buf_view(&payload), REQUEST_MS + NETD_GRACE_MS, on_response, broker,
			   &broker->net_id);
}

/* Evidence */

static void submit_evidence(struct broker *broker, bool complete)
{
	CLEANUP(buf_deinit) struct buf text = BUF_NULL;
	struct broker_result refused = {.class = BROKER_REFUSED, .local = true};
	struct error error = ERROR_NULL;
	int r = check_evidence(broker->core, &broker->evidence, broker->report_data, complete, &error);

	if (r == CHECK_E_REFUSED) {
		refused.why = error_text(&error);
		finish(broker, &refused);
		return;
	}
	if (r == CHECK_E_NO_CHAIN) {
		fail(broker, BROKER_NO_EVIDENCE, "%s: %s", error_text(&error), broker->certs_why);
		return;
	}
	if (!r)
		r = evidence_write_kbs(&broker->evidence, &text);
	if (!r)
		r = kbs_client_evidence(broker->client, buf_view(&text), bytes_of(NULL, 0));
	if (r)
		fail(broker, BROKER_INTERNAL, "cannot hand over the evidence: %s", error.text[0] ? error_text(&error) : strerror(r < 0 ? -r : EPROTO));
	else
		step(broker);
}

static void on_certs(void *context, bool complete, const char *why)
{
	struct broker *broker = context;

	broker->certs = NULL;
	(void)snprintf(broker->certs_why, sizeof(broker->certs_why), "%s", complete ? "" : why);
	if (!complete)
		log_warning("evidence without a complete chain: %s", why);
	submit_evidence(broker, complete);
}

static void complete_evidence(struct broker *broker)
{
	struct error error = ERROR_NULL;
	int r = certs_start(broker->core, &broker->evidence, on_certs, broker, &broker->certs, &error);

	if (r < 0)
		fail(broker, BROKER_INTERNAL, "certificates: %s", strerror(-r));
	else if (r)
		on_certs(broker, r == CERTS_DONE, error_text(&error));
}

static void remember(struct core *core, const struct evidence_frame_response *response)
{
	struct core_machine *machine = &core->machine;

	text_printable(machine->provider, sizeof(machine->provider), response->provider);
	text_printable(machine->note, sizeof(machine->note), response->note);
	machine->known = snp_report_decode(response->report, &machine->report) == 0;
}

static void no_evidence(struct broker *broker, const struct evidence_frame_response *response)
{
	char text[ERROR_TEXT_MAX];

	broker->core->counters.evidence_failures++;
	text_printable(text, sizeof(text), response->error);
	fail(broker, response->outcome == EVIDENCE_TEMPORARY || response->outcome == EVIDENCE_INTERNAL ? BROKER_NO_EVIDENCE : BROKER_NO_DEVICE,
		"no evidence: %s", text);
}

static void on_evidence(void *context, int r, struct bytes payload)
{
	struct evidence_frame_response response;
	struct broker *broker = context;

	broker->evidence_id = 0;
	if (!r && evidence_frame_response_decode(payload, &response))
		r = -EPROTO;
	if (r) {
		broker->core->counters.evidence_failures++;
		fail(broker, BROKER_NO_EVIDENCE, "sevattest-evidence does not answer: %s", strerror(-r));
		return;
	}
	if (response.outcome) {
		no_evidence(broker, &response);
		return;
	}
	remember(broker->core, &response);
	evidence_deinit(&broker->evidence);
	r = evidence_from_report(&broker->evidence, response.report, response.cert_table);
	if (r)
		fail(broker, BROKER_NO_EVIDENCE, "what came from %s is no report", broker->core->machine.provider);
	else
		complete_evidence(broker);
}

static int ask_evidence(struct broker *broker)
{
	CLEANUP(buf_deinit) struct buf payload = BUF_NULL;
	const uint8_t *report_data = kbs_client_report_data(broker->client);
	struct evidence_frame_request request = {.vmpl = EVIDENCE_FRAME_VMPL_OWN};
	int r;

	if (!report_data)
		return -EINVAL;
	memcpy(broker->report_data, report_data, sizeof(broker->report_data));
	memcpy(request.report_data, report_data, sizeof(request.report_data));
	r = evidence_frame_request_encode(&payload, &request);
	broker->core->counters.evidence_requests++;
	return r ? r
		 : port_ask(broker->evidence_port, FRAME_EVIDENCE_REQUEST, buf_view(&payload), EVIDENCE_MS, on_evidence, broker,
			   &broker->evidence_id);
}

/* The loop over the engine's wishes: each either waits for an answer, or ends the job. */
static void step(struct broker *broker)
{
	struct broker_result good = {.class = BROKER_GOOD};
	int r;

	if (broker->steps++ == STEPS_MAX) {
		fail(broker, BROKER_UNTRUSTED, "the broker keeps us going round");
		return;
	}
	switch (kbs_client_want(broker->client)) {
	case KBS_CLIENT_SEND:
		r = send_request(broker);
		if (r)
			fail(broker, BROKER_UNREACHABLE, "netd cannot be asked: %s: %s", broker->core->config->settings.net_socket, strerror(-r));
		return;
	case KBS_CLIENT_EVIDENCE:
		r = ask_evidence(broker);
		if (r)
			fail(broker, BROKER_NO_EVIDENCE, "sevattest-evidence cannot be asked: %s: %s",
				broker->core->config->settings.evidence_socket, strerror(-r));
		return;
	case KBS_CLIENT_DONE:
		finish(broker, &good);
		return;
	case KBS_CLIENT_FAILED:
		engine_failed(broker);
		return;
	case KBS_CLIENT_IDLE:
		break;
	}
	fail(broker, BROKER_INTERNAL, "the protocol stands still");
}

static int on_deferred(sd_event_source *source, void *context)
{
	struct broker *broker = context;

	(void)source;
	broker->deferred = sd_event_source_disable_unref(broker->deferred);
	step(broker);
	return 0;
}

static int make_client(struct broker *broker)
{
	struct kbs_client_config config = {.tee = KBS_TEE_SNP, .release_pin = broker->core->config->broker_key};
	int r = broker->guest_key ? 0 : make_key(broker, &broker->guest_key);

	config.guest_key = broker->guest_key;
	return r || broker->client ? r : kbs_client_new(&config, &broker->client);
}

int broker_start(struct broker *broker, const char *resource)
{
	int r;

	if (broker->busy)
		return -EBUSY;
	r = make_client(broker);
	if (!r)
		r = resource ? kbs_client_get(broker->client, resource) : kbs_client_attest(broker->client);
	if (!r) /* nothing is called back before this returns */
		r = sd_event_add_defer(broker->core->event, &broker->deferred, on_deferred, broker);
	if (r < 0)
		return r;
	broker->busy = true;
	broker->want_key = resource != NULL;
	broker->at_resource = false;
	broker->handshakes = kbs_client_handshakes(broker->client);
	broker->steps = 0;
	return 0;
}
