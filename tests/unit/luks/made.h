/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* Disks with LUKS2 headers, made in memory: a good document, and changes to it. Everything asserts. */
#include "base/bytes.h"
#include "base/json.h"
#include "luks/header.h"

#define MADE_AREA (2 * LUKS_HEADER_MIN + MADE_SLOTS)
#define MADE_SLOTS 1048576 /* a smaller key slot area than luksFormat's: room for four slots */
#define MADE_UUID "0ca3b1d4-5e6f-4a7b-8c9d-0e1f2a3b4c5d"

/* A member by its path ("keyslots.0.area.offset"), and its new value as JSON; NULL takes it out. A path that does not exist yet is made. */
struct change {
	const char *path;
	const char *value;
};

#define CHANGES_MAX 12

/* Everything of one header copy that can be chosen. */
struct made {
	uint64_t seqid;
	uint64_t size; /* 0: LUKS_HEADER_MIN */
	const char *uuid, *label, *subsystem;
	struct change changes[CHANGES_MAX]; /* ends with a path of NULL */
};

/* The metadata of a good disk with these changes; the caller puts it. Two slots: 0 pbkdf2, 1 argon2id. */
struct json_object *made_metadata(const struct change *changes);
/* One copy, `made->size` bytes, appended. */
void made_copy(struct buf *to, enum luks_copy which, const struct made *made);
/* A whole disk's begin: primary, secondary, MADE_SLOTS bytes that are all different. */
void made_disk(struct buf *to, const struct made *primary, const struct made *secondary);
/* The digest of such a header. */
void made_digest(uint8_t *ret, const struct made *made);
