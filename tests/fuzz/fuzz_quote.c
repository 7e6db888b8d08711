/* SPDX-License-Identifier: Apache-2.0 */
/* A quote: signature size (u16), modulus, signature, message; the PCRs are zeros. */
#include "fuzz.h"
#include "tpm/quote.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const uint8_t pcr[QUOTE_PCR_SIZE];
	struct quote_input input = {.any_nonce = true};
	struct verdict verdict = VERDICT_NULL;
	struct reader reader;
	size_t signature_size;

	reader_init(&reader, bytes_of(data, size));
	signature_size = reader_u16le(&reader);
	input.ak_modulus = reader_bytes(&reader, QUOTE_AK_SIZE).data;
	input.signature = reader_bytes(&reader, signature_size);
	input.message = reader_bytes(&reader, reader_left(&reader));
	for (size_t i = 0; i < QUOTE_PCRS; i++)
		input.pcrs[i] = bytes_of(pcr, sizeof(pcr));
	if (reader_ok(&reader))
		(void)quote_check(&input, &verdict);
	verdict_deinit(&verdict);
	return 0;
}
