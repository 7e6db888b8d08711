/* SPDX-License-Identifier: Apache-2.0 */
/*
 * device-mapper's answer about a table: as the input is, and the input as the parameters of a good answer, compared with a header.
 *
 * planted: reader dm_decode|table_compare
 */
#include <linux/dm-ioctl.h>

#include "base/json.h"
#include "fuzz.h"
#include "luks-helper/table.h"

#define HEADER                                                                                                                             \
	"{\"segments\":{\"0\":{\"offset\":\"16777216\",\"size\":\"dynamic\",\"iv_tweak\":\"0\",\"encryption\":\"aes-xts-plain64\",\"sector_size\":512}},"      \
	"\"keyslots\":{\"0\":{\"key_size\":64}}}"

/* A yes needs every check; a no names one. */
static void compare(const struct dm_table *table)
{
	struct luks_header header = {.size = LUKS_HEADER_MIN};
	struct table_expected expected = {.volume = "data", .header = &header, .major = 7, .minor = 3, .device_sectors = 65536};
	struct verdict verdict = VERDICT_NULL;
	int r;

	memcpy(header.uuid, "6f1b3c1e", 9);
	if (json_read(bytes_of_text(HEADER), &header.metadata, NULL))
		abort();
	r = table_compare(table, &expected, &verdict);
	if ((r == 0) != verdict_ok(&verdict) || (r != 0 && !verdict_first_failed(&verdict)))
		abort();
	if (r == 0 && (table->target_count != 1 || strcmp(table->type, "crypt") != 0 || table->length != 32768))
		abort();
	verdict_deinit(&verdict);
	luks_header_deinit(&header);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct dm_table table = {.flags = DM_ACTIVE_PRESENT_FLAG,
		.target_count = 1,
		.uuid = "CRYPT-LUKS2-6f1b3c1e-data",
		.length = 32768,
		.type = "crypt",
		.parameters = bytes_of(data, size)};

	compare(&table);
	if (dm_decode(bytes_of(data, size), &table) == 0)
		compare(&table);
	return 0;
}
