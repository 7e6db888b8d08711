/* SPDX-License-Identifier: Apache-2.0 */
#include "appraise/floors.h"

#include <string.h>

struct named_floor {
	const char *name;
	const char *date;
	struct policy_floor lines[POLICY_LINES];
};

/* Defines `static const struct named_floor named_floors[]`. */
#include "appraise/floors_table.h"

size_t floors_names(const char *ret_names[static FLOORS_MAX])
{
	size_t count = 0;

	for (; count < ARRAY_SIZE(named_floors) && count < FLOORS_MAX; count++)
		ret_names[count] = named_floors[count].name;
	return count;
}

bool floors_apply(struct policy *policy, const char *name)
{
	for (size_t i = 0; i < ARRAY_SIZE(named_floors); i++) {
		if (strcmp(named_floors[i].name, name) != 0)
			continue;
		policy->floor_name = named_floors[i].name;
		policy->floor_date = named_floors[i].date;
		memcpy(policy->floors, named_floors[i].lines, sizeof(policy->floors));
		return true;
	}
	return false;
}
