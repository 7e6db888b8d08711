/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The frames between sevattest-luks and sevattestd: what decodes must encode to the same bytes, and a refusal may be made of any text.
 *
 * planted: reader luks_frame_response_decode
 */
#include <stdlib.h>

#include "fuzz.h"
#include "io/luks_frame.h"

static void same(int outcome, struct buf *made, struct bytes input)
{
	if (outcome || !bytes_equal(buf_view(made), input))
		abort();
	buf_deinit(made);
}

/* Three texts out of the input, as a message of any origin would be. */
static void refuse(struct bytes input)
{
	char texts[3][512] = {"", "", ""};
	struct luks_frame_response response;
	struct buf made = BUF_NULL;
	struct bytes exact;

	for (size_t i = 0; i < 3; i++) {
		struct bytes part = fuzz_take(&input, i < 2 ? input.size / 2 : input.size);

		part.size = part.size < sizeof(texts[i]) ? part.size : sizeof(texts[i]) - 1;
		if (part.size)
			memcpy(texts[i], part.data, part.size);
	}
	if (luks_frame_refusal_encode(&made, texts[0], texts[1], texts[2]))
		abort();
	exact = fuzz_copy(buf_view(&made));
	if (luks_frame_response_decode(exact, &response) || response.verdict != LUKS_FRAME_REFUSED)
		abort();
	fuzz_free(exact);
	buf_deinit(&made);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct bytes input = bytes_of(data, size);
	struct luks_frame_response response;
	char volume[VOLUME_NAME_MAX + 1];
	struct buf made = BUF_NULL;

	int r = luks_frame_request_decode(input, volume);

	if (r == 0)
		same(luks_frame_request_encode(&made, volume), &made, input);
	r = luks_frame_response_decode(input, &response);
	if (r == 0)
		same(luks_frame_response_encode(&made, &response), &made, input);
	else if (strcmp(luks_frame_error_text(r), "unknown") == 0)
		abort();
	refuse(input);
	return 0;
}
