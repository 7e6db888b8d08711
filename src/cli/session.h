/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * One conversation with a key broker in one process, for `attest` and `get`: the engine of kbs/client, carried by io/fetch over one TLS
 * connection.
 */
#include "cli/collect.h"
#include "io/fetch.h"
#include "jose/jwk.h"
#include "kbs/client.h"

struct session_options {
	const char *broker;
	const char *ca;
	const char *broker_key;
	const char *key_alg;
	struct collect_options collect;
};

#define SESSION_OPTION_ROWS(o)                                                                                                             \
	{"broker", 0, OPTION_TEXT, &(o).broker, "URL", "key broker: https://HOST:PORT"},                                                   \
		{"ca", 0, OPTION_TEXT, &(o).ca, "FILE", "certification authority of its TLS certificate (PEM); no other is trusted"},      \
		{"broker-key", 0, OPTION_TEXT, &(o).broker_key, "JWK", "public key that must have signed the release (P-256, a file)"},    \
	{                                                                                                                                  \
		"key-alg", 0, OPTION_TEXT, &(o).key_alg, "ALG", "the guest's key: p256 (default), p521, rsa2048, rsa3072, rsa4096"         \
	}

struct session {
	const struct session_options *options;
	const char *verb;
	char base[FETCH_URL_MAX]; /* without a final slash */
	struct fetcher *fetcher;
	struct jwk *guest_key;
	struct jwk *pin;
	struct kbs_client *client;
	struct evidence evidence; /* of the last handshake */
};

/* enum exit_code, with a text unless EXIT_YES. session_close() is due in every case. */
int session_open(struct session *session, const struct session_options *options, const char *verb, struct error *error) MUST_CHECK;
void session_close(struct session *session);

/* Only the handshake (`resource` NULL), or up to the secret: kbs_client_take() has it then. */
int session_run(struct session *session, const char *resource, struct error *error) MUST_CHECK;

/* The handshake, and the registering of a disk: kbs_client_registered() says what became of it. The disk of `registration` is moved. */
int session_register(struct session *session, const char *resource, struct kbs_registration *registration, struct error *error) MUST_CHECK;
