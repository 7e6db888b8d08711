/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* What planted.c and planted_snp.c share: the switch, and the linker's names. */
#include "base/bytes.h"
#include "fuzz.h"

#define SEAM(type, name, ...)                                                                                                                                  \
	type __real_##name(__VA_ARGS__);                                                                                                                       \
	type __wrap_##name(__VA_ARGS__);                                                                                                                       \
	type __wrap_##name(__VA_ARGS__)

/* True when SEVATTEST_PLANTED names this seam. */
bool planted(const char *seam);

/* One byte more than there is. */
static inline struct bytes longer(struct bytes text)
{
	return bytes_of(text.data, text.data ? text.size + 1 : 0);
}
