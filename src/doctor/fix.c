/* SPDX-License-Identifier: Apache-2.0 */
/* Fixes as commands. They are for a root's shell and are meant to be read before they are run. */
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "doctor/look.h"

#define LINES_MAX 4096
#define COMMAND_MAX 900 /* a finding's text has 1023 bytes: half a command is worse than none */

int fix_quote(struct buf *to, const char *text)
{
	int r = buf_append_text(to, "'");

	for (; *text && !r; text++)
		r = *text == '\'' ? buf_append_text(to, "'\\''") : buf_append(to, text, 1);
	return r ? r : buf_append_text(to, "'");
}

void fix_systemctl(struct finding *finding, const struct look *look, const char *verb, const char *units)
{
	if (look->live)
		finding_fix(finding, "run: systemctl %s --now %s", verb, units);
	else
		finding_fix(finding, "run: systemctl --root=%s %s %s", look->root, verb, units);
}

struct text_lines {
	struct bytes items[LINES_MAX];
	size_t count;
};

/* Without their newlines. False for more than LINES_MAX. */
static bool split(struct bytes text, struct text_lines *ret)
{
	ret->count = 0;
	while (text.size) {
		const uint8_t *newline = memchr(text.data, '\n', text.size);
		size_t size = newline ? (size_t)(newline - text.data) : text.size;

		if (ret->count == LINES_MAX)
			return false;
		ret->items[ret->count++] = bytes_of(text.data, size);
		text = bytes_from(text, newline ? size + 1 : size);
	}
	return true;
}

static int quote_line(struct buf *to, struct bytes line)
{
	char *text = strndup(line.size ? (const char *)line.data : "", line.size);
	int r = text ? buf_append_text(to, " ") : -1;

	if (!r)
		r = fix_quote(to, text);
	free(text);
	return r;
}

/* printf '%s\n' 'line' ... */
static int print_lines(struct buf *to, const struct text_lines *lines, size_t from, const char *into, const char *path)
{
	int r = buf_append_text(to, "printf '%s\\n'");

	for (size_t i = from; i < lines->count && !r; i++)
		r = quote_line(to, lines->items[i]);
	if (!r)
		r = buf_printf(to, " %s", into);
	return r ? r : fix_quote(to, path);
}

/* sed -i -e '3c\line' FILE: for lines that changed and did not move. sed takes a backslash away. */
static int change_lines(struct buf *to, const struct text_lines *old, const struct text_lines *new, const char *path)
{
	int r = buf_append_text(to, "sed -i");

	for (size_t i = 0; i < old->count && !r; i++) {
		CLEANUP(buf_deinit) struct buf script = BUF_NULL;
		char *text;

		if (bytes_equal(old->items[i], new->items[i]))
			continue;
		r = buf_printf(&script, "%zuc\\", i + 1);
		for (size_t j = 0; j < new->items[i].size && !r; j++)
			r = buf_append(&script, new->items[i].data[j] == '\\' ? "\\\\" : (const char *)new->items[i].data + j,
				new->items[i].data[j] == '\\' ? 2 : 1);
		if (r || !(text = buf_steal_text(&script)))
			return -1;
		r = buf_append_text(to, " -e ");
		if (!r)
			r = fix_quote(to, text);
		free(text);
	}
	if (!r)
		r = buf_append_text(to, " ");
	return r ? r : fix_quote(to, path);
}

static bool begins_with(const struct text_lines *lines, const struct text_lines *head)
{
	if (head->count > lines->count)
		return false;
	for (size_t i = 0; i < head->count; i++) {
		if (!bytes_equal(lines->items[i], head->items[i]))
			return false;
	}
	return true;
}

static bool ends_line(const struct buf *text)
{
	return !text->size || text->data[text->size - 1] == '\n';
}

static int add_edit(struct buf *to, const struct plan *plan, const struct plan_edit *edit, struct text_lines *old, struct text_lines *new)
{
	char path[PATH_MAX], directory[PATH_MAX];
	bool whole_lines = ends_line(&edit->before);
	int r = 0;

	if (snprintf(path, sizeof(path), "%s%s", plan->root, edit->path) >= (int)sizeof(path))
		return -1;
	(void)snprintf(directory, sizeof(directory), "%.*s", (int)(strrchr(path, '/') - path), path);
	if (edit->removed) {
		r = buf_append_text(to, "rm ");
		return r ? r : fix_quote(to, path);
	}
	if (!split(buf_view(&edit->before), old) || !split(buf_view(&edit->after), new))
		return -1;
	if (edit->existed && old->count && old->count == new->count &&whole_lines == ends_line(&edit->after))
		return change_lines(to, old, new, path);
	if (edit->existed && whole_lines && begins_with(new, old))
		return print_lines(to, new, old->count, ">>", path);
	r = buf_append_text(to, "mkdir -p ");
	if (!r)
		r = fix_quote(to, directory);
	if (!r)
		r = buf_append_text(to, " && ");
	return r ? r : print_lines(to, new, 0, ">", path);
}

void fix_plan(struct finding *finding, const struct plan *plan)
{
	struct text_lines *old = calloc(2, sizeof(*old));
	CLEANUP(buf_deinit) struct buf command = BUF_NULL;
	char *text;
	int r = old ? 0 : -1;

	for (size_t i = 0; i < plan->count && !r; i++) {
		r = i ? buf_append_text(&command, " && ") : 0;
		if (!r)
			r = add_edit(&command, plan, &plan->items[i], old, old + 1);
	}
	free(old);
	text = r ? NULL : buf_steal_text(&command);
	if (text && strlen(text) <= COMMAND_MAX)
		finding_fix(finding, "run: %s", text);
	else
		finding_fix(finding, "write them by hand, as sevattest enroll --dry-run shows them");
	free(text);
}

void fix_cmdline(struct finding *finding, const struct look *look, const char *word)
{
	const char *rebuild = look->live ? " # then rebuild the boot image, measure it anew, and reboot" : "";

	if (look_exists(look, "/etc/kernel/cmdline"))
		finding_fix(finding, "run: sed -i '1s/$/ %s/' %s/etc/kernel/cmdline%s", word, look->root, rebuild);
	else if (look_exists(look, "/etc/default/grub"))
		finding_fix(finding, "run: sed -i 's/^GRUB_CMDLINE_LINUX=\"/&%s /' %s/etc/default/grub%s", word, look->root,
			look->live ? " && update-grub # then measure anew, and reboot" : "");
	else
		finding_fix(finding, "put \"%s\" on the kernel's command line, where it is measured", word);
}
