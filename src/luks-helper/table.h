/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * Is a mapping what its header says? The header was agreed on before the volume was opened; the table is what the kernel does now. Whatever went wrong between the
 * two, a table that says anything else than the header does ends here, before anything reads the mapping. Pure.
 */
#include <stdint.h>

#include "base/finding.h"
#include "luks-helper/dm.h"
#include "luks/header.h"

struct table_expected {
	const char *volume;
	const struct luks_header *header;
	unsigned major, minor;   /* of the configured device */
	uint64_t device_sectors; /* its size in sectors of 512 bytes */
};

enum { TABLE_E_DIFFERS = 1 };

/*
 * Adds a finding for each check, "table.*", with what was expected and what is there (never the key). 0 when all passed; TABLE_E_DIFFERS, also for a header that
 * does not say what is needed; -ENOMEM.
 */
int table_compare(const struct dm_table *table, const struct table_expected *expected, struct verdict *ret) MUST_CHECK;
