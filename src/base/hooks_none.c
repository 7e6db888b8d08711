/* SPDX-License-Identifier: Apache-2.0 */
#include "base/hooks.h"

bool hook_disabled(const char *check)
{
	(void)check;
	return false;
}

void hook_disable(const char *check)
{
	(void)check;
}
