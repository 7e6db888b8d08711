/* SPDX-License-Identifier: Apache-2.0 */
#include "enroll/guard.h"

#include <errno.h>
#include <string.h>

#include "base/crypto.h"
#include "base/text.h"
#include "enroll/device.h"

int guard_plan_volume(struct plan *plan, const struct guard *guard, struct error *error)
{
	CLEANUP(buf_deinit) struct buf text = BUF_NULL;
	char path[256], hex[2 * SHA256_SIZE + 1];
	int r;

	if (!device_is_stable(guard->device))
		return error_set(
			error, -EINVAL, "%s: a guarded device is named by /dev/disk/by-id or /dev/disk/by-partuuid", guard->device);
	if (snprintf(path, sizeof(path), GUARD_VOLUMES "/%s", guard->name) >= (int)sizeof(path))
		return error_set(error, -EINVAL, "the name of the volume is too long");
	r = buf_printf(&text, "# By `sevattest enroll`.\n[volume]\nDevice = %s\nResource = %s\n", guard->device, guard->resource);
	if (!r && guard->key_check) {
		hex_encode(hex, guard->key_check, SHA256_SIZE);
		r = buf_printf(&text, "KeyCheck = %s\n", hex);
	}
	return r ? r : plan_write(plan, path, 0644, buf_view(&text), error);
}

int guard_plan_drop_ins(struct plan *plan, const struct guard *guard, struct error *error)
{
	CLEANUP(dropin_deinit) struct dropin device = DROPIN_NULL;
	CLEANUP(dropin_deinit) struct dropin cryptsetup = DROPIN_NULL;
	int r = dropin_device(guard->name, guard->device, &device);

	if (r)
		return error_set(error, r, "%s: cannot be named in a unit", guard->device);
	r = dropin_cryptsetup(guard->name, &cryptsetup);
	if (!r)
		r = plan_write(plan, device.path, 0644, buf_view(&device.text), error);
	return r ? r : plan_write(plan, cryptsetup.path, 0644, buf_view(&cryptsetup.text), error);
}

/* What stands for the file system inside: by its UUID, and, where the mapping is open, by the links to it. */
static int inner_names(const struct plan *plan, const struct guard *guard, struct device_names *ret)
{
	char mapper[256];
	int r;

	(void)snprintf(mapper, sizeof(mapper), "/dev/mapper/%s", guard->name);
	r = device_names(plan->root, mapper, ret, NULL);
	return r == -ENOMEM ? r : 0; /* not open: no names */
}

static int list_names(const struct plan *plan, const struct guard *guard, struct fstab_volume *volume, struct device_names *open,
	char texts[2][128], const char *names[static DEVICE_NAMES_MAX + 2], struct error *error)
{
	int r = inner_names(plan, guard, open);

	if (r)
		return r;
	*volume = (struct fstab_volume){guard->name, names, 0};
	for (size_t i = 0; i < open->count; i++)
		names[volume->name_count++] = open->items[i];
	if (!guard->inner_uuid)
		return 0;
	if (!table_word_valid(guard->inner_uuid) || strlen(guard->inner_uuid) > 64)
		return error_set(error, -EINVAL, "the UUID of the file system is none");
	(void)snprintf(texts[0], sizeof(texts[0]), "UUID=%s", guard->inner_uuid);
	(void)snprintf(texts[1], sizeof(texts[1]), "/dev/disk/by-uuid/%s", guard->inner_uuid);
	names[volume->name_count++] = texts[0];
	names[volume->name_count++] = texts[1];
	return 0;
}

/* One slash instead of many, none at the end: "/var//" is /var. */
static bool same_path(const char *path, const char *clean)
{
	while (*path) {
		size_t slashes = strspn(path, "/"), size;

		path += slashes;
		size = strcspn(path, "/");
		if (!size)
			break;
		if (*clean != '/' || strncmp(clean + 1, path, size) != 0)
			return false;
		clean += 1 + size;
		path += size;
	}
	return !*clean;
}

/* sevattestd waits for these mounts (its files, CacheDirectory=, PrivateTmp=), and this mount waits for sevattestd. */
static int check_mounts(const struct fstab_mounts *mounts, const char *name, struct error *error)
{
	static const char *const needed[] = {"", "/etc", "/usr", "/var", "/var/cache", "/var/cache/sevattest", "/var/tmp", "/tmp"};

	for (size_t i = 0; i < mounts->count; i++) {
		for (size_t j = 0; j < ARRAY_SIZE(needed); j++) {
			if (same_path(mounts->items[i], needed[j]))
				return error_set(error, -EDEADLK,
					FSTAB_FILE ": %s cannot be mounted at %s: sevattestd needs files there before it can open a volume, so both would wait for ever",
					name, needed[j][0] ? needed[j] : "/");
		}
	}
	return 0;
}

