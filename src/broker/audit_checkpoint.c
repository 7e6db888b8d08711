/* SPDX-License-Identifier: Apache-2.0 */
/* What a checkpoint says, and what one that was signed said. The key is the caller's: here is only text. */
#include <errno.h>
#include <string.h>

#include "base/json.h"
#include "base/text.h"
#include "broker/audit_internal.h"

static int payload_text(const struct state_audit *end, int64_t now, struct buf *ret)
{
	JSON_AUTO object = json_object_new_object();
	int r = object ? json_add_hex(object, "chain", end->chain, sizeof(end->chain)) : -ENOMEM;

	if (!r)
		r = json_add_hex(object, "incarnation", end->incarnation, sizeof(end->incarnation));
	if (!r)
		r = json_add_u64(object, "sequence", end->sequence);
	if (!r)
		r = json_add_u64(object, "time", (uint64_t)now);
	return r ? r : json_canonical(ret, object);
}

int audit_checkpoint_text(const struct state_audit *end, int64_t now, audit_sign sign, void *context, struct buf *ret_record, struct buf *ret_line)
{
	CLEANUP(buf_deinit) struct buf payload = BUF_NULL;
	JSON_AUTO record = json_object_new_object();
	int r = record ? payload_text(end, now, &payload) : -ENOMEM;

	if (!r)
		r = sign(context, buf_view(&payload), ret_line);
	if (!r && ret_line->size > AUDIT_CHECKPOINT_MAX)
		r = -EMSGSIZE;
	if (!r)
		r = json_add_text(record, "event", "checkpoint");
	if (!r)
		r = json_add_u64(record, "time", (uint64_t)now);
	if (!r)
		r = json_add_text_size(record, "signed", buf_view(ret_line));
	return r ? r : json_write(ret_record, record);
}

int audit_read_end(struct bytes payload, struct state_audit *ret)
{
	JSON_AUTO object = NULL;
	struct state_audit end = {.sequence = 0};
	const char *incarnation, *chain;
	int r = json_read(payload, &object, NULL);

	if (r || !json_object_is_type(object, json_type_object))
		return r == -ENOMEM ? r : -EINVAL;
	incarnation = json_get_text(object, "incarnation", NULL);
	chain = json_get_text(object, "chain", NULL);
	if (!incarnation || !chain || hex_decode(end.incarnation, sizeof(end.incarnation), incarnation) ||
		hex_decode(end.chain, sizeof(end.chain), chain) || !json_get_u64(object, "sequence", INT64_MAX, &end.sequence))
		return -EINVAL;
	*ret = end;
	return 0;
}

bool audit_is_checkpoint(struct bytes text)
{
	static const char begin[] = AUDIT_CHECKPOINT_EVENT;
	const size_t size = sizeof(begin) - 1;

	return text.size > size && memcmp(text.data, begin, size) == 0;
}

int audit_checkpoint_read(struct bytes text, audit_check check, void *context, struct state_audit *ret)
{
	CLEANUP(buf_deinit) struct buf payload = BUF_NULL;
	JSON_AUTO record = NULL;
	const char *line;
	size_t size;
	int r = json_read(text, &record, NULL);

	if (r)
		return r == -ENOMEM ? r : AUDIT_E_CHECKPOINT;
	line = json_get_text(record, "signed", &size);
	if (!line)
		return AUDIT_E_CHECKPOINT;
	r = check(context, bytes_of(line, size), &payload);
	if (r == 0)
		r = audit_read_end(buf_view(&payload), ret);
	return r > 0 || r == -EINVAL ? AUDIT_E_CHECKPOINT : r;
}
