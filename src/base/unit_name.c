/* SPDX-License-Identifier: Apache-2.0 */
#include "base/unit_name.h"

#include <string.h>

static bool ends_with(struct bytes text, const char *suffix)
{
	size_t size = strlen(suffix);

	return text.size > size && memcmp(text.data + text.size - size, suffix, size) == 0;
}

/* systemd's VALID_CHARS of a unit name. */
static bool unit_character(uint8_t c)
{
	return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c && strchr(":-_.\\@", c));
}

bool unit_name_valid(struct bytes unit)
{
	static const char *const suffixes[] = {".service", ".socket", ".mount", ".swap"};

	if (unit.size == 0 || unit.size > UNIT_NAME_MAX || unit.data[0] == '@')
		return false;
	for (size_t i = 0; i < unit.size; i++) {
		if (!unit_character(unit.data[i]))
			return false;
	}
	for (size_t i = 0; i < ARRAY_SIZE(suffixes); i++) {
		if (ends_with(unit, suffixes[i]))
			return true;
	}
	return false;
}

bool unit_credential_valid(struct bytes id)
{
	if (id.size == 0 || id.size > UNIT_CREDENTIAL_MAX)
		return false;
	for (size_t i = 0; i < id.size; i++) {
		if (id.data[i] < 0x20 || id.data[i] > 0x7e || id.data[i] == '/' || id.data[i] == ':')
			return false;
	}
	return !(id.data[0] == '.' && (id.size == 1 || (id.size == 2 && id.data[1] == '.')));
}
