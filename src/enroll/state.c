/* SPDX-License-Identifier: Apache-2.0 */
#include "enroll/state.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/files.h"
#include "enroll/volume.h"

#define TEXT_MAX ((size_t)16 << 10)

static int path_of(char *to, const char *directory, const char *volume, const char *ending, struct error *error)
{
	int size = snprintf(to, STATE_PATH_MAX, "%s/%s%s", directory, volume, ending);

	return size < 0 || size >= STATE_PATH_MAX ? error_set(error, -ENAMETOOLONG, "%s: the path is too long", directory) : 0;
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
	char path[STATE_PATH_MAX];
	int r = make_directory(directory, error);

	if (!r && area.size)
		r = path_of(path, directory, state->volume, ".area", error);
	if (!r && area.size)
		r = file_write(path, area, 0600, error);
	if (!r)
		r = state_text(state, &text);
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
