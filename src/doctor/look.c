/* SPDX-License-Identifier: Apache-2.0 */
#include "doctor/look.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/files.h"
#include "base/text.h"

#define NAMES_MAX 4096 /* entries of one directory */

static bool full_path(const struct look *look, const char *path, char to[static PATH_MAX])
{
	return snprintf(to, PATH_MAX, "%s%s", look->root, path) < PATH_MAX;
}

char *look_text(const struct look *look, const char *path)
{
	CLEANUP(buf_deinit) struct buf text = BUF_NULL;
	char name[PATH_MAX];

	if (!full_path(look, path, name) || file_read(name, DOCTOR_TEXT_MAX, &text, NULL))
		return NULL;
	return buf_steal_text(&text);
}

bool look_exists(const struct look *look, const char *path)
{
	char name[PATH_MAX];
	struct stat info;

	return full_path(look, path, name) && lstat(name, &info) == 0;
}

bool look_is_masked(const struct look *look, const char *unit)
{
	static const char *const directories[] = {"/etc/systemd/system", "/run/systemd/system"};

	for (size_t i = 0; i < ARRAY_SIZE(directories); i++) {
		char path[PATH_MAX], target[PATH_MAX];
		ssize_t size;

		if (snprintf(path, sizeof(path), "%s%s/%s", look->root, directories[i], unit) >= (int)sizeof(path))
			continue;
		size = readlink(path, target, sizeof(target) - 1);
		if (size > 0) {
			target[size] = 0;
			if (strcmp(target, "/dev/null") == 0)
				return true;
		}
	}
	return false;
}

static int visible(const struct dirent *entry)
{
	return entry->d_name[0] != '.';
}

char **look_names(const struct look *look, const char *directory, size_t *ret_count)
{
	struct dirent **entries = NULL;
	char name[PATH_MAX], **names;
	int count;

	*ret_count = 0;
	if (!full_path(look, directory, name))
		return NULL;
	count = scandir(name, &entries, visible, alphasort);
	names = count > 0 ? calloc((size_t)count, sizeof(*names)) : NULL;
	for (int i = 0; i < count; i++) {
		if (names && *ret_count < NAMES_MAX && (names[*ret_count] = strdup(entries[i]->d_name)))
			(*ret_count)++;
		free(entries[i]);
	}
	free(entries);
	return names;
}

void look_names_free(char **names, size_t count)
{
	for (size_t i = 0; i < count; i++)
		free(names[i]);
	free(names);
}

char *look_find(const struct look *look, const char *directory, bool (*match)(const char *name))
{
	size_t count;
	char **names = look_names(look, directory, &count), *found = NULL;

	for (size_t i = 0; i < count && !found; i++) {
		if (match(names[i]) && asprintf(&found, "%s/%s", directory, names[i]) < 0)
			found = NULL;
	}
	look_names_free(names, count);
	return found;
}

bool look_cmdline(const struct look *look, const char *name, const char **ret)
{
	size_t size = strlen(name);
	bool found = false;

	for (const char *at = look->cmdline; *at; at += strcspn(at, " \n")) {
		at += strspn(at, " \n");
		if (strncmp(at, name, size) != 0 || (at[size] && !strchr(" \n=", at[size])))
			continue;
		if (ret)
			*ret = at + size + (at[size] == '=');
		found = true;
	}
	return found;
}

bool look_cmdline_is(const struct look *look, const char *name, const char *value)
{
	const char *at;
	size_t size = strlen(value);

	return look_cmdline(look, name, &at) && strncmp(at, value, size) == 0 && (at[size] == 0 || at[size] == ' ' || at[size] == '\n');
}

unsigned look_kernel(const struct look *look, char to[static 128])
{
	char *text = look_text(look, "/proc/sys/kernel/osrelease"), *end;
	unsigned long major, minor;

	*to = 0;
	if (!text)
		return 0;
	(void)snprintf(to, 128, "%.*s", (int)strcspn(text, "\n"), text);
	free(text);
	major = strtoul(to, &end, 10);
	minor = *end == '.' ? strtoul(end + 1, NULL, 10) : 0;
	return major < 1000 && minor < 1000 ? (unsigned)(major * 1000 + minor) : 0;
}

static bool is_systemd_library(const char *name)
{
	return text_starts_with(name, "libsystemd-shared-");
}

unsigned look_systemd(const struct look *look)
{
	static const char *const directories[] = {"/usr/lib/systemd", "/usr/lib/x86_64-linux-gnu/systemd", "/usr/lib64/systemd",
		"/lib/systemd", "/lib/x86_64-linux-gnu/systemd"};

	for (size_t i = 0; i < ARRAY_SIZE(directories); i++) {
		char *found = look_find(look, directories[i], is_systemd_library);
		unsigned long version = found ? strtoul(strrchr(found, '-') + 1, NULL, 10) : 0;

		free(found);
		if (version && version < 10000)
			return (unsigned)version;
	}
	return 0;
}

PRINTF_LIKE(1, 0) static char *format_text(const char *format, va_list arguments)
{
	char *text;

	return vasprintf(&text, format, arguments) < 0 ? NULL : text;
}

void look_passed(struct look *look, const char *check, const char *actual, ...)
{
	struct finding *finding = verdict_add(look->verdict, check, FINDING_POLICY, FINDING_PASSED);
	va_list arguments;
	char *text;

	if (!actual)
		return;
	va_start(arguments, actual);
	text = format_text(actual, arguments);
	va_end(arguments);
	finding_actual(finding, "%s", text ? text : "");
	free(text);
}

void look_unknown(struct look *look, const char *check, const char *why, ...)
{
	struct finding *finding = verdict_add(look->verdict, check, FINDING_POLICY, FINDING_NOT_CHECKED);
	va_list arguments;
	char *text;

	va_start(arguments, why);
	text = format_text(why, arguments);
	va_end(arguments);
	finding_why(finding, "%s", text ? text : "");
	free(text);
}

struct finding *look_failed(struct look *look, const char *check)
{
	return verdict_add(look->verdict, check, FINDING_POLICY, FINDING_FAILED);
}

struct finding *look_advice(struct look *look, const char *check)
{
	return verdict_add(look->verdict, check, FINDING_ADVICE, FINDING_FAILED);
}
