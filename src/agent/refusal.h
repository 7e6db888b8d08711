/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * A definite refusal as a file, "refused" in StateDirectory=, for a .path unit: made by rename, gone when the machine is proven again. What hangs
 * on it is the operator's.
 */
#include "agent/core.h"

#define REFUSAL_FILE "refused"

/* Both log what goes wrong: nothing else can be done about it. */
void refusal_write(const struct core *core, const char *why);
void refusal_remove(const struct core *core);
