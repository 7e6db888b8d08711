/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * The name of a header: what the broker lists beside the key (DESIGN section 11). It stays the same over boots and over cryptsetup's own repairs, and changes with
 * everything that decides how the disk is opened (the table of spec/systemd.md 11.5).
 */
#include "base/crypto.h"
#include "luks/header.h"

/*
 * SHA-256 over canonical JSON (RFC 8785) of {"uuid", "label", "subsystem", "hdr_size", "segments", "keyslots", "digests", "config", "tokens"}; the last five as
 * they stand in the metadata, null where they are absent. Not in it: sequence number, salt, checksum, the offset of the copy.
 * 0; LUKS_E_JSON when the metadata hold a number that has no canonical form; -ENOMEM, -EIO.
 */
int luks_digest(const struct luks_header *header, uint8_t ret[static SHA256_SIZE]) MUST_CHECK;
