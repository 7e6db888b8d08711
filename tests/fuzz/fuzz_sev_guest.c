/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What /dev/sev-guest writes: the firmware's response, and the buffer with the host's table of certificates.
 *
 * planted: reader sev_guest_table_used|sev_guest_response_read
 */
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
		abort();
	if (memcmp(data + REPORT_DATA_AT, report_data, SEV_GUEST_REPORT_DATA_SIZE) != 0)
		abort();
}

/* Cutting the buffer must not change what the table says. */
static void table(const uint8_t *data, size_t size)
{
	struct snp_table_entry entries[SNP_TABLE_ENTRIES_MAX];
	struct error error = ERROR_NULL;
	size_t whole = 0, cut = 0, used = sev_guest_table_used(bytes_of(data, size));

	if (used > size)
		abort();
	if (!used || snp_table_read(bytes_of(data, size), entries, &whole, &error))
		return;
	if (snp_table_read(bytes_of(data, used), entries, &cut, &error) || cut != whole)
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const uint8_t zeros[SEV_GUEST_REPORT_DATA_SIZE];

	response(data, size, zeros);
	if (size >= REPORT_DATA_AT + SEV_GUEST_REPORT_DATA_SIZE)
		response(data, size, data + REPORT_DATA_AT);
	table(data, size);
	return 0;
}
