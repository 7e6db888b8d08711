/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The provider `sev-guest` without a device: what answers mean, and the procedure against a driver and a host that are played here, request by
 * request. The device itself is served in the VM (tests/vm).
 */
#include <check.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "provider/sev_guest_exchange.h"

#define CALLS_MAX 16
#define TABLE_SIZE 100 /* of what the host of these tests hands over */

/* What the host and the kernel do with a request; the last step stays. */
struct step {
	int code;
	uint32_t vmm_error, firmware_error;
	uint32_t told; /* table size written back */
};

struct device {
	const struct step *steps;
	size_t step_count;
	uint32_t status, size; /* of the response */
	uint8_t spoil;         /* goes over the first byte of the report data */
	uint8_t reserved;      /* and over the header's reserved bytes */
	/* seen */
	size_t calls, pauses;
	unsigned paused_ms;
	unsigned long commands[CALLS_MAX];
	uint32_t table_sizes[CALLS_MAX];
	struct sev_guest_report_request requests[CALLS_MAX];
};

static void put32(uint8_t *to, uint32_t value)
{
	for (int i = 0; i < 4; i++)
		to[i] = (uint8_t)(value >> (8 * i));
}

static void answer(const struct device *device, const struct sev_guest_report_request *request, uint8_t *to)
{
	put32(to, device->status);
	put32(to + 4, device->size);
	to[8] = device->reserved;
	put32(to + 32 + 0x30, request->vmpl);
	memcpy(to + 32 + 0x50, request->report_data, 64);
	to[32 + 0x50] ^= device->spoil;
}

static void give_table(uint8_t *to)
{
	memset(to, 0x11, 16);
	put32(to + 16, 48);
	put32(to + 20, TABLE_SIZE - 48);
	memset(to + 48, 0xce, TABLE_SIZE - 48);
}

static void *memory(uint64_t address)
{
	return (void *)(uintptr_t)address; /* NOLINT: as the kernel does */
}

static int device_call(void *context, unsigned long command, struct sev_guest_request *request)
{
	struct device *device = context;
	const struct step *step = &device->steps[device->calls < device->step_count ? device->calls : device->step_count - 1];
	struct sev_guest_extended_request *extended = command == SEV_GUEST_GET_EXTENDED_REPORT ? memory(request->request) : NULL;
	const struct sev_guest_report_request *report = memory(request->request);

	ck_assert_uint_lt(device->calls, CALLS_MAX);
	ck_assert_uint_eq(request->message_version, 1);
	ck_assert_uint_eq(request->firmware_error | request->vmm_error, 0);
	device->commands[device->calls] = command;
	device->requests[device->calls] = *report;
	device->table_sizes[device->calls++] = extended ? extended->table_size : 0;
	request->vmm_error = step->vmm_error;
	request->firmware_error = step->firmware_error;
	if (extended && step->told)
		extended->table_size = step->told;
	if (step->code)
		return step->code;
	answer(device, report, memory(request->response));
	if (extended)
		give_table(memory(extended->table));
	return 0;
}

static void device_pause(void *context, unsigned milliseconds)
{
	struct device *device = context;

	device->pauses++;
	device->paused_ms += milliseconds;
}

static int exchange(struct device *device, struct provider_evidence *ret, struct error *error)
{
	const struct sev_guest_transport transport = {device, device_call, device_pause};
	uint8_t data[PROVIDER_REPORT_DATA_SIZE];
	int r;

	memset(data, 0xd7, sizeof(data));
	r = sev_guest_exchange(&transport, data, 2, ret, error);
	/* Whatever the kernel said, the firmware is asked for the same thing, byte for byte. */
	for (size_t i = 0; i < device->calls; i++) {
		ck_assert_mem_eq(&device->requests[i], &device->requests[0], sizeof(device->requests[0]));
		ck_assert_mem_eq(device->requests[i].report_data, data, sizeof(data));
		ck_assert_uint_eq(device->requests[i].vmpl, 2);
	}
	return r;
}

