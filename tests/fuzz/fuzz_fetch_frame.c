/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Fetch requests, as netd reads them, and fetch answers, as a daemon reads them: what decodes must encode to the same bytes.
 *
 * planted: reader fetch_frame_re[a-z]*_[a-z]*
 */
#include <stdlib.h>

#include "fuzz.h"
#include "io/fetch_frame.h"

static void same(int outcome, struct buf *made, struct bytes input)
{
	if (outcome || !bytes_equal(buf_view(made), input))
		abort();
	buf_deinit(made);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct bytes input = bytes_of(data, size);
	struct fetch_frame_response response;
	struct fetch_frame_request request;
	struct buf made = BUF_NULL;

	if (fetch_frame_request_decode(input, &request) == 0)
		same(fetch_frame_request_encode(&made, &request), &made, input);
	if (fetch_frame_response_decode(input, &response) == 0)
		same(fetch_frame_response_encode(&made, &response), &made, input);
	return 0;
}
