/* SPDX-License-Identifier: Apache-2.0 */
#include "enroll/contents.h"

#include <blkid/blkid.h>
#include <dlfcn.h>
#include <errno.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>

#include "base/text.h"

#define LIBRARY "libblkid.so.1"
#define NOTHING 1      /* of blkid_do_safeprobe() */
#define AMBIVALENT (-2)

static struct {
	blkid_probe (*new_probe)(void);
	void (*free_probe)(blkid_probe probe);
	int (*set_device)(blkid_probe probe, int fd, blkid_loff_t offset, blkid_loff_t size);
	int (*superblocks)(blkid_probe probe, int enable);
	int (*flags)(blkid_probe probe, int flags);
	int (*partitions)(blkid_probe probe, int enable);
	int (*probe)(blkid_probe probe);
	int (*value)(blkid_probe probe, const char *name, const char **data, size_t *size);
} library;

static pthread_once_t once = PTHREAD_ONCE_INIT;
static bool loaded;

/* POSIX's own way from an object to a function pointer. */
static bool find(void *handle, const char *name, void *to)
{
	void *symbol = dlsym(handle, name);

	*(void **)to = symbol;
	return symbol != NULL;
}

static void load(void)
{
	void *handle = dlopen(LIBRARY, RTLD_NOW | RTLD_LOCAL);

	loaded = handle && find(handle, "blkid_new_probe", &library.new_probe) && find(handle, "blkid_free_probe", &library.free_probe) &&
		 find(handle, "blkid_probe_set_device", &library.set_device) && find(handle, "blkid_probe_enable_superblocks", &library.superblocks) &&
		 find(handle, "blkid_probe_set_superblocks_flags", &library.flags) && find(handle, "blkid_probe_enable_partitions", &library.partitions) &&
		 find(handle, "blkid_do_safeprobe", &library.probe) && find(handle, "blkid_probe_lookup_value", &library.value);
}

static int look(blkid_probe probe, int fd, char *ret)
{
	const char *name = NULL;
	int r;

	if (library.set_device(probe, fd, 0, 0) || library.superblocks(probe, 1) || library.flags(probe, BLKID_SUBLKS_TYPE) || library.partitions(probe, 1))
		return -EIO;
	r = library.probe(probe);
	ret[0] = '\0';
	if (r == NOTHING)
		return 0;
	if (r != 0 && r != AMBIVALENT)
		return -EIO;
	if (r == 0 && library.value(probe, "TYPE", &name, NULL))
		(void)library.value(probe, "PTTYPE", &name, NULL);
	text_printable(ret, CONTENTS_NAME_MAX, bytes_of_text(name ? name : "something that is not known"));
	return 0;
}

int contents_probe(int fd, char ret[static CONTENTS_NAME_MAX], struct error *error)
{
	blkid_probe probe;
	int r;

	(void)pthread_once(&once, load);
	if (!loaded)
		return error_set(error, -ENOSYS, "%s cannot be loaded: install the package libblkid1", LIBRARY);
	probe = library.new_probe();
	if (!probe)
		return -ENOMEM;
	r = look(probe, fd, ret);
	library.free_probe(probe);
	return r ? error_set(error, r, "cannot look what is on the device") : 0;
}
