/* SPDX-License-Identifier: Apache-2.0 */
#include "io/fetch_frame.h"

#include <errno.h>

/* What may stand in a header value: no control character, so that nobody smuggles a second header or a log line. */
static bool text_ok(struct bytes text)
{
	for (size_t i = 0; i < text.size; i++)
		if (text.data[i] < 0x20 || text.data[i] == 0x7f)
			return false;
	return true;
}

static bool origin_ok(struct bytes origin)
{
	if (origin.size == 0 || origin.size > FETCH_FRAME_ORIGIN_MAX)
		return false;
	for (size_t i = 0; i < origin.size; i++) {
		uint8_t c = origin.data[i];

		if (!((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-'))
			return false;
	}
	return true;
}

/* It is put behind "https://host:port" as it stands. */
static bool path_ok(struct bytes path)
{
	if (path.size == 0 || path.size > FETCH_FRAME_PATH_MAX || path.data[0] != '/')
		return false;
	for (size_t i = 0; i < path.size; i++)
		if (path.data[i] <= 0x20 || path.data[i] >= 0x7f || path.data[i] == '#' || path.data[i] == '\\')
			return false;
	return true;
}

static int check_request(const struct fetch_frame_request *request)
{
	if (!origin_ok(request->origin))
		return FETCH_FRAME_E_ORIGIN;
	if (request->method < HTTP_GET || request->method > HTTP_DELETE)
		return FETCH_FRAME_E_METHOD;
	if (!path_ok(request->path))
		return FETCH_FRAME_E_PATH;
	if (request->cookie.size > HTTP_FRAME_HEADER_MAX || request->authorization.size > HTTP_FRAME_HEADER_MAX ||
		request->content_type.size > FETCH_FRAME_TYPE_MAX || request->body.size > HTTP_FRAME_REQUEST_BODY_MAX)
		return FETCH_FRAME_E_SIZE;
	if (!text_ok(request->cookie) || !text_ok(request->authorization) || !text_ok(request->content_type))
		return FETCH_FRAME_E_TEXT;
	if (request->answer_max == 0 || request->answer_max > FETCH_BODY_MAX || request->timeout_ms == 0 ||
		request->timeout_ms > FETCH_FRAME_TIMEOUT_MAX_MS)
		return FETCH_FRAME_E_LIMIT;
	return 0;
}

static int check_response(const struct fetch_frame_response *response)
{
	if (response->outcome > FETCH_E_LAST)
		return FETCH_FRAME_E_OUTCOME;
	if (response->outcome && (response->status || response->set_cookie.size || response->content_type.size || response->retry_after ||
					 response->reused || response->body.size))
		return FETCH_FRAME_E_OUTCOME;
	if (!response->outcome && (response->status < 200 || response->status > 599))
		return FETCH_FRAME_E_STATUS;
	if (response->set_cookie.size > FETCH_COOKIE_MAX || response->content_type.size > FETCH_FRAME_TYPE_MAX ||
		response->error_text.size > FETCH_FRAME_ERROR_MAX || response->body.size > FETCH_BODY_MAX)
		return FETCH_FRAME_E_SIZE;
	if (!text_ok(response->set_cookie) || !text_ok(response->content_type) || !text_ok(response->error_text))
		return FETCH_FRAME_E_TEXT;
	return 0;
}

static int put8(struct buf *to, struct bytes field)
{
	int r = buf_u8(to, (uint8_t)field.size);

	return r ? r : buf_append(to, field.data, field.size);
}

static int put16(struct buf *to, struct bytes field)
{
	int r = buf_u16le(to, (uint16_t)field.size);

	return r ? r : buf_append(to, field.data, field.size);
}

static int put32(struct buf *to, struct bytes field)
{
	int r = buf_u32le(to, (uint32_t)field.size);

	return r ? r : buf_append(to, field.data, field.size);
}

int fetch_frame_request_encode(struct buf *to, const struct fetch_frame_request *request)
{
	size_t before = to->size;
	int r;

	if (check_request(request))
		return -EINVAL;
	r = put8(to, request->origin);
	if (!r)
		r = buf_u8(to, (uint8_t)request->method);
	if (!r)
		r = put16(to, request->path);
	if (!r)
		r = put16(to, request->cookie);
	if (!r)
		r = put16(to, request->authorization);
	if (!r)
		r = put8(to, request->content_type);
	if (!r)
		r = buf_u32le(to, request->answer_max);
	if (!r)
		r = buf_u32le(to, request->timeout_ms);
	if (!r)
		r = put32(to, request->body);
	if (r)
		to->size = before;
	return r;
}

int fetch_frame_response_encode(struct buf *to, const struct fetch_frame_response *response)
{
	size_t before = to->size;
	int r;

	if (check_response(response))
		return -EINVAL;
	r = buf_u8(to, response->outcome);
	if (!r)
		r = buf_u16le(to, response->status);
	if (!r)
		r = put16(to, response->set_cookie);
	if (!r)
		r = put8(to, response->content_type);
	if (!r)
		r = buf_u32le(to, response->retry_after);
	if (!r)
		r = buf_u8(to, response->reused);
	if (!r)
		r = put16(to, response->error_text);
	if (!r)
		r = put32(to, response->body);
	if (r)
		to->size = before;
	return r;
}

int fetch_frame_request_decode(struct bytes payload, struct fetch_frame_request *ret)
{
	struct fetch_frame_request request = {0};
	struct reader reader;
	int r;

	reader_init(&reader, payload);
	request.origin = reader_bytes(&reader, reader_u8(&reader));
	request.method = (enum http_method)reader_u8(&reader);
	request.path = reader_bytes(&reader, reader_u16le(&reader));
	request.cookie = reader_bytes(&reader, reader_u16le(&reader));
	request.authorization = reader_bytes(&reader, reader_u16le(&reader));
	request.content_type = reader_bytes(&reader, reader_u8(&reader));
	request.answer_max = reader_u32le(&reader);
	request.timeout_ms = reader_u32le(&reader);
	request.body = reader_bytes(&reader, reader_u32le(&reader));
	if (!reader_done(&reader))
		return FETCH_FRAME_E_TRUNCATED;
	r = check_request(&request);
	if (r)
		return r;
	*ret = request;
	return 0;
}

int fetch_frame_response_decode(struct bytes payload, struct fetch_frame_response *ret)
{
	struct fetch_frame_response response = {0};
	struct reader reader;
	uint8_t reused;
	int r;

	reader_init(&reader, payload);
	response.outcome = reader_u8(&reader);
	response.status = reader_u16le(&reader);
	response.set_cookie = reader_bytes(&reader, reader_u16le(&reader));
	response.content_type = reader_bytes(&reader, reader_u8(&reader));
	response.retry_after = reader_u32le(&reader);
	reused = reader_u8(&reader);
	response.reused = reused == 1;
	response.error_text = reader_bytes(&reader, reader_u16le(&reader));
	response.body = reader_bytes(&reader, reader_u32le(&reader));
	if (!reader_done(&reader) || reused > 1)
		return FETCH_FRAME_E_TRUNCATED;
	r = check_response(&response);
	if (r)
		return r;
	*ret = response;
	return 0;
}
