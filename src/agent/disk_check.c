/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/disk_check.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "agent/emergency.h"
#include "agent/peer_name.h"
#include "base/files.h"
#include "base/finding.h"
#include "kbs/key_check.h"
#include "luks/choose.h"
#include "luks/rebuild.h"

#define CHECK_EMERGENCY "disk.emergency"
#define CHECK_CONFIGURED "disk.configured"
#define CHECK_SIGNER "disk.signer"
#define CHECK_RESOURCE "disk.resource"
#define CHECK_KEY "disk.key_check"
#define CHECK_HEADER_FILE "disk.header_file"
#define CHECK_HEADER_KEPT "disk.header_kept"
#define CHECK_INTERNAL "disk.internal"

int disk_refuse(struct disk_refusal *refusal, const char *check, const char *fix, const char *format, ...)
{
	va_list arguments;

	(void)snprintf(refusal->check, sizeof(refusal->check), "%s", check);
	(void)snprintf(refusal->fix, sizeof(refusal->fix), "%s", fix ? fix : "");
	va_start(arguments, format);
	(void)vsnprintf(refusal->why, sizeof(refusal->why), format, arguments);
	va_end(arguments);
	return DISK_E_REFUSED;
}

/* Whether something could not be told, or is bad, comes out the same. */
static int refuse_internal(struct disk_refusal *refusal, int r)
{
	return disk_refuse(refusal, CHECK_INTERNAL, "the machine lacks memory, or OpenSSL does not work", "could not be judged: %s", strerror(-r));
}

int disk_configured(const struct agent_config *config, const char *volume, struct volume_conf *ret, char resource[static KBS_RESOURCE_MAX + 1],
	struct disk_refusal *refusal)
{
	CLEANUP(volume_conf_deinit) struct volume_conf conf = VOLUME_CONF_NULL;
	const struct agent_settings *settings = &config->settings;
	struct error error = ERROR_NULL;
	int r;

	if (emergency_mode(settings->control_groups))
		return disk_refuse(refusal, CHECK_EMERGENCY, "find out why the boot failed; leave the shell, or restart", "the system is in emergency or rescue mode");
	if (strlen(volume) > PEER_VOLUME_MAX)
		return disk_refuse(refusal, CHECK_CONFIGURED, "give the volume a shorter name",
			"systemd-cryptsetup cannot ask for the key of a volume whose name is longer than %d bytes", PEER_VOLUME_MAX);
	r = volume_conf_read(settings->volumes, volume, &conf, &error);
	if (r == -ENOENT)
		return disk_refuse(refusal, CHECK_CONFIGURED, "sevattest enroll writes the volume's file", "no guarded volume has this name: %s/%s is not there",
			settings->volumes, volume);
	if (r)
		return disk_refuse(refusal, CHECK_CONFIGURED, "correct the file; sevattest enroll writes it", "%s", error_text(&error));
	if (kbs_resource_from_text(resource, conf.resource))
		return disk_refuse(refusal, CHECK_CONFIGURED, "write it as REPOSITORY/TYPE/TAG", "%s/%s: Resource = %s is no name of a resource",
			settings->volumes, volume, conf.resource);
	if (!config->broker_key && !conf.has_key_check && !agent_config_key_check(config, resource))
		return disk_refuse(refusal, CHECK_SIGNER, "set BrokerKey= in agent.conf, or KeyCheck= in the volume's file for a broker that does not sign",
			"neither BrokerKey= nor KeyCheck= says whose key it must be: whoever owns sevattest-netd would choose it");
	*ret = conf;
	conf = (struct volume_conf)VOLUME_CONF_NULL;
	return 0;
}

/* The header file */

/* Root's own file, of a bounded size: sevattest-luks has made it. */
static int check_file(int fd, const char *path, size_t *ret_size, struct disk_refusal *refusal)
{
	static const char fix[] = "only sevattest-luks writes there: remove it, and start sevattest-luks@ of the volume again";
	struct stat info;

	if (fstat(fd, &info) < 0)
		return disk_refuse(refusal, CHECK_HEADER_FILE, NULL, "%s: %s", path, strerror(errno));
	if (!S_ISREG(info.st_mode))
		return disk_refuse(refusal, CHECK_HEADER_FILE, fix, "%s: not a file", path);
	if (info.st_uid != 0 || (info.st_mode & 0022))
		return disk_refuse(refusal, CHECK_HEADER_FILE, fix, "%s: others than root may write it (user %lu, mode %04o)", path, (unsigned long)info.st_uid,
			(unsigned)(info.st_mode & 07777));
	if (info.st_size > (off_t)LUKS_AREA_MAX)
		return disk_refuse(refusal, CHECK_HEADER_FILE, fix, "%s: %lld bytes, more than a header and its key slots may have", path, (long long)info.st_size);
	*ret_size = (size_t)info.st_size;
	return 0;
}

