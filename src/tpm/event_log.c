/* SPDX-License-Identifier: Apache-2.0 */
#include "tpm/event_log.h"

#include <string.h>

#include "base/crypto.h"

#define EV_NO_ACTION 3u
#define EV_SEPARATOR 4u
#define EV_EFI_VARIABLE_DRIVER_CONFIG 0x80000001u
#define PCR_NONE UINT32_MAX /* of EV_NO_ACTION events that belong to no PCR */
#define PCR_SECURE_BOOT 7
#define SHA1_SIZE 20
#define ALGORITHM_SHA1 0x4
#define ALGORITHM_SHA256 0xb

static const char spec_id[16] = "Spec ID Event03", startup_locality[16] = "StartupLocality";

/* Digest sizes that the TCG registry fixes; 0: an algorithm that we do not know, whose size the header tells. */
static uint16_t size_of(uint16_t algorithm)
{
	switch (algorithm) {
	case ALGORITHM_SHA1:
		return SHA1_SIZE;
	case ALGORITHM_SHA256:
	case 0x12: /* SM3 */
	case 0x27: /* SHA3-256 */
		return 32;
	case 0xc:
	case 0x28:
		return 48;
	case 0xd:
	case 0x29:
		return 64;
	default:
		return 0;
	}
}

static int bad(const struct event_log *log, struct error *error, const char *why)
{
	return error_set(error, EVENT_LOG_E_PARSE, "event %zu: %s", log->events, why);
}

/* TCG_EfiSpecIDEvent (10.4.5.1): what the digests of all later events are. */
static int read_header(struct event_log *log, struct bytes data, struct error *error)
{
	struct reader reader;
	uint32_t count;
	size_t vendor;

	reader_init(&reader, data);
	reader_skip(&reader, sizeof(spec_id) + 4 + 4); /* signature, platform class, versions and uintnSize */
	count = reader_u32le(&reader);
	if (!reader_ok(&reader) || count == 0 || count > EVENT_LOG_ALGORITHMS_MAX)
		return bad(log, error, "the header lists no algorithm, or too many");
	for (uint32_t i = 0; i < count; i++) {
		struct event_log_algorithm *algorithm = &log->algorithms[i];

		algorithm->id = reader_u16le(&reader);
		algorithm->size = reader_u16le(&reader);
		if (algorithm->size == 0 || algorithm->size > EVENT_LOG_DIGEST_MAX || (size_of(algorithm->id) && size_of(algorithm->id) != algorithm->size))
			return bad(log, error, "the header gives an algorithm a wrong digest size");
		for (uint32_t j = 0; j < i; j++) {
			if (log->algorithms[j].id == algorithm->id)
				return bad(log, error, "the header lists an algorithm twice");
		}
	}
	vendor = reader_u8(&reader);
	reader_skip(&reader, vendor);
	if (!reader_done(&reader))
		return bad(log, error, "the header does not end where it says");
	log->algorithm_count = count;
	log->agile = true;
	return 0;
}

static bool starts_with(struct bytes data, const char text[static 16])
{
	return data.size >= 16 && memcmp(data.data, text, 16) == 0;
}

/* TCG_PCClientPCREvent: the form of the header, and of every event of an old log. */
static int next_legacy(struct event_log *log, struct event *ret, struct error *error)
{
	*ret = (struct event){0};
	ret->pcr = reader_u32le(&log->reader);
	ret->type = reader_u32le(&log->reader);
	reader_skip(&log->reader, SHA1_SIZE);
	ret->data = reader_bytes(&log->reader, reader_u32le(&log->reader));
	if (!reader_ok(&log->reader))
		return bad(log, error, "it is cut off, or longer than the log");
	return 0;
}

int event_log_open(struct event_log *log, struct bytes input, struct error *error)
{
	struct reader start;
	struct event first;
	int r;

	*log = (struct event_log){0};
	if (input.size > EVENT_LOG_MAX)
		return error_set(error, EVENT_LOG_E_PARSE, "an event log of %zu bytes is too large", input.size);
	reader_init(&log->reader, input);
	start = log->reader;
	r = next_legacy(log, &first, error);
	if (r != 0)
		return r;
	if (first.type == EV_NO_ACTION && first.pcr == 0 && starts_with(first.data, spec_id))
		return read_header(log, first.data, error);
	/* "Spec ID Event00" or "02" begin an old log; anything else that announces itself so is new to us. */
	if (first.type == EV_NO_ACTION && first.data.size >= 13 && memcmp(first.data.data, "Spec ID Event", 13) == 0 &&
		!starts_with(first.data, "Spec ID Event00") && !starts_with(first.data, "Spec ID Event02"))
		return bad(log, error, "a header of an unknown version");
	log->algorithms[0] = (struct event_log_algorithm){ALGORITHM_SHA1, SHA1_SIZE};
	log->algorithm_count = 1;
	if (first.type != EV_NO_ACTION)
		log->reader = start; /* no header at all: this is the first event */
	return 0;
}

/* One digest for each algorithm of the header, each once, in any order. */
static int read_digests(struct event_log *log, struct event *ret, struct error *error)
{
	uint32_t count = reader_u32le(&log->reader), seen = 0;

	if (count != log->algorithm_count)
		return bad(log, error, "it does not have one digest for each algorithm of the header");
	for (uint32_t i = 0; i < count; i++) {
		uint16_t id = reader_u16le(&log->reader);
		struct bytes digest;
		size_t at = 0;

		while (at < log->algorithm_count && log->algorithms[at].id != id)
			at++;
		if (at == log->algorithm_count || (seen & (1u << at)))
			return bad(log, error, "a digest of an algorithm that the header does not list, or of one twice");
		seen |= 1u << at;
		digest = reader_bytes(&log->reader, log->algorithms[at].size);
		if (digest.data && id == ALGORITHM_SHA256) {
			memcpy(ret->sha256, digest.data, sizeof(ret->sha256));
			ret->has_sha256 = true;
		}
	}
	return 0;
}

