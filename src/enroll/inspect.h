/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* What a device is before it is enrolled, and, where it cannot be as it is, which commands to run, in order. */
#include "base/error.h"
#include "base/finding.h"
#include "enroll/contents.h"
#include "enroll/volume.h"

enum inspect_kind {
	INSPECT_LUKS2,
	INSPECT_LUKS1,
	INSPECT_DAMAGED, /* a LUKS2 header that cannot be read */
	INSPECT_OTHER,   /* a file system, a partition table ... */
	INSPECT_NOTHING, /* nothing that is known */
};

struct inspection {
	enum inspect_kind kind;
	char contents[CONTENTS_NAME_MAX];
	char reason[ERROR_TEXT_MAX]; /* INSPECT_DAMAGED */
	struct luks_header header;   /* INSPECT_LUKS2: the copy that cryptsetup would take */
	struct verdict verdict;      /* INSPECT_LUKS2: what the allow-list says of it */
};

#define INSPECTION_NULL {.header = LUKS_HEADER_NULL, .verdict = VERDICT_NULL}

void inspection_deinit(struct inspection *inspection);

/* 0, -errno. */
int inspect(const struct volume *volume, struct inspection *ret, struct error *error) MUST_CHECK;

/* Appends what to run, one numbered line each, for every kind but INSPECT_LUKS2. `device` is as the user wrote it. */
int inspect_advice(const struct inspection *inspection, const char *device, struct buf *to) MUST_CHECK;
