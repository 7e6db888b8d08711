/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * What the agent knows about itself, for people and monitors, and the pure functions that write it down: JSON (/status), OpenMetrics
 * (/metrics), a page (/), /healthz, /readyz and the line of STATUS=. The daemon fills the struct with views of its own state whenever somebody
 * asks; nothing here keeps a pointer. There is no place for the value of a key, and so none can come out.
 *
 * Texts may come from hosts and brokers: every renderer escapes. NULL and 0 mean "none" or "not known". Times are Unix seconds.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/bytes.h"
#include "base/compiler.h"
#include "base/finding.h"
#include "base/metrics.h"
#include "snp/tcb.h"

enum agent_state {
	AGENT_STARTING,  /* nothing was tried yet */
	AGENT_ATTESTING, /* on the way, nothing went wrong so far */
	AGENT_ATTESTED,
	AGENT_TROUBLE, /* temporary: tried again at `next_attempt` */
	AGENT_REFUSED, /* definite, until something changes: `reason` and the findings say what */
};

/* What a report proves on this platform (DESIGN section 1). */
enum agent_proof {
	AGENT_PROOF_UNKNOWN,
	AGENT_PROOF_SYSTEM,   /* the operating system: own KVM with kernel hashes or an ID block, Azure with its vTPM */
	AGENT_PROOF_FIRMWARE, /* firmware and chip only: AWS, GCP */
};

enum agent_broker_outcome {
	AGENT_BROKER_UNTRIED,
	AGENT_BROKER_GOOD,
	AGENT_BROKER_UNREACHABLE, /* network, TLS, 5xx */
	AGENT_BROKER_REFUSED,     /* the broker said no */
	AGENT_BROKER_UNTRUSTED,   /* its answer was refused by us: signature, pin, protocol */
};

/* How far a volume has come. */
enum agent_disk_state {
	AGENT_DISK_IDLE,    /* nobody has asked */
	AGENT_DISK_CHECKED, /* its header is one that the broker lists; nobody has asked for the key yet */
	AGENT_DISK_GIVEN,   /* systemd-cryptsetup has the key */
	AGENT_DISK_REFUSED,
};

struct agent_status_broker {
	const char *origin; /* "https://kbs.example.org" */
	enum agent_broker_outcome outcome; /* of the last attempt */
	int64_t at;                        /* of the last attempt */
	const char *why;                   /* in one sentence, where it was not good */
	bool pinned;                       /* BrokerKey= is set: releases must be signed */
};

/* One consumer of one resource: a unit's credential, or a disk. Each that is configured has a row, asked for or not. */
struct agent_status_credential {
	bool disk;           /* a volume of cryptsetup: `unit` is NULL and `id` the volume */
	const char *unit;    /* "nginx.service" */
	const char *id;      /* of LoadCredential= */
	const char *resource; /* "repository/type/tag" */
	int64_t served_at;   /* last time; 0: never */
	uint64_t served;     /* how often */
	uint64_t version;    /* of the resource, as the broker gave it; 0: not told */
	int64_t refused_at;  /* last refusal; 0: never */
	const char *refusal; /* its reason in one sentence */
	const char *check;   /* of a disk: which one refused */
	const char *fix;     /* of a disk: what a person can do about it */
	enum agent_disk_state disk_state;
	int64_t checked_at;  /* of a disk: when its header was found to be listed; 0: never */
	uint64_t waiting;    /* connections that are held now */
};

/* Since the start of the daemon. */
struct agent_status_counters {
	uint64_t attested, refused, trouble; /* attempts by outcome */
	uint64_t keys_served, keys_refused;  /* answers to consumers, credentials and disks */
	uint64_t peers_refused;              /* connections whose peer was not who it claimed to be */
	uint64_t waiting;                    /* connections held now */
	uint64_t evidence_requests, evidence_failures;
	uint64_t broker_requests, broker_failures; /* HTTP requests that netd carried */
	uint64_t answers_untrusted; /* releases that a check of ours refused: signature, replay, KeyCheck= */
	uint64_t reloads, reload_failures;
};

struct agent_status {
	const char *version;
	int64_t started;
	enum agent_state state;
	int64_t since;          /* of this state */
	int64_t attested_until; /* of the last success; 0: never attested */
	int64_t next_attempt;   /* 0: none is planned */
	const char *reason;     /* of trouble and refusal, in one sentence */
	const char *fix;        /* what a person can do about it */

	const char *provider;   /* "tsm" */
	const char *platform;   /* "kvm", "azure", "aws", "gcp" */
	enum agent_proof proof;
	const char *root_trust; /* RootTrust= */

	/* Of the last report, verified or not. */
	struct bytes measurement; /* 48 bytes, or none */
	struct bytes chip_id;     /* 64 or 8 bytes, or none (masked) */
	const char *product;      /* "Milan" */
	const char *signer;       /* "vcek", "vlek" */
	bool has_tcb;
	struct snp_tcb tcb; /* REPORTED_TCB */

	const char *policy;            /* its name; NULL: no policy of our own */
	const struct verdict *verdict; /* our own check of the last evidence; NULL: none yet */

	const struct agent_status_broker *brokers;
	size_t broker_count;
	const struct agent_status_credential *credentials;
	size_t credential_count;
	struct agent_status_counters counters;
	struct metrics_histogram attest_duration; /* of whole successful attempts; bounds agent_attest_bounds_ms, or no bounds at all */
};

#define AGENT_ATTEST_BOUNDS 10
extern const uint32_t agent_attest_bounds_ms[AGENT_ATTEST_BOUNDS];

#define AGENT_STATE_COUNT (AGENT_REFUSED + 1)
const char *agent_state_text(enum agent_state state);                    /* "attested", "temporary trouble" */
#define AGENT_DISK_STATE_COUNT (AGENT_DISK_REFUSED + 1)
const char *agent_disk_state_text(enum agent_disk_state state); /* "key given" */
const char *agent_broker_outcome_text(enum agent_broker_outcome outcome); /* "good" */
const char *agent_proof_text(enum agent_proof proof);                    /* one sentence */

/* Is the machine proven at `now`? State and the end of validity agree. */
bool agent_status_proven(const struct agent_status *status, int64_t now);

/* Each appends. 0, -ENOMEM, -EOVERFLOW. */
int agent_status_json(const struct agent_status *status, int64_t now, struct buf *to) MUST_CHECK;
int agent_status_metrics(const struct agent_status *status, int64_t now, enum metrics_format format, struct buf *to) MUST_CHECK;
int agent_status_page(const struct agent_status *status, int64_t now, struct buf *to) MUST_CHECK;
/* For sd_notify: "STATUS=" is the caller's, and so is the newline. One line of printable text. */
#define AGENT_STATUS_LINE_MAX 256
void agent_status_line(const struct agent_status *status, int64_t now, char to[static AGENT_STATUS_LINE_MAX]);

/*
 * Answers a FRAME_STATUS_REQUEST: `path` is its payload ("/", "/status", "/metrics", "/metrics.txt" for the classic format, "/healthz",
 * "/readyz"; anything else is 404). `ret_frame_payload` is appended the payload of the FRAME_STATUS_RESPONSE. 0 or -errno: close the
 * connection.
 */
int agent_status_answer(const struct agent_status *status, struct bytes path, int64_t now, struct buf *ret_frame_payload) MUST_CHECK;
