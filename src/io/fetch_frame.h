/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * What a FRAME_FETCH_REQUEST and a FRAME_FETCH_RESPONSE carry between a daemon without network and its sevattest-netd. The request names a
 * configured origin and a path, never a URL: where an origin is, and who may speak for it, only netd's configuration says. Pure. Little
 * endian, in this order:
 *
 *   request:   u8 size + origin, u8 method, u16 size + path, u16 size + cookie, u16 size + authorization, u8 size + content type,
 *              u32 answer max, u32 timeout ms, u32 size + body
 *   response:  u8 outcome, u16 status, u16 size + set-cookie, u8 size + content type, u32 retry-after, u8 reused, u16 size + error text,
 *              u32 size + body
 *
 * An answer comes from the network through a process that a bug may have given away: its reader trusts none of it.
 */
#include <stdbool.h>
#include <stdint.h>

#include "base/bytes.h"
#include "base/compiler.h"
#include "io/fetch_outcome.h"
#include "io/http_frame.h"

#define FETCH_FRAME_ORIGIN_MAX 32    /* "broker-1", "broker-2" ..., in the order of Url= lines; "kds"; "imds" */
#define FETCH_FRAME_PATH_MAX 1024    /* with the query; a KBS path has 530 characters at most, a VCEK's 220 */
#define FETCH_FRAME_TYPE_MAX 127
#define FETCH_FRAME_ERROR_MAX 511    /* what a struct error holds */
#define FETCH_FRAME_TIMEOUT_MAX_MS 600000

/* FETCH_FRAME_E_*: what is wrong with a payload; the link must be closed. */
enum {
	FETCH_FRAME_E_TRUNCATED = 1, /* or trailing bytes */
	FETCH_FRAME_E_ORIGIN,        /* not 1..32 of a-z, 0-9 and "-" */
	FETCH_FRAME_E_METHOD,
	FETCH_FRAME_E_PATH,    /* no "/" in front, or something but visible ASCII, or a fragment */
	FETCH_FRAME_E_TEXT,    /* a header with control characters */
	FETCH_FRAME_E_SIZE,    /* past one of the limits */
	FETCH_FRAME_E_LIMIT,   /* answer max or timeout of 0 or past the most */
	FETCH_FRAME_E_OUTCOME, /* none of FETCH_E_*, or a status, header or body beside one */
	FETCH_FRAME_E_STATUS,  /* outcome 0 and not 200..599 */
};

/* All views point into the payload. Absent fields are empty. */
struct fetch_frame_request {
	struct bytes origin;
	enum http_method method;
	struct bytes path; /* with its query */
	struct bytes cookie;
	struct bytes authorization;
	struct bytes content_type;
	uint32_t answer_max; /* bytes of the answer's body, 1..FETCH_BODY_MAX */
	uint32_t timeout_ms; /* for the whole exchange, 1..FETCH_FRAME_TIMEOUT_MAX_MS */
	struct bytes body;   /* at most HTTP_FRAME_REQUEST_BODY_MAX */
};

struct fetch_frame_response {
	uint8_t outcome; /* 0, or FETCH_E_*: then only `error_text` is filled */
	uint16_t status; /* 200..599 */
	struct bytes set_cookie; /* at most FETCH_COOKIE_MAX */
	struct bytes content_type;
	uint32_t retry_after; /* seconds; 0: none */
	bool reused;          /* the connection of an exchange before */
	struct bytes error_text; /* for a log, through text_printable() */
	struct bytes body;       /* at most FETCH_BODY_MAX */
};

/* Append the payload (without the frame header). 0, -EINVAL (a field that the decoder would refuse), -ENOMEM. */
int fetch_frame_request_encode(struct buf *to, const struct fetch_frame_request *request) MUST_CHECK;
int fetch_frame_response_encode(struct buf *to, const struct fetch_frame_response *response) MUST_CHECK;

/* 0 or FETCH_FRAME_E_*. */
int fetch_frame_request_decode(struct bytes payload, struct fetch_frame_request *ret) MUST_CHECK;
int fetch_frame_response_decode(struct bytes payload, struct fetch_frame_response *ret) MUST_CHECK;
