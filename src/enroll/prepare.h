/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * The header that a disk is to get, made and tried in memory before anything is written or sent. Whatever the result is used for, the key opens it, the
 * strict allow-list takes it, and its digest is the one that the broker shall list.
 */
#include <stdbool.h>
#include <stdint.h>

#include "base/crypto.h"
#include "base/error.h"
#include "base/finding.h"
#include "base/secret.h"
#include "luks/header.h"

#define PREPARE_NO_SLOT (-1)

enum prepare_error {
	PREPARE_E_KEY = 1,   /* the key that was given opens no slot */
	PREPARE_E_FULL,      /* no room for another slot */
	PREPARE_E_REFUSED,   /* the allow-list does not take the disk: the verdict says why, with the fixes */
	PREPARE_E_HEADER,    /* no LUKS2 header that can be edited */
	PREPARE_E_SMALL,     /* the device has no room for contents behind the header */
};

/* A header area as it shall stand on the device. */
struct prepared {
	struct buf area; /* luks_area_size() bytes */
	struct luks_header header;
	uint8_t digest[SHA256_SIZE];
	uint32_t new_slots;
	int key_slot, recovery_slot; /* PREPARE_NO_SLOT: not made */
};

#define PREPARED_NULL {BUF_NULL, LUKS_HEADER_NULL, {0}, 0, PREPARE_NO_SLOT, PREPARE_NO_SLOT}

void prepared_deinit(struct prepared *prepared);

/* From bytes that were prepared before (a state file, the device). 0, PREPARE_E_REFUSED, -errno. */
int prepared_read(struct bytes area, struct prepared *ret, struct verdict *verdict, struct error *error) MUST_CHECK;

struct prepare_request {
	struct bytes area;      /* the device's beginning, both copies of the header alike; empty with `format` */
	uint64_t device_size;
	struct bytes authority; /* a passphrase or key that opens a slot */
	struct bytes key;       /* what the broker shall hold */
	struct bytes recovery;  /* empty: no recovery slot, and one that is there stays */
	bool remove_foreign;    /* tokens, flags and slots that the allow-list does not take */
	bool remove_slots;      /* every slot but ours */
	bool format;
	uint32_t sector_size;   /* with `format` */
};

/* Enrolment: ours takes the place of slots that an earlier enrolment made. 0, enum prepare_error, -errno. */
int prepare_enroll(const struct prepare_request *request, struct prepared *ret, struct verdict *verdict, struct error *error) MUST_CHECK;

/*
 * Rotation: *ret_both is `request->area` with a slot more, for `request->key`; *ret_next the same without the slot of `request->authority` and those that
 * earlier attempts left. A recovery key is no authority here. Same errors.
 */
int prepare_rotate(const struct prepare_request *request, struct prepared *ret_both, struct prepared *ret_next, struct verdict *verdict, struct error *error)
	MUST_CHECK;
