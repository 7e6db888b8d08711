/* SPDX-License-Identifier: Apache-2.0 */
#include "enroll/plan.h"

#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/files.h"

#define CONTEXT 3 /* lines around a change, as diff -u has it */

int plan_init(struct plan *plan, const char *root)
{
	size_t size = root ? strlen(root) : 0;

	while (size && root[size - 1] == '/')
		size--;
	*plan = (struct plan){.root = strndup(root ? root : "", size)};
	return plan->root ? 0 : -ENOMEM;
}

static void edit_deinit(struct plan_edit *edit)
{
	free(edit->path);
	buf_deinit(&edit->before);
	buf_deinit(&edit->after);
}

void plan_deinit(struct plan *plan)
{
	for (size_t i = 0; i < plan->count; i++)
		edit_deinit(&plan->items[i]);
	free(plan->items);
	free(plan->root);
	*plan = (struct plan)PLAN_NULL;
}

static struct plan_edit *find(const struct plan *plan, const char *path)
{
	for (size_t i = 0; i < plan->count; i++) {
		if (strcmp(plan->items[i].path, path) == 0)
			return &plan->items[i];
	}
	return NULL;
}

const struct plan_edit *plan_find(const struct plan *plan, const char *path)
{
	return find(plan, path);
}

static int full_path(const struct plan *plan, const char *path, char to[static PATH_MAX], struct error *error)
{
	if (snprintf(to, PATH_MAX, "%s%s", plan->root, path) >= PATH_MAX)
		return error_set(error, -ENAMETOOLONG, "%s%s: too long", plan->root, path);
	return 0;
}

/* What stands there now. */
static int read_file(const struct plan *plan, const char *path, struct plan_edit *ret, struct error *error)
{
	char name[PATH_MAX];
	struct stat info;
	int r = full_path(plan, path, name, error);

	if (r)
		return r;
	if (lstat(name, &info) < 0)
		return errno == ENOENT ? 0 : error_set(error, -errno, "%s: %s", name, strerror(errno));
	if (S_ISLNK(info.st_mode))
		return error_set(error, -EINVAL, "%s: a symbolic link: what it points to is not written over", name);
	r = file_read_regular(name, PLAN_FILE_MAX, &ret->before, error);
	if (r)
		return r;
	ret->existed = true;
	ret->mode = info.st_mode & 07777;
	ret->owner = info.st_uid;
	ret->group = info.st_gid;
	return 0;
}

int plan_read(const struct plan *plan, const char *path, struct buf *ret, bool *ret_exists, struct error *error)
{
	const struct plan_edit *edit = find(plan, path);
	struct plan_edit now = {.path = NULL};
	int r;

	if (edit) {
		CLEANUP(buf_deinit) struct buf copy = BUF_NULL;

		r = buf_append(&copy, edit->after.data, edit->after.size);
		if (r)
			return r;
		buf_deinit(ret);
		*ret = copy;
		copy = (struct buf)BUF_NULL;
		*ret_exists = !edit->removed;
		return 0;
	}
	r = read_file(plan, path, &now, error);
	if (r) {
		edit_deinit(&now);
		return r;
	}
	buf_deinit(ret);
	*ret = now.before;
	*ret_exists = now.existed;
	return 0;
}

/* A row for this file, as it stands there now. */
static int add(struct plan *plan, const char *path, mode_t mode, struct plan_edit **ret, struct error *error)
{
	struct plan_edit edit = {.mode = mode, .owner = (uid_t)-1, .group = (gid_t)-1}, *items;
	int r;

	if (plan->count == PLAN_EDITS_MAX)
		return error_set(error, -E2BIG, "more than %d files", PLAN_EDITS_MAX);
	items = reallocarray(plan->items, plan->count + 1, sizeof(*items));
	if (!items)
		return -ENOMEM;
	plan->items = items;
	edit.path = strdup(path);
	r = edit.path ? read_file(plan, path, &edit, error) : -ENOMEM;
	if (r) {
		edit_deinit(&edit);
		return r;
	}
	plan->items[plan->count] = edit;
	*ret = &plan->items[plan->count++];
	return 0;
}

/* Of the last row. */
static void drop_if_same(struct plan *plan, const struct plan_edit *edit)
{
	bool same = edit->existed == !edit->removed && bytes_equal(buf_view(&edit->before), buf_view(&edit->after));

	if (same && edit == &plan->items[plan->count - 1])
		edit_deinit(&plan->items[--plan->count]);
}

static int set(struct plan *plan, const char *path, mode_t mode, bool removed, struct bytes text, struct error *error)
{
	struct plan_edit *edit = find(plan, path);
	CLEANUP(buf_deinit) struct buf copy = BUF_NULL;
	int r = buf_append(&copy, text.data, text.size);

	if (!r && !edit)
		r = add(plan, path, mode, &edit, error);
	if (r)
		return r;
	buf_deinit(&edit->after);
	edit->after = copy;
	copy = (struct buf)BUF_NULL;
	edit->removed = removed;
	drop_if_same(plan, edit);
	return 0;
}

