/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * The header file for cryptsetup (`header=` of crypttab): one copy of the header in both places. cryptsetup prefers the copy with the higher sequence number
 * and rewrites the file where the copies differ; here it finds nothing to prefer and nothing to repair.
 */
#include "base/bytes.h"
#include "luks/allow.h"
#include "luks/header.h"

/*
 * Appends luks_area_size() bytes: the copy `which` of `file` as primary and as secondary header, each with its own magic, offset and checksum, then the key
 * material of its slots as it is in `file`, which begins as the disk does and has at least that size; all else is zeros.
 * 0, LUKS_E_REFUSED (no such copy, too short, too large: luks_choose() would have refused it), -ENOMEM, -EIO.
 */
int luks_rebuild(struct bytes file, enum luks_copy which, struct buf *ret) MUST_CHECK;
