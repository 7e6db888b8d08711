/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * LUKS2 headers (LUKS2 On-Disk Format Specification 1.1): one of the two copies, binary part and JSON. Reading checks the form and the checksum, which
 * authenticates nothing: whoever can write to the disk can write a header. What a header may say is judged elsewhere.
 */
#include "base/bytes.h"
#include "base/error.h"
#include "base/json.h"

#define LUKS_BINARY_SIZE 4096               /* in front of the JSON area */
#define LUKS_HEADER_MIN ((size_t)16 << 10)  /* with the JSON area; the legal sizes are 16 KiB times 1, 2, 4 ... 256 */
#define LUKS_HEADER_MAX ((size_t)4 << 20)
#define LUKS_SALT_SIZE 64
#define LUKS_TEXT_MAX 49 /* label and subsystem have 48 bytes, the UUID 40 */

enum luks_error {
	LUKS_E_MAGIC = 1, /* no LUKS header, or the other copy */
	LUKS_E_VERSION,   /* LUKS1, or something new */
	LUKS_E_FORM,      /* sizes, offset, texts, checksum algorithm */
	LUKS_E_TRUNCATED, /* fewer bytes than it says that it has */
	LUKS_E_CHECKSUM,
	LUKS_E_JSON,
};

enum luks_copy { LUKS_PRIMARY, LUKS_SECONDARY };

struct luks_header {
	uint64_t size;   /* hdr_size: of this copy, with its JSON area */
	uint64_t seqid;  /* the copy with the higher one counts */
	uint64_t offset; /* hdr_offset: 0, or `size` for the second copy */
	char label[LUKS_TEXT_MAX], uuid[LUKS_TEXT_MAX], subsystem[LUKS_TEXT_MAX];
	uint8_t salt[LUKS_SALT_SIZE];
	struct json_object *metadata; /* the JSON document; owned */
};

#define LUKS_HEADER_NULL {.metadata = NULL}

void luks_header_deinit(struct luks_header *header);

#define LUKS_MAGIC_SIZE 6
const uint8_t *luks_magic(enum luks_copy which); /* LUKS_MAGIC_SIZE bytes */

/* True when the bytes begin as the first copy of a LUKS header (of any version) does. */
bool luks_looks_like(struct bytes disk);

/*
 * Reads a copy; `data` begins with it. The second copy begins at `size` of the first: where the first cannot be read, every legal size is a place to look.
 * 0 and *ret (luks_header_deinit()), an enum luks_error with the reason, -ENOMEM, -EIO.
 */
int luks_header_read(struct bytes data, enum luks_copy which, struct luks_header *ret, struct error *error) MUST_CHECK;
