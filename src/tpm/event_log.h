/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * The firmware's event log (TCG PC Client Platform Firmware Profile, section 10): crypto-agile, or the old one with SHA-1 only. A log is nobody's word: it explains
 * PCR values, and only those that it replays to. Its events' data mean something only where their digest is that of the data.
 */
#include <stdbool.h>
#include <stdint.h>

#include "base/bytes.h"
#include "base/error.h"
#include "base/json.h"

#define EVENT_LOG_MAX ((size_t)1 << 20) /* genuine ones have 10 to 50 KiB */
#define EVENT_LOG_ALGORITHMS_MAX 8      /* real ones list at most 4 */
#define EVENT_LOG_PCRS 24
#define EVENT_LOG_DIGEST_MAX 64

enum { EVENT_LOG_E_PARSE = 1, EVENT_LOG_END = 2 };

struct event_log_algorithm {
	uint16_t id, size;
};

/* A log being read, event by event. */
struct event_log {
	struct reader reader;
	bool agile;                                                    /* false: SHA-1 only */
	struct event_log_algorithm algorithms[EVENT_LOG_ALGORITHMS_MAX]; /* in the order of the header */
	size_t algorithm_count;
	size_t events; /* read so far, the header not among them */
};

struct event {
	uint32_t pcr, type;
	bool has_sha256;
	uint8_t sha256[32];
	struct bytes data; /* view into the log */
};

/* Reads the header. 0, EVENT_LOG_E_PARSE with the reason. */
int event_log_open(struct event_log *log, struct bytes input, struct error *error) MUST_CHECK;
/* The next event. 0, EVENT_LOG_END after the last one, EVENT_LOG_E_PARSE. */
int event_log_next(struct event_log *log, struct event *ret, struct error *error) MUST_CHECK;
/* "EV_SEPARATOR", or NULL. Static. */
const char *event_type_name(uint32_t type);

enum event_secure_boot { SECURE_BOOT_NOT_TOLD, SECURE_BOOT_OFF, SECURE_BOOT_ON, SECURE_BOOT_CONTRADICTORY };

/* What a log replays to in the SHA-256 bank. */
struct event_replay {
	bool agile;
	size_t events;
	uint32_t pcr_mask; /* PCRs that have events */
	uint8_t pcrs[EVENT_LOG_PCRS][32];
	/* As the firmware measured its variable into PCR 7, before the separator; worth something only if PCR 7 replays to the quoted value. */
	enum event_secure_boot secure_boot;
};

/* 0, EVENT_LOG_E_PARSE with the reason (a log without SHA-256 digests is one), -EIO. */
int event_log_replay(struct bytes input, struct event_replay *ret, struct error *error) MUST_CHECK;

/* {"form", "algorithms", "events", "secure_boot", "pcrs": {"0": hex}}. 0 with a new object in *ret_object, EVENT_LOG_E_PARSE, -EIO, -ENOMEM. */
int event_log_to_json(struct bytes input, struct json_object **ret_object, struct error *error) MUST_CHECK;
