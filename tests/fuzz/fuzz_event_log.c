/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The firmware's event log: what is read is inside the input, and a log that can be read to its end can be replayed and shown, or says why not.
 *
 * planted: reader event_log_open
 */
#include "fuzz.h"
#include "tpm/event_log.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct error error = ERROR_NULL;
	struct json_object *shown = NULL;
	struct event_replay replay;
	struct event_log log;
	struct event event;
	size_t events = 0;
	int r;

	r = event_log_open(&log, bytes_of(data, size), &error);
	while (r == 0) {
		r = event_log_next(&log, &event, &error);
		if (r == 0 && (++events > size || event.data.size > size))
			abort();
	}
	if (event_log_replay(bytes_of(data, size), &replay, &error) == 0 && (r != EVENT_LOG_END || replay.events != events))
		abort();
	if (event_log_to_json(bytes_of(data, size), &shown, &error) == 0)
		(void)json_object_put(shown);
	return 0;
}
