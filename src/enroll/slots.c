/* SPDX-License-Identifier: Apache-2.0 */
#include "enroll/slots.h"

#include <dlfcn.h>
#include <errno.h>
#include <libcryptsetup.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/files.h"

#define LIBRARY "libcryptsetup.so.12" /* the ABI since 2017 */
#define PATH_SIZE 48
#define VOLUME_KEY_SIZE 64 /* two AES-256 keys: XTS */

static struct {
	int (*init)(struct crypt_device **cd, const char *device);
	int (*init_data_device)(struct crypt_device **cd, const char *device, const char *data_device);
	void (*free)(struct crypt_device *cd);
	int (*load)(struct crypt_device *cd, const char *type, void *params);
	int (*format)(struct crypt_device *cd, const char *type, const char *cipher, const char *mode, const char *uuid, const char *key, size_t size,
		      void *params);
	int (*set_pbkdf)(struct crypt_device *cd, const struct crypt_pbkdf_type *pbkdf);
	int (*activate)(struct crypt_device *cd, const char *name, int slot, const char *key, size_t size, uint32_t flags);
	int (*add)(struct crypt_device *cd, int slot, const char *authority, size_t authority_size, const char *key, size_t size);
	int (*add_first)(struct crypt_device *cd, int slot, const char *volume_key, size_t volume_key_size, const char *key, size_t size);
	int (*priority)(struct crypt_device *cd, int slot, crypt_keyslot_priority priority);
	int (*destroy)(struct crypt_device *cd, int slot);
	int (*token)(struct crypt_device *cd, int token, const char *json);
	int (*flags)(struct crypt_device *cd, crypt_flags_type type, uint32_t flags);
	void (*log)(struct crypt_device *cd, void (*log)(int level, const char *message, void *to), void *to);
	void (*external)(void);
} library;

static pthread_once_t once = PTHREAD_ONCE_INIT;
static bool loaded;

struct slots {
	struct crypt_device *device;
	int fd;
	char path[PATH_SIZE]; /* the memfd's, for the library */
	char message[ERROR_TEXT_MAX];
};

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

	loaded = handle && find(handle, "crypt_init", &library.init) && find(handle, "crypt_init_data_device", &library.init_data_device) &&
		 find(handle, "crypt_free", &library.free) && find(handle, "crypt_load", &library.load) && find(handle, "crypt_format", &library.format) &&
		 find(handle, "crypt_set_pbkdf_type", &library.set_pbkdf) && find(handle, "crypt_activate_by_passphrase", &library.activate) &&
		 find(handle, "crypt_keyslot_add_by_passphrase", &library.add) &&
		 find(handle, "crypt_keyslot_add_by_volume_key", &library.add_first) &&
		 find(handle, "crypt_keyslot_set_priority", &library.priority) && find(handle, "crypt_keyslot_destroy", &library.destroy) &&
		 find(handle, "crypt_token_json_set", &library.token) && find(handle, "crypt_persistent_flags_set", &library.flags) &&
		 find(handle, "crypt_set_log_callback", &library.log) && find(handle, "crypt_token_external_disable", &library.external);
	if (loaded)
		library.external(); /* no plug-in of a token, whatever the header names */
}

int slots_available(struct error *error)
{
	(void)pthread_once(&once, load);
	return loaded ? 0 : error_set(error, -ENOSYS, "%s cannot be loaded: install the package libcryptsetup12 (cryptsetup 2.4 or newer)", LIBRARY);
}

/* The library explains itself line by line; the first error is the cause. */
static void keep_message(int level, const char *message, void *to)
{
	struct slots *slots = to;

	if (level == CRYPT_LOG_ERROR && !slots->message[0]) {
		(void)snprintf(slots->message, sizeof(slots->message), "%s", message);
		slots->message[strcspn(slots->message, "\n")] = '\0';
	}
}

static int failed(struct slots *slots, int code, int r, const char *what, struct error *error)
{
	return error_set(error, code, "%s: %s", what, slots->message[0] ? slots->message : strerror(r < 0 ? -r : r));
}

