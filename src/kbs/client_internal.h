/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* Inside the client engine: client.c has the handshake and GET, client_enrol.c the registering of a disk. */
#include "kbs/client.h"

#define KBS_PATH "/kbs/v0/"

enum client_state {
	CLIENT_STATE_IDLE,
	CLIENT_STATE_AUTH,
	CLIENT_STATE_EVIDENCE,
	CLIENT_STATE_ATTEST,
	CLIENT_STATE_GET,
	CLIENT_STATE_TICKET,
	CLIENT_STATE_ENROL,
	CLIENT_STATE_DONE,
	CLIENT_STATE_FAILED,
};

struct kbs_client {
	struct kbs_client_config config;
	enum client_state state;
	char resource[KBS_RESOURCE_MAX + 1]; /* "" when only the handshake is asked for */
	struct json_object *public_key;
	bool attested;    /* the cookie or token of an /attest is there and was not refused */
	bool began_again; /* the one new handshake of this attempt is used up */
	unsigned handshakes;
	int64_t auth_time;
	struct kbs_challenge challenge;
	uint8_t report_data[KBS_REPORT_DATA_SIZE];
	struct buf cookie; /* "name=value" */
	char *token_text;
	struct buf body;
	char path[sizeof(KBS_PATH) + KBS_TICKET_NAME_MAX];
	bool registering;
	struct kbs_registration registration;
	bool has_registered;
	struct kbs_registered registered;
	uint8_t fingerprint[SHA256_SIZE];
	struct secret secret;
	bool has_secret;
	uint64_t version;
	enum kbs_client_outcome outcome;
	unsigned retry_after;
	struct error error;
	char error_type[KBS_ERROR_TYPE_MAX + 1];
};

/* Starts an attempt. `registration` (NULL: a GET, or without a resource the handshake alone) is moved. 0, -EBUSY. */
int client_begin(struct kbs_client *client, const char *resource, struct kbs_registration *registration) MUST_CHECK;

void client_fail(struct kbs_client *client, enum kbs_client_outcome outcome);
/* The outcome of a message that could not be read: KBS_E_* is the peer's fault, -errno is ours and forwarded. */
int client_fail_unless_errno(struct kbs_client *client, int r, enum kbs_client_outcome outcome) MUST_CHECK;

/* A released JWE, verified for `name` and opened. 0 with *ret, or with the state FAILED; -errno. */
int client_open_release(struct kbs_client *client, const struct kbs_http_response *response, const char *name, struct secret *ret) MUST_CHECK;

/* Answers in the states TICKET and ENROL. */
int client_on_ticket(struct kbs_client *client, const struct kbs_http_response *response) MUST_CHECK;
int client_on_enrolment(struct kbs_client *client, const struct kbs_http_response *response) MUST_CHECK;
