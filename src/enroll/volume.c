/* SPDX-License-Identifier: Apache-2.0 */
#include "enroll/volume.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <linux/fs.h>
#include <string.h>
#include <sys/file.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/files.h"
#include "base/text.h"
#include "enroll/moments.h"

#define BLOCK ((size_t)4096) /* what is compared and written at once */
#define SLOT_MAX 31
#define LOCK_TRIES 50        /* five seconds: udev holds the lock while it looks at a device */

static int lock(const struct volume *volume, struct error *error)
{
	const struct timespec wait = {.tv_nsec = 100000000};

	for (int i = 0; i < LOCK_TRIES; i++) {
		if (!flock(volume->fd, LOCK_EX | LOCK_NB))
			return 0;
		if (errno != EWOULDBLOCK && errno != EINTR)
			return error_set(error, -errno, "%s: flock: %s", volume->path, strerror(errno));
		(void)nanosleep(&wait, NULL);
	}
	return error_set(error, VOLUME_E_BUSY, "%s is locked: another enrolment, or a partitioning tool, is at work on it", volume->path);
}

static int measure(struct volume *volume, struct error *error)
{
	struct stat st;
	int sector = 512;

	if (fstat(volume->fd, &st) < 0)
		return error_set(error, -errno, "%s: %s", volume->path, strerror(errno));
	volume->block = S_ISBLK(st.st_mode);
	if (!volume->block && !S_ISREG(st.st_mode))
		return error_set(error, VOLUME_E_KIND, "%s is neither a block device nor an image file", volume->path);
	volume->size = (uint64_t)st.st_size;
	if (volume->block && (ioctl(volume->fd, BLKGETSIZE64, &volume->size) < 0 || ioctl(volume->fd, BLKSSZGET, &sector) < 0))
		return error_set(error, -errno, "%s: %s", volume->path, strerror(errno));
	volume->sector = (uint32_t)sector;
	if (volume->size < 2 * LUKS_HEADER_MIN)
		return error_set(error, VOLUME_E_KIND, "%s has %" PRIu64 " bytes: too small for a LUKS2 header", volume->path, volume->size);
	return 0;
}

int volume_open(const char *path, bool writable, bool exclusive, struct volume *ret, struct error *error)
{
	CLEANUP(volume_close) struct volume volume = VOLUME_NULL;
	/* Without O_CREAT, O_EXCL asks whether a block device is in use. */
	int flags = (writable ? O_RDWR : O_RDONLY) | O_CLOEXEC | O_NOCTTY | O_NONBLOCK | (exclusive ? O_EXCL : 0), r;

	volume.path = path;
	volume.writable = writable;
	volume.fd = open(path, flags);
	if (volume.fd < 0 && errno == EBUSY)
		return error_set(error, VOLUME_E_BUSY, "%s is in use: mounted, or mapped by another device", path);
	if (volume.fd < 0)
		return error_set(error, -errno, "%s: %s", path, strerror(errno));
	r = measure(&volume, error);
	if (!r)
		r = lock(&volume, error);
	if (r)
		return r;
	*ret = volume;
	volume.fd = -1;
	return 0;
}

void volume_close(struct volume *volume)
{
	fd_closep(&volume->fd);
	volume->fd = -1;
}

int volume_read(const struct volume *volume, struct buf *ret, struct error *error)
{
	CLEANUP(buf_deinit) struct buf area = BUF_NULL;
	size_t size = volume->size < VOLUME_AREA_MAX ? (size_t)volume->size : VOLUME_AREA_MAX;
	int r = buf_reserve(&area, size);

	if (r)
		return r;
	(void)posix_fadvise(volume->fd, 0, (off_t)size, POSIX_FADV_DONTNEED);
	while (area.size < size) {
		ssize_t got = pread(volume->fd, area.data + area.size, size - area.size, (off_t)area.size);

		if (got < 0 && errno == EINTR)
			continue;
		if (got <= 0)
			return error_set(error, got < 0 ? -errno : -EIO, "%s: reading: %s", volume->path, got < 0 ? strerror(errno) : "it ends early");
		area.size += (size_t)got;
	}
	*ret = area;
	area = (struct buf)BUF_NULL;
	return 0;
}

