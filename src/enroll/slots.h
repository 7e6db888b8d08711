/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * Edits of a LUKS2 header with libcryptsetup, which is loaded at the first call: no other verb pays for it. The library never sees the device. It works
 * on a copy of the header area in memory (a memfd, sparse and as long as the device); what it made of it is taken out as bytes, which volume.h writes.
 */
#include <stdbool.h>
#include <stdint.h>

#include "base/bytes.h"
#include "base/error.h"
#include "base/secret.h"

#define SLOTS_ITERATIONS 1000      /* of pbkdf2, the least that the library takes: our keys are random, so a dear function protects nothing */
#define SLOTS_PASSPHRASE_MAX 512   /* bytes; what cryptsetup's prompt takes */

enum slots_error {
	SLOTS_E_KEY = 1, /* opens no slot */
	SLOTS_E_FULL,    /* no room for another slot */
	SLOTS_E_HEADER,  /* the library does not take the header */
};

struct slots;

/* libcryptsetup can be loaded: 0, or -ENOSYS with a text that names the package. */
int slots_available(struct error *error) MUST_CHECK;

/* A copy of `area`, which begins as the device does, of a device of `device_size` bytes. 0, enum slots_error, -ENOSYS, -ENOMEM, -errno. */
int slots_open(struct bytes area, uint64_t device_size, struct slots **ret, struct error *error) MUST_CHECK;

/*
 * A new header with a fresh volume key: aes-xts-plain64 of 512 bits, sectors of `sector_size` bytes (512 or 4096), and one slot for `key`. `label` may
 * be NULL. Errors as slots_open().
 */
int slots_format(uint64_t device_size, uint32_t sector_size, const char *label, struct bytes key, struct slots **ret, struct error *error) MUST_CHECK;

struct slots *slots_free(struct slots *slots);
DEFINE_CLEANUP(struct slots *, slots_free)
#define SLOTS_AUTO CLEANUP(slots_freep) struct slots *

/* Which slot the key opens. 0, SLOTS_E_KEY, -errno. */
int slots_test(struct slots *slots, struct bytes key, int *ret_slot, struct error *error) MUST_CHECK;

/* A slot for `key`, made with the right of whoever knows `authority`; with `prefer` it is tried before those without. 0, enum slots_error, -errno. */
int slots_add(struct slots *slots, struct bytes authority, struct bytes key, bool prefer, int *ret_slot, struct error *error) MUST_CHECK;

/* Takes a slot away and overwrites its key material in the copy. */
int slots_remove(struct slots *slots, int slot, struct error *error) MUST_CHECK;

/* Adds a token; takes the token `id` away. */
int slots_add_token(struct slots *slots, const char *json, struct error *error) MUST_CHECK;
int slots_remove_token(struct slots *slots, int id, struct error *error) MUST_CHECK;

/* Without activation flags such as allow-discards. */
int slots_clear_flags(struct slots *slots, struct error *error) MUST_CHECK;

/* The first `size` bytes of the copy as they are now. 0, -ENOMEM, -errno. */
int slots_area(struct slots *slots, size_t size, struct buf *ret, struct error *error) MUST_CHECK;

/*
 * Opens the disk as /dev/mapper/NAME with the header of the copy, whatever stands on the device. Needs the kernel's device-mapper. 0, SLOTS_E_KEY,
 * -errno with a text.
 */
int slots_activate(struct slots *slots, const char *device, const char *name, struct bytes key, struct error *error) MUST_CHECK;
