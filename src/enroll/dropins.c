/* SPDX-License-Identifier: Apache-2.0 */
#include "enroll/dropins.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "base/unit_name.h"

#define HEAD "# By `sevattest enroll`.\n"

void dropin_deinit(struct dropin *dropin)
{
	free(dropin->path);
	buf_deinit(&dropin->text);
	*dropin = (struct dropin)DROPIN_NULL;
}

/* "DIRECTORY/PREFIX" escaped(NAME) "SUFFIX" */
static int set_path(struct dropin *dropin, const char *prefix, const char *name, const char *suffix)
{
	CLEANUP(buf_deinit) struct buf path = BUF_NULL;
	int r = buf_printf(&path, DROPINS_DIRECTORY "/%s", prefix);

	if (!r)
		r = unit_name_escape(&path, name);
	if (!r)
		r = buf_append_text(&path, suffix);
	if (r)
		return r;
	dropin->path = buf_steal_text(&path);
	return dropin->path ? 0 : -ENOMEM;
}

static int finish(struct dropin *dropin, int r, struct dropin *ret)
{
	if (r)
		return r;
	dropin_deinit(ret);
	*ret = *dropin;
	*dropin = (struct dropin)DROPIN_NULL;
	return 0;
}

int dropin_device(const char *volume, const char *device, struct dropin *ret)
{
	CLEANUP(dropin_deinit) struct dropin dropin = DROPIN_NULL;
	CLEANUP(buf_deinit) struct buf unit = BUF_NULL;
	int r;

	if (!text_starts_with(device, "/dev/"))
		return -EINVAL;
	r = unit_name_escape_path(&unit, device);
	if (!r)
		r = set_path(&dropin, "sevattest-luks@", volume, ".service.d/device.conf");
	if (!r)
		r = buf_printf(&dropin.text, HEAD "[Unit]\nBindsTo=%.*s.device\nAfter=%.*s.device\n", (int)unit.size,
			(const char *)unit.data, (int)unit.size, (const char *)unit.data);
	return finish(&dropin, r, ret);
}

int dropin_cryptsetup(const char *volume, struct dropin *ret)
{
	CLEANUP(dropin_deinit) struct dropin dropin = DROPIN_NULL;
	int r = set_path(&dropin, "systemd-cryptsetup@", volume, ".service.d/sevattest.conf");

	if (!r)
		r = buf_append_text(&dropin.text,
			HEAD "[Unit]\nRequires=sevattest-luks@%i.service\nAfter=sevattest-luks@%i.service\n\n[Service]\n"
			     "ExecStartPost=" DROPINS_HELPER " verify %I\n");
	return finish(&dropin, r, ret);
}

static int check_service(const char *service, struct error *error)
{
	struct bytes name = bytes_of_text(service);
	size_t suffix = strlen(".service");

	if (!unit_name_is_systemd(name) || name.size <= suffix || strcmp(service + name.size - suffix, ".service") != 0)
		return error_set(error, -EINVAL, "%s: not a service, written as systemctl shows it", service);
	if (strstr(service, "@."))
		return error_set(error, -EINVAL, "%s: name the instance: it is what needs the disk", service);
	return 0;
}

/* As a word of a unit file: in quotes, with what means something there doubled. */
static int add_word(struct buf *to, const char *text)
{
	int r = buf_append_text(to, "\"");

	for (; *text && !r; text++) {
		if ((unsigned char)*text < ' ' || *text == 0x7f)
			return -EINVAL;
		if (*text == '"' || *text == '\\')
			r = buf_append_text(to, "\\");
		else if (*text == '%')
			r = buf_append_text(to, "%");
		if (!r)
			r = buf_append(to, text, 1);
	}
	return r ? r : buf_append_text(to, "\"");
}

static bool needs_quotes(const char *text)
{
	return strpbrk(text, " \t\"'\\%") != NULL;
}

/*
 * A target waits for each service that it wants and that has the default dependencies: a boot without a broker would never get to multi-user.target. So
 * these have the default dependencies of a service written out, and the target starts them without waiting.
 */
static const char unwaited[] = "DefaultDependencies=no\nRequires=sysinit.target\nAfter=sysinit.target basic.target\nConflicts=shutdown.target\n"
			       "Before=shutdown.target\n";

int dropin_service(
	const char *service, const char *volume, const char *const *mounts, size_t mount_count, struct dropin *ret, struct error *error)
{
	CLEANUP(dropin_deinit) struct dropin dropin = DROPIN_NULL;
	CLEANUP(buf_deinit) struct buf path = BUF_NULL;
	int r = check_service(service, error);

	/* The service's name is a unit's already; the volume's has no character that a file name may not have. */
	if (!r)
		r = buf_printf(&path, DROPINS_DIRECTORY "/%s.d/50-sevattest-%s.conf", service, volume);
	if (!r && !(dropin.path = buf_steal_text(&path)))
		r = -ENOMEM;
	if (!r)
		r = buf_append_text(&dropin.text, HEAD "[Unit]\n");
	for (size_t i = 0; i < mount_count && !r; i++) {
		if (mounts[i][0] != '/' || strpbrk(mounts[i], "\n\r"))
			return error_set(error, -EINVAL, "a mount point is an absolute path");
		r = buf_append_text(&dropin.text, "RequiresMountsFor=");
		if (!r)
			r = needs_quotes(mounts[i]) ? add_word(&dropin.text, mounts[i]) : buf_append_text(&dropin.text, mounts[i]);
		if (!r)
			r = buf_append_text(&dropin.text, "\n");
	}
	if (!r)
		r = buf_append_text(&dropin.text, unwaited);
	return finish(&dropin, r, ret);
}
