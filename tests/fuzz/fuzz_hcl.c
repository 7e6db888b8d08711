/* SPDX-License-Identifier: Apache-2.0 */
/* The HCL report in the NV index of an Azure vTPM. */
#include "fuzz.h"
#include "tpm/hcl.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct verdict verdict = VERDICT_NULL;
	struct hcl hcl;

	(void)hcl_looks_like(bytes_of(data, size));
	(void)hcl_check(bytes_of(data, size), &hcl, &verdict);
	verdict_deinit(&verdict);
	return 0;
}
