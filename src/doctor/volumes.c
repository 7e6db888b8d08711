/* SPDX-License-Identifier: Apache-2.0 */
/* The guarded volumes: their entry, their device and its header, and all that the system's files have to say about them. */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/files.h"
#include "base/text.h"
#include "doctor/look.h"
#include "enroll/device.h"
#include "enroll/guard.h"
#include "io/volume_conf.h"
#include "luks/choose.h"

/* The part of a plan that brings one file to where it ought to be. */
typedef int part(struct plan *plan, const struct guard *guard, struct error *error);

static int fstab_part(struct plan *plan, const struct guard *guard, struct error *error)
{
	return guard_plan_fstab(plan, guard, NULL, error);
}

static void look_at_part(struct look *look, const char *check, const struct guard *guard, part *plan_part, const char *why)
{
	CLEANUP(plan_deinit) struct plan plan = PLAN_NULL;
	struct error error = ERROR_NULL;
	struct finding *finding;
	int r = plan_init(&plan, look->root);

	if (!r)
		r = plan_part(&plan, guard, &error);
	if (!r && plan.count == 0) {
		look_passed(look, check, "%s", guard->name);
		return;
	}
	finding = look_failed(look, check);
	finding_why(finding, "%s", why);
	if (r) {
		finding_actual(finding, "%s: %s", guard->name, error_text(&error)[0] ? error_text(&error) : strerror(-r));
		finding_fix(finding, "%s",
			r == -EDEADLK ? "mount the volume elsewhere, and from there only the directories that have to be on it (mount --bind)"
				      : "mend the line that is named by hand; sevattest enroll --dry-run shows what ought to stand there");
		return;
	}
	finding_actual(
		finding, "%s: %s%s is not as enroll writes it", guard->name, plan.items[0].path, plan.count > 1 ? " (and others)" : "");
	fix_plan(finding, &plan);
}

/* At least as much as both headers and the key slots' area; a disk is longer. */
static int read_head(const struct look *look, const char *device, struct buf *ret)
{
	CLEANUP(buf_deinit) struct buf head = BUF_NULL;
	char path[PATH_MAX];
	FD_AUTO fd = -1;
	size_t want = LUKS_AREA_MAX;
	int r;

	if (snprintf(path, sizeof(path), "%s%s", look->root, device) >= (int)sizeof(path))
		return -ENAMETOOLONG;
	fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	if (fd < 0)
		return -errno;
	r = buf_reserve(&head, want);
	while (!r && head.size < want) {
		ssize_t n = read(fd, head.data + head.size, want - head.size);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		if (n == 0)
			break;
		head.size += (size_t)n;
	}
	if (r)
		return r;
	*ret = head;
	head = (struct buf)BUF_NULL;
	return 0;
}

static void header_failed(struct look *look, const char *name, enum luks_copy which, const char *actual, const char *why, const char *fix)
{
	struct finding *finding = look_failed(look, "volume.header");

	finding_actual(finding, "%s, %s header: %s", name, luks_copy_name(which), actual);
	finding_why(finding, "%s", why);
	finding_fix(finding, "%s", fix);
}

/* Both copies, by what a header may say at all; that it is the enrolled one only the broker knows. */
static bool header_allowed(struct look *look, const char *name, struct bytes head, enum luks_copy which)
{
	CLEANUP(luks_header_deinit) struct luks_header header = LUKS_HEADER_NULL;
	CLEANUP(verdict_deinit) struct verdict verdict = VERDICT_NULL;
	const struct finding *first;
	struct error error = ERROR_NULL;

	if (luks_find(head, which, &header, &error)) {
		header_failed(look, name, which, error_text(&error), "without both copies the disk does not open safely",
			"restore it: cryptsetup repair DEVICE from the recovery entry, where the other copy is the enrolled one");
		return false;
	}
	if (luks_allow(&header, which, &verdict) == 0)
		return true;
	first = verdict_first_failed(&verdict);
	header_failed(look, name, which, first && first->actual ? first->actual : "is not allowed", first && first->why ? first->why : "",
		first && first->fix ? first->fix : "sevattest enroll the disk anew");
	return false;
}

