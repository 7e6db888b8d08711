/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The address of a LoadCredential= peer and the text of its control group: what is taken must be what stands there.
 *
 * planted: reader peer_[a-z]*_[a-z]*
 */
#include <stdlib.h>
#include <string.h>

#include "agent/peer_name.h"
#include "fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct bytes input = bytes_of(data, size);
	char unit[PEER_UNIT_MAX + 1];
	struct peer_name name;

	if (peer_name_parse(input, &name) == 0) {
		size_t unit_size = strlen(name.unit), id_size = strlen(name.id);

		if (size > PEER_NAME_SIZE_MAX || unit_size + id_size + 9 > size || memcmp(data + size - id_size, name.id, id_size) != 0 ||
			data[size - id_size - 1] != '/' || memcmp(data + size - id_size - 1 - unit_size, name.unit, unit_size) != 0)
			abort();
	}
	if (peer_cgroup_unit(input, unit) == 0 && (!unit_name_valid(bytes_of_text(unit)) || !memmem(data, size, unit, strlen(unit))))
		abort();
	return 0;
}
