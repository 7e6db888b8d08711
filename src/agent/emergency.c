/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/emergency.h"

#include <limits.h>
#include <stdio.h>
#include <unistd.h>

#include "base/compiler.h"

bool emergency_mode(const char *groups)
{
	static const char *const hierarchies[] = {"", "/systemd", "/unified"};
	static const char *const services[] = {"emergency.service", "rescue.service"};
	char path[PATH_MAX];

	for (size_t i = 0; i < ARRAY_SIZE(hierarchies); i++) {
		for (size_t j = 0; j < ARRAY_SIZE(services); j++) {
			int size = snprintf(path, sizeof(path), "%s%s/system.slice/%s", groups, hierarchies[i], services[j]);

			if (size < (int)sizeof(path) && access(path, F_OK) == 0)
				return true;
		}
	}
	return false;
}
