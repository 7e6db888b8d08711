/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The frames between sevattestd and sevattest-evidence: what decodes must encode to the same bytes.
 *
 * planted: reader evidence_frame_re[a-z]*_[a-z]*
 */
#include <stdlib.h>

#include "fuzz.h"
#include "io/evidence_frame.h"

static void same(int outcome, struct buf *made, struct bytes input)
{
	if (outcome || !bytes_equal(buf_view(made), input))
		abort();
	buf_deinit(made);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct bytes input = bytes_of(data, size);
	struct evidence_frame_response response;
	struct evidence_frame_request request;
	struct buf made = BUF_NULL;

	if (evidence_frame_request_decode(input, &request) == 0)
		same(evidence_frame_request_encode(&made, &request), &made, input);
	if (evidence_frame_response_decode(input, &response) == 0)
		same(evidence_frame_response_encode(&made, &response), &made, input);
	return 0;
}
