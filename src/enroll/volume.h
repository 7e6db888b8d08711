/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * The device of a volume: locked against a second enrolment, its header area copied once, and changed only by the four writes below, in their order, each
 * followed by fsync(2). Only what differs is written, so that a power cut can tear nothing that was good before:
 *     the areas of the new key slots   nothing uses them yet
 *     the secondary header             the primary is still the old one
 *     the primary header               the secondary is the new one already
 *     what is left                     the key material of slots that went away
 * After a cut at any byte at least one copy of the header is whole, and it is the old or the new one.
 */
#include <stdbool.h>
#include <stdint.h>

#include "base/bytes.h"
#include "base/error.h"
#include "luks/header.h"

#define VOLUME_AREA_MAX ((size_t)16 << 20) /* both headers and the key slots, as luksFormat makes them */

enum volume_error {
	VOLUME_E_BUSY = 1, /* somebody else holds the lock, or (exclusive) uses the device */
	VOLUME_E_CHANGED,  /* the header is not the one that was copied */
	VOLUME_E_KIND,     /* neither a block device nor a file, or too small */
};

struct volume {
	int fd;
	bool writable, block;
	uint64_t size;
	uint32_t sector; /* logical, in bytes; of a file 512 */
	const char *path; /* borrowed */
};

#define VOLUME_NULL {.fd = -1}

/*
 * Opens and locks. `exclusive`: also refuses a device that is mounted or mapped. 0, enum volume_error, -errno; with a text. `path` must live as long as *ret.
 */
int volume_open(const char *path, bool writable, bool exclusive, struct volume *ret, struct error *error) MUST_CHECK;
void volume_close(struct volume *volume);

/* The first VOLUME_AREA_MAX bytes, fewer on a small device, from the disk and not from the page cache. 0, -ENOMEM, -errno. */
int volume_read(const struct volume *volume, struct buf *ret, struct error *error) MUST_CHECK;

/* 0 when the device still begins with `area`; VOLUME_E_CHANGED, -errno. */
int volume_unchanged(const struct volume *volume, struct bytes area, struct error *error) MUST_CHECK;

/* What is to be on the device: `area` begins as the device shall and has all of luks_area_size(); `header` is the one in it. */
struct volume_image {
	struct bytes area;
	const struct luks_header *header;
};

/* Each writes what differs from the device. `slots`: a bit for every key slot that is new in the image. 0 or -errno. */
int volume_write_slots(const struct volume *volume, const struct volume_image *to, uint32_t slots, struct error *error) MUST_CHECK;
int volume_write_copy(const struct volume *volume, enum luks_copy which, const struct volume_image *to, struct error *error) MUST_CHECK;
int volume_write_rest(const struct volume *volume, const struct volume_image *to, struct error *error) MUST_CHECK;
