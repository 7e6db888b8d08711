/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The table of certificates that a host hands over.
 *
 * planted: reader snp_table_read
 */
#include <stdlib.h>

#include "fuzz.h"
#include "snp/certs.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct bytes table = bytes_of(data, size);
	struct snp_table_entry entries[SNP_TABLE_ENTRIES_MAX];
	struct verdict verdict = VERDICT_NULL;
	struct error error = ERROR_NULL;
	struct snp_certs certs;
	size_t count = 0;

	if (snp_table_read(table, entries, &count, &error) == 0) {
		for (size_t i = 0; i < count; i++) {
			if (entries[i].data.size == 0)
				continue;
			if (entries[i].data.size > size || entries[i].data.data < data ||
				entries[i].data.data > data + size - entries[i].data.size)
				abort();
		}
	}
	snp_certs_init(&certs);
	(void)!snp_certs_add_table(&certs, table, &verdict);
	snp_certs_deinit(&certs);
	verdict_deinit(&verdict);
	return 0;
}
