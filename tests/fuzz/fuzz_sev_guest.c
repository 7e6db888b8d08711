/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What /dev/sev-guest writes: the firmware's response, the buffer with the host's table of certificates, and the errors.
 *
 * planted: reader sev_guest_table_used|sev_guest_response_read|snp_table_read
 */
#include <errno.h>
#include <stdlib.h>

#include "fuzz.h"
#include "provider/sev_guest_abi.h"
#include "snp/certs.h"

#define REPORT_DATA_AT (SEV_GUEST_HEADER_SIZE + 0x50)

static void response(const uint8_t *data, size_t size, const uint8_t report_data[static SEV_GUEST_REPORT_DATA_SIZE])
{
	struct bytes report = {NULL, 0};
	uint32_t status;

	if (sev_guest_response_read(bytes_of(data, size), report_data, &report, &status))
		return;
	if (status || report.size != SEV_GUEST_REPORT_SIZE || report.data != data + SEV_GUEST_HEADER_SIZE ||
		size < SEV_GUEST_HEADER_SIZE + SEV_GUEST_REPORT_SIZE)
		fuzz_wrong();
	if (memcmp(data + REPORT_DATA_AT, report_data, SEV_GUEST_REPORT_DATA_SIZE) != 0)
		fuzz_wrong();
}

/* Cutting the buffer must not change what the table says. */
static void table(const uint8_t *data, size_t size)
{
	struct snp_table_entry entries[SNP_TABLE_ENTRIES_MAX];
	struct error error = ERROR_NULL;
	size_t whole = 0, cut = 0, used = sev_guest_table_used(bytes_of(data, size));

	if (used > size) {
		fuzz_wrong();
		return;
	}
	if (!used || snp_table_read(bytes_of(data, size), entries, &whole, &error))
		return;
	if (snp_table_read(bytes_of(data, used), entries, &cut, &error) || cut != whole)
		fuzz_wrong();
}

/* Every error of the kernel, with what the host says beside it: there is always something to do and something to say. */
static void answer(const uint8_t *data, size_t size)
{
	static const int codes[] = {0, EAGAIN, EBUSY, EINTR, EINVAL, EIO, ENOTTY, ETIMEDOUT, EBADMSG, EACCES, EPERM, ENOSPC};
	struct sev_guest_request request = {.firmware_error = size > 0 ? data[0] : 0, .vmm_error = size > 1 ? data[1] % 4 : 0};
	uint32_t told = size > 2 ? (uint32_t)data[2] << 12 : 0;

	for (size_t i = 0; i < ARRAY_SIZE(codes); i++)
		if (!sev_guest_failure(codes[i], &request)[0] || (sev_guest_next(codes[i], &request, told) == SEV_GUEST_ANSWERED) != (codes[i] == 0))
			fuzz_wrong();
	if (sev_guest_table_size_ok(told, SEV_GUEST_TABLE_FIRST) && told <= SEV_GUEST_TABLE_FIRST)
		fuzz_wrong();
	if (sev_guest_pause_ms(size > 0 ? data[0] : 0) > 30000)
		fuzz_wrong();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const uint8_t zeros[SEV_GUEST_REPORT_DATA_SIZE];

	response(data, size, zeros);
	if (size >= REPORT_DATA_AT + SEV_GUEST_REPORT_DATA_SIZE)
		response(data, size, data + REPORT_DATA_AT);
	table(data, size);
	answer(data, size);
	return 0;
}