static int read_header_file(const char *folder, const char *volume, struct buf *ret, struct disk_refusal *refusal)
{
	char path[PATH_MAX];
	size_t size;
	FD_AUTO fd = -1;
	int r;

	if (snprintf(path, sizeof(path), "%s/%s.header", folder, volume) >= (int)sizeof(path))
		return disk_refuse(refusal, CHECK_HEADER_FILE, NULL, "%s: the path is too long", folder);
	/* Without O_NONBLOCK the open of a pipe waits for somebody who writes. */
	fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NOFOLLOW | O_NONBLOCK);
	if (fd < 0)
		return disk_refuse(refusal, CHECK_HEADER_FILE, "sevattest-luks@ of the volume writes it: it must have run before systemd-cryptsetup@", "%s: %s", path,
			errno == ELOOP ? "a symbolic link" : strerror(errno));
	r = check_file(fd, path, &size, refusal);
	if (r)
		return r;
	r = buf_reserve(ret, size + 1);
	if (r)
		return refuse_internal(refusal, r);
	r = fd_read_all(fd, ret->data, size);
	if (r)
		return disk_refuse(refusal, CHECK_HEADER_FILE, NULL, "%s: it has changed while it was read", path);
	ret->size = size;
	return 0;
}

/* The broker's word */

static int check_key(const struct agent_config *config, const struct volume_conf *conf, struct luks_disk *disk, struct disk_refusal *refusal)
{
	char resource[KBS_RESOURCE_MAX + 1];
	uint8_t digest[SHA256_SIZE];
	int r;

	/* A line of agent.conf was compared with the whole resource when it came. */
	disk->key_checked = kbs_resource_from_text(resource, conf->resource) == 0 && agent_config_key_check(config, resource) != NULL;
	if (!conf->has_key_check)
		return 0;
	r = key_check_digest(digest, secret_view(&disk->key));
	if (r)
		return refuse_internal(refusal, r);
	if (!bytes_equal_secret(digest, conf->key_check, sizeof(digest)))
		return disk_refuse(refusal, CHECK_KEY, "if the key was changed by you, write its KeyCheck= into the volume's file: sevattest enroll does",
			"the broker gave another key than KeyCheck= of the volume says");
	disk->key_checked = true;
	return 0;
}

/* The first check that did not pass, with what it found. */
static int refuse_by(const struct verdict *verdict, struct disk_refusal *refusal)
{
	const struct finding *finding = verdict_first_failed(verdict);
	const char *actual;

	if (!finding)
		return refuse_internal(refusal, -ENOMEM);
	actual = finding->actual;
	return disk_refuse(refusal, finding->check, finding->fix, "%s%s%s%s%s%s%s", finding->why ? finding->why : "not passed",
		finding->expected || actual ? " (" : "", finding->expected ? "expected " : "", finding->expected ? finding->expected : "",
		actual ? (finding->expected ? ", is " : "is ") : "", actual ? actual : "", finding->expected || actual ? ")" : "");
}

/* What sevattest-luks wrote after the first answer can be made again, and must be the same, byte for byte: then cryptsetup has nothing to choose and to repair. */
static int check_kept(struct bytes file, enum luks_copy copy, struct disk_refusal *refusal)
{
	CLEANUP(buf_deinit) struct buf wanted = BUF_NULL;
	int r = luks_rebuild(file, copy, &wanted);

	if (r < 0)
		return refuse_internal(refusal, r);
	if (r || !bytes_equal(file, buf_view(&wanted)))
		return disk_refuse(refusal, CHECK_HEADER_KEPT, "start sevattest-luks@ of the volume again: systemd-cryptsetup@ must come after it",
			"the header file does not hold the %s header in both places: it was not checked, or was changed after the check", luks_copy_name(copy));
	return 0;
}

int disk_judge(const struct agent_config *config, const char *volume, const struct volume_conf *conf, struct bytes resource, bool opening,
	struct secret *ret_key, enum luks_copy *ret_copy, struct disk_refusal *refusal)
{
	CLEANUP(luks_disk_deinit) struct luks_disk disk = LUKS_DISK_NULL;
	CLEANUP(verdict_deinit) struct verdict verdict = VERDICT_NULL;
	CLEANUP(buf_deinit) struct buf file = BUF_NULL;
	struct error error = ERROR_NULL;
	int r = luks_disk_read(resource, &disk, &error);

	if (r == -EINVAL)
		return disk_refuse(refusal, CHECK_RESOURCE, "sevattest enroll makes it, sevattest-broker key import stores it", "the disk resource: %s", error_text(&error));
	if (r)
		return refuse_internal(refusal, r);
	r = check_key(config, conf, &disk, refusal);
	if (!r)
		r = read_header_file(config->settings.luks, volume, &file, refusal);
	if (r)
		return r;
	r = luks_choose(buf_view(&file), &disk, &verdict, ret_copy);
	if (r < 0)
		return refuse_internal(refusal, r);
	if (r)
		return refuse_by(&verdict, refusal);
	if (opening)
		r = check_kept(buf_view(&file), *ret_copy, refusal);
	if (!r && ret_key)
		*ret_key = secret_steal(&disk.key);
	return r;
}
