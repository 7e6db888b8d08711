/* SPDX-License-Identifier: Apache-2.0 */
/*
 * LUKS2 headers, both copies: as the input is, and once more with its checksum made right, so that the JSON behind it is reached.
 *
 * planted: reader read_text
 */
#include "base/crypto.h"
#include "fuzz.h"
#include "luks/header.h"

#define CHECKSUM_OFFSET 448
#define CHECKSUM_FIELD 64
#define SIZE_OFFSET 8

static void check(struct bytes input)
{
	for (enum luks_copy which = LUKS_PRIMARY; which <= LUKS_SECONDARY; which++) {
		struct luks_header header = LUKS_HEADER_NULL;
		struct error error = ERROR_NULL;
		int r = luks_header_read(input, which, &header, &error);

		if ((r == 0) != (header.metadata != NULL) || (r == 0 && header.size > input.size) || (r > 0 && !error_text(&error)[0]))
			abort();
		luks_header_deinit(&header);
	}
	(void)luks_looks_like(input);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct bytes copy;
	uint64_t stated = 0;
	uint8_t *to;

	check(bytes_of(data, size));
	if (size < LUKS_HEADER_MIN)
		return 0;
	for (size_t i = 0; i < 8; i++)
		stated = stated << 8 | data[SIZE_OFFSET + i];
	if (stated < LUKS_HEADER_MIN || stated > size)
		return 0;
	copy = fuzz_copy(bytes_of(data, (size_t)stated));
	to = (uint8_t *)(uintptr_t)copy.data + CHECKSUM_OFFSET;
	memset(to, 0, CHECKSUM_FIELD);
	if (sha256(to, copy))
		abort();
	check(copy);
	fuzz_free(copy);
	return 0;
}