int plan_write(struct plan *plan, const char *path, mode_t mode, struct bytes text, struct error *error)
{
	return set(plan, path, mode, false, text, error);
}

int plan_remove(struct plan *plan, const char *path, struct error *error)
{
	return set(plan, path, 0, true, bytes_of(NULL, 0), error);
}

/* Lines of a text; the last may have no newline. */
struct lines {
	struct bytes *items;
	size_t count;
};

static int split(struct bytes text, struct lines *ret)
{
	struct bytes *items = calloc(text.size + 1, sizeof(*items));
	size_t count = 0;

	if (!items)
		return -ENOMEM;
	while (text.size) {
		const uint8_t *newline = memchr(text.data, '\n', text.size);
		size_t size = newline ? (size_t)(newline - text.data) + 1 : text.size;

		items[count++] = bytes_of(text.data, size);
		text = bytes_from(text, size);
	}
	*ret = (struct lines){items, count};
	return 0;
}

static void print_lines(FILE *out, char sign, const struct lines *lines, size_t from, size_t to)
{
	for (size_t i = from; i < to; i++) {
		struct bytes line = lines->items[i];

		fputc(sign, out);
		(void)fwrite(line.data, 1, line.size, out);
		if (line.data[line.size - 1] != '\n')
			fprintf(out, "\n\\ No newline at end of file\n");
	}
}

/* "-5,2", and as diff(1) does, the line before where there are none. */
static void print_range(FILE *out, char sign, size_t first, size_t count)
{
	fprintf(out, "%c%zu,%zu", sign, count ? first + 1 : first, count);
}

/* One hunk, from the first line that differs to the last. */
static void print_hunk(FILE *out, const struct lines *old, const struct lines *new)
{
	size_t head = 0, tail = 0, from, behind;

	while (head < old->count && head < new->count &&bytes_equal(old->items[head], new->items[head]))
		head++;
	while (tail < old->count - head &&
		tail < new->count - head &&bytes_equal(old->items[old->count - 1 - tail], new->items[new->count - 1 - tail]))
		tail++;
	from = head > CONTEXT ? head - CONTEXT : 0;
	behind = tail > CONTEXT ? CONTEXT : tail;
	fprintf(out, "@@ ");
	print_range(out, '-', from, old->count - tail + behind - from);
	fputc(' ', out);
	print_range(out, '+', from, new->count - tail + behind - from);
	fprintf(out, " @@\n");
	print_lines(out, ' ', old, from, head);
	print_lines(out, '-', old, head, old->count - tail);
	print_lines(out, '+', new, head, new->count - tail);
	print_lines(out, ' ', old, old->count - tail, old->count - tail + behind);
}

void plan_print(const struct plan *plan, FILE *out)
{
	for (size_t i = 0; i < plan->count; i++) {
		const struct plan_edit *edit = &plan->items[i];
		struct lines old = {NULL, 0}, new = {NULL, 0};

		fprintf(out, "--- %s%s\n", edit->existed ? plan->root : "", edit->existed ? edit->path : "/dev/null");
		fprintf(out, "+++ %s%s\n", edit->removed ? "" : plan->root, edit->removed ? "/dev/null" : edit->path);
		if (split(buf_view(&edit->before), &old) || split(buf_view(&edit->after), &new))
			fprintf(out, "(no memory to compare)\n");
		else
			print_hunk(out, &old, &new);
		free(old.items);
		free(new.items);
	}
}

/* The directory of a file and those above it that are missing. */
static int make_directories(char *name, size_t root_size, struct error *error)
{
	for (char *slash = strchr(name + root_size + 1, '/'); slash; slash = strchr(slash + 1, '/')) {
		int r = 0;

		*slash = 0;
		if (mkdir(name, 0755) < 0 && errno != EEXIST)
			r = error_set(error, -errno, "%s: %s", name, strerror(errno));
		*slash = '/';
		if (r)
			return r;
	}
	return 0;
}

static int apply(const struct plan *plan, const struct plan_edit *edit, struct error *error)
{
	char name[PATH_MAX];
	int r = full_path(plan, edit->path, name, error);

	if (r)
		return r;
	if (edit->removed)
		return unlink(name) < 0 && errno != ENOENT ? error_set(error, -errno, "%s: %s", name, strerror(errno)) : 0;
	r = make_directories(name, strlen(plan->root), error);
	return r ? r : file_write_owned(name, buf_view(&edit->after), edit->mode, edit->owner, edit->group, error);
}

int plan_apply(const struct plan *plan, struct error *error)
{
	int r = 0;

	for (size_t i = 0; i < plan->count && !r; i++)
		r = apply(plan, &plan->items[i], error);
	return r;
}