#define DEVICE(list)                                                                                                                       \
	{                                                                                                                                  \
		.steps = (list), .step_count = ARRAY_SIZE(list), .size = 1184                                                              \
	}

START_TEST(report_and_table)
{
	static const struct step steps[] = {{.code = 0}};
	CLEANUP(provider_evidence_deinit) struct provider_evidence evidence = PROVIDER_EVIDENCE_NULL;
	struct error error = ERROR_NULL;
	struct device device = DEVICE(steps);

	ck_assert_msg(exchange(&device, &evidence, &error) == 0, "%s", error_text(&error));
	ck_assert_uint_eq(evidence.report.size, 1184);
	ck_assert_uint_eq(evidence.report.data[0x50], 0xd7);
	ck_assert_uint_eq(evidence.report.data[0x30], 2);
	ck_assert_uint_eq(evidence.cert_table.size, TABLE_SIZE); /* cut to what it says */
	ck_assert_uint_eq(device.calls, 1);
	ck_assert_uint_eq(device.commands[0], 0xC0205302U);
	ck_assert_uint_eq(device.table_sizes[0], 0x4000);
	ck_assert_str_eq(evidence.note, "");
}
END_TEST

START_TEST(throttled_requests_are_sent_again)
{
	static const struct step steps[] = {
		{.code = EAGAIN, .vmm_error = 2}, {.code = EIO, .vmm_error = 2}, {.code = EBUSY}, {.code = EINTR}, {.code = 0}};
	CLEANUP(provider_evidence_deinit) struct provider_evidence evidence = PROVIDER_EVIDENCE_NULL;
	struct error error = ERROR_NULL;
	struct device device = DEVICE(steps);

	ck_assert_msg(exchange(&device, &evidence, &error) == 0, "%s", error_text(&error));
	ck_assert_uint_eq(device.calls, 5);
	ck_assert_uint_eq(device.pauses, 4);
	ck_assert_uint_eq(device.paused_ms, 30000); /* 2, 4, 8, 16 s */
}
END_TEST

START_TEST(throttled_for_ever)
{
	static const struct step steps[] = {{.code = EAGAIN, .vmm_error = 2}};
	CLEANUP(provider_evidence_deinit) struct provider_evidence evidence = PROVIDER_EVIDENCE_NULL;
	struct error error = ERROR_NULL;
	struct device device = DEVICE(steps);

	ck_assert_int_eq(exchange(&device, &evidence, &error), PROVIDER_E_TEMPORARY);
	ck_assert_ptr_nonnull(strstr(error_text(&error), "throttled"));
	ck_assert_uint_eq(device.calls, 6);
	ck_assert_uint_eq(device.paused_ms, 60000);
	ck_assert_uint_eq(evidence.report.size, 0);
}
END_TEST

START_TEST(table_needs_more_room)
{
	static const struct step steps[] = {{.code = EIO, .vmm_error = 1, .told = 0x6000}, {.code = 0}};
	CLEANUP(provider_evidence_deinit) struct provider_evidence evidence = PROVIDER_EVIDENCE_NULL;
	struct error error = ERROR_NULL;
	struct device device = DEVICE(steps);

	ck_assert_msg(exchange(&device, &evidence, &error) == 0, "%s", error_text(&error));
	ck_assert_uint_eq(device.calls, 2);
	ck_assert_uint_eq(device.table_sizes[1], 0x6000);
	ck_assert_uint_eq(evidence.cert_table.size, TABLE_SIZE);
	ck_assert_uint_eq(device.pauses, 0);
}
END_TEST

