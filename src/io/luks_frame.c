/* SPDX-License-Identifier: Apache-2.0 */
#include "io/luks_frame.h"

#include <errno.h>
#include <stdbool.h>
#include <string.h>

#include "base/text.h"

#define CHECK_CUT 128
#define REASON_CUT 1024
#define FIX_CUT 2048

/* These texts end in a log, in `systemctl status` and on a page. */
static bool text_ok(struct bytes text, bool lines)
{
	for (size_t i = 0; i < text.size; i++) {
		if ((text.data[i] < 0x20 && !(lines && text.data[i] == '\n')) || text.data[i] == 0x7f)
			return false;
	}
	return utf8_valid(text);
}

static int check_response(const struct luks_frame_response *response)
{
	bool refused = response->verdict == LUKS_FRAME_REFUSED;

	if (response->verdict > LUKS_FRAME_REFUSED || response->copy > LUKS_FRAME_SECONDARY || (refused && response->copy != LUKS_FRAME_PRIMARY))
		return LUKS_FRAME_E_VERDICT;
	if (response->check.size > LUKS_FRAME_TEXT_MAX || response->reason.size > LUKS_FRAME_TEXT_MAX || response->fix.size > LUKS_FRAME_TEXT_MAX ||
		response->check.size + response->reason.size + response->fix.size + 2 > LUKS_FRAME_TEXT_MAX)
		return LUKS_FRAME_E_SIZE;
	if (!text_ok(response->check, false) || !text_ok(response->reason, false) || !text_ok(response->fix, true))
		return LUKS_FRAME_E_TEXT;
	if (!refused)
		return response->check.size || response->reason.size || response->fix.size ? LUKS_FRAME_E_TEXT : 0;
	return response->check.size && response->reason.size ? 0 : LUKS_FRAME_E_TEXT;
}

int luks_frame_request_encode(struct buf *to, const char *volume)
{
	return volume_name_valid(volume) ? buf_append_text(to, volume) : -EINVAL;
}

int luks_frame_request_decode(struct bytes payload, char ret[static VOLUME_NAME_MAX + 1])
{
	char name[VOLUME_NAME_MAX + 1] = "";

	if (payload.size == 0)
		return LUKS_FRAME_E_TRUNCATED;
	if (payload.size > VOLUME_NAME_MAX || memchr(payload.data, 0, payload.size))
		return LUKS_FRAME_E_NAME;
	memcpy(name, payload.data, payload.size);
	if (!volume_name_valid(name))
		return LUKS_FRAME_E_NAME;
	memcpy(ret, name, sizeof(name));
	return 0;
}

static int put_text(struct buf *to, const struct luks_frame_response *response)
{
	int r = buf_append(to, response->check.data, response->check.size);

	if (!r)
		r = buf_u8(to, '\n');
	if (!r)
		r = buf_append(to, response->reason.data, response->reason.size);
	if (!r)
		r = buf_u8(to, '\n');
	return r ? r : buf_append(to, response->fix.data, response->fix.size);
}

int luks_frame_response_encode(struct buf *to, const struct luks_frame_response *response)
{
	size_t before = to->size;
	int r;

	if (check_response(response))
		return -EINVAL;
	r = buf_u8(to, (uint8_t)response->verdict);
	if (!r)
		r = buf_u8(to, (uint8_t)response->copy);
	if (!r)
		r = buf_u16le(to, 0);
	if (!r && response->verdict == LUKS_FRAME_REFUSED)
		r = put_text(to, response);
	if (r)
		to->size = before;
	return r;
}

/* One line of any text: cut, and made printable. A text without anything gets a dash. */
static struct bytes printable(char *to, size_t to_size, const char *from)
{
	text_printable(to, to_size, bytes_of_text(from && from[0] ? from : "-"));
	return bytes_of_text(to);
}

int luks_frame_refusal_encode(struct buf *to, const char *check, const char *reason, const char *fix)
{
	char texts[3][FIX_CUT];
	const struct luks_frame_response response = {
		.verdict = LUKS_FRAME_REFUSED,
		.check = printable(texts[0], CHECK_CUT, check),
		.reason = printable(texts[1], REASON_CUT, reason),
		.fix = fix && fix[0] ? printable(texts[2], FIX_CUT, fix) : bytes_of(NULL, 0),
	};

	return luks_frame_response_encode(to, &response);
}

/* What stands before the next newline; the reader is behind it. Fails where there is none. */
static struct bytes read_line(struct reader *reader)
{
	size_t left = reader_left(reader);
	const uint8_t *end = left ? memchr(reader->at, '\n', left) : NULL;
	struct bytes line;

	if (!end) {
		reader_fail(reader);
		return bytes_of(NULL, 0);
	}
	line = reader_bytes(reader, (size_t)(end - reader->at));
	reader_skip(reader, 1);
	return line;
}

int luks_frame_response_decode(struct bytes payload, struct luks_frame_response *ret)
{
	struct luks_frame_response response = {.verdict = LUKS_FRAME_REFUSED};
	struct reader reader;
	uint16_t zero;
	int r;

	reader_init(&reader, payload);
	response.verdict = (enum luks_frame_verdict)reader_u8(&reader);
	response.copy = (enum luks_frame_copy)reader_u8(&reader);
	zero = reader_u16le(&reader);
	if (!reader_ok(&reader))
		return LUKS_FRAME_E_TRUNCATED;
	if (zero)
		return LUKS_FRAME_E_RESERVED;
	if (response.verdict == LUKS_FRAME_REFUSED) {
		response.check = read_line(&reader);
		response.reason = read_line(&reader);
		response.fix = reader_bytes(&reader, reader_left(&reader));
	}
	if (!reader_done(&reader))
		return LUKS_FRAME_E_TEXT;
	r = check_response(&response);
	if (r)
		return r;
	*ret = response;
	return 0;
}

const char *luks_frame_error_text(int outcome)
{
	switch (outcome) {
	case LUKS_FRAME_E_TRUNCATED:
		return "cut off";
	case LUKS_FRAME_E_NAME:
		return "not the name of a volume";
	case LUKS_FRAME_E_VERDICT:
		return "a verdict that there is not";
	case LUKS_FRAME_E_RESERVED:
		return "reserved field not zero";
	case LUKS_FRAME_E_SIZE:
		return "more text than allowed";
	case LUKS_FRAME_E_TEXT:
		return "a text that does not fit the verdict, or is not printable";
	}
	return "unknown";
}
