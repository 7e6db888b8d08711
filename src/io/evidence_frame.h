/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * What a FRAME_EVIDENCE_REQUEST and a FRAME_EVIDENCE_RESPONSE carry, between sevattestd and sevattest-evidence. Little endian, in this order:
 *
 *   request:   64 bytes report data, i8 vmpl, u8 size + provider
 *   response:  u8 outcome, u16 size + error text, u8 size + provider, u32 size + report, u32 size + certificate table, u16 size + note
 *
 * `vmpl` is 0..3, or -1 for the guest's own. `provider` of a request is what the configuration says ("auto", "tsm", "sev-guest"; empty: the helper's own
 * configuration), of a response who gave the report. An outcome other than 0 comes with an error text and no report.
 */
#include <stdint.h>

#include "base/bytes.h"
#include "base/compiler.h"

#define EVIDENCE_FRAME_REPORT_DATA_SIZE 64
#define EVIDENCE_FRAME_PROVIDER_MAX 32
#define EVIDENCE_FRAME_TEXT_MAX 1024
#define EVIDENCE_FRAME_REPORT_MAX ((size_t)64 << 10) /* an SNP report has 1184 bytes; a vTPM's answer several parts */
#define EVIDENCE_FRAME_TABLE_MAX ((size_t)256 << 10) /* Linux passes at most 16 KiB */
#define EVIDENCE_FRAME_VMPL_OWN (-1)

/* What came of it; numbers as on the wire. */
enum evidence_outcome {
	EVIDENCE_OK = 0,
	EVIDENCE_ABSENT = 1, /* no source of evidence on this machine */
	EVIDENCE_TEMPORARY,  /* busy or interrupted: try again */
	EVIDENCE_FAILED,     /* it is there and cannot be used; the text says what to do */
	EVIDENCE_WRONG,      /* what came is not what was asked for */
	EVIDENCE_INTERNAL,   /* the helper itself failed, or its configuration is bad */
	EVIDENCE_OUTCOME_MAX = EVIDENCE_INTERNAL,
};

/* What is wrong with a payload; the connection must be closed. */
enum {
	EVIDENCE_FRAME_E_TRUNCATED = 1, /* or trailing bytes */
	EVIDENCE_FRAME_E_VMPL,
	EVIDENCE_FRAME_E_OUTCOME, /* unknown, or one that does not fit what comes with it */
	EVIDENCE_FRAME_E_TEXT,    /* control characters */
	EVIDENCE_FRAME_E_SIZE,    /* past one of the limits above */
};

/* All views point into the payload. */
struct evidence_frame_request {
	uint8_t report_data[EVIDENCE_FRAME_REPORT_DATA_SIZE];
	int vmpl;
	struct bytes provider;
};

struct evidence_frame_response {
	enum evidence_outcome outcome;
	struct bytes error;
	struct bytes provider;
	struct bytes report;
	struct bytes cert_table;
	struct bytes note;
};

/* Append the payload (without the frame header). 0, -EINVAL (a field that the decoder would refuse), -ENOMEM. */
int evidence_frame_request_encode(struct buf *to, const struct evidence_frame_request *request) MUST_CHECK;
int evidence_frame_response_encode(struct buf *to, const struct evidence_frame_response *response) MUST_CHECK;

/* 0 or EVIDENCE_FRAME_E_*. */
int evidence_frame_request_decode(struct bytes payload, struct evidence_frame_request *ret) MUST_CHECK;
int evidence_frame_response_decode(struct bytes payload, struct evidence_frame_response *ret) MUST_CHECK;