/* Each way in which the table cannot be had: the report comes without it, and a note. */
static const struct {
	struct step steps[3];
	size_t calls;
} no_tables[] = {
	{{{.code = EIO, .vmm_error = 1, .told = 0x6000}, {.code = EIO, .vmm_error = 1, .told = 0x8000}, {.code = 0}}, 3}, /* it grows */
	{{{.code = EIO, .vmm_error = 1, .told = 0x6000}, {.code = EINVAL}, {.code = 0}}, 3}, /* Linux takes 16 KiB */
	{{{.code = EIO, .vmm_error = 1, .told = 0x21000}, {.code = 0}, {.code = 0}}, 2},     /* past our limit */
	{{{.code = EIO, .vmm_error = 1, .told = 0x4000}, {.code = 0}, {.code = 0}}, 2},      /* no more than it had */
	{{{.code = EIO, .vmm_error = 1, .told = 0x4001}, {.code = 0}, {.code = 0}}, 2},      /* not whole pages */
	{{{.code = EIO, .vmm_error = 1, .told = 0xfffff000}, {.code = 0}, {.code = 0}}, 2},
};

START_TEST(report_without_table)
{
	CLEANUP(provider_evidence_deinit) struct provider_evidence evidence = PROVIDER_EVIDENCE_NULL;
	struct error error = ERROR_NULL;
	struct device device = DEVICE(no_tables[_i].steps);

	ck_assert_msg(exchange(&device, &evidence, &error) == 0, "%s", error_text(&error));
	ck_assert_uint_eq(device.calls, no_tables[_i].calls);
	ck_assert_uint_eq(device.commands[device.calls - 1], 0xC0205300U);
	ck_assert_uint_eq(evidence.report.size, 1184);
	ck_assert_uint_eq(evidence.cert_table.size, 0);
	ck_assert_ptr_nonnull(strstr(evidence.note, "certificates are left out"));
}
END_TEST

/* Without a table the host cannot say that it is too small. */
START_TEST(no_endless_growth)
{
	static const struct step steps[] = {{.code = EIO, .vmm_error = 1, .told = 0x6000}};
	CLEANUP(provider_evidence_deinit) struct provider_evidence evidence = PROVIDER_EVIDENCE_NULL;
	struct error error = ERROR_NULL;
	struct device device = DEVICE(steps);

	ck_assert_int_eq(exchange(&device, &evidence, &error), PROVIDER_E_FAILED);
	ck_assert_uint_eq(device.calls, 3);
}
END_TEST

static const struct {
	struct step step;
	uint32_t status, size;
	uint8_t spoil, reserved;
	int outcome;
	const char *words;
} failures[] = {
	{{.code = ENOTTY}, 0, 1184, 0, 0, PROVIDER_E_FAILED, "VMPCK"},
	{{.code = ETIMEDOUT, .vmm_error = 2}, 0, 1184, 0, 0, PROVIDER_E_FAILED, "gave up"},
	{{.code = EBADMSG}, 0, 1184, 0, 0, PROVIDER_E_FAILED, "does not authenticate"},
	{{.code = EINVAL}, 0, 1184, 0, 0, PROVIDER_E_FAILED, "kernel refused"},
	{{.code = EPERM}, 0, 1184, 0, 0, PROVIDER_E_FAILED, "permission denied"},
	{{.code = EACCES}, 0, 1184, 0, 0, PROVIDER_E_FAILED, "permission denied"},
	{{.code = EFAULT}, 0, 1184, 0, 0, PROVIDER_E_FAILED, "unexpected"},
	{{.code = EIO, .vmm_error = 0x100}, 0, 1184, 0, 0, PROVIDER_E_FAILED, "hypervisor 0x100"},
	{{.code = EIO, .firmware_error = 0x1d}, 0, 1184, 0, 0, PROVIDER_E_FAILED, "sequence"},
	{{.code = EIO, .firmware_error = 0x13}, 0, 1184, 0, 0, PROVIDER_E_FAILED, "firmware 0x13"},
	{{.code = 0}, 0x16, 1184, 0, 0, PROVIDER_E_FAILED, "VMPL 2"},
	{{.code = 0}, 0x27, 1184, 0, 0, PROVIDER_E_FAILED, "no key to sign"},
	{{.code = 0}, 0x13, 1184, 0, 0, PROVIDER_E_FAILED, "status 0x13"},
	{{.code = 0}, 0, 1183, 0, 0, PROVIDER_E_WRONG, "1184 bytes"},
	{{.code = 0}, 0, 1185, 0, 0, PROVIDER_E_WRONG, "1184 bytes"},
	{{.code = 0}, 0, 0, 0, 0, PROVIDER_E_WRONG, "1184 bytes"},
	{{.code = 0}, 0, 1184, 1, 0, PROVIDER_E_WRONG, "other report data"},
	{{.code = 0}, 0, 1184, 0, 1, PROVIDER_E_WRONG, "malformed"},
};

