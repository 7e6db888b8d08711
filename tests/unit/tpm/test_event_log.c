/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Event logs of the vectors: every genuine one replays to the PCRs of the index in the SHA-256 bank, every hostile one is refused or replays to something else
 * than what was quoted. And what a log says of Secure Boot.
 */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../snp/vectors.h"
#include "base/crypto.h"
#include "base/text.h"
#include "tpm/event_log.h"

#define GENUINE 15
#define GENUINE_LEGACY 2
#define HOSTILE 24

static int replay(struct json_object *entry, struct event_replay *ret, struct error *error)
{
	CLEANUP(buf_deinit) struct buf data = BUF_NULL;

	vectors_read(vectors_text(entry, "file"), &data);
	return event_log_replay(buf_view(&data), ret, error);
}

/* Does it replay to these values, and to no PCR besides? */
static bool agrees(const struct event_replay *have, struct json_object *pcrs)
{
	uint32_t mask = 0;

	json_object_object_foreach (pcrs, name, value) {
		unsigned long pcr = strtoul(name, NULL, 10);
		uint8_t wanted[32];

		ck_assert_int_eq(hex_decode(wanted, sizeof(wanted), json_object_get_string(value)), 0);
		mask |= 1u << pcr;
		if (memcmp(wanted, have->pcrs[pcr], sizeof(wanted)) != 0)
			return false;
	}
	return mask == have->pcr_mask;
}

START_TEST(genuine)
{
	JSON_AUTO objects = vectors_objects();
	size_t seen = 0, legacy = 0, synthetic = 0;

	for (size_t i = 0; i < json_object_array_length(objects); i++) {
		struct json_object *entry = json_object_array_get_idx(objects, i), *pcrs;
		struct error error = ERROR_NULL;
		struct event_replay have;
		bool is_synthetic = false;
		uint64_t events = 0;
		int r;

		if (strcmp(vectors_text(entry, "kind"), "event-log") != 0)
			continue;
		seen++;
		pcrs = json_get_object(json_get_object(entry, "pcrs"), "sha256");
		(void)json_get_bool(entry, "synthetic", &is_synthetic);
		r = replay(entry, &have, &error);
		if (!pcrs || is_synthetic) {
			/* No digests of the bank, or fewer than the header lists: not replayed, with a reason. */
			ck_assert_msg(r == 0 || (r == EVENT_LOG_E_PARSE && error_text(&error)[0]), "%s: %d", vectors_text(entry, "file"), r);
			ck_assert(pcrs || r != 0);
			legacy += !pcrs;
			synthetic += is_synthetic;
			if (r != 0)
				continue;
		}
		ck_assert_msg(r == 0, "%s: %s", vectors_text(entry, "file"), error_text(&error));
		ck_assert_msg(agrees(&have, pcrs), "%s replays to something else", vectors_text(entry, "file"));
		ck_assert(json_get_u64(entry, "events", UINT32_MAX, &events));
		ck_assert_uint_eq(have.events, events);
	}
	ck_assert_uint_eq(seen, GENUINE);
	ck_assert_uint_eq(legacy, GENUINE_LEGACY);
	printf("%zu genuine event logs, %zu of them with SHA-1 only, %zu synthetic\n", seen, legacy, synthetic);
}
END_TEST

START_TEST(hostile)
{
	JSON_AUTO objects = vectors_objects();
	size_t seen = 0, refused = 0;

	for (size_t i = 0; i < json_object_array_length(objects); i++) {
		struct json_object *entry = json_object_array_get_idx(objects, i), *expected;
		const char *type = vectors_text(entry, "type"), *step;
		struct error error = ERROR_NULL;
		struct event_replay have;
		int r;

		if (strcmp(vectors_text(entry, "kind"), "hostile") != 0 || !type || strcmp(type, "event-log") != 0)
			continue;
		seen++;
		expected = json_get_object(json_get_object(entry, "quoted_pcrs"), "sha256");
		step = json_get_text(json_get_object(entry, "expect"), "step", NULL);
		r = replay(entry, &have, &error);
		ck_assert_msg(r >= 0, "%s: %d", vectors_text(entry, "file"), r);
		refused += r > 0;
		if (strcmp(step, "eventlog.parse") == 0)
			ck_assert_msg(r == EVENT_LOG_E_PARSE && error_text(&error)[0], "%s was read", vectors_text(entry, "file"));
		else if (strcmp(step, "eventlog.replay") == 0)
			ck_assert_msg(r == 0 && !agrees(&have, expected), "%s: %s", vectors_text(entry, "file"), error_text(&error));
		else
			ck_assert_msg(r > 0 || (expected && !agrees(&have, expected)), "%s was taken", vectors_text(entry, "file"));
	}
	ck_assert_uint_eq(seen, HOSTILE);
	printf("%zu hostile event logs, %zu refused at reading\n", seen, refused);
}
END_TEST

START_TEST(secure_boot_of_genuine)
{
	static const struct {
		const char *file;
		enum event_secure_boot expected;
	} rows[] = {
		{"eventlogs/go-tpm-tools-cos-93-amd-sev.bin", SECURE_BOOT_ON},
		{"eventlogs/go-tpm-tools-ubuntu-2404-amd-sevsnp.bin", SECURE_BOOT_OFF},
		{"eventlogs/tpm2-tools-event-arch-linux.bin", SECURE_BOOT_OFF}, /* the variable is empty */
		{"eventlogs/go-tpm-tools-ubuntu-2104-no-secure-boot.bin", SECURE_BOOT_OFF},
		{"eventlogs/go-tpm-tools-rhel8-uefi.bin", SECURE_BOOT_ON},
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		CLEANUP(buf_deinit) struct buf data = BUF_NULL;
		struct event_replay have;

		vectors_read(rows[i].file, &data);
		ck_assert_int_eq(event_log_replay(buf_view(&data), &have, NULL), 0);
		ck_assert_msg(have.secure_boot == rows[i].expected, "%s: %d", rows[i].file, have.secure_boot);
	}
}
END_TEST

