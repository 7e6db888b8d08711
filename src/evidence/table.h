/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* Building a GHCB certificate table, so that evidence carries certificates in one form whatever it came in. */
#include "base/bytes.h"
#include "snp/certs.h"

struct evidence_cert {
	uint8_t guid[16];
	struct bytes data;
};

/* The GUID of a kind, in the table's byte order. False for SNP_TABLE_OTHER. */
bool evidence_guid(enum snp_table_kind kind, uint8_t ret[static 16]);
/* Appends a table of `count` entries (at most SNP_TABLE_ENTRIES_MAX). 0, -EINVAL, -ENOMEM. */
int evidence_table_write(struct buf *to, const struct evidence_cert *certs, size_t count) MUST_CHECK;
