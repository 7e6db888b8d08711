/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What an interrupted enrolment left for --resume. What is read names a volume and a resource, and read again from what is written of it, it is the same.
 *
 * planted: scan state_parse
 * planted: hex take_digest
 */
#include "enroll/state.h"
#include "fuzz.h"
#include "io/volume_conf.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	CLEANUP(buf_deinit) struct buf text = BUF_NULL;
	CLEANUP(buf_deinit) struct buf again = BUF_NULL;
	struct error error = ERROR_NULL;
	struct state state, back;

	if (state_parse(bytes_of(data, size), &state, &error)) {
		if (!error.text[0])
			abort();
		return 0;
	}
	if (!volume_name_valid(state.volume) || !kbs_resource_valid(bytes_of_text(state.resource)) || !state.device[0] || !state.step[0])
		abort();
	if (state_text(&state, &text) || state_parse(buf_view(&text), &back, NULL) || state_text(&back, &again))
		abort();
	if (!bytes_equal(buf_view(&text), buf_view(&again)))
		abort();
	return 0;
}
