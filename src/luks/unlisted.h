/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* Why a header is not listed, as far as digests can tell; private to luks/. */
#include "base/error.h"
#include "luks/disk.h"
#include "luks/header.h"

/*
 * A digest says only that something differs. So changes are undone one at a time (a key slot, a token, a priority, the label, the sector size), and the one with
 * which a listed digest comes out is what was changed. Only for an `allowed` header, which is small. 0 with a text in `why`; -ENOMEM, -EIO.
 */
int luks_unlisted_why(const struct luks_header *header, bool allowed, const struct luks_disk *disk, struct error *why) MUST_CHECK;
