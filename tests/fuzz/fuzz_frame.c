/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The header of a frame between two programs, at each of their ends. What decodes must encode to the same bytes.
 *
 * planted: reader frame_header_decode
 */
#include "fuzz.h"
#include "io/frame.h"

static void decode(struct bytes input, uint32_t accept)
{
	struct frame_header header;
	struct buf made = BUF_NULL;
	int r = frame_header_decode(input, accept, &header);

	if (r) {
		(void)frame_error_text(r);
		return;
	}
	if (!(accept & FRAME_BIT(header.type)) || header.size > frame_cap(header.type) || strcmp(frame_type_name(header.type), "unknown") == 0)
		abort();
	if (input.size - FRAME_HEADER_SIZE < header.size)
		return;
	if (frame_encode(&made, header.type, header.id, bytes_of(input.data + FRAME_HEADER_SIZE, header.size)) ||
		!bytes_equal(buf_view(&made), bytes_of(input.data, FRAME_HEADER_SIZE + header.size)))
		abort();
	buf_deinit(&made);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const uint32_t ends[] = {FRAME_SET_HTTP_SERVER, FRAME_SET_HTTP_CLIENT, FRAME_SET_ADMIN_SERVER, FRAME_SET_ADMIN_CLIENT};

	for (size_t i = 0; i < ARRAY_SIZE(ends); i++)
		decode(bytes_of(data, size), ends[i]);
	return 0;
}
