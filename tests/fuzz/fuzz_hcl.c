/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The HCL report in the NV index of an Azure vTPM: as it is, and once more with its REPORT_DATA made right, so that what lies behind the binding is reached.
 *
 * planted: reader read_layout
 * planted: scan hcl_check
 */
#include "base/crypto.h"
#include "fuzz.h"
#include "tpm/hcl.h"

#define REPORT_DATA_OFFSET 0x50 /* in the report */
#define CLAIMS_SIZE_OFFSET 0x4d0
#define CLAIMS_OFFSET 0x4d4

static void check(struct bytes input)
{
	struct verdict verdict = VERDICT_NULL;
	struct hcl hcl;

	(void)hcl_looks_like(input);
	if (hcl_check(input, &hcl, &verdict) && (hcl.claims.size > input.size || hcl.report.size != HCL_REPORT_SIZE))
		abort();
	verdict_deinit(&verdict);
}

static void bind(struct bytes input)
{
	uint8_t *to = (uint8_t *)(uintptr_t)input.data + HCL_REPORT_OFFSET + REPORT_DATA_OFFSET;
	struct bytes field = bytes_of(input.data + CLAIMS_SIZE_OFFSET, CLAIMS_OFFSET - CLAIMS_SIZE_OFFSET);
	uint32_t size = fuzz_u16(&field);

	size |= (uint32_t)fuzz_u16(&field) << 16;
	if (size > input.size - CLAIMS_OFFSET)
		return;
	memset(to, 0, 64);
	if (sha256(to, bytes_of(input.data + CLAIMS_OFFSET, size)))
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct bytes copy;

	check(bytes_of(data, size));
	if (size <= CLAIMS_OFFSET)
		return 0;
	copy = fuzz_copy(bytes_of(data, size));
	bind(copy);
	check(copy);
	fuzz_free(copy);
	return 0;
}
