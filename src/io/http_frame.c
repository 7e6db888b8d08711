/* SPDX-License-Identifier: Apache-2.0 */
#include "io/http_frame.h"

#include <errno.h>
#include <stdbool.h>

const char *http_method_text(enum http_method method)
{
	static const char *const names[] = {[HTTP_GET] = "GET", [HTTP_POST] = "POST", [HTTP_PUT] = "PUT", [HTTP_DELETE] = "DELETE"};

	return method >= HTTP_GET && method <= HTTP_DELETE ? names[method] : "?";
}

/* What may stand in a header value or an address: no control character, so that nobody smuggles a second header or a log line. */
static bool text_ok(struct bytes text)
{
	for (size_t i = 0; i < text.size; i++)
		if (text.data[i] < 0x20 || text.data[i] == 0x7f)
			return false;
	return true;
}

static int check_request(const struct http_frame_request *request)
{
	if (request->method < HTTP_GET || request->method > HTTP_DELETE)
		return HTTP_FRAME_E_METHOD;
	if (request->path.size == 0 || request->path.size > HTTP_FRAME_PATH_MAX || request->path.data[0] != '/' || !text_ok(request->path))
		return HTTP_FRAME_E_PATH;
	if (request->cookie.size > HTTP_FRAME_HEADER_MAX || request->authorization.size > HTTP_FRAME_HEADER_MAX ||
		request->peer.size > HTTP_FRAME_PEER_MAX || request->body.size > HTTP_FRAME_REQUEST_BODY_MAX)
		return HTTP_FRAME_E_SIZE;
	if (!text_ok(request->cookie) || !text_ok(request->authorization) || !text_ok(request->peer))
		return HTTP_FRAME_E_TEXT;
	return 0;
}

static int check_response(const struct http_frame_response *response)
{
	if (response->status < 200 || response->status > 599)
		return HTTP_FRAME_E_STATUS;
	if (response->set_cookie.size > HTTP_FRAME_HEADER_MAX || response->content_type.size > HTTP_FRAME_TYPE_MAX ||
		response->body.size > HTTP_FRAME_RESPONSE_BODY_MAX)
		return HTTP_FRAME_E_SIZE;
	if (!text_ok(response->set_cookie) || !text_ok(response->content_type))
		return HTTP_FRAME_E_TEXT;
	return 0;
}

static int put16(struct buf *to, struct bytes field)
{
	int r = buf_u16le(to, (uint16_t)field.size);

	return r ? r : buf_append(to, field.data, field.size);
}

static int put8(struct buf *to, struct bytes field)
{
	int r = buf_u8(to, (uint8_t)field.size);

	return r ? r : buf_append(to, field.data, field.size);
}

static int put32(struct buf *to, struct bytes field)
{
	int r = buf_u32le(to, (uint32_t)field.size);

	return r ? r : buf_append(to, field.data, field.size);
}

int http_frame_request_encode(struct buf *to, const struct http_frame_request *request)
{
	size_t before = to->size;
	int r;

	if (check_request(request))
		return -EINVAL;
	r = buf_u8(to, (uint8_t)request->method);
	if (!r)
		r = put16(to, request->path);
	if (!r)
		r = put16(to, request->cookie);
	if (!r)
		r = put16(to, request->authorization);
	if (!r)
		r = put8(to, request->peer);
	if (!r)
		r = put32(to, request->body);
	if (r)
		to->size = before;
	return r;
}

int http_frame_response_encode(struct buf *to, const struct http_frame_response *response)
{
	size_t before = to->size;
	int r;

	if (check_response(response))
		return -EINVAL;
	r = buf_u16le(to, response->status);
	if (!r)
		r = put16(to, response->set_cookie);
	if (!r)
		r = put8(to, response->content_type);
	if (!r)
		r = buf_u32le(to, response->retry_after);
	if (!r)
		r = put32(to, response->body);
	if (r)
		to->size = before;
	return r;
}

int http_frame_request_decode(struct bytes payload, struct http_frame_request *ret)
{
	struct http_frame_request request = {0};
	struct reader reader;
	int r;

	reader_init(&reader, payload);
	request.method = (enum http_method)reader_u8(&reader);
	request.path = reader_bytes(&reader, reader_u16le(&reader));
	request.cookie = reader_bytes(&reader, reader_u16le(&reader));
	request.authorization = reader_bytes(&reader, reader_u16le(&reader));
	request.peer = reader_bytes(&reader, reader_u8(&reader));
	request.body = reader_bytes(&reader, reader_u32le(&reader));
	if (!reader_done(&reader))
		return HTTP_FRAME_E_TRUNCATED;
	r = check_request(&request);
	if (r)
		return r;
	*ret = request;
	return 0;
}

int http_frame_response_decode(struct bytes payload, struct http_frame_response *ret)
{
	struct http_frame_response response = {0};
	struct reader reader;
	int r;

	reader_init(&reader, payload);
	response.status = reader_u16le(&reader);
	response.set_cookie = reader_bytes(&reader, reader_u16le(&reader));
	response.content_type = reader_bytes(&reader, reader_u8(&reader));
	response.retry_after = reader_u32le(&reader);
	response.body = reader_bytes(&reader, reader_u32le(&reader));
	if (!reader_done(&reader))
		return HTTP_FRAME_E_TRUNCATED;
	r = check_response(&response);
	if (r)
		return r;
	*ret = response;
	return 0;
}
