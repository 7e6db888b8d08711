/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/session.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/files.h"
#include "base/text.h"
#include "io/clock.h"

#define JWK_FILE_MAX ((size_t)16 << 10)
#define STEPS_MAX 16 /* requests of one resource: three, and once more after an expired session */

static int usage(struct error *error, const char *text)
{
	return error_set(error, EXIT_USAGE, "%s", text);
}

static int base_set(struct session *session, const char *url, struct error *error)
{
	size_t size = strlen(url);

	/* There is no switch for plain HTTP: the broker's certificate is what tells it from the host. */
	if (!text_starts_with(url, "https://") || !url[8])
		return usage(error, "--broker wants https://HOST:PORT");
	while (size && url[size - 1] == '/')
		size--;
	if (size >= sizeof(session->base) - 512)
		return usage(error, "--broker: the URL is too long");
	memcpy(session->base, url, size);
	session->base[size] = 0;
	return EXIT_YES;
}

static int pin_read(struct session *session, const char *path, struct error *error)
{
	CLEANUP(buf_deinit) struct buf text = BUF_NULL;
	JSON_AUTO object = NULL;
	int r = file_read(path, JWK_FILE_MAX, &text, error);

	if (!r)
		r = json_read(buf_view(&text), &object, error);
	/* Also what `sevattest-broker signing-key show --json` prints: {"thumbprint": ..., "jwk": {...}}. */
	if (!r)
		r = jwk_import(json_get_object(object, "jwk") ? json_get_object(object, "jwk") : object, JWK_PUBLIC, &session->pin, error);
	if (r) {
		error_prefix(error, "--broker-key %s", path);
		return r == -ENOMEM ? EXIT_INTERNAL : EXIT_USAGE;
	}
	if (jwk_alg(session->pin) != JWK_ES256)
		return usage(error, "--broker-key: a release is signed by a P-256 key with the algorithm ES256");
	return EXIT_YES;
}

static int guest_key_make(struct session *session, const char *algorithm, struct error *error)
{
	static const struct {
		const char *name;
		enum jwk_kind kind;
		unsigned bits;
	} algorithms[] = {
		{"p256", JWK_P256, 0},
		{"p521", JWK_P521, 0},
		{"rsa2048", JWK_RSA, 2048},
		{"rsa3072", JWK_RSA, 3072},
		{"rsa4096", JWK_RSA, 4096},
	};

	for (size_t i = 0; i < ARRAY_SIZE(algorithms); i++) {
		if (strcmp(algorithms[i].name, algorithm ? algorithm : "p256") != 0)
			continue;
		if (jwk_generate(algorithms[i].kind, algorithms[i].bits, &session->guest_key))
			return error_set(error, EXIT_INTERNAL, "cannot make the guest's key");
		return EXIT_YES;
	}
	return usage(error, "--key-alg is p256, p521, rsa2048, rsa3072 or rsa4096");
}

int session_open(struct session *session, const struct session_options *options, const char *verb, struct error *error)
{
	struct fetch_config fetch_config = {.ca_file = options->ca};
	struct kbs_client_config client_config = {.tee = KBS_TEE_SNP};
	int r;

	*session = (struct session){.options = options, .verb = verb};
	if (!options->broker || !options->ca)
		return usage(error, "--broker URL and --ca FILE are needed: a broker is trusted by its certificate alone");
	r = base_set(session, options->broker, error);
	if (!r && options->broker_key)
		r = pin_read(session, options->broker_key, error);
	if (!r)
		r = guest_key_make(session, options->key_alg, error);
	if (r)
		return r;
	r = fetch_new(&fetch_config, &session->fetcher, error);
	if (r) {
		error_prefix(error, "--ca");
		return r == -ENOMEM ? EXIT_INTERNAL : EXIT_USAGE;
	}
	client_config.guest_key = session->guest_key;
	client_config.release_pin = session->pin;
	return kbs_client_new(&client_config, &session->client) ? error_set(error, EXIT_INTERNAL, "cannot start the protocol") : EXIT_YES;
}

void session_close(struct session *session)
{
	session->client = kbs_client_free(session->client);
	session->guest_key = jwk_free(session->guest_key);
	session->pin = jwk_free(session->pin);
	session->fetcher = fetch_free(session->fetcher);
	evidence_deinit(&session->evidence);
}