static void look_at_device(struct look *look, const struct guard *guard)
{
	CLEANUP(buf_deinit) struct buf head = BUF_NULL;
	struct finding *finding;
	int r = read_head(look, guard->device, &head);

	if (r == -ENOENT) {
		finding = look_failed(look, "volume.device");
		finding_expected(finding, "%s", guard->device);
		finding_actual(finding, "%s: there is no such device", guard->name);
		finding_why(finding, "the volume waits for it, for ever");
		finding_fix(finding, "attach the disk; or, where it has another name on this platform, enroll it again with that name");
		return;
	}
	if (r) {
		look_unknown(look, "volume.device", "%s: %s: %s", guard->name, guard->device, strerror(-r));
		return;
	}
	look_passed(look, "volume.device", "%s: %s", guard->name, guard->device);
	if (header_allowed(look, guard->name, buf_view(&head), LUKS_PRIMARY) &&
		header_allowed(look, guard->name, buf_view(&head), LUKS_SECONDARY))
		look_passed(look, "volume.header", "%s", guard->name);
}

static bool unit_is_there(const struct look *look, const char *service)
{
	static const char *const directories[] = {"/etc/systemd/system", "/usr/lib/systemd/system", "/lib/systemd/system"};
	char path[PATH_MAX], name[256];

	/* Of a template the file is NAME@.service. */
	(void)snprintf(name, sizeof(name), "%s", service);
	if (strstr(name, "@*"))
		(void)snprintf(name, sizeof(name), "%.*s@.service", (int)strcspn(service, "@"), service);
	for (size_t i = 0; i < ARRAY_SIZE(directories); i++) {
		if (snprintf(path, sizeof(path), "%s/%s", directories[i], name) < (int)sizeof(path) && look_exists(look, path))
			return true;
	}
	return false;
}

/* A drop-in of ours for this volume, of any instance. */
static bool waits(const struct look *look, const char *service, const char *volume)
{
	char prefix[256], path[PATH_MAX];
	size_t count, size;
	char **names = look_names(look, DROPINS_DIRECTORY, &count);
	bool found = false;

	(void)snprintf(prefix, sizeof(prefix), "%.*s", (int)strcspn(service, "*"), service);
	size = strlen(prefix);
	for (size_t i = 0; i < count && !found; i++) {
		size_t length = strlen(names[i]);

		if (strncmp(names[i], prefix, size) == 0 && length > 2 && strcmp(names[i] + length - 2, ".d") == 0)
			found = snprintf(path, sizeof(path), DROPINS_DIRECTORY "/%s/50-sevattest-%s.conf", names[i], volume) <
					(int)sizeof(path) &&
				look_exists(look, path);
	}
	look_names_free(names, count);
	return found;
}

static void fix_service(struct finding *finding, const struct look *look, const struct guard *guard, const struct fstab_mounts *mounts, const char *service)
{
	CLEANUP(plan_deinit) struct plan plan = PLAN_NULL;
	struct guard with = *guard;

	with.services = &service;
	with.service_count = 1;
	if (strchr(service, '*'))
		finding_fix(finding, "sevattest enroll with --service and the instance of %s", service);
	else if (plan_init(&plan, look->root) == 0 && guard_plan_services(&plan, &with, mounts, NULL) == 0)
		fix_plan(finding, &plan);
}

static void look_at_services(struct look *look, const struct guard *guard, const struct fstab_mounts *mounts, const char *mount)
{
	const char *service;
	size_t cursor = 0;

	while ((service = guard_known_service(mount, &cursor))) {
		struct finding *finding;

		if (!unit_is_there(look, service) || waits(look, service, guard->name))
			continue;
		finding = look_advice(look, "volume.services");
		finding_expected(finding, "a drop-in with RequiresMountsFor=%s", mount);
		finding_actual(finding, "%s has none", service);
		finding_why(finding, "without the disk it starts on the empty mount point and makes new data there");
		fix_service(finding, look, guard, mounts, service);
	}
}

