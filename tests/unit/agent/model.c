/* SPDX-License-Identifier: Apache-2.0 */
#include "model.h"

#include <string.h>

static const uint8_t measurement[48] = {0x5a, 0x1c, 0x3b, 0x99, 0x07, 0xe2, 0x44, 0x81, 0xd0, 0x6f, 0x2e, 0xaa, 0x13, 0x58, 0xc7, 0xb6,
	0x90, 0x4d, 0xfe, 0x21, 0x35, 0x7a, 0x8c, 0xe9, 0x62, 0x0b, 0x77, 0xd4, 0x1f, 0xa3, 0x58, 0x9e, 0x06, 0xcb, 0x4a, 0x70, 0xf5, 0x2d,
	0x83, 0x91, 0x6c, 0xb8, 0x0e, 0x47, 0xda, 0x15, 0x3f, 0x66};
static const uint8_t chip_id[64] = {0xc4, 0x91, 0x0d, 0x7e, 0x52, 0xb8, 0x66, 0x1a, 0xf3, 0x08, 0x9d, 0x20, 0x77, 0xe1, 0x4c, 0xb5};

static void add_passed(struct verdict *verdict, const char *check, enum finding_class class, const char *actual)
{
	verdict_pass(verdict, check, class);
	finding_actual(verdict_last(verdict), "%s", actual);
}

static void fill_platform(struct model *model, int64_t now)
{
	struct agent_status *status = &model->status;

	status->version = "0.1.0";
	status->started = now - 86400;
	status->provider = "tsm";
	status->platform = "kvm";
	status->proof = AGENT_PROOF_SYSTEM;
	status->root_trust = "verity";
	status->policy = "prod-web";
	status->brokers = model->brokers;
	status->credentials = model->credentials;
}

static void fill_report(struct model *model)
{
	static const uint8_t raw[SNP_TCB_SIZE] = {4, 0, 0, 0, 0, 0, 24, 219};
	struct agent_status *status = &model->status;

	status->measurement = bytes_of(measurement, sizeof(measurement));
	status->chip_id = bytes_of(chip_id, sizeof(chip_id));
	status->product = "Milan";
	status->signer = "vcek";
	status->has_tcb = true;
	status->tcb = snp_tcb_decode(raw, SNP_MILAN);
	status->verdict = &model->verdict;
	add_passed(&model->verdict, "signature", FINDING_EVIDENCE, "ECDSA P-384 by the VCEK");
	add_passed(&model->verdict, "chain", FINDING_EVIDENCE, "to ARK-Milan");
}

static void fill_keys(struct model *model, int64_t now)
{
	model->brokers[0] = (struct agent_status_broker){"https://kbs-1.example.org:8080", AGENT_BROKER_GOOD, now - 40, NULL, true};
	model->brokers[1] = (struct agent_status_broker){
		"https://kbs-2.example.org:8080", AGENT_BROKER_UNREACHABLE, now - 41, "connection refused", true};
	model->status.broker_count = 2;
	model->credentials[0] = (struct agent_status_credential){
		.unit = "nginx.service", .id = "tls-key", .resource = "prod-web/tls/key", .served_at = now - 30, .served = 2, .version = 7};
	model->credentials[1] = (struct agent_status_credential){.unit = "postgresql@15-main.service",
		.id = "db-password",
		.resource = "prod-web/db/password",
		.served_at = now - 29,
		.served = 1,
		.version = 1};
	model->credentials[2] = (struct agent_status_credential){.disk = true,
		.id = "data",
		.resource = "prod-web/disk/data",
		.disk_state = AGENT_DISK_GIVEN,
		.checked_at = now - 60,
		.served_at = now - 59,
		.served = 1,
		.version = 3};
	model->status.credential_count = 3;
}

static void fill_attested(struct model *model, int64_t now)
{
	fill_platform(model, now);
	fill_report(model);
	fill_keys(model, now);
	add_passed(&model->verdict, "measurement", FINDING_POLICY, "\"web 2026-05\"");
	verdict_skip(&model->verdict, "revocation", FINDING_ADVICE, "no revocation list is at hand; the broker decides");
	model->status.state = AGENT_ATTESTED;
	model->status.since = now - 600;
	model->status.attested_until = now + 3000;
	model->status.next_attempt = now + 2400;
	model->status.counters = (struct agent_status_counters){
		.attested = 3, .trouble = 1, .keys_served = 3, .evidence_requests = 4, .broker_requests = 12, .broker_failures = 1};
	model->status.attest_duration.bounds_ms = agent_attest_bounds_ms;
	model->status.attest_duration.bound_count = AGENT_ATTEST_BOUNDS;
	metrics_histogram_observe(&model->status.attest_duration, 180);
}