int volume_unchanged(const struct volume *volume, struct bytes area, struct error *error)
{
	CLEANUP(buf_deinit) struct buf now = BUF_NULL;
	int r = volume_read(volume, &now, error);

	if (r)
		return r;
	if (now.size < area.size || memcmp(now.data, area.data, area.size) != 0)
		return error_set(error, VOLUME_E_CHANGED, "%s: the header was changed meanwhile by somebody else: begin again", volume->path);
	return 0;
}

static int write_at(const struct volume *volume, size_t offset, struct bytes data, struct error *error)
{
	while (data.size) {
		size_t allowed = moment_allowed(data.size);
		ssize_t done = allowed ? pwrite(volume->fd, data.data, allowed, (off_t)offset) : 0;

		if (done < 0 && errno == EINTR)
			continue;
		if (done < 0 || (allowed && !done))
			return error_set(error, done < 0 ? -errno : -EIO, "%s: writing: %s", volume->path, strerror(done < 0 ? errno : EIO));
		moment_written((size_t)done);
		offset += (size_t)done;
		data = bytes_from(data, (size_t)done);
	}
	return 0;
}

static int flush(const struct volume *volume, struct error *error)
{
	return fsync(volume->fd) < 0 ? error_set(error, -errno, "%s: fsync: %s", volume->path, strerror(errno)) : 0;
}

/* Block by block; `now` is what the device has, as it was read. */
static int write_range(const struct volume *volume, struct bytes now, struct bytes to, size_t offset, size_t size, struct error *error)
{
	if (offset > to.size || size > to.size - offset || to.size > now.size)
		return error_set(error, -EINVAL, "%s: the header does not fit on the device", volume->path);
	for (size_t end = offset + size; offset < end; offset += BLOCK) {
		size_t part = end - offset < BLOCK ? end - offset : BLOCK;
		int r;

		if (!memcmp(now.data + offset, to.data + offset, part))
			continue;
		r = write_at(volume, offset, bytes_of(to.data + offset, part), error);
		if (r)
			return r;
	}
	return 0;
}

/* A number that the JSON keeps as text: "32768". */
static bool number(struct json_object *object, const char *member, uint64_t max, uint64_t *ret)
{
	const char *text = json_get_text(object, member, NULL);

	return text && !text_to_u64(text, max, false, ret);
}

static bool slot_range(struct json_object *slot, size_t *ret_offset, size_t *ret_size)
{
	struct json_object *area = json_get_object(slot, "area");
	uint64_t offset, size;

	if (!number(area, "offset", VOLUME_AREA_MAX, &offset) || !number(area, "size", VOLUME_AREA_MAX, &size))
		return false;
	*ret_offset = (size_t)offset;
	*ret_size = (size_t)size;
	return true;
}

int volume_write_slots(const struct volume *volume, const struct volume_image *to, uint32_t slots, struct error *error)
{
	CLEANUP(buf_deinit) struct buf now = BUF_NULL;
	int r = volume_read(volume, &now, error);

	if (r)
		return r;
	json_object_object_foreach (json_get_object(to->header->metadata, "keyslots"), name, slot) {
		size_t offset, size;
		uint64_t id;

		if (text_to_u64(name, SLOT_MAX, false, &id) || !slot_range(slot, &offset, &size))
			return error_set(error, -EINVAL, "key slot %s has no area", name);
		if (slots & (UINT32_C(1) << id))
			r = write_range(volume, buf_view(&now), to->area, offset, size, error);
		if (r)
			return r;
	}
	return flush(volume, error);
}

int volume_write_copy(const struct volume *volume, enum luks_copy which, const struct volume_image *to, struct error *error)
{
	size_t size = (size_t)to->header->size;
	CLEANUP(buf_deinit) struct buf now = BUF_NULL;
	int r = volume_read(volume, &now, error);

	if (!r)
		r = write_range(volume, buf_view(&now), to->area, which == LUKS_PRIMARY ? 0 : size, size, error);
	return r ? r : flush(volume, error);
}

int volume_write_rest(const struct volume *volume, const struct volume_image *to, struct error *error)
{
	CLEANUP(buf_deinit) struct buf now = BUF_NULL;
	int r = volume_read(volume, &now, error);

	if (!r)
		r = write_range(volume, buf_view(&now), to->area, 0, to->area.size, error);
	return r ? r : flush(volume, error);
}