int guard_plan_fstab(struct plan *plan, const struct guard *guard, struct fstab_mounts *ret_mounts, struct error *error)
{
	CLEANUP(device_names_deinit) struct device_names open = DEVICE_NAMES_NULL;
	CLEANUP(fstab_mounts_deinit) struct fstab_mounts mounts = {.count = 0};
	CLEANUP(buf_deinit) struct buf old = BUF_NULL;
	CLEANUP(buf_deinit) struct buf new = BUF_NULL;
	const char *names[DEVICE_NAMES_MAX + 2];
	struct fstab_volume volume;
	char texts[2][128];
	bool exists = false;
	int r = list_names(plan, guard, &volume, &open, texts, names, error);

	if (!r)
		r = plan_read(plan, FSTAB_FILE, &old, &exists, error);
	if (!r)
		r = fstab_mounts(buf_view(&old), &volume, &mounts, error);
	if (!r)
		r = check_mounts(&mounts, guard->name, error);
	if (!r && exists)
		r = fstab_guard(buf_view(&old), &volume, &new, error);
	if (!r && exists)
		r = plan_write(plan, FSTAB_FILE, 0644, buf_view(&new), error);
	if (r)
		return r;
	if (ret_mounts) {
		*ret_mounts = mounts;
		mounts = (struct fstab_mounts){.count = 0};
	}
	return 0;
}

int guard_plan_services(struct plan *plan, const struct guard *guard, const struct fstab_mounts *mounts, struct error *error)
{
	if (guard->service_count && !mounts->count)
		return error_set(
			error, -ENOENT, FSTAB_FILE ": no line mounts %s: %s has nothing to wait for", guard->name, guard->services[0]);
	for (size_t i = 0; i < guard->service_count; i++) {
		CLEANUP(dropin_deinit) struct dropin dropin = DROPIN_NULL;
		const char *points[FSTAB_MOUNTS_MAX];
		int r;

		for (size_t j = 0; j < mounts->count; j++)
			points[j] = mounts->items[j];
		r = dropin_service(guard->services[i], guard->name, points, mounts->count, &dropin, error);
		if (!r)
			r = plan_write(plan, dropin.path, 0644, buf_view(&dropin.text), error);
		if (r)
			return r;
	}
	return 0;
}

int guard_plan_crypttab(struct plan *plan, const struct guard *guard, struct error *error)
{
	CLEANUP(device_names_deinit) struct device_names names = DEVICE_NAMES_NULL;
	const char *all[2 * DEVICE_NAMES_MAX];
	struct crypttab_volume volume = {.name = guard->name, .device = guard->device, .names = all};
	CLEANUP(buf_deinit) struct buf old = BUF_NULL;
	CLEANUP(buf_deinit) struct buf new = BUF_NULL;
	bool exists = false;
	int r = device_names(plan->root, guard->device, &names, NULL);

	if (r == -ENOMEM)
		return r;
	/* A device that is not here now has only the names that we were told. */
	for (size_t i = 0; i < names.count; i++)
		all[volume.name_count++] = names.items[i];
	for (size_t i = 0; i < guard->name_count && i < DEVICE_NAMES_MAX; i++)
		all[volume.name_count++] = guard->names[i];
	r = plan_read(plan, CRYPTTAB_FILE, &old, &exists, error);
	if (!r)
		r = crypttab_guard(buf_view(&old), &volume, &new, error);
	return r ? r : plan_write(plan, CRYPTTAB_FILE, 0644, buf_view(&new), error);
}

int guard_plan(struct plan *plan, const struct guard *guard, struct fstab_mounts *ret_mounts, struct error *error)
{
	CLEANUP(fstab_mounts_deinit) struct fstab_mounts mounts = {.count = 0};
	int r = guard_plan_volume(plan, guard, error);

	if (!r)
		r = guard_plan_drop_ins(plan, guard, error);
	if (!r)
		r = guard_plan_fstab(plan, guard, &mounts, error);
	if (!r)
		r = guard_plan_services(plan, guard, &mounts, error);
	if (!r)
		r = guard_plan_crypttab(plan, guard, error);
	if (!r && ret_mounts) {
		*ret_mounts = mounts;
		mounts = (struct fstab_mounts){.count = 0};
	}
	return r;
}

/* Where Debian's packages keep the data of what people put on disks of their own. */
static const struct {
	const char *directory, *service;
} known[] = {
	{"/var/lib/postgresql", "postgresql@*.service"},
	{"/var/lib/mysql", "mariadb.service"},
	{"/var/lib/mysql", "mysql.service"},
	{"/var/lib/mongodb", "mongod.service"},
	{"/var/lib/redis", "redis-server.service"},
	{"/var/lib/docker", "docker.service"},
	{"/var/lib/containerd", "containerd.service"},
	{"/var/lib/elasticsearch", "elasticsearch.service"},
	{"/var/lib/clickhouse", "clickhouse-server.service"},
	{"/var/lib/grafana", "grafana-server.service"},
	{"/var/lib/rabbitmq", "rabbitmq-server.service"},
	{"/var/lib/ldap", "slapd.service"},
	{"/var/www", "apache2.service"},
	{"/var/www", "nginx.service"},
};

const char *guard_known_service(const char *mount, size_t *cursor)
{
	size_t size = strlen(mount);

	while (*cursor < ARRAY_SIZE(known)) {
		const char *directory = known[*cursor].directory;
		bool below = strncmp(directory, mount, size) == 0 && (directory[size] == 0 || directory[size] == '/');

		/* A disk may also hold a part of a program's directory: /var/lib/postgresql/15. */
		if (!below)
			below = text_starts_with(mount, directory) && mount[strlen(directory)] == '/';
		(*cursor)++;
		if (below)
			return known[*cursor - 1].service;
	}
	return NULL;
}
