/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The extensions that AMD writes into VEK certificates, below the DER of the certificate: records of extension (u8), content size (u8), content.
 *
 * planted: vek snp_vek_read_extension
 */
#include "base/json.h"
#include "fuzz.h"
#include "snp/vek.h"

#define EXTENSIONS 13 /* 1, 2, 3.1 to 3.9, 4 and 5, each below AMD's arc; and behind them what is none */

static void read_extension(struct snp_vek *vek, uint8_t which, struct bytes content)
{
	static const uint8_t oids[EXTENSIONS + 2][2] = {
		{1}, {2}, {3, 1}, {3, 2}, {3, 3}, {3, 4}, {3, 5}, {3, 6}, {3, 7}, {3, 8}, {3, 9}, {4}, {5}, {6}, {3, 10}};
	const uint8_t *oid = oids[which % (EXTENSIONS + 2)];
	struct bytes exact = fuzz_copy(content);

	snp_vek_read_extension(vek, bytes_of(oid, oid[0] == 3 ? 2 : 1), exact);
	fuzz_free(exact);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct snp_vek vek = {.spl_reserved_zero = true};
	struct bytes input = bytes_of(data, size);
	struct json_object *shown;

	while (input.size > 1) {
		uint8_t which = fuzz_u8(&input);

		read_extension(&vek, which, fuzz_take(&input, fuzz_u8(&input)));
	}
	if ((vek.bad & ~vek.present) || (vek.twice & ~vek.present) || vek.hwid_size > SNP_HWID_MAX ||
		!memchr(vek.product_name, 0, sizeof(vek.product_name)) || !memchr(vek.csp_id, 0, sizeof(vek.csp_id)))
		abort();
	(void)snp_vek_extension_name(vek.bad);
	shown = snp_vek_to_json(&vek);
	json_putp(&shown);
	return 0;
}
