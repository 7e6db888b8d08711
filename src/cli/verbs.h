/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* The table of verbs, in the order of --help. */
#include <stddef.h>

struct verb {
	const char *name;
	int (*main)(int argc, char **argv);
	const char *summary;
};

extern const struct verb verbs[];
extern const size_t verbs_count;
