/* SPDX-License-Identifier: Apache-2.0 */
#include "luks-helper/dm.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/dm-ioctl.h>
#include <stdbool.h>
#include <string.h>
#include <sys/ioctl.h>
#include <time.h>

#include "base/files.h"

#define ANSWER_SIZE ((size_t)16 << 10) /* one line of dm-crypt has some hundred bytes */
#define DEFERRED_REMOVE_FLAG (1U << 17)
#define BUSY_TRIES 100
#define BUSY_PAUSE_MS 50

/* A field of text of a struct: ends with a NUL inside. */
static bool read_text(struct reader *reader, size_t size, char *to, size_t to_size)
{
	struct bytes field = reader_bytes(reader, size);
	const uint8_t *end = field.data ? memchr(field.data, 0, field.size) : NULL;

	if (!end || (size_t)(end - field.data) >= to_size)
		return false;
	memcpy(to, field.data, (size_t)(end - field.data) + 1);
	return true;
}

/* struct dm_target_spec, then the parameters as text; `reader` is at its begin. */
static int decode_target(struct reader *reader, struct dm_table *ret)
{
	const uint8_t *end;
	bool text;

	ret->start = reader_u64le(reader);
	ret->length = reader_u64le(reader);
	reader_skip(reader, 8); /* status, and where the next target is */
	text = read_text(reader, DM_MAX_TYPE_NAME, ret->type, sizeof(ret->type));
	if (!reader_ok(reader))
		return DM_E_TRUNCATED;
	end = reader_left(reader) ? memchr(reader->at, 0, reader_left(reader)) : NULL;
	if (!text || !end)
		return DM_E_FORM;
	ret->parameters = reader_bytes(reader, (size_t)(end - reader->at));
	return 0;
}

/* struct dm_ioctl, in the byte order of the machine: all that run SEV are little endian. */
int dm_decode(struct bytes answer, struct dm_table *ret)
{
	struct dm_table table = {.flags = 0};
	struct reader reader;
	uint32_t size, start;
	bool text;
	int r;

	reader_init(&reader, answer);
	reader_skip(&reader, 12); /* version */
	size = reader_u32le(&reader);
	start = reader_u32le(&reader);
	table.target_count = reader_u32le(&reader);
	reader_skip(&reader, 4); /* how often it is open */
	table.flags = reader_u32le(&reader);
	reader_skip(&reader, 16 + DM_NAME_LEN); /* event, padding, device, name */
	text = read_text(&reader, DM_UUID_LEN, table.uuid, sizeof(table.uuid));
	if (!reader_ok(&reader) || size > answer.size || start > size || start < sizeof(struct dm_ioctl) - sizeof(((struct dm_ioctl *)NULL)->data))
		return DM_E_TRUNCATED;
	if (!text)
		return DM_E_FORM;
	if (table.flags & DM_BUFFER_FULL_FLAG)
		return DM_E_FULL;
	if (table.target_count > 0) {
		reader_init(&reader, bytes_from(bytes_of(answer.data, size), start));
		r = decode_target(&reader, &table);
		if (r)
			return r;
	}
	*ret = table;
	return 0;
}

int dm_open(int *ret_fd, struct error *error)
{
	int fd = open(DM_CONTROL, O_RDWR | O_CLOEXEC);

	if (fd < 0)
		return error_set(error, -errno, DM_CONTROL ": %s: without device-mapper no volume can be open", strerror(errno));
	*ret_fd = fd;
	return 0;
}

static int fill(struct dm_ioctl *request, const char *name, size_t size, uint32_t flags)
{
	if (strlen(name) > DM_NAME_MAX)
		return -ENAMETOOLONG;
	*request = (struct dm_ioctl){
		.version = {DM_VERSION_MAJOR, 0, 0}, .data_size = (uint32_t)size, .data_start = sizeof(struct dm_ioctl), .flags = flags};
	memcpy(request->name, name, strlen(name));
	return 0;
}

int dm_ask_table(int fd, const char *name, struct secret *ret, struct error *error)
{
	CLEANUP(secret_deinit) struct secret answer = SECRET_NULL;
	struct dm_ioctl request;
	int r = secret_alloc(&answer, ANSWER_SIZE);

	if (!r)
		r = fill(&request, name, ANSWER_SIZE, DM_STATUS_TABLE_FLAG | DM_NOFLUSH_FLAG | DM_SECURE_DATA_FLAG);
	if (r)
		return error_set(error, r, "the table of %s: %s", name, strerror(-r));
	memcpy(answer.data, &request, sizeof(request));
	if (ioctl(fd, DM_TABLE_STATUS, answer.data) < 0)
		return error_set(error, -errno, "the table of %s: %s", name, errno == ENXIO ? "there is no such mapping" : strerror(errno));
	*ret = secret_steal(&answer);
	return 0;
}

int dm_remove(int fd, const char *name, struct error *error)
{
	const struct timespec pause = {0, BUSY_PAUSE_MS * 1000000L};
	int r = 0;

	for (int i = 0; i < BUSY_TRIES; i++) {
		struct dm_ioctl request;

		r = fill(&request, name, sizeof(request), i + 1 < BUSY_TRIES ? 0 : DEFERRED_REMOVE_FLAG);
		if (!r && ioctl(fd, DM_DEV_REMOVE, &request) < 0)
			r = -errno;
		if (r != -EBUSY)
			break;
		(void)nanosleep(&pause, NULL);
	}
	return r && r != -ENXIO ? error_set(error, r, "the mapping %s cannot be closed: %s", name, strerror(-r)) : 0;
}
