/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * Two requests to device-mapper, by its ioctls: what table a mapping has, and that it go. The kernel's answer is taken apart with the bounded reader.
 * dm-crypt tells the volume key in its table unless that lies in a keyring, so the answer stays in the secure heap and its key field is only measured.
 */
#include <stdint.h>

#include "base/bytes.h"
#include "base/compiler.h"
#include "base/error.h"
#include "base/secret.h"

#define DM_CONTROL "/dev/mapper/control"
#define DM_NAME_MAX 127
#define DM_UUID_MAX 128
#define DM_TYPE_MAX 15

/* Why an answer could not be taken apart. */
enum {
	DM_E_TRUNCATED = 1, /* shorter than it says */
	DM_E_FULL,          /* a table larger than the buffer: not one target of dm-crypt */
	DM_E_FORM,          /* a text without an end */
};

/* What dm_decode() says; `parameters` points into the answer, and belongs into no message: it may hold the key. */
struct dm_table {
	uint32_t flags; /* DM_*_FLAG of linux/dm-ioctl.h */
	uint32_t target_count;
	char uuid[DM_UUID_MAX + 1];
	uint64_t start, length; /* of the first target, in sectors of 512 bytes; so are the rest */
	char type[DM_TYPE_MAX + 1];
	struct bytes parameters;
};

/* Pure. 0, DM_E_*. Without a target start, length, type and parameters are empty. */
int dm_decode(struct bytes answer, struct dm_table *ret) MUST_CHECK;

/* 0 and the descriptor; -errno with a message: this kernel has no device-mapper, or we may not. */
int dm_open(int *ret_fd, struct error *error) MUST_CHECK;
/* The kernel's answer to "what is the live table of `name`". 0; -ENXIO: there is no such mapping; -errno. */
int dm_ask_table(int fd, const char *name, struct secret *ret, struct error *error) MUST_CHECK;
/* Removes the mapping; who has it open (udev, for a moment) gets five seconds, then it goes as soon as the last one closes it. 0, also without such a mapping; -errno. */
int dm_remove(int fd, const char *name, struct error *error) MUST_CHECK;
