/* SPDX-License-Identifier: Apache-2.0 */
/* The JSON of a state, read and written. Pure. */
#include <errno.h>
#include <string.h>

#include "base/json.h"
#include "base/text.h"
#include "enroll/state.h"
#include "io/volume_conf.h"

#define VERSION 1

static const char *const kinds[] = {[STATE_ENROLL] = "enroll", [STATE_ROTATE] = "rotate"};

static bool take_text(struct json_object *object, const char *member, char *to, size_t to_size)
{
	size_t size;
	const char *text = json_get_text(object, member, &size);

	if (!text || !size || size >= to_size)
		return false;
	memcpy(to, text, size + 1);
	return true;
}

/* A digest that may be absent: then zeros, and *ret_has false. */
static bool take_digest(struct json_object *object, const char *member, uint8_t to[static SHA256_SIZE], bool *ret_has)
{
	const char *text = json_get_text(object, member, NULL);

	*ret_has = text != NULL;
	return text ? !hex_decode(to, SHA256_SIZE, text) : !json_get(object, member);
}

int state_parse(struct bytes text, struct state *ret, struct error *error)
{
	JSON_AUTO object = NULL;
	struct state state = {.kind = STATE_ENROLL};
	const char *kind;
	bool has, good;
	uint64_t number;
	int r = json_read(text, &object, error);

	if (r)
		return r;
	good = json_get_u64(object, "sevattest-enroll", VERSION, &number) && number == VERSION;
	kind = json_get_text(object, "kind", NULL);
	good = good && kind && (!strcmp(kind, kinds[STATE_ENROLL]) || !strcmp(kind, kinds[STATE_ROTATE]));
	if (!good)
		return error_set(error, -EINVAL, "not a state of this version of enroll");
	state.kind = strcmp(kind, kinds[STATE_ROTATE]) ? STATE_ENROLL : STATE_ROTATE;
	good = take_text(object, "volume", state.volume, sizeof(state.volume)) && volume_name_valid(state.volume);
	good = good && take_text(object, "resource", state.resource, sizeof(state.resource)) && kbs_resource_valid(bytes_of_text(state.resource));
	good = good && take_text(object, "device", state.device, sizeof(state.device)) && take_text(object, "step", state.step, sizeof(state.step));
	good = good && json_get_u64(object, "new-slots", UINT32_MAX, &number);
	state.new_slots = good ? (uint32_t)number : 0;
	good = good && take_digest(object, "before", state.before, &state.has_before) && take_digest(object, "sealed", state.sealed, &state.has_sealed);
	good = good && take_digest(object, "both", state.both, &has) && (has || state.kind == STATE_ENROLL);
	good = good && take_digest(object, "after", state.after, &has) && has;
	if (!good)
		return error_set(error, -EINVAL, "a member is missing or malformed");
	*ret = state;
	return 0;
}

static int to_json(const struct state *state, struct json_object *object)
{
	int r = json_add_u64(object, "sevattest-enroll", VERSION);

	if (!r)
		r = json_add_text(object, "kind", kinds[state->kind]);
	if (!r)
		r = json_add_text(object, "volume", state->volume);
	if (!r)
		r = json_add_text(object, "resource", state->resource);
	if (!r)
		r = json_add_text(object, "device", state->device);
	if (!r)
		r = json_add_text(object, "step", state->step);
	if (!r)
		r = json_add_u64(object, "new-slots", state->new_slots);
	if (!r && state->has_before)
		r = json_add_hex(object, "before", state->before, SHA256_SIZE);
	if (!r && state->kind == STATE_ROTATE)
		r = json_add_hex(object, "both", state->both, SHA256_SIZE);
	if (!r)
		r = json_add_hex(object, "after", state->after, SHA256_SIZE);
	if (!r && state->has_sealed)
		r = json_add_hex(object, "sealed", state->sealed, SHA256_SIZE);
	return r;
}

int state_text(const struct state *state, struct buf *ret)
{
	CLEANUP(buf_deinit) struct buf text = BUF_NULL;
	JSON_AUTO object = json_object_new_object();
	int r = object ? to_json(state, object) : -ENOMEM;

	if (!r)
		r = json_write(&text, object);
	if (!r)
		r = buf_append_text(&text, "\n");
	if (r)
		return r;
	buf_deinit(ret);
	*ret = text;
	text = (struct buf)BUF_NULL;
	return 0;
}