START_TEST(failure)
{
	CLEANUP(provider_evidence_deinit) struct provider_evidence evidence = PROVIDER_EVIDENCE_NULL;
	struct error error = ERROR_NULL;
	struct device device = {.steps = &failures[_i].step,
		.step_count = 1,
		.status = failures[_i].status,
		.size = failures[_i].size,
		.spoil = failures[_i].spoil,
		.reserved = failures[_i].reserved};
	int r = exchange(&device, &evidence, &error);

	ck_assert_msg(r == failures[_i].outcome, "outcome %d: %s", r, error_text(&error));
	ck_assert_msg(
		strstr(error_text(&error), failures[_i].words) != NULL, "\"%s\" is not in: %s", failures[_i].words, error_text(&error));
	ck_assert_uint_eq(device.calls, 1); /* nothing of this is asked again */
	ck_assert_uint_eq(evidence.report.size, 0);
}
END_TEST

START_TEST(response_is_bounded)
{
	uint8_t response[SEV_GUEST_HEADER_SIZE + SEV_GUEST_REPORT_SIZE] = {0}, zeros[64] = {0};
	struct bytes report;
	uint32_t status;

	put32(response + 4, 1184);
	ck_assert_int_eq(sev_guest_response_read(bytes_of(response, sizeof(response)), zeros, &report, &status), 0);
	ck_assert_ptr_eq(report.data, response + 32);
	for (size_t size = 0; size < sizeof(response); size++)
		ck_assert_int_eq(sev_guest_response_read(bytes_of(response, size), zeros, &report, &status), SEV_GUEST_E_TRUNCATED);
	response[31] = 1;
	ck_assert_int_eq(sev_guest_response_read(bytes_of(response, sizeof(response)), zeros, &report, &status), SEV_GUEST_E_RESERVED);
}
END_TEST

START_TEST(table_is_cut)
{
	uint8_t table[4096] = {0};

	ck_assert_uint_eq(sev_guest_table_used(bytes_of(table, sizeof(table))), 0);
	give_table(table);
	ck_assert_uint_eq(sev_guest_table_used(bytes_of(table, sizeof(table))), TABLE_SIZE);
	put32(table + 20, 0); /* an entry without data still stands */
	put32(table + 16, 0);
	ck_assert_uint_eq(sev_guest_table_used(bytes_of(table, sizeof(table))), 48);
	put32(table + 16, 4096 - 4);
	put32(table + 20, 4);
	ck_assert_uint_eq(sev_guest_table_used(bytes_of(table, sizeof(table))), 4096);
	put32(table + 20, 5); /* outside: all of it, for the reader to complain */
	ck_assert_uint_eq(sev_guest_table_used(bytes_of(table, sizeof(table))), 4096);
	put32(table + 16, 0xfffffff0);
	put32(table + 20, 0xfffffff0); /* 32 bits would wrap to a small number */
	ck_assert_uint_eq(sev_guest_table_used(bytes_of(table, sizeof(table))), 4096);
	memset(table, 0x22, sizeof(table)); /* never ends */
	ck_assert_uint_eq(sev_guest_table_used(bytes_of(table, sizeof(table))), 4096);
	ck_assert_uint_eq(sev_guest_table_used(bytes_of(table, 0)), 0);
}
END_TEST