/* One exchange: the engine's request, the network, the engine again. */
static int exchange(struct session *session, struct error *error)
{
	CLEANUP(fetch_response_deinit) struct fetch_response answer = FETCH_RESPONSE_NULL;
	char url[FETCH_URL_MAX], cookie[KBS_CLIENT_COOKIE_MAX + 1];
	struct kbs_http_response response;
	struct kbs_http_request request;
	struct fetch_request fetch_request;
	int r = kbs_client_request(session->client, &request);

	if (r || request.cookie.size > KBS_CLIENT_COOKIE_MAX)
		return error_set(error, EXIT_INTERNAL, "cannot make the request");
	(void)snprintf(url, sizeof(url), "%s%s", session->base, request.path);
	if (request.cookie.size)
		memcpy(cookie, request.cookie.data, request.cookie.size);
	cookie[request.cookie.size] = 0;
	fetch_request = (struct fetch_request){
		.method = request.method,
		.url = url,
		.cookie = request.cookie.size ? cookie : NULL,
		.content_type = request.content_type,
		.body = request.body,
	};
	r = fetch(session->fetcher, &fetch_request, &answer, error);
	if (r)
		return r > 0 ? EXIT_UNREACHABLE : r == -EINVAL ? EXIT_USAGE : EXIT_INTERNAL;
	response = (struct kbs_http_response){
		.status = answer.status,
		.set_cookie = bytes_of_text(answer.set_cookie),
		.retry_after = answer.retry_after,
		.body = buf_view(&answer.body),
	};
	r = kbs_client_response(session->client, &response, (int64_t)(clock_monotonic_ms() / 1000));
	return r ? error_set(error, EXIT_INTERNAL, "cannot take in the broker's answer") : EXIT_YES;
}

static int give_evidence(struct session *session, struct error *error)
{
	CLEANUP(buf_deinit) struct buf text = BUF_NULL;
	const uint8_t *report_data = kbs_client_report_data(session->client);
	int r;

	evidence_deinit(&session->evidence);
	if (!report_data)
		return error_set(error, EXIT_INTERNAL, "the protocol has no report data");
	r = collect(&session->options->collect, session->verb, report_data, &session->evidence, error);
	if (r)
		return r;
	r = evidence_write_kbs(&session->evidence, &text);
	if (!r)
		r = kbs_client_evidence(session->client, buf_view(&text), bytes_of(NULL, 0));
	return r ? error_set(error, EXIT_INTERNAL, "cannot write the evidence") : EXIT_YES;
}

/* What the broker said, with its own names of failed checks, and what can be done about it here. */
static int explain(const struct session *session, struct error *error)
{
	enum kbs_client_outcome outcome = kbs_client_outcome(session->client);
	const char *text = kbs_client_error(session->client);
	unsigned wait = kbs_client_retry_after(session->client);
	int code = kbs_client_exit(outcome);

	if (wait)
		return error_set(error, code, "%s; try again in %u s", text, wait);
	if (outcome == KBS_CLIENT_REFUSED && session->evidence.report.size && !session->evidence.cert_table.size)
		return error_set(error, code, "%s (the evidence held no certificates: --kds URL or --cert-dir PATH attach them)", text);
	return error_set(error, code, "%s", text);
}

/* Whatever was started, to its end. */
static int converse(struct session *session, struct error *error)
{
	int r;

	for (int i = 0; i < STEPS_MAX; i++) {
		switch (kbs_client_want(session->client)) {
		case KBS_CLIENT_SEND:
			r = exchange(session, error);
			break;
		case KBS_CLIENT_EVIDENCE:
			r = give_evidence(session, error);
			break;
		case KBS_CLIENT_DONE:
			return EXIT_YES;
		case KBS_CLIENT_FAILED:
			return explain(session, error);
		default:
			return error_set(error, EXIT_INTERNAL, "the protocol stands still");
		}
		if (r)
			return r;
	}
	return error_set(error, EXIT_INTERNAL, "the broker keeps us going round");
}

static int cannot_start(int r, struct error *error)
{
	if (r == -EINVAL)
		return usage(error, "a resource is named REPOSITORY/TYPE/TAG, of letters, digits, '.', '_' and '-'");
	return error_set(error, EXIT_INTERNAL, "cannot start the protocol");
}

int session_run(struct session *session, const char *resource, struct error *error)
{
	int r = resource ? kbs_client_get(session->client, resource) : kbs_client_attest(session->client);

	return r ? cannot_start(r, error) : converse(session, error);
}

int session_register(struct session *session, const char *resource, struct kbs_registration *registration, struct error *error)
{
	int r = kbs_client_register(session->client, resource, registration);

	if (r == -ENOKEY)
		return usage(error, "--broker-key is needed: a key is given only to a broker that signs");
	return r ? cannot_start(r, error) : converse(session, error);
}