static void look_at_mounts(struct look *look, const struct guard *guard)
{
	CLEANUP(fstab_mounts_deinit) struct fstab_mounts mounts = {.count = 0};
	CLEANUP(plan_deinit) struct plan plan = PLAN_NULL;

	if (plan_init(&plan, look->root) || guard_plan_fstab(&plan, guard, &mounts, NULL))
		return;
	for (size_t i = 0; i < mounts.count; i++)
		look_at_services(look, guard, &mounts, mounts.items[i]);
}

static void look_at_volume(struct look *look, const char *directory, const char *name)
{
	CLEANUP(volume_conf_deinit) struct volume_conf conf = VOLUME_CONF_NULL;
	struct error error = ERROR_NULL;
	struct guard guard = {.name = name};
	struct finding *finding;

	if (volume_conf_read(directory, name, &conf, &error)) {
		finding = look_failed(look, "volume.conf");
		finding_actual(finding, "%s", error_text(&error));
		finding_why(finding, "nothing else says which device is looked at and which key opens it");
		finding_fix(finding, "mend the file, or enroll the volume again; it is root's with mode 0644");
		return;
	}
	look_passed(look, "volume.conf", "%s: %s", name, conf.resource);
	guard.device = conf.device;
	guard.resource = conf.resource;
	look_at_device(look, &guard);
	look_at_part(look, "volume.crypttab", &guard, guard_plan_crypttab,
		"only this line opens the disk with the header that was checked, asks our agent for the key, and never a person");
	look_at_part(look, "volume.fstab", &guard, fstab_part,
		"the mount has to wait for as long as the key takes, and the boot must not wait for it");
	look_at_part(look, "volume.drop-ins", &guard, guard_plan_drop_ins,
		"without them the volume opens before its header was checked, and is used before its table was");
	look_at_mounts(look, &guard);
}

/* initramfs-tools opens key files with open(2): a socket breaks the boot without a word. */
static void look_at_initrd(struct look *look)
{
	char *text = look_text(look, CRYPTTAB_FILE);
	bool tools = look_exists(look, "/etc/initramfs-tools") && !look_exists(look, "/usr/lib/dracut/dracut-functions.sh");
	struct table_line line;
	struct table table;
	size_t bad = 0;

	table_init(&table, bytes_of_text(text ? text : ""));
	while (tools && !bad && table_next(&table, &line)) {
		struct bytes unused;

		if (line.count > 3 && table_option(line.fields[3], "initramfs", &unused) &&
			!table_option(line.fields[3], "keyscript", &unused) && line.fields[2].size > 5 &&
			memcmp(line.fields[2].data, "/run/", 5) == 0)
			bad = line.number;
	}
	if (bad) {
		struct finding *finding = look_failed(look, "initrd.crypttab");

		finding_expected(finding, "keyscript= in a line with initramfs");
		finding_actual(finding, CRYPTTAB_FILE ", line %zu names a socket", bad);
		finding_why(finding, "initramfs-tools drops such an entry, and the boot asks for a passphrase");
		finding_fix(finding, "run: sed -i '%zus/initramfs/&,keyscript=\\/usr\\/lib\\/sevattest\\/keyscript/' %s" CRYPTTAB_FILE, bad,
			look->root);
	} else {
		look_passed(look, "initrd.crypttab", NULL);
	}
	free(text);
}

void room_volumes(struct look *look)
{
	struct config_list volumes = {NULL, 0};
	char directory[PATH_MAX];
	struct error error = ERROR_NULL;

	(void)snprintf(directory, sizeof(directory), "%s" VOLUME_CONF_DIRECTORY, look->root);
	if (volume_conf_list(directory, &volumes, &error)) {
		look_unknown(look, "volume.conf", "%s", error_text(&error));
		return;
	}
	for (size_t i = 0; i < volumes.count; i++)
		look_at_volume(look, directory, volumes.items[i]);
	volume_conf_list_deinit(&volumes);
	look_at_initrd(look);
}
