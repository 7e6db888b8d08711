/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * What brokerd is to the server engine, in a few arrays: evidence is genuine when its `report_data` is the base64 of the 48 bytes that the
 * handshake asks for (the form of CoCo's `sample`), every policy passes that is not switched off, and each call is counted.
 */
#include "base/secret.h"
#include "kbs/server.h"

#define FAKE_MAX 8

struct fake_policy {
	const char *name;
	uint64_t version;
	bool fails;
};

struct fake_grant {
	const char *pattern;
	const char *policy;
	enum kbs_enrol enrol;
};

struct fake_resource {
	const char *name;
	const char *secret;
	uint64_t version;
};

struct fake_broker {
	struct fake_policy policies[FAKE_MAX];
	struct fake_grant grants[FAKE_MAX];
	struct fake_resource resources[FAKE_MAX];
	bool check_report_data;
	/* What the next call of each operation returns instead, when not 0. */
	int appraise_result;
	int grant_result;
	int fetch_result;
	int audit_result;
	int enrol_state_result;
	int enrol_result;
	/* What a guest registers: the state of every resource, and what was taken last. */
	struct kbs_enrol_state state;
	enum kbs_enrol enrol_level;
	char enrolled_disk[KBS_ENROLMENT_DISK_MAX];
	char enrolled_policy[KBS_POLICY_NAME_MAX + 1];
	uint8_t enrolled_fingerprint[SHA256_SIZE];
	/* Counted. */
	unsigned enrolled;
	unsigned appraised;
	unsigned fetched;
	unsigned audited;
	enum kbs_audit_kind last_kind;
	char last_resource[KBS_RESOURCE_MAX + 1];
	char last_policy[KBS_POLICY_NAME_MAX + 1];
	char last_reason[KBS_CHECKS_TEXT_MAX];
	uint8_t last_chip[KBS_CHIP_ID_SIZE];
	uint64_t last_version;
	size_t event_log_size;
	/* Keys. */
	struct jwk *token_key;
	struct jwk *release_key;
	struct jwk *enrol_key;
	uint8_t kek[32];
	struct kbs_server *server;
};

/* One policy "web", a grant for default/key/_asterisk_, the resource default/key/one. `signs`: with a release key. */
void fake_broker_init(struct fake_broker *fake, bool signs);
void fake_broker_deinit(struct fake_broker *fake);
/* From here on with an enrolment key, and with `kek_previous` (may be empty) beside its own. */
void fake_broker_enrols(struct fake_broker *fake, struct bytes kek_previous);
extern const struct kbs_server_ops fake_ops;

/* The evidence that fake_broker takes for `report_data`. */
void fake_evidence(struct buf *to, const uint8_t *report_data);
