/* SPDX-License-Identifier: Apache-2.0 */
/* sevattest show: firmware images, event logs, tokens. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "cli/show.h"
#include "measure/ovmf.h"
#include "tpm/event_log.h"

int show_ovmf(struct bytes data, struct json_object *object, struct verdict *verdict)
{
	struct ovmf *ovmf = calloc(1, sizeof(*ovmf));
	struct error error = ERROR_NULL;
	int r = ovmf ? json_add_text(object, "kind", "firmware") : -ENOMEM;

	if (r == 0) {
		int refused = ovmf_read(data, ovmf, &error);

		if (refused)
			verdict_fail(verdict, "firmware", FINDING_EVIDENCE, "%s: %s", ovmf_error_name((enum ovmf_error)refused), error_text(&error));
		r = json_add(object, "firmware", ovmf_to_json(ovmf));
	}
	free(ovmf);
	return r;
}

int show_event_log(struct bytes data, struct json_object *object, struct verdict *verdict)
{
	struct error error = ERROR_NULL;
	struct json_object *log = NULL;
	int r = json_add_text(object, "kind", "event-log");

	if (r == 0)
		r = event_log_to_json(data, &log, &error);
	if (r > 0) {
		verdict_fail(verdict, "eventlog.parse", FINDING_EVIDENCE, "%s", error_text(&error));
		return 0;
	}
	return r < 0 ? r : json_add(object, "event_log", log);
}

bool show_is_event_log(struct bytes data)
{
	struct event_log log;
	struct event event;

	/* An old log has no mark: its first event must be of a type that exists. */
	return event_log_open(&log, data, NULL) == 0 && (log.agile || (event_log_next(&log, &event, NULL) == 0 && event_type_name(event.type)));
}

/* One of a token's parts as JSON. Nothing of it is authenticated. */
static int add_part(struct json_object *object, const char *member, struct bytes text, struct verdict *verdict)
{
	CLEANUP(buf_deinit) struct buf decoded = BUF_NULL;
	struct error error = ERROR_NULL;
	struct json_object *part = NULL;
	int r = base64_decode(&decoded, BASE64_URL, text);

	if (r == 0)
		r = json_read(buf_view(&decoded), &part, &error);
	if (r == -ENOMEM)
		return r;
	if (r < 0) {
		verdict_fail(verdict, "token", FINDING_EVIDENCE, "its %s is no JSON in base64url: %s", member, error_text(&error));
		return 0;
	}
	return json_add(object, member, part);
}

static struct bytes token_text(struct bytes data)
{
	while (data.size && (data.data[data.size - 1] == '\n' || data.data[data.size - 1] == '\r' || data.data[data.size - 1] == ' '))
		data.size--;
	return data;
}

bool show_is_token(struct bytes data)
{
	size_t dots = 0;

	data = token_text(data);
	for (size_t i = 0; i < data.size; i++) {
		char c = (char)data.data[i];
		bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' || c == '_';

		if (c != '.' && !letter)
			return false;
		dots += c == '.';
	}
	/* "eyJ" is the beginning of every JSON object whose first member follows at once. */
	return dots == 2 && data.size > 3 && memcmp(data.data, "eyJ", 3) == 0;
}

int show_token(struct bytes data, struct json_object *object, struct verdict *verdict)
{
	struct bytes text = token_text(data);
	const uint8_t *first = memchr(text.data, '.', text.size);
	size_t header = (size_t)(first - text.data), payload;
	const uint8_t *second = memchr(first + 1, '.', text.size - header - 1);
	int r = json_add_text(object, "kind", "token");

	payload = (size_t)(second - first) - 1;
	if (r == 0)
		r = add_part(object, "header", bytes_of(text.data, header), verdict);
	if (r == 0)
		r = add_part(object, "payload", bytes_of(first + 1, payload), verdict);
	if (r == 0)
		r = json_add_u64(object, "signature_characters", text.size - header - payload - 2);
	return r < 0 ? r : json_add_bool(object, "verified", false);
}