static void fill_refused(struct model *model, int64_t now)
{
	fill_platform(model, now);
	fill_report(model);
	fill_keys(model, now);
	verdict_fail(&model->verdict, "measurement", FINDING_POLICY, "the launch measurement is not in the policy");
	finding_expected(verdict_last(&model->verdict), "one of 2 values");
	finding_actual(verdict_last(&model->verdict),
		"5a1c3b9907e24481d06f2eaa1358c7b6904dfe21357a8ce9620b77d41fa3589e06cb4a70f52d83916cb80e47da153f66");
	finding_fix(verdict_last(&model->verdict),
		"if this image is meant to run, put its measurement into the policy: sevattest measure, then sevattest-broker policy put");
	verdict_fail(&model->verdict, "tcb", FINDING_POLICY, "microcode 205 is below the floor 219");
	finding_fix(verdict_last(&model->verdict), "ask the host's owner for a firmware update (AMD-SB-3019)");
	model->status.state = AGENT_REFUSED;
	model->status.since = now - 12;
	model->status.reason = "the launch measurement is not in the policy";
	model->status.fix = "compare the measurement below with the one that the image was built for";
	model->brokers[0].outcome = AGENT_BROKER_REFUSED;
	model->brokers[0].why = "policy: measurement, tcb";
	model->credentials[0] = (struct agent_status_credential){.unit = "nginx.service",
		.id = "tls-key",
		.resource = "prod-web/tls/key",
		.refused_at = now - 10,
		.refusal = "the broker refused: measurement, tcb"};
	model->credentials[2] = (struct agent_status_credential){.disk = true,
		.id = "data",
		.resource = "prod-web/disk/data",
		.disk_state = AGENT_DISK_REFUSED,
		.check = "luks.segment_cipher",
		.refused_at = now - 5,
		.refusal = "the segment is not encrypted",
		.fix = "restore the header: sevattest recover"};
	model->credentials[3] = model->credentials[2];
	model->credentials[3].id = "data-2";
	model->status.credential_count = 4;
	model->status.counters =
		(struct agent_status_counters){.refused = 1, .keys_refused = 1, .evidence_requests = 1, .broker_requests = 2};
}

static void fill_trouble(struct model *model, int64_t now)
{
	fill_platform(model, now);
	fill_keys(model, now);
	model->status.proof = AGENT_PROOF_FIRMWARE;
	model->status.platform = "aws";
	model->status.state = AGENT_TROUBLE;
	model->status.since = now - 90;
	model->status.next_attempt = now + 8;
	model->status.reason = "no broker answers: https://kbs-1.example.org:8080: connection refused";
	model->status.fix = "is the broker running, and is its port reachable from here?";
	model->credentials[0] =
		(struct agent_status_credential){.unit = "nginx.service", .id = "tls-key", .resource = "prod-web/tls/key", .waiting = 1};
	model->status.counters = (struct agent_status_counters){.trouble = 5, .waiting = 1, .broker_requests = 10, .broker_failures = 10};
}

/* What a host, a broker or a configuration could put into every text. */
#define HOSTILE "<script>alert(1)</script> \"quoted\" 'single' & line\nfeed \xff\xfe \xe2\x80\xae bidi \x1b[31m </style>"

static void fill_hostile(struct model *model, int64_t now)
{
	fill_refused(model, now);
	model->status.reason = model->status.fix = model->status.provider = model->status.platform = model->status.root_trust = HOSTILE;
	model->status.product = model->status.signer = model->status.policy = model->status.version = HOSTILE;
	verdict_fail(&model->verdict, "chain", FINDING_EVIDENCE, "%s", HOSTILE);
	finding_expected(verdict_last(&model->verdict), "%s", HOSTILE);
	finding_actual(verdict_last(&model->verdict), "%s", HOSTILE);
	finding_fix(verdict_last(&model->verdict), "%s", HOSTILE);
	model->brokers[0].origin = model->brokers[0].why = HOSTILE;
	for (size_t i = 0; i < model->status.credential_count; i++) {
		struct agent_status_credential *credential = &model->credentials[i];

		credential->unit = credential->id = credential->resource = credential->refusal = credential->fix = HOSTILE;
		credential->refused_at = now - 1;
	}
}

void model_init(struct model *model, enum model_kind kind, int64_t now)
{
	memset(model, 0, sizeof(*model));
	switch (kind) {
	case MODEL_STARTING:
		model->status.state = AGENT_STARTING;
		model->status.version = "0.1.0";
		model->status.since = model->status.started = now;
		break;
	case MODEL_ATTESTED:
		fill_attested(model, now);
		break;
	case MODEL_TROUBLE:
		fill_trouble(model, now);
		break;
	case MODEL_REFUSED:
		fill_refused(model, now);
		break;
	case MODEL_HOSTILE:
		fill_hostile(model, now);
		break;
	}
}

void model_deinit(struct model *model)
{
	verdict_deinit(&model->verdict);
}
