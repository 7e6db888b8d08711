/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * Which of the two headers on a disk may be used: the one that the broker lists beside the key. cryptsetup takes the copy with the higher sequence number, which
 * the host can write; here the digest decides, and only between two listed copies the sequence number.
 */
#include "base/bytes.h"
#include "base/finding.h"
#include "luks/allow.h"
#include "luks/disk.h"
#include "luks/header.h"

/*
 * Reads a copy out of `file`, which begins as the disk does. The secondary is where the primary says; where the primary cannot be read, at the first legal size at
 * which one can be. 0 and *ret (luks_header_deinit()), an enum luks_error with the reason, -ENOMEM, -EIO.
 */
int luks_find(struct bytes file, enum luks_copy which, struct luks_header *ret, struct error *error) MUST_CHECK;

/*
 * Judges both copies and chooses. The verdict holds "luks.header" (can it be read), the checks of luks/allow.h, "luks.whole" (is all of its area in `file`) and
 * "luks.listed", all for the copy that is used, or else for the one that cryptsetup would take; and "luks.other_copy" about the other one, which is advice.
 * Without pins both copies count as listed if `disk->key_checked`, and none if not.
 * 0 and *ret_copy; LUKS_E_REFUSED; -ENOMEM, -EIO. The verdict is filled in every case.
 */
int luks_choose(struct bytes file, const struct luks_disk *disk, struct verdict *ret, enum luks_copy *ret_copy) MUST_CHECK;
