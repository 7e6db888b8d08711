/* SPDX-License-Identifier: Apache-2.0 */
#include "io/evidence_frame.h"

#include <errno.h>
#include <stdbool.h>
#include <string.h>

/* These texts end in a log and on a page. */
static bool text_ok(struct bytes text)
{
	for (size_t i = 0; i < text.size; i++)
		if (text.data[i] < 0x20 || text.data[i] == 0x7f)
			return false;
	return true;
}

static int check_request(const struct evidence_frame_request *request)
{
	if (request->vmpl < EVIDENCE_FRAME_VMPL_OWN || request->vmpl > 3)
		return EVIDENCE_FRAME_E_VMPL;
	if (request->provider.size > EVIDENCE_FRAME_PROVIDER_MAX)
		return EVIDENCE_FRAME_E_SIZE;
	return text_ok(request->provider) ? 0 : EVIDENCE_FRAME_E_TEXT;
}

static int check_response(const struct evidence_frame_response *response)
{
	if (response->outcome > EVIDENCE_OUTCOME_MAX)
		return EVIDENCE_FRAME_E_OUTCOME;
	if (response->error.size > EVIDENCE_FRAME_TEXT_MAX || response->provider.size > EVIDENCE_FRAME_PROVIDER_MAX ||
		response->report.size > EVIDENCE_FRAME_REPORT_MAX || response->cert_table.size > EVIDENCE_FRAME_TABLE_MAX ||
		response->note.size > EVIDENCE_FRAME_TEXT_MAX)
		return EVIDENCE_FRAME_E_SIZE;
	if (!text_ok(response->error) || !text_ok(response->provider) || !text_ok(response->note))
		return EVIDENCE_FRAME_E_TEXT;
	if ((response->outcome == EVIDENCE_OK) != (response->report.size > 0))
		return EVIDENCE_FRAME_E_OUTCOME;
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

int evidence_frame_request_encode(struct buf *to, const struct evidence_frame_request *request)
{
	size_t before = to->size;
	int r;

	if (check_request(request))
		return -EINVAL;
	r = buf_append(to, request->report_data, sizeof(request->report_data));
	if (!r)
		r = buf_u8(to, (uint8_t)request->vmpl);
	if (!r)
		r = put8(to, request->provider);
	if (r)
		to->size = before;
	return r;
}

int evidence_frame_response_encode(struct buf *to, const struct evidence_frame_response *response)
{
	size_t before = to->size;
	int r;

	if (check_response(response))
		return -EINVAL;
	r = buf_u8(to, (uint8_t)response->outcome);
	if (!r)
		r = put16(to, response->error);
	if (!r)
		r = put8(to, response->provider);
	if (!r)
		r = put32(to, response->report);
	if (!r)
		r = put32(to, response->cert_table);
	if (!r)
		r = put16(to, response->note);
	if (r)
		to->size = before;
	return r;
}

int evidence_frame_request_decode(struct bytes payload, struct evidence_frame_request *ret)
{
	struct evidence_frame_request request = {.vmpl = 0};
	struct reader reader;
	uint8_t vmpl;
	int r;

	reader_init(&reader, payload);
	reader_copy(&reader, request.report_data, sizeof(request.report_data));
	vmpl = reader_u8(&reader);
	request.vmpl = vmpl == 0xff ? EVIDENCE_FRAME_VMPL_OWN : vmpl; /* i8: other negative numbers are past the limit */
	request.provider = reader_bytes(&reader, reader_u8(&reader));
	if (!reader_done(&reader))
		return EVIDENCE_FRAME_E_TRUNCATED;
	r = check_request(&request);
	if (r)
		return r;
	*ret = request;
	return 0;
}

int evidence_frame_response_decode(struct bytes payload, struct evidence_frame_response *ret)
{
	struct evidence_frame_response response = {.outcome = EVIDENCE_OK};
	struct reader reader;
	int r;

	reader_init(&reader, payload);
	response.outcome = (enum evidence_outcome)reader_u8(&reader);
	response.error = reader_bytes(&reader, reader_u16le(&reader));
	response.provider = reader_bytes(&reader, reader_u8(&reader));
	response.report = reader_bytes(&reader, reader_u32le(&reader));
	response.cert_table = reader_bytes(&reader, reader_u32le(&reader));
	response.note = reader_bytes(&reader, reader_u16le(&reader));
	if (!reader_done(&reader))
		return EVIDENCE_FRAME_E_TRUNCATED;
	r = check_response(&response);
	if (r)
		return r;
	*ret = response;
	return 0;
}