static int next_agile(struct event_log *log, struct event *ret, struct error *error)
{
	int r;

	*ret = (struct event){0};
	ret->pcr = reader_u32le(&log->reader);
	ret->type = reader_u32le(&log->reader);
	r = read_digests(log, ret, error);
	if (r != 0)
		return r;
	ret->data = reader_bytes(&log->reader, reader_u32le(&log->reader));
	if (!reader_ok(&log->reader))
		return bad(log, error, "it is cut off, or longer than the log");
	return 0;
}

int event_log_next(struct event_log *log, struct event *ret, struct error *error)
{
	int r;

	if (reader_done(&log->reader))
		return EVENT_LOG_END;
	r = log->agile ? next_agile(log, ret, error) : next_legacy(log, ret, error);
	if (r != 0)
		return r;
	if (ret->pcr >= EVENT_LOG_PCRS && !(ret->pcr == PCR_NONE && ret->type == EV_NO_ACTION))
		return bad(log, error, "there is no such PCR");
	log->events++;
	return 0;
}

static int extend(uint8_t pcr[static 32], const uint8_t digest[static 32])
{
	uint8_t both[64];

	memcpy(both, pcr, 32);
	memcpy(both + 32, digest, 32);
	return sha256(pcr, bytes_of(both, sizeof(both)));
}

/*
 * UEFI_VARIABLE_DATA (10.2.6): the vendor's GUID, two lengths, the name in UTF-16, the value. Who speaks is the digest: data that it is not the hash of are
 * anyone's.
 */
static int look_at_variable(const struct event *event, struct event_replay *ret)
{
	static const uint8_t global[16] = {0x61, 0xdf, 0xe4, 0x8b, 0xca, 0x93, 0xd2, 0x11, 0xaa, 0x0d, 0x00, 0xe0, 0x98, 0x03, 0x2b, 0x8c};
	static const uint8_t wanted[20] = {'S', 0, 'e', 0, 'c', 0, 'u', 0, 'r', 0, 'e', 0, 'B', 0, 'o', 0, 'o', 0, 't', 0};
	enum event_secure_boot said;
	uint8_t digest[SHA256_SIZE];
	struct bytes guid, name, value;
	uint64_t name_length, value_length;
	struct reader reader;
	int r = sha256(digest, event->data);

	reader_init(&reader, event->data);
	guid = reader_bytes(&reader, sizeof(global));
	name_length = reader_u64le(&reader);
	value_length = reader_u64le(&reader);
	if (r < 0 || !reader_ok(&reader) || name_length != sizeof(wanted) / 2 || value_length > 1)
		return r;
	name = reader_bytes(&reader, sizeof(wanted));
	value = reader_bytes(&reader, (size_t)value_length);
	if (!reader_done(&reader) || memcmp(guid.data, global, sizeof(global)) != 0 || memcmp(name.data, wanted, sizeof(wanted)) != 0 ||
		memcmp(digest, event->sha256, sizeof(digest)) != 0)
		return 0;
	/* A variable without a value is not set: off. */
	said = value.size && value.data[0] == 1 ? SECURE_BOOT_ON : SECURE_BOOT_OFF;
	ret->secure_boot = ret->secure_boot == SECURE_BOOT_NOT_TOLD || ret->secure_boot == said ? said : SECURE_BOOT_CONTRADICTORY;
	return 0;
}

static int replay_event(const struct event_log *log, const struct event *event, bool *separated, struct event_replay *ret, struct error *error)
{
	int r;

	if (event->type == EV_NO_ACTION) {
		/* 10.4.5.3: the TPM was started from another locality, so PCR 0 did not begin with zero. */
		if (event->pcr == 0 && event->data.size == 17 && starts_with(event->data, startup_locality)) {
			if (ret->pcr_mask & 1)
				return bad(log, error, "the start-up locality comes after what it changes");
			ret->pcrs[0][31] = event->data.data[16];
		}
		return 0;
	}
	if (!event->has_sha256)
		return bad(log, error, "it has no SHA-256 digest");
	ret->pcr_mask |= 1u << event->pcr;
	r = extend(ret->pcrs[event->pcr], event->sha256);
	if (r < 0 || event->pcr != PCR_SECURE_BOOT)
		return r;
	/* What comes after the separator is not the firmware's word any more. */
	*separated |= event->type == EV_SEPARATOR;
	return event->type == EV_EFI_VARIABLE_DRIVER_CONFIG && !*separated ? look_at_variable(event, ret) : 0;
}

int event_log_replay(struct bytes input, struct event_replay *ret, struct error *error)
{
	struct event_replay replay = {0};
	struct event_log log;
	struct event event;
	bool separated = false;
	int r;

	r = event_log_open(&log, input, error);
	for (size_t pcr = 17; pcr <= 22; pcr++)
		memset(replay.pcrs[pcr], 0xff, sizeof(replay.pcrs[pcr])); /* before a dynamic launch */
	while (r == 0) {
		r = event_log_next(&log, &event, error);
		if (r == 0)
			r = replay_event(&log, &event, &separated, &replay, error);
	}
	if (r != EVENT_LOG_END)
		return r;
	replay.agile = log.agile;
	replay.events = log.events;
	*ret = replay;
	return 0;
}
