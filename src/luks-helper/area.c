/* SPDX-License-Identifier: Apache-2.0 */
#include "luks-helper/area.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "luks/allow.h"
#include "luks/choose.h"
#include "luks/header.h"

/* One copy's word on how much belongs to the header; 0 where it cannot be read. */
static uint64_t stated_size(struct bytes disk, enum luks_copy which)
{
	struct luks_header header = LUKS_HEADER_NULL;
	struct error ignored = ERROR_NULL;
	uint64_t size;

	if (luks_find(disk, which, &header, &ignored))
		return 0;
	size = luks_area_size(&header);
	if (size == 0) /* it will be refused, and both copies are needed to say why */
		size = 2 * header.size;
	luks_header_deinit(&header);
	return size;
}

static size_t wanted_size(struct bytes disk)
{
	uint64_t primary = stated_size(disk, LUKS_PRIMARY), secondary = stated_size(disk, LUKS_SECONDARY);
	uint64_t size = primary > secondary ? primary : secondary;

	if (size == 0)
		size = 2 * LUKS_HEADER_MAX;
	return size < disk.size ? (size_t)size : disk.size;
}

int area_read(int fd, const char *device, struct buf *ret, struct error *error)
{
	CLEANUP(buf_deinit) struct buf area = BUF_NULL;
	int r = buf_reserve(&area, LUKS_AREA_MAX);

	if (r)
		return r;
	while (area.size < LUKS_AREA_MAX) {
		ssize_t n = pread(fd, area.data + area.size, LUKS_AREA_MAX - area.size, (off_t)area.size);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return error_set(error, -errno, "%s: %s", device, strerror(errno));
		if (n == 0)
			break;
		area.size += (size_t)n;
	}
	area.size = wanted_size(buf_view(&area));
	buf_deinit(ret);
	*ret = area;
	area = (struct buf)BUF_NULL;
	return 0;
}
