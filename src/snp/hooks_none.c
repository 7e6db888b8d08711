/* SPDX-License-Identifier: Apache-2.0 */
#include "snp/hooks.h"

bool snp_hook_disabled(const char *check)
{
	(void)check;
	return false;
}

void snp_hook_disable(const char *check)
{
	(void)check;
}
