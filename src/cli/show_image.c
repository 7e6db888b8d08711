/* SPDX-License-Identifier: Apache-2.0 */
/* sevattest show: firmware images, event logs, LUKS2 headers, tokens. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "cli/show.h"
#include "luks/header.h"
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

static int add_header(struct json_object *list, enum luks_copy which, const struct luks_header *header)
{
	struct json_object *object = json_object_new_object();
	int r = json_push(list, object);

	if (r == 0)
		r = json_add_text(object, "copy", which == LUKS_PRIMARY ? "primary" : "secondary");
	if (r == 0)
		r = json_add_u64(object, "version", 2);
	if (r == 0)
		r = json_add_text(object, "uuid", header->uuid);
	if (r == 0)
		r = json_add_text(object, "label", header->label);
	if (r == 0)
		r = json_add_text(object, "subsystem", header->subsystem);
	if (r == 0)
		r = json_add_u64(object, "seqid", header->seqid);
	if (r == 0)
		r = json_add_u64(object, "size", header->size);
	if (r == 0)
		r = json_add_text(object, "checksum", "sha256, fits");
	return r < 0 ? r : json_add(object, "metadata", json_object_get(header->metadata));
}

/* Where the second copy begins: at the size of the first, or, where that is unreadable, at one of the legal sizes. 0: nowhere. */
static size_t second_copy(struct bytes data, size_t first_size)
{
	if (first_size)
		return data.size > first_size ? first_size : 0;
	for (size_t at = LUKS_HEADER_MIN; at <= LUKS_HEADER_MAX && at + 6 <= data.size; at *= 2) {
		if (memcmp(data.data + at, "SKUL\xba\xbe", 6) == 0)
			return at;
	}
	return 0;
}

int show_luks(struct bytes data, struct json_object *object, struct verdict *verdict)
{
	struct json_object *list = json_object_new_array();
	size_t at = 0, first_size = 0;
	int r = json_add(object, "headers", list);

	if (r < 0 || json_add_text(object, "kind", "luks") < 0)
		return -ENOMEM;
	for (enum luks_copy which = LUKS_PRIMARY; r == 0 && which <= LUKS_SECONDARY; which++) {
		CLEANUP(luks_header_deinit) struct luks_header header = LUKS_HEADER_NULL;
		const char *check = which == LUKS_PRIMARY ? "luks.primary" : "luks.secondary";
		struct error error = ERROR_NULL;

		if (which == LUKS_SECONDARY)
			at = second_copy(data, first_size);
		if (which == LUKS_SECONDARY && at == 0) {
			verdict_fail(verdict, check, FINDING_EVIDENCE, "the second copy is not there");
			break;
		}
		r = luks_header_read(bytes_from(data, at), which, &header, &error);
		if (r > 0) {
			verdict_fail(verdict, check, FINDING_EVIDENCE, "%s", error_text(&error));
			/* Of a LUKS1 header there is no second copy. */
			if (r == LUKS_E_VERSION)
				break;
			r = 0;
			continue;
		}
		first_size = (size_t)header.size;
		r = r < 0 ? r : add_header(list, which, &header);
	}
	return r < 0 ? r : 0;
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
