/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * The interface of /dev/sev-guest in our own words (spec/snp.md 3.1 to 3.3), and what its answers mean. No I/O: bytes and numbers in,
 * verdict out. What lies in the response and in the table of certificates is the host's until a signature says otherwise.
 */
#include <linux/ioctl.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/bytes.h"
#include "base/compiler.h"

#define SEV_GUEST_MESSAGE_VERSION 1 /* 0 gives EINVAL (3.2) */
#define SEV_GUEST_REPORT_DATA_SIZE 64
#define SEV_GUEST_RESPONSE_SIZE 4000 /* struct snp_report_resp */
#define SEV_GUEST_HEADER_SIZE 32     /* of MSG_REPORT_RSP: status, size, reserved (3.1) */
#define SEV_GUEST_REPORT_SIZE 1184
#define SEV_GUEST_TABLE_FIRST ((uint32_t)0x4000) /* what is asked for first: SEV_FW_BLOB_MAX_SIZE, the most that Linux takes today */
#define SEV_GUEST_TABLE_MAX ((uint32_t)0x20000)  /* a host that wants more gets none */
#define SEV_GUEST_TABLE_UNIT ((uint32_t)4096)

/* struct snp_guest_request_ioctl, 32 bytes. */
struct sev_guest_request {
	uint8_t message_version;
	uint8_t pad[7];
	uint64_t request;        /* address */
	uint64_t response;       /* address */
	uint32_t firmware_error; /* exitinfo2, low half. The kernel writes it back only when it is not 0: zero it first */
	uint32_t vmm_error;
};

/* struct snp_report_req, 96 bytes: MSG_REPORT_REQ as it is. */
struct sev_guest_report_request {
	uint8_t report_data[SEV_GUEST_REPORT_DATA_SIZE];
	uint32_t vmpl;
	uint32_t key_select; /* 0: VLEK if the host has one, else VCEK */
	uint8_t reserved[24];
};

/* struct snp_ext_report_req, 112 bytes. */
struct sev_guest_extended_request {
	struct sev_guest_report_request report;
	uint64_t table; /* address */
	uint32_t table_size;
	uint32_t pad;
};

#define SEV_GUEST_GET_REPORT _IOWR('S', 0, struct sev_guest_request)          /* 0xC0205300 */
#define SEV_GUEST_GET_EXTENDED_REPORT _IOWR('S', 2, struct sev_guest_request) /* 0xC0205302 */

_Static_assert(sizeof(struct sev_guest_request) == 32, "struct snp_guest_request_ioctl");
_Static_assert(sizeof(struct sev_guest_report_request) == 96, "struct snp_report_req");
_Static_assert(sizeof(struct sev_guest_extended_request) == 112, "struct snp_ext_report_req");
_Static_assert(SEV_GUEST_GET_REPORT == 0xC0205300U && SEV_GUEST_GET_EXTENDED_REPORT == 0xC0205302U, "numbers of the requests");

/* vmm_error (GHCB): */
enum { SEV_GUEST_VMM_INVALID_LENGTH = 1, SEV_GUEST_VMM_BUSY = 2 };

/* What one call of ioctl(2) came to. */
enum sev_guest_next {
	SEV_GUEST_ANSWERED,    /* there is a response to look at */
	SEV_GUEST_AGAIN,       /* the host throttles, or a signal came: the identical request once more, later */
	SEV_GUEST_TABLE_SMALL, /* the table needs more room; the message key is whole */
	SEV_GUEST_NO_TABLE,    /* the kernel takes no table of that size */
	SEV_GUEST_FAILED,      /* sev_guest_failure() says how */
};

/*
 * `code` is 0 or the errno of ioctl(2); `table_size` what was offered for certificates, 0 for SNP_GET_REPORT. Only a request that did not use
 * up its sequence number is sent again: everything else may have cost the message key, and asking on would not bring it back.
 */
enum sev_guest_next sev_guest_next(int code, const struct sev_guest_request *request, uint32_t table_size);

/* Why it failed, for a person; never NULL. `code` as above. */
const char *sev_guest_failure(int code, const struct sev_guest_request *request);

/* May the table have `told` bytes in the next try, after `offered`? Whole pages, more than before, SEV_GUEST_TABLE_MAX at most. */
bool sev_guest_table_size_ok(uint32_t told, uint32_t offered);

/* Milliseconds before the `n`-th repetition (from 0), or 0: enough of it. A minute altogether, as long as the kernel itself tries. */
unsigned sev_guest_pause_ms(unsigned n);

/* What is wrong with a response. */
enum {
	SEV_GUEST_E_TRUNCATED = 1,
	SEV_GUEST_E_PARAMETER, /* status 0x16: report data, VMPL or key selection refused */
	SEV_GUEST_E_KEY,       /* status 0x27: no key of the kind that was asked for */
	SEV_GUEST_E_STATUS,    /* any other */
	SEV_GUEST_E_SIZE,      /* of the report */
	SEV_GUEST_E_RESERVED,  /* the header's reserved bytes are not zero */
	SEV_GUEST_E_DATA,      /* the report is over other report data */
};

/* The firmware's answer to `report_data`: the view of the report in it. 0 or SEV_GUEST_E_*, with the status in `ret_status` in any case. */
int sev_guest_response_read(struct bytes response, const uint8_t report_data[static SEV_GUEST_REPORT_DATA_SIZE], struct bytes *ret_report,
	uint32_t *ret_status) MUST_CHECK;

/*
 * How much of the buffer the table of certificates takes (3.3), as configfs-tsm cuts it: 0 where the host gave none, all of it where the table
 * does not end or points outside, so that whoever reads it says what is wrong.
 */
size_t sev_guest_table_used(struct bytes buffer);
