/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * Line and column of a member in a JSON text that json_read() has accepted: json-c's objects do not know where they stood, and a person
 * who mends a policy wants to be told.
 */
#include <stdbool.h>
#include <stddef.h>

#include "base/bytes.h"

#define POLICY_PATH_MAX 8 /* the deepest member has 5: snp.tcb_min.LINE.part, snp.measurement[i].label */

/* One step from the root: a member's name, or an index where `name` is NULL. Names are borrowed. */
struct policy_step {
	const char *name;
	size_t index;
};

struct policy_path {
	struct policy_step steps[POLICY_PATH_MAX];
	size_t count;
};

/* False when the text does not hold that path, for example because the name was written with escapes. Lines and columns from 1. */
bool policy_place(struct bytes text, const struct policy_path *path, size_t *ret_line, size_t *ret_column);
