/* SPDX-License-Identifier: Apache-2.0 */
#include "provider/sev_guest_exchange.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

/* What the kernel writes into: much too large for a stack, and zero before each call. */
struct exchange {
	const struct sev_guest_transport *transport;
	struct sev_guest_extended_request wanted;
	uint8_t response[SEV_GUEST_RESPONSE_SIZE];
	struct sev_guest_request last; /* its numbers, for messages */
	unsigned pauses;               /* made so far: one minute for all requests together */
	int code;                      /* errno of the last call */
};

static uint64_t address_of(const void *memory)
{
	return (uint64_t)(uintptr_t)memory;
}

/* The request until it is answered or given up. With a `table`, the host's certificates too. */
static enum sev_guest_next call(struct exchange *exchange, const struct buf *table)
{
	const uint32_t table_size = table ? (uint32_t)table->size : 0;

	for (;;) {
		enum sev_guest_next next;
		unsigned pause;

		memset(exchange->response, 0, sizeof(exchange->response));
		exchange->wanted.table = table ? address_of(table->data) : 0;
		exchange->wanted.table_size = table_size;
		exchange->last = (struct sev_guest_request){
			.message_version = SEV_GUEST_MESSAGE_VERSION,
			.request = table ? address_of(&exchange->wanted) : address_of(&exchange->wanted.report),
			.response = address_of(exchange->response),
		};
		exchange->code = exchange->transport->call(
			exchange->transport->context, table ? SEV_GUEST_GET_EXTENDED_REPORT : SEV_GUEST_GET_REPORT, &exchange->last);
		next = sev_guest_next(exchange->code, &exchange->last, table_size);
		if (next != SEV_GUEST_AGAIN)
			return next;
		pause = sev_guest_pause_ms(exchange->pauses);
		if (!pause)
			return next;
		exchange->pauses++;
		exchange->transport->pause(exchange->transport->context, pause);
	}
}

static int table_make(struct buf *table, uint32_t size)
{
	buf_deinit(table);
	if (buf_reserve(table, size))
		return -ENOMEM;
	memset(table->data, 0, size);
	table->size = size;
	return 0;
}

/* With certificates: once, and once more if the host says how large its table is. -ENOMEM, or enum sev_guest_next. */
static int call_with_table(struct exchange *exchange, struct buf *table)
{
	int next = table_make(table, SEV_GUEST_TABLE_FIRST);

	if (next)
		return next;
	next = (int)call(exchange, table);
	if (next != SEV_GUEST_TABLE_SMALL || !sev_guest_table_size_ok(exchange->wanted.table_size, SEV_GUEST_TABLE_FIRST))
		return next;
	next = table_make(table, exchange->wanted.table_size);
	return next ? next : (int)call(exchange, table);
}

/* Whether the firmware answered, or why not. */
static int outcome(const struct exchange *exchange, enum sev_guest_next next, struct error *error)
{
	const char *why = sev_guest_failure(exchange->code, &exchange->last);

	if (next == SEV_GUEST_ANSWERED)
		return 0;
	return error_set(error, next == SEV_GUEST_AGAIN ? PROVIDER_E_TEMPORARY : PROVIDER_E_FAILED,
		"%s (firmware 0x%x, hypervisor 0x%x): %s", strerror(exchange->code), exchange->last.firmware_error,
		exchange->last.vmm_error, why);
}

static int response_failed(int r, uint32_t status, unsigned vmpl, struct error *error)
{
	switch (r) {
	case SEV_GUEST_E_PARAMETER:
		return error_set(error, PROVIDER_E_FAILED,
			"the firmware refused the request (status 0x%x): VMPL %u is below the guest's own, or it has no such key", status,
			vmpl);
	case SEV_GUEST_E_KEY:
		return error_set(error, PROVIDER_E_FAILED,
			"the firmware has no key to sign with (status 0x%x): the host disabled the VCEK and installed no VLEK", status);
	case SEV_GUEST_E_STATUS:
		return error_set(error, PROVIDER_E_FAILED, "the firmware answered with status 0x%x", status);
	case SEV_GUEST_E_SIZE:
		return error_set(
			error, PROVIDER_E_WRONG, "the firmware's answer does not hold a report of %d bytes", SEV_GUEST_REPORT_SIZE);
	case SEV_GUEST_E_DATA:
		return error_set(error, PROVIDER_E_WRONG, "it is a report for other report data than was asked for");
	default:
		return error_set(error, PROVIDER_E_WRONG, "the firmware's answer is malformed");
	}
}

int sev_guest_exchange(const struct sev_guest_transport *transport, const uint8_t report_data[static PROVIDER_REPORT_DATA_SIZE],
	unsigned vmpl, struct provider_evidence *ret, struct error *error)
{
	struct exchange exchange = {.transport = transport, .wanted.report.vmpl = vmpl};
	CLEANUP(buf_deinit) struct buf table = BUF_NULL;
	struct bytes report = {NULL, 0};
	uint32_t status;
	int next, r;

	memcpy(exchange.wanted.report.report_data, report_data, PROVIDER_REPORT_DATA_SIZE);
	next = call_with_table(&exchange, &table);
	if (next == SEV_GUEST_TABLE_SMALL || next == SEV_GUEST_NO_TABLE) {
		(void)snprintf(ret->note, sizeof(ret->note), "the host's certificates are left out: they need %u bytes, more than fit",
			exchange.wanted.table_size);
		buf_deinit(&table);
		next = (int)call(&exchange, NULL);
	}
	if (next < 0)
		return next;
	r = outcome(&exchange, (enum sev_guest_next)next, error);
	if (r)
		return r;
	r = sev_guest_response_read(bytes_of(exchange.response, sizeof(exchange.response)), report_data, &report, &status);
	if (r)
		return response_failed(r, status, vmpl, error);
	r = buf_append(&ret->report, report.data, report.size);
	if (!r)
		r = buf_append(&ret->cert_table, table.data, sev_guest_table_used(buf_view(&table)));
	return r;
}
