/* SPDX-License-Identifier: Apache-2.0 */
#include "io/kds_cache.h"

#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/files.h"

static int file_of(const char *directory, const struct kds_object *object, char to[static PATH_MAX])
{
	char name[KDS_FILE_NAME_MAX];

	kds_object_file(object, name);
	return snprintf(to, PATH_MAX, "%s/%s", directory, name) >= PATH_MAX ? -ENAMETOOLONG : 0;
}

int kds_cache_get(const char *directory, const struct kds_object *object, int64_t now, struct buf *ret, int64_t *ret_age)
{
	char path[PATH_MAX];
	struct stat st;
	int r = file_of(directory, object, path);

	if (r)
		return r;
	if (stat(path, &st) < 0)
		return -errno;
	if (!S_ISREG(st.st_mode) || st.st_size == 0)
		return -ENOENT;
	r = file_read_regular(path, KDS_ANSWER_MAX, ret, NULL);
	if (!r && ret_age)
		*ret_age = st.st_mtime < now ? now - st.st_mtime : 0;
	return r;
}

int kds_cache_put(const char *directory, const struct kds_object *object, struct bytes bytes, struct error *error)
{
	char path[PATH_MAX];
	int r = file_of(directory, object, path);

	if (r)
		return error_set(error, r, "%s: %s", directory, strerror(-r));
	if (mkdir(directory, 0755) < 0 && errno != EEXIST)
		return error_set(error, -errno, "%s: %s", directory, strerror(errno));
	return file_write(path, bytes, 0644, error);
}

void kds_cache_forget(const char *directory, const struct kds_object *object)
{
	char path[PATH_MAX];

	if (!file_of(directory, object, path))
		(void)unlink(path);
}

struct listing {
	struct kds_cached *items;
	size_t count;
	size_t room;
};

static int add(struct listing *listing, const char *directory, const char *name, int64_t now)
{
	struct kds_cached *item;
	char path[PATH_MAX];
	struct stat st;

	if (listing->count == listing->room) {
		size_t room = listing->room ? 2 * listing->room : 64;
		struct kds_cached *more = room <= KDS_CACHE_FILES_MAX ? realloc(listing->items, room * sizeof(*more)) : NULL;

		if (!more)
			return -ENOMEM;
		listing->items = more;
		listing->room = room;
	}
	item = &listing->items[listing->count];
	if (kds_object_from_file(name, &item->object) || snprintf(path, sizeof(path), "%s/%s", directory, name) >= (int)sizeof(path) ||
		stat(path, &st) < 0 || !S_ISREG(st.st_mode))
		return 0;
	(void)snprintf(item->name, sizeof(item->name), "%s", name);
	item->age = st.st_mtime < now ? now - st.st_mtime : 0;
	listing->count++;
	return 0;
}

static int by_name(const void *a, const void *b)
{
	return strcmp(((const struct kds_cached *)a)->name, ((const struct kds_cached *)b)->name);
}

int kds_cache_list(const char *directory, int64_t now, struct kds_cached **ret, size_t *ret_count, struct error *error)
{
	struct listing listing = {0};
	DIR *stream = opendir(directory);
	struct dirent *entry;
	int r = 0;

	if (!stream && errno != ENOENT)
		return error_set(error, -errno, "%s: %s", directory, strerror(errno));
	while (stream && !r && (entry = readdir(stream)))
		r = add(&listing, directory, entry->d_name, now);
	if (stream)
		(void)closedir(stream);
	if (r) {
		free(listing.items);
		return error_set(error, r, "%s: no memory, or more than %d objects", directory, KDS_CACHE_FILES_MAX);
	}
	if (listing.count)
		qsort(listing.items, listing.count, sizeof(*listing.items), by_name);
	*ret = listing.items;
	*ret_count = listing.count;
	return 0;
}

bool kds_cache_knows_chip(const char *directory, const struct kds_object *vcek)
{
	char name[KDS_FILE_NAME_MAX];
	DIR *stream = opendir(directory);
	struct dirent *entry;
	bool found = false;
	size_t size;

	if (!stream)
		return false;
	/* "vcek-milan-HWID-": what stands before the TCB. */
	kds_object_file(vcek, name);
	size = (size_t)(strchr(strchr(name, '-') + 1, '-') - name) + 1 + 2 * vcek->hwid_size + 1;
	while (!found && (entry = readdir(stream)))
		found = strncmp(entry->d_name, name, size) == 0;
	(void)closedir(stream);
	return found;
}
