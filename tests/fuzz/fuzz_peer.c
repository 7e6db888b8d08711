/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The address of a peer that asks for a credential or a volume's key, and the text of its control group: what is taken must be what stands there.
 *
 * planted: reader peer_[a-z]*_[a-z]*
 */
#include <stdlib.h>
#include <string.h>

#include "agent/peer_name.h"
#include "fuzz.h"

static void credential(struct bytes input)
{
	struct peer_name name;
	size_t unit_size, id_size;

	if (peer_name_parse(input, PEER_CREDENTIAL, &name))
		return;
	unit_size = strlen(name.unit);
	id_size = strlen(name.id);
	if (input.size > PEER_NAME_SIZE_MAX || unit_size + id_size + 9 > input.size || memcmp(input.data + input.size - id_size, name.id, id_size) != 0 ||
		input.data[input.size - id_size - 1] != '/' || memcmp(input.data + input.size - id_size - 1 - unit_size, name.unit, unit_size) != 0)
		abort();
}

static void volume(struct bytes input)
{
	static const char literal[] = "/cryptsetup/";
	char unit[UNIT_SYSTEM_MAX + 1];
	struct peer_name name;
	size_t size;

	if (peer_name_parse(input, PEER_VOLUME, &name))
		return;
	size = strlen(name.id);
	if (input.size > PEER_NAME_SIZE_MAX || size + sizeof(literal) - 1 + 2 > input.size || name.unit[0] ||
		memcmp(input.data + input.size - size, name.id, size) != 0 ||
		memcmp(input.data + input.size - size - (sizeof(literal) - 1), literal, sizeof(literal) - 1) != 0 || strchr(name.id, '/'))
		abort();
	if (peer_name_unit(&name, unit) == 0 && !unit_name_is_systemd(bytes_of_text(unit)))
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct bytes input = bytes_of(data, size);
	char unit[UNIT_SYSTEM_MAX + 1];

	credential(input);
	volume(input);
	if (peer_cgroup_unit(input, unit) == 0 && (!unit_name_is_systemd(bytes_of_text(unit)) || !memmem(data, size, unit, strlen(unit))))
		abort();
	return 0;
}
