/* SPDX-License-Identifier: Apache-2.0 */
#include "io/landlock.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/landlock.h>
#include <stdint.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/files.h"

/* From linux/landlock.h of 6.12: the build may have older headers than the kernel that it runs on. */
#define FS_ABI1 UINT64_C(0x1fff)    /* execute ... make_sym */
#define FS_ABI2 (UINT64_C(1) << 13) /* refer */
#define FS_ABI3 (UINT64_C(1) << 14) /* truncate */
#define FS_ABI5 (UINT64_C(1) << 15) /* ioctl_dev */
#define NET_ABI4 UINT64_C(3)        /* bind_tcp, connect_tcp */
#define NET_CONNECT UINT64_C(2)
#define RULE_NET_PORT 2
#define SCOPE_ABI6 UINT64_C(2)      /* signals; not abstract sockets: sd_notify may use one */

#define FS_READ (LANDLOCK_ACCESS_FS_READ_FILE | LANDLOCK_ACCESS_FS_READ_DIR)
#define FS_WRITE                                                                                                                           \
	(LANDLOCK_ACCESS_FS_WRITE_FILE | LANDLOCK_ACCESS_FS_REMOVE_FILE | LANDLOCK_ACCESS_FS_REMOVE_DIR | LANDLOCK_ACCESS_FS_MAKE_DIR |    \
		LANDLOCK_ACCESS_FS_MAKE_REG | LANDLOCK_ACCESS_FS_MAKE_SOCK)
#define FS_OF_FILE (LANDLOCK_ACCESS_FS_READ_FILE | LANDLOCK_ACCESS_FS_WRITE_FILE | FS_ABI3)

struct ruleset_attr {
	uint64_t handled_access_fs;
	uint64_t handled_access_net;
	uint64_t scoped;
};

struct net_port_attr {
	uint64_t allowed_access;
	uint64_t port;
};

static struct ruleset_attr attr_of(int abi)
{
	struct ruleset_attr attr = {.handled_access_fs = FS_ABI1};

	if (abi >= 2)
		attr.handled_access_fs |= FS_ABI2;
	if (abi >= 3)
		attr.handled_access_fs |= FS_ABI3;
	if (abi >= 4)
		attr.handled_access_net = NET_ABI4;
	if (abi >= 5)
		attr.handled_access_fs |= FS_ABI5;
	if (abi >= 6)
		attr.scoped = SCOPE_ABI6;
	return attr;
}

/* The kernel takes a shorter structure, as its age allows. */
static size_t attr_size(int abi)
{
	if (abi >= 6)
		return sizeof(struct ruleset_attr);
	return abi >= 4 ? 2 * sizeof(uint64_t) : sizeof(uint64_t);
}

static int add_path(int ruleset, const struct sandbox_path *path, uint64_t handled, struct error *error)
{
	struct landlock_path_beneath_attr rule = {0};
	FD_AUTO fd = open(path->path, O_PATH | O_CLOEXEC);
	struct stat st;

	if (fd < 0 && errno == ENOENT)
		return 0;
	if (fd < 0 || fstat(fd, &st) < 0)
		return error_set(error, -errno, "%s: %s", path->path, strerror(errno));
	rule.parent_fd = fd;
	rule.allowed_access = FS_READ;
	if (path->writable)
		rule.allowed_access |= FS_WRITE | FS_ABI2 | FS_ABI3;
	if (!S_ISDIR(st.st_mode))
		rule.allowed_access &= FS_OF_FILE;
	if (S_ISCHR(st.st_mode) && path->writable)
		rule.allowed_access |= FS_ABI5;
	rule.allowed_access &= handled;
	if (syscall(SYS_landlock_add_rule, ruleset, LANDLOCK_RULE_PATH_BENEATH, &rule, 0) < 0)
		return error_set(error, -errno, "%s: Landlock: %s", path->path, strerror(errno));
	return 0;
}

static int add_port(int ruleset, uint16_t port, struct error *error)
{
	struct net_port_attr rule = {.allowed_access = NET_CONNECT, .port = port};

	if (syscall(SYS_landlock_add_rule, ruleset, RULE_NET_PORT, &rule, 0) < 0)
		return error_set(error, -errno, "port %u: Landlock: %s", port, strerror(errno));
	return 0;
}

int landlock_enter(const struct sandbox_path *paths, size_t count, const uint16_t *ports, size_t port_count, int *ret_abi, struct error *error)
{
	struct ruleset_attr attr;
	FD_AUTO ruleset = -1;
	long abi = syscall(SYS_landlock_create_ruleset, NULL, 0, LANDLOCK_CREATE_RULESET_VERSION);
	int r;

	if (abi < 0 && (errno == ENOSYS || errno == EOPNOTSUPP)) {
		*ret_abi = 0;
		return 0;
	}
	if (abi < 1)
		return error_set(error, abi < 0 ? -errno : -EINVAL, "Landlock: %s", strerror(errno));
	attr = attr_of((int)abi);
	ruleset = (int)syscall(SYS_landlock_create_ruleset, &attr, attr_size((int)abi), 0);
	if (ruleset < 0)
		return error_set(error, -errno, "Landlock: %s", strerror(errno));
	for (size_t i = 0; i < count; i++) {
		r = add_path(ruleset, &paths[i], attr.handled_access_fs, error);
		if (r)
			return r;
	}
	for (size_t i = 0; attr.handled_access_net && i < port_count; i++) {
		r = add_port(ruleset, ports[i], error);
		if (r)
			return r;
	}
	if (syscall(SYS_landlock_restrict_self, ruleset, 0) < 0)
		return error_set(error, -errno, "Landlock: %s", strerror(errno));
	*ret_abi = (int)abi;
	return 0;
}
