/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * What a FRAME_HTTP_REQUEST and a FRAME_HTTP_RESPONSE carry: only those parts of HTTP that the broker decides on. httpd has parsed the
 * HTTP; brokerd still trusts none of it. Little endian, in this order:
 *
 *   request:   u8 method, u16 size + path, u16 size + cookie, u16 size + authorization, u8 size + peer, u32 size + body
 *   response:  u16 status, u16 size + set-cookie, u8 size + content-type, u32 retry-after, u32 size + body
 *
 * `path` begins with "/", has no query, and is percent-decoded once; httpd has refused %2F (a segment that is none) and control
 * characters with 400, and the decoder refuses control characters again. `cookie` and `authorization` are the header values as received.
 * `peer` is an address for logs and rate limits: a hint of an untrusted process, never a fact.
 */
#include <stdint.h>

#include "base/bytes.h"
#include "base/compiler.h"

#define HTTP_FRAME_PATH_MAX 1024             /* four segments of 128 and room */
#define HTTP_FRAME_HEADER_MAX ((size_t)16384) /* cookie, authorization: our token has 3 KiB of state, Trustee's EAR 8 KiB */
#define HTTP_FRAME_PEER_MAX 64
#define HTTP_FRAME_TYPE_MAX 64
#define HTTP_FRAME_REQUEST_BODY_MAX ((size_t)2 << 20) /* event log of 1 MiB in base64, evidence and certificates; Trustee's limit as well */
#define HTTP_FRAME_RESPONSE_BODY_MAX ((size_t)3 << 20) /* JWE of a secret of 1 MiB: base64 in JSON */

enum http_method { HTTP_GET = 1, HTTP_POST = 2, HTTP_PUT = 3, HTTP_DELETE = 4 };

/* HTTP_FRAME_E_*: what is wrong with a payload; the link must be closed. */
enum {
	HTTP_FRAME_E_TRUNCATED = 1, /* or trailing bytes */
	HTTP_FRAME_E_METHOD,
	HTTP_FRAME_E_PATH,
	HTTP_FRAME_E_TEXT, /* a header or address with control characters */
	HTTP_FRAME_E_SIZE, /* past one of the limits above */
	HTTP_FRAME_E_STATUS,
};

/* All views point into the payload. Absent fields are empty. */
struct http_frame_request {
	enum http_method method;
	struct bytes path;
	struct bytes cookie;
	struct bytes authorization;
	struct bytes peer;
	struct bytes body;
};

struct http_frame_response {
	uint16_t status; /* 200..599 */
	struct bytes set_cookie;
	struct bytes content_type;
	uint32_t retry_after; /* seconds; 0: no such header */
	struct bytes body;
};

const char *http_method_text(enum http_method method); /* "GET" */

/* Append the payload (without the frame header). 0, -EINVAL (a field that the decoder would refuse), -ENOMEM. */
int http_frame_request_encode(struct buf *to, const struct http_frame_request *request) MUST_CHECK;
int http_frame_response_encode(struct buf *to, const struct http_frame_response *response) MUST_CHECK;

/* 0 or HTTP_FRAME_E_*. */
int http_frame_request_decode(struct bytes payload, struct http_frame_request *ret) MUST_CHECK;
int http_frame_response_decode(struct bytes payload, struct http_frame_response *ret) MUST_CHECK;
