/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * The recovery key as people write it down: 256 random bits and the first 24 bits of their SHA-256, in Crockford's base32 (no I, L, O, U), seven groups of
 * eight characters. This text, with its dashes, is the passphrase of the slot, so that a plain `cryptsetup open` takes it too. No branch and no table look-up
 * depends on the key.
 */
#include <stdbool.h>

#include "base/bytes.h"
#include "base/secret.h"

#define RECOVERY_KEY_BYTES 32
#define RECOVERY_KEY_GROUPS 7
#define RECOVERY_KEY_GROUP 8
#define RECOVERY_KEY_TEXT (RECOVERY_KEY_GROUPS * (RECOVERY_KEY_GROUP + 1) - 1) /* characters: 62 */

enum {
	RECOVERY_KEY_E_FORM = 1, /* too short or too long, or a character that none has */
	RECOVERY_KEY_E_TYPO,     /* the checksum does not fit */
};

/* A new one. 0, -ENOMEM, -EIO, -ENOTRECOVERABLE. */
int recovery_key_make(struct secret *ret) MUST_CHECK;

/* From RECOVERY_KEY_BYTES bytes: for tests. */
int recovery_key_format(struct bytes key, struct secret *ret) MUST_CHECK;

/* What was typed: either case, O for 0, I or L for 1, with dashes, blanks or neither. 0 and the text as it was shown; RECOVERY_KEY_E_*; -errno. */
int recovery_key_read(struct bytes typed, struct secret *ret) MUST_CHECK;