static int collect(const char *name, const char *device, int vmpl, struct error *error)
{
	const struct provider_config config = {name, "/nonexistent/tsm", device, vmpl};
	CLEANUP(provider_evidence_deinit) struct provider_evidence evidence = PROVIDER_EVIDENCE_NULL;
	const uint8_t data[PROVIDER_REPORT_DATA_SIZE] = {0};

	error_clear(error);
	return provider_collect(&config, data, &evidence, error);
}

START_TEST(what_is_no_device)
{
	char path[] = "/tmp/test_sev_guest.XXXXXX";
	struct error error = ERROR_NULL;
	int fd = mkstemp(path);

	ck_assert_int_eq(collect("sev-guest", "/nonexistent/sev-guest", PROVIDER_VMPL_OWN, &error), PROVIDER_E_ABSENT);
	ck_assert_ptr_nonnull(strstr(error_text(&error), "modprobe"));
	ck_assert_int_ge(fd, 0);
	(void)close(fd);
	ck_assert_int_eq(collect("sev-guest", path, PROVIDER_VMPL_OWN, &error), PROVIDER_E_ABSENT);
	ck_assert_ptr_nonnull(strstr(error_text(&error), "not a device"));
	if (geteuid() != 0) {
		ck_assert_int_eq(chmod(path, 0), 0);
		ck_assert_int_eq(collect("sev-guest", path, PROVIDER_VMPL_OWN, &error), PROVIDER_E_FAILED);
	}
	(void)unlink(path);
	/* A device that knows no such request says so as one whose key is gone. */
	ck_assert_int_eq(collect("sev-guest", "/dev/null", PROVIDER_VMPL_OWN, &error), PROVIDER_E_FAILED);
	ck_assert_ptr_nonnull(strstr(error_text(&error), "VMPCK"));
	ck_assert_int_eq(collect("sev-guest", "/dev/null", 4, &error), -EINVAL);
}
END_TEST

/* `auto` says of each why it was passed over. */
START_TEST(auto_says_why)
{
	struct error error = ERROR_NULL;

	ck_assert_int_eq(collect("auto", "/nonexistent/sev-guest", PROVIDER_VMPL_OWN, &error), PROVIDER_E_ABSENT);
	ck_assert_ptr_nonnull(strstr(error_text(&error), "tsm: /nonexistent/tsm is not there"));
	ck_assert_ptr_nonnull(strstr(error_text(&error), "sev-guest: /nonexistent/sev-guest is not there"));
	ck_assert_int_eq(collect(NULL, "/dev/null", PROVIDER_VMPL_OWN, &error), PROVIDER_E_FAILED);
	ck_assert_ptr_nonnull(strstr(error_text(&error), "tsm: /nonexistent/tsm is not there"));
	ck_assert_ptr_nonnull(strstr(error_text(&error), "VMPCK"));
	ck_assert_int_eq(collect("sev", "/dev/null", PROVIDER_VMPL_OWN, &error), -EINVAL);
	ck_assert_ptr_nonnull(strstr(error_text(&error), "auto, tsm, sev-guest"));
}
END_TEST

static Suite *suite(void)
{
	Suite *all = suite_create("sev_guest");
	TCase *cases = tcase_create("provider");

	tcase_add_test(cases, report_and_table);
	tcase_add_test(cases, throttled_requests_are_sent_again);
	tcase_add_test(cases, throttled_for_ever);
	tcase_add_test(cases, table_needs_more_room);
	tcase_add_loop_test(cases, report_without_table, 0, (int)ARRAY_SIZE(no_tables));
	tcase_add_test(cases, no_endless_growth);
	tcase_add_loop_test(cases, failure, 0, (int)ARRAY_SIZE(failures));
	tcase_add_test(cases, response_is_bounded);
	tcase_add_test(cases, table_is_cut);
	tcase_add_test(cases, what_is_no_device);
	tcase_add_test(cases, auto_says_why);
	suite_add_tcase(all, cases);
	return all;
}

int main(void)
{
	SRunner *runner = srunner_create(suite());
	int failed;

	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? 1 : 0;
}
