/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A report: decoded, judged and shown, in every layout of the TCB.
 *
 * planted: report snp_report_check
 */
#include "base/json.h"
#include "fuzz.h"
#include "snp/report.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct verdict verdict = VERDICT_NULL;
	struct bytes input = bytes_of(data, size);
	struct snp_report report;

	if (snp_report_decode(input, &report))
		return 0;
	(void)snp_report_check(&report, input, &verdict);
	for (int product = SNP_PRODUCT_UNKNOWN; product <= SNP_TURIN; product++) {
		struct json_object *shown;

		snp_report_relayout(&report, (enum snp_product)product);
		shown = snp_report_to_json(&report);
		json_putp(&shown);
	}
	verdict_deinit(&verdict);
	return 0;
}
