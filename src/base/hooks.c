/* SPDX-License-Identifier: Apache-2.0 */
#include "base/hooks.h"

#include <stddef.h>
#include <string.h>

static _Thread_local const char *disabled;

bool hook_disabled(const char *check)
{
	return disabled && strcmp(disabled, check) == 0;
}

void hook_disable(const char *check)
{
	disabled = check;
}
