/* SPDX-License-Identifier: Apache-2.0 */
/* Frames between the programs, and the HTTP messages in them: what decodes must encode to the same bytes. */
#include <stdlib.h>

#include "fuzz.h"
#include "io/frame.h"
#include "io/http_frame.h"

static void same(int outcome, struct buf *made, struct bytes input)
{
	if (outcome || !bytes_equal(buf_view(made), input))
		abort();
	buf_deinit(made);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const uint32_t ends[] = {FRAME_SET_HTTP_SERVER, FRAME_SET_HTTP_CLIENT, FRAME_SET_ADMIN_SERVER, FRAME_SET_ADMIN_CLIENT};
	struct bytes input = bytes_of(data, size);
	struct http_frame_response response;
	struct http_frame_request request;
	struct frame_header header;
	struct buf made = BUF_NULL;

	for (size_t i = 0; i < sizeof(ends) / sizeof(*ends); i++) {
		if (frame_header_decode(input, ends[i], &header) == 0 &&
			(!(ends[i] & FRAME_BIT(header.type)) || header.size > frame_cap(header.type)))
			abort();
	}
	if (http_frame_request_decode(input, &request) == 0)
		same(http_frame_request_encode(&made, &request), &made, input);
	if (http_frame_response_decode(input, &response) == 0)
		same(http_frame_response_encode(&made, &response), &made, input);
	return 0;
}
