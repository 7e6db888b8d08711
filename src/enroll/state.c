/* SPDX-License-Identifier: Apache-2.0 */
#include "enroll/state.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/files.h"
#include "base/json.h"
#include "base/text.h"
#include "enroll/volume.h"
#include "io/volume_conf.h"

#define TEXT_MAX ((size_t)16 << 10)
#define VERSION 1

static const char *const kinds[] = {[STATE_ENROLL] = "enroll", [STATE_ROTATE] = "rotate"};

static int path_of(char *to, const char *directory, const char *volume, const char *ending, struct error *error)
{
	int size = snprintf(to, STATE_PATH_MAX, "%s/%s%s", directory, volume, ending);

	return size < 0 || size >= STATE_PATH_MAX ? error_set(error, -ENAMETOOLONG, "%s: the path is too long", directory) : 0;
}

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

int state_read(const char *directory, const char *volume, struct state *ret, struct buf *ret_area, struct error *error)
{
	CLEANUP(buf_deinit) struct buf text = BUF_NULL;
	CLEANUP(buf_deinit) struct buf area = BUF_NULL;
	char path[STATE_PATH_MAX];
	struct state state;
	int r = path_of(path, directory, volume, ".json", error);

	if (!r)
		r = file_read_regular(path, TEXT_MAX, &text, error);
	if (r)
		return r;
	r = state_parse(buf_view(&text), &state, error);
	if (!r && strcmp(state.volume, volume) != 0)
		r = error_set(error, -EINVAL, "it is of the volume %s", state.volume);
	if (r) {
		error_prefix(error, "%s", path);
		return r;
	}
	r = path_of(path, directory, volume, ".area", error);
	if (!r)
		r = file_read_regular(path, VOLUME_AREA_MAX, &area, error);
	if (r)
		return r == -ENOENT ? -EINVAL : r;
	*ret = state;
	*ret_area = area;
	area = (struct buf)BUF_NULL;
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

/* The directory and its parent: a source machine has neither. */
static int make_directory(const char *directory, struct error *error)
{
	char path[STATE_PATH_MAX];
	char *slash;

	if (strlen(directory) >= sizeof(path))
		return error_set(error, -ENAMETOOLONG, "%s: the path is too long", directory);
	memcpy(path, directory, strlen(directory) + 1);
	slash = strrchr(path, '/');
	if (slash && slash != path) {
		*slash = '\0';
		if (mkdir(path, 0755) < 0 && errno != EEXIST)
			return error_set(error, -errno, "%s: %s", path, strerror(errno));
	}
	if (mkdir(directory, 0700) < 0 && errno != EEXIST)
		return error_set(error, -errno, "%s: %s", directory, strerror(errno));
	return 0;
}

int state_write(const char *directory, const struct state *state, struct bytes area, struct error *error)
{
	CLEANUP(buf_deinit) struct buf text = BUF_NULL;
	JSON_AUTO object = json_object_new_object();
	char path[STATE_PATH_MAX];
	int r = object ? make_directory(directory, error) : -ENOMEM;

	if (!r && area.size)
		r = path_of(path, directory, state->volume, ".area", error);
	if (!r && area.size)
		r = file_write(path, area, 0600, error);
	if (!r)
		r = to_json(state, object);
	if (!r)
		r = json_write(&text, object);
	if (!r)
		r = buf_append_text(&text, "\n");
	if (!r)
		r = path_of(path, directory, state->volume, ".json", error);
	return r ? r : file_write(path, buf_view(&text), 0600, error);
}

int state_remove(const char *directory, const char *volume, struct error *error)
{
	static const char *const endings[] = {".json", ".area"};
	char path[STATE_PATH_MAX];

	for (size_t i = 0; i < ARRAY_SIZE(endings); i++) {
		int r = path_of(path, directory, volume, endings[i], error);

		if (r)
			return r;
		if (unlink(path) < 0 && errno != ENOENT)
			return error_set(error, -errno, "%s: %s", path, strerror(errno));
	}
	return 0;
}