static const char *chars(struct bytes bytes)
{
	return (const char *)bytes.data;
}

/* The copy: in memory only, and as long as the device, because the library looks where the payload would be. */
static int make_copy(struct bytes area, uint64_t device_size, struct slots **ret, struct error *error)
{
	SLOTS_AUTO slots = NULL;
	int r = slots_available(error);

	if (r)
		return r;
	slots = calloc(1, sizeof(*slots));
	if (!slots)
		return -ENOMEM;
	slots->fd = memfd_create("header", MFD_CLOEXEC);
	if (slots->fd < 0)
		return error_set(error, -errno, "memfd_create: %s", strerror(errno));
	if (ftruncate(slots->fd, (off_t)device_size) < 0)
		return error_set(error, -errno, "a copy of the header: %s", strerror(errno));
	r = fd_write_all(slots->fd, area);
	if (r)
		return error_set(error, r, "a copy of the header: %s", strerror(-r));
	(void)snprintf(slots->path, sizeof(slots->path), "/proc/self/fd/%d", slots->fd);
	r = library.init(&slots->device, slots->path);
	if (r)
		return failed(slots, r, r, "libcryptsetup", error);
	library.log(slots->device, keep_message, slots);
	*ret = slots;
	slots = NULL;
	return 0;
}

/* Ours are random: the least work, and no benchmark that would make the header depend on the machine. */
static int cheap_slots(struct slots *slots, struct error *error)
{
	const struct crypt_pbkdf_type pbkdf = {
		.type = CRYPT_KDF_PBKDF2, .hash = "sha256", .iterations = SLOTS_ITERATIONS, .flags = CRYPT_PBKDF_NO_BENCHMARK};
	int r = library.set_pbkdf(slots->device, &pbkdf);

	return r ? failed(slots, r, r, "pbkdf2", error) : 0;
}

int slots_open(struct bytes area, uint64_t device_size, struct slots **ret, struct error *error)
{
	SLOTS_AUTO slots = NULL;
	int r = make_copy(area, device_size, &slots, error);

	if (r)
		return r;
	r = library.load(slots->device, CRYPT_LUKS2, NULL);
	if (r)
		return failed(slots, SLOTS_E_HEADER, r, "libcryptsetup does not take the header", error);
	r = cheap_slots(slots, error);
	if (r)
		return r;
	*ret = slots;
	slots = NULL;
	return 0;
}

int slots_format(uint64_t device_size, uint32_t sector_size, const char *label, struct bytes key, struct slots **ret, struct error *error)
{
	const struct crypt_pbkdf_type pbkdf = {
		.type = CRYPT_KDF_PBKDF2, .hash = "sha256", .iterations = SLOTS_ITERATIONS, .flags = CRYPT_PBKDF_NO_BENCHMARK};
	struct crypt_params_luks2 params = {.pbkdf = &pbkdf, .sector_size = sector_size, .label = label};
	SLOTS_AUTO slots = NULL;
	int r = make_copy(bytes_of(NULL, 0), device_size, &slots, error);

	if (r)
		return r;
	r = library.format(slots->device, CRYPT_LUKS2, "aes", "xts-plain64", NULL, NULL, VOLUME_KEY_SIZE, &params);
	if (r)
		return failed(slots, r, r, "a new header", error);
	r = library.add_first(slots->device, CRYPT_ANY_SLOT, NULL, 0, chars(key), key.size);
	if (r < 0)
		return failed(slots, r, r, "the first key slot", error);
	r = library.priority(slots->device, r, CRYPT_SLOT_PRIORITY_PREFER);
	if (r)
		return failed(slots, r, r, "the slot's priority", error);
	*ret = slots;
	slots = NULL;
	return 0;
}

struct slots *slots_free(struct slots *slots)
{
	if (!slots)
		return NULL;
	if (slots->device)
		library.free(slots->device);
	fd_closep(&slots->fd);
	free(slots);
	return NULL;
}

