/* SPDX-License-Identifier: Apache-2.0 */
/*
 * JSON: whatever has a canonical form is read back from it, and has the same one again.
 *
 * planted: scan json_read
 */
#include <stdlib.h>

#include "base/json.h"
#include "fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct error error = ERROR_NULL;
	struct buf first = BUF_NULL, second = BUF_NULL;
	JSON_AUTO object = NULL;
	JSON_AUTO again = NULL;

	if (json_read(bytes_of(data, size), &object, &error))
		return 0;
	if (json_canonical(&first, object) == 0) {
		if (json_read(buf_view(&first), &again, &error) || json_canonical(&second, again) ||
			!bytes_equal(buf_view(&first), buf_view(&second)))
			abort();
	}
	buf_deinit(&first);
	buf_deinit(&second);
	return 0;
}