/* A log of one bank, made event by event. */
static void add_event(struct buf *log, uint32_t pcr, uint32_t type, struct bytes data, bool other_digest)
{
	uint8_t digest[32];

	ck_assert_int_eq(sha256(digest, data), 0);
	digest[0] ^= other_digest;
	ck_assert(!buf_u32le(log, pcr) && !buf_u32le(log, type) && !buf_u32le(log, 1) && !buf_u16le(log, 0xb) && !buf_append(log, digest, 32));
	ck_assert(!buf_u32le(log, (uint32_t)data.size) && !buf_append(log, data.data, data.size));
}

static void add_header(struct buf *log)
{
	static const uint8_t zero[20] = {0};

	ck_assert(!buf_u32le(log, 0) && !buf_u32le(log, 3) && !buf_append(log, zero, 20) && !buf_u32le(log, 33));
	ck_assert(!buf_append(log, "Spec ID Event03", 16) && !buf_append(log, zero, 8) && !buf_u32le(log, 1) && !buf_u16le(log, 0xb) && !buf_u16le(log, 32) && !buf_u8(log, 0));
}

static void add_secure_boot(struct buf *log, int value, bool other_digest)
{
	static const uint8_t start[] = {0x61, 0xdf, 0xe4, 0x8b, 0xca, 0x93, 0xd2, 0x11, 0xaa, 0x0d, 0x00, 0xe0, 0x98, 0x03, 0x2b, 0x8c, 10, 0, 0, 0, 0, 0, 0, 0};
	CLEANUP(buf_deinit) struct buf data = BUF_NULL;

	ck_assert(!buf_append(&data, start, sizeof(start)) && !buf_u64le(&data, value < 0 ? 0 : 1));
	for (const char *at = "SecureBoot"; *at; at++)
		ck_assert(!buf_u16le(&data, (uint16_t)*at));
	if (value >= 0)
		ck_assert_int_eq(buf_u8(&data, (uint8_t)value), 0);
	add_event(log, 7, 0x80000001, buf_view(&data), other_digest);
}

#define SEPARATOR (-2)
#define FORGED 16 /* the digest is of something else */

/* The firmware's first word counts: not what comes after its separator, not data that were not measured, and no two words. */
START_TEST(secure_boot_made)
{
	static const struct {
		int events[4];
		size_t count;
		enum event_secure_boot expected;
	} rows[] = {
		{{1, SEPARATOR}, 2, SECURE_BOOT_ON},
		{{0, SEPARATOR}, 2, SECURE_BOOT_OFF},
		{{-1, SEPARATOR}, 2, SECURE_BOOT_OFF},
		{{SEPARATOR, 1}, 2, SECURE_BOOT_NOT_TOLD},
		{{0, SEPARATOR, 1}, 3, SECURE_BOOT_OFF},
		{{1 | FORGED, SEPARATOR}, 2, SECURE_BOOT_NOT_TOLD},
		{{0, 1, 1}, 3, SECURE_BOOT_CONTRADICTORY},
		{{2}, 1, SECURE_BOOT_OFF},
		{{SEPARATOR}, 1, SECURE_BOOT_NOT_TOLD},
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		CLEANUP(buf_deinit) struct buf log = BUF_NULL;
		struct error error = ERROR_NULL;
		struct event_replay have;

		add_header(&log);
		for (size_t j = 0; j < rows[i].count; j++) {
			int what = rows[i].events[j];

			if (what == SEPARATOR)
				add_event(&log, 7, 4, bytes_of("\0\0\0", 4), false);
			else
				add_secure_boot(&log, what < 0 ? what : what & ~FORGED, what > 0 && (what & FORGED));
		}
		ck_assert_msg(event_log_replay(buf_view(&log), &have, &error) == 0, "%zu: %s", i, error_text(&error));
		ck_assert_msg(have.secure_boot == rows[i].expected, "row %zu: %d", i, have.secure_boot);
	}
}
END_TEST

START_TEST(locality)
{
	CLEANUP(buf_deinit) struct buf log = BUF_NULL;
	uint8_t both[64] = {[31] = 3}, wanted[32];
	struct error error = ERROR_NULL;
	struct event_replay have;

	add_header(&log);
	add_event(&log, 0, 3, bytes_of("StartupLocality\0\3", 17), false);
	add_event(&log, 0, 8, bytes_of("x", 1), false);
	ck_assert_int_eq(event_log_replay(buf_view(&log), &have, &error), 0);
	ck_assert(!sha256(both + 32, bytes_of("x", 1)) && !sha256(wanted, bytes_of(both, 64)));
	ck_assert_int_eq(memcmp(wanted, have.pcrs[0], 32), 0);
	add_event(&log, 0, 3, bytes_of("StartupLocality\0\3", 17), false);
	ck_assert_int_eq(event_log_replay(buf_view(&log), &have, &error), EVENT_LOG_E_PARSE);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("event log");
	TCase *tcase = tcase_create("event log");
	SRunner *runner;
	int failed;

	(void)vectors_folder();
	tcase_add_test(tcase, genuine);
	tcase_add_test(tcase, hostile);
	tcase_add_test(tcase, secure_boot_of_genuine);
	tcase_add_test(tcase, secure_boot_made);
	tcase_add_test(tcase, locality);
	suite_add_tcase(suite, tcase);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? 1 : 0;
}
