/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * The disk resource (DESIGN section 11): a volume's key, and the digests of the headers that it may be used with:
 *     {"sevattest-disk": 1, "key": base64, "headers": ["<64 hex>", ...]}
 * Bytes that do not name "sevattest-disk" in a JSON object are a key without pins. The key goes from the caller's secret into a secret and nowhere else, which
 * json-c cannot promise: so this is a parser of its own, for exactly this object.
 */
#include "base/crypto.h"
#include "base/error.h"
#include "base/secret.h"

#define LUKS_DISK_HEADERS_MAX 2      /* the current one, and the next one while a change is under way */
#define LUKS_DISK_KEY_MAX 4096       /* ours have 32 bytes */
#define LUKS_DISK_TEXT_MAX 16384     /* the JSON form: a key in base64, two digests, white space */

struct luks_disk {
	struct secret key; /* 1..LUKS_DISK_KEY_MAX bytes */
	uint8_t headers[LUKS_DISK_HEADERS_MAX][SHA256_SIZE];
	size_t header_count; /* 0: no pins */
	bool key_checked;    /* set by a caller that has compared the key with KeyCheck=: then luks_choose() does without pins */
};

#define LUKS_DISK_NULL {.key = SECRET_NULL}

void luks_disk_deinit(struct luks_disk *disk);

/*
 * Reads a resource. Strict: each member once, none other, base64 with padding, lower-case hex, different headers. A list without a header is an error: nothing
 * could ever be opened with it.
 * 0 and *ret (luks_disk_deinit()); -EINVAL with a reason that holds nothing of the key; -ENOMEM, -ENOTRECOVERABLE.
 */
int luks_disk_read(struct bytes text, struct luks_disk *ret, struct error *error) MUST_CHECK;

/* The JSON form, in one line without an end. 0, -EINVAL (no key, no header), -ENOMEM, -ENOTRECOVERABLE. */
int luks_disk_write(const struct luks_disk *disk, struct secret *ret) MUST_CHECK;
