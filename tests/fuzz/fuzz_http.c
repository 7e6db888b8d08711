/* SPDX-License-Identifier: Apache-2.0 */
/*
 * HTTP messages in frames, as brokerd and httpd take them from each other: what decodes must encode to the same bytes.
 *
 * planted: reader http_frame_re[a-z]*_[a-z]*
 */
#include "fuzz.h"
#include "io/http_frame.h"

static void same(int outcome, struct buf *made, struct bytes input)
{
	if (outcome || !bytes_equal(buf_view(made), input))
		abort();
	buf_deinit(made);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct bytes input = bytes_of(data, size);
	struct http_frame_response response;
	struct http_frame_request request;
	struct buf made = BUF_NULL;

	if (http_frame_request_decode(input, &request) == 0) {
		(void)http_method_text(request.method);
		same(http_frame_request_encode(&made, &request), &made, input);
	}
	if (http_frame_response_decode(input, &response) == 0)
		same(http_frame_response_encode(&made, &response), &made, input);
	return 0;
}