int slots_test(struct slots *slots, struct bytes key, int *ret_slot, struct error *error)
{
	int r;

	slots->message[0] = '\0';
	/* Without a name nothing is set up: the library only looks whether the volume key comes out. */
	r = library.activate(slots->device, NULL, CRYPT_ANY_SLOT, chars(key), key.size, 0);
	if (r == -EPERM || r == -ENOENT)
		return error_set(error, SLOTS_E_KEY, "the key opens no slot of this disk");
	if (r < 0)
		return failed(slots, r, r, "trying the key", error);
	*ret_slot = r;
	return 0;
}

int slots_add(struct slots *slots, struct bytes authority, struct bytes key, bool prefer, int *ret_slot, struct error *error)
{
	int slot, r;

	slots->message[0] = '\0';
	slot = library.add(slots->device, CRYPT_ANY_SLOT, chars(authority), authority.size, chars(key), key.size);
	if (slot == -EPERM || slot == -ENOENT)
		return error_set(error, SLOTS_E_KEY, "the key opens no slot of this disk");
	if (slot == -EINVAL || slot == -ENOSPC)
		return failed(slots, SLOTS_E_FULL, slot, "no room for another key slot", error);
	if (slot < 0)
		return failed(slots, slot, slot, "a new key slot", error);
	r = prefer ? library.priority(slots->device, slot, CRYPT_SLOT_PRIORITY_PREFER) : 0;
	if (r)
		return failed(slots, r, r, "the slot's priority", error);
	*ret_slot = slot;
	return 0;
}

int slots_remove(struct slots *slots, int slot, struct error *error)
{
	int r;

	slots->message[0] = '\0';
	r = library.destroy(slots->device, slot);
	return r ? failed(slots, r, r, "taking a key slot away", error) : 0;
}

int slots_add_token(struct slots *slots, const char *json, struct error *error)
{
	int r;

	slots->message[0] = '\0';
	r = library.token(slots->device, CRYPT_ANY_TOKEN, json);
	return r < 0 ? failed(slots, r, r, "a token", error) : 0;
}

int slots_remove_token(struct slots *slots, int id, struct error *error)
{
	int r;

	slots->message[0] = '\0';
	r = library.token(slots->device, id, NULL);
	return r < 0 ? failed(slots, r, r, "taking a token away", error) : 0;
}

int slots_clear_flags(struct slots *slots, struct error *error)
{
	int r;

	slots->message[0] = '\0';
	r = library.flags(slots->device, CRYPT_FLAGS_ACTIVATION, 0);
	return r < 0 ? failed(slots, r, r, "the header's flags", error) : 0;
}

int slots_area(struct slots *slots, size_t size, struct buf *ret, struct error *error)
{
	CLEANUP(buf_deinit) struct buf area = BUF_NULL;
	int r = buf_reserve(&area, size);

	if (r)
		return r;
	while (area.size < size) {
		ssize_t got = pread(slots->fd, area.data + area.size, size - area.size, (off_t)area.size);

		if (got <= 0)
			return error_set(error, got < 0 ? -errno : -EIO, "the copy of the header cannot be read");
		area.size += (size_t)got;
	}
	*ret = area;
	area = (struct buf)BUF_NULL;
	return 0;
}

int slots_activate(struct slots *slots, const char *device, const char *name, struct bytes key, struct error *error)
{
	struct crypt_device *opened = NULL;
	int r;

	slots->message[0] = '\0';
	r = library.init_data_device(&opened, slots->path, device);
	if (r)
		return failed(slots, r, r, device, error);
	library.log(opened, keep_message, slots);
	r = library.load(opened, CRYPT_LUKS2, NULL);
	if (!r)
		r = library.activate(opened, name, CRYPT_ANY_SLOT, chars(key), key.size, 0);
	library.free(opened);
	if (r == -EPERM || r == -ENOENT)
		return error_set(error, SLOTS_E_KEY, "the key opens no slot of this disk");
	return r < 0 ? failed(slots, r, r, name, error) : 0;
}
