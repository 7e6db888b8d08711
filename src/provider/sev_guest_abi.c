/* SPDX-License-Identifier: Apache-2.0 */
#include "provider/sev_guest_abi.h"

#include <errno.h>
#include <string.h>

#define REPORT_DATA_OFFSET 0x50
#define STATUS_PARAMETER 0x16
#define STATUS_KEY 0x27
#define TABLE_ENTRY_SIZE 24
#define TABLE_GUID_SIZE 16
#define FIRMWARE_SEQUENCE 0x1d /* AEAD_OFLOW: the sequence numbers of guest and firmware differ */

enum sev_guest_next sev_guest_next(int code, const struct sev_guest_request *request, uint32_t table_size)
{
	switch (code) {
	case 0:
		return SEV_GUEST_ANSWERED;
	case EAGAIN:
	case EBUSY:
	case EINTR:
		return SEV_GUEST_AGAIN;
	case EINVAL:
		/* Of a request that is well-formed otherwise. */
		return table_size > SEV_GUEST_TABLE_FIRST ? SEV_GUEST_NO_TABLE : SEV_GUEST_FAILED;
	case EIO:
		if (request->vmm_error == SEV_GUEST_VMM_INVALID_LENGTH && table_size)
			return SEV_GUEST_TABLE_SMALL;
		return request->vmm_error == SEV_GUEST_VMM_BUSY ? SEV_GUEST_AGAIN : SEV_GUEST_FAILED;
	default:
		return SEV_GUEST_FAILED;
	}
}

const char *sev_guest_failure(int code, const struct sev_guest_request *request)
{
	switch (code) {
	case EAGAIN:
	case EBUSY:
	case EINTR:
		return "the host throttled the request for a minute; try again later";
	case ENOTTY:
		return "the guest's message key (VMPCK) is disabled after an earlier error: restart the guest";
	case ETIMEDOUT:
		return "the host throttled the request until the kernel gave up; the guest's message key may be disabled now: restart the "
		       "guest";
	case EBADMSG:
		return "the host or the firmware sent a message that does not authenticate; the message key is disabled now: restart the "
		       "guest";
	case EINVAL:
		return "the kernel refused the request; see the kernel log";
	case EACCES:
	case EPERM:
		return "permission denied: it needs root, or the sandbox of this program does not name the device";
	case EIO:
		break;
	default:
		return "unexpected; see the kernel log";
	}
	if (request->vmm_error == SEV_GUEST_VMM_BUSY)
		return "the host throttled the request for a minute; try again later";
	if (request->vmm_error)
		return "the host's hypervisor refused the request; the message key may be disabled now: see the kernel log, restart the "
		       "guest";
	if (request->firmware_error == FIRMWARE_SEQUENCE)
		return "guest and firmware disagree on the sequence of messages; the message key is disabled now: restart the guest";
	return "the firmware answered with an error; the message key may be disabled now: see the kernel log, restart the guest";
}

bool sev_guest_table_size_ok(uint32_t told, uint32_t offered)
{
	return told > offered && told <= SEV_GUEST_TABLE_MAX && told % SEV_GUEST_TABLE_UNIT == 0;
}

unsigned sev_guest_pause_ms(unsigned n)
{
	static const unsigned pauses[] = {2000, 4000, 8000, 16000, 30000}; /* 2 s: the kernel's own pause */

	return n < ARRAY_SIZE(pauses) ? pauses[n] : 0;
}

static int status_error(uint32_t status)
{
	switch (status) {
	case 0:
		return 0;
	case STATUS_PARAMETER:
		return SEV_GUEST_E_PARAMETER;
	case STATUS_KEY:
		return SEV_GUEST_E_KEY;
	default:
		return SEV_GUEST_E_STATUS;
	}
}

int sev_guest_response_read(
	struct bytes response, const uint8_t report_data[static SEV_GUEST_REPORT_DATA_SIZE], struct bytes *ret_report, uint32_t *ret_status)
{
	struct bytes report;
	struct reader reader;
	uint32_t size;
	int r;

	reader_init(&reader, response);
	*ret_status = reader_u32le(&reader);
	size = reader_u32le(&reader);
	if (!reader_ok(&reader))
		return SEV_GUEST_E_TRUNCATED;
	/* First of all: with another status the rest is zero or partial. */
	r = status_error(*ret_status);
	if (r)
		return r;
	if (size != SEV_GUEST_REPORT_SIZE)
		return SEV_GUEST_E_SIZE;
	if (!reader_zeros(&reader, SEV_GUEST_HEADER_SIZE - 2 * sizeof(uint32_t)))
		return reader_ok(&reader) ? SEV_GUEST_E_RESERVED : SEV_GUEST_E_TRUNCATED;
	report = reader_bytes(&reader, SEV_GUEST_REPORT_SIZE);
	if (!reader_ok(&reader))
		return SEV_GUEST_E_TRUNCATED;
	if (memcmp(report.data + REPORT_DATA_OFFSET, report_data, SEV_GUEST_REPORT_DATA_SIZE) != 0)
		return SEV_GUEST_E_DATA;
	*ret_report = report;
	return 0;
}

size_t sev_guest_table_used(struct bytes buffer)
{
	struct reader reader;
	uint64_t end = 0;

	reader_init(&reader, buffer);
	for (;;) {
		struct bytes guid = reader_bytes(&reader, TABLE_GUID_SIZE);
		uint64_t offset = reader_u32le(&reader), size = reader_u32le(&reader);

		if (!reader_ok(&reader))
			return buffer.size; /* it does not end */
		if (bytes_all_zero(guid.data, guid.size))
			break;
		end = offset + size > end ? offset + size : end;
	}
	if (reader_left(&reader) + TABLE_ENTRY_SIZE == buffer.size)
		return 0; /* no entry at all */
	if (end > buffer.size)
		return buffer.size;
	/* The entries themselves, with the one that ends them. */
	return end > buffer.size - reader_left(&reader) ? (size_t)end : buffer.size - reader_left(&reader);
}
