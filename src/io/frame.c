/* SPDX-License-Identifier: Apache-2.0 */
#include "io/frame.h"

#include <errno.h>

#include "io/evidence_frame.h"
#include "io/fetch_frame.h"
#include "io/http_frame.h"
#include "io/luks_frame.h"

#define HTTP_REQUEST_CAP (2 * HTTP_FRAME_HEADER_MAX + HTTP_FRAME_PATH_MAX + HTTP_FRAME_PEER_MAX + HTTP_FRAME_REQUEST_BODY_MAX + 32)
#define HTTP_RESPONSE_CAP (HTTP_FRAME_HEADER_MAX + HTTP_FRAME_TYPE_MAX + HTTP_FRAME_RESPONSE_BODY_MAX + 32)
#define FETCH_REQUEST_CAP                                                                                                                  \
	(FETCH_FRAME_ORIGIN_MAX + FETCH_FRAME_PATH_MAX + 2 * HTTP_FRAME_HEADER_MAX + FETCH_FRAME_TYPE_MAX + HTTP_FRAME_REQUEST_BODY_MAX + 32)
#define FETCH_RESPONSE_CAP (FETCH_COOKIE_MAX + FETCH_FRAME_TYPE_MAX + FETCH_FRAME_ERROR_MAX + FETCH_BODY_MAX + 32)
#define ADMIN_CAP ((uint32_t)33 << 20) /* a policy of 16 MiB as a JSON string, each character escaped: JSON_TEXT_MAX */
#define EVIDENCE_REQUEST_CAP (EVIDENCE_FRAME_REPORT_DATA_SIZE + EVIDENCE_FRAME_PROVIDER_MAX + 2)
#define EVIDENCE_RESPONSE_CAP (2 * EVIDENCE_FRAME_TEXT_MAX + EVIDENCE_FRAME_PROVIDER_MAX + EVIDENCE_FRAME_REPORT_MAX + EVIDENCE_FRAME_TABLE_MAX + 16)

static const struct {
	const char *name;
	uint32_t cap;
} types[] = {
	[FRAME_HTTP_REQUEST] = {"http-request", (uint32_t)HTTP_REQUEST_CAP},
	[FRAME_HTTP_RESPONSE] = {"http-response", (uint32_t)HTTP_RESPONSE_CAP},
	[FRAME_ADMIN_REQUEST] = {"admin-request", ADMIN_CAP},
	[FRAME_ADMIN_RESPONSE] = {"admin-response", ADMIN_CAP},
	[FRAME_ADMIN_SECRET] = {"admin-secret", (uint32_t)SECRET_MAX},
	[FRAME_ADMIN_KEY] = {"admin-key", 4096},
	[FRAME_STATUS_REQUEST] = {"status-request", HTTP_FRAME_PATH_MAX},
	[FRAME_STATUS_RESPONSE] = {"status-response", (uint32_t)HTTP_RESPONSE_CAP},
	[FRAME_FETCH_REQUEST] = {"fetch-request", (uint32_t)FETCH_REQUEST_CAP},
	[FRAME_FETCH_RESPONSE] = {"fetch-response", (uint32_t)FETCH_RESPONSE_CAP},
	[FRAME_EVIDENCE_REQUEST] = {"evidence-request", (uint32_t)EVIDENCE_REQUEST_CAP},
	[FRAME_EVIDENCE_RESPONSE] = {"evidence-response", (uint32_t)EVIDENCE_RESPONSE_CAP},
	[FRAME_LUKS_REQUEST] = {"luks-request", VOLUME_NAME_MAX},
	[FRAME_LUKS_RESPONSE] = {"luks-response", LUKS_FRAME_RESPONSE_MAX},
};

uint32_t frame_cap(unsigned type)
{
	return type < ARRAY_SIZE(types) ? types[type].cap : 0;
}

const char *frame_type_name(unsigned type)
{
	return frame_cap(type) ? types[type].name : "unknown";
}

bool frame_is_request(unsigned type)
{
	return type & 1;
}

const char *frame_error_text(int outcome)
{
	switch (outcome) {
	case FRAME_E_SHORT:
		return "shorter than a header";
	case FRAME_E_TYPE:
		return "a type that this end does not take";
	case FRAME_E_RESERVED:
		return "reserved field not zero";
	case FRAME_E_SIZE:
		return "larger than its type allows";
	case FRAME_E_ID:
		return "an answer to no request, or a request id twice";
	case FRAME_E_FLOOD:
		return "too many requests in flight";
	}
	return "unknown";
}

int frame_header_decode(struct bytes input, uint32_t accept, struct frame_header *ret)
{
	struct reader reader;
	uint32_t size;
	uint32_t id;
	uint16_t type;
	uint16_t zero;

	reader_init(&reader, input);
	size = reader_u32le(&reader);
	type = reader_u16le(&reader);
	zero = reader_u16le(&reader);
	id = reader_u32le(&reader);
	if (!reader_ok(&reader))
		return FRAME_E_SHORT;
	if (frame_cap(type) == 0 || !(accept & FRAME_BIT(type)))
		return FRAME_E_TYPE;
	if (zero != 0)
		return FRAME_E_RESERVED;
	if (size > frame_cap(type))
		return FRAME_E_SIZE;
	*ret = (struct frame_header){size, (enum frame_type)type, id};
	return 0;
}

int frame_encode(struct buf *to, enum frame_type type, uint32_t id, struct bytes payload)
{
	size_t before = to->size;
	int r;

	if (frame_cap(type) == 0)
		return -EINVAL;
	if (payload.size > frame_cap(type))
		return -EMSGSIZE;
	r = buf_reserve(to, FRAME_HEADER_SIZE + payload.size);
	if (!r)
		r = buf_u32le(to, (uint32_t)payload.size);
	if (!r)
		r = buf_u16le(to, (uint16_t)type);
	if (!r)
		r = buf_u16le(to, 0);
	if (!r)
		r = buf_u32le(to, id);
	if (!r)
		r = buf_append(to, payload.data, payload.size);
	if (r)
		to->size = before;
	return r;
}
