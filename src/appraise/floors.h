/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * The named TCB floors of conf/tcb-floors.json, compiled in by make_floors.py: numbers live in that dated data file with a source each,
 * never in code.
 */
#include "appraise/policy_model.h"

#define FLOORS_MAX 16              /* named floors in the data file; make_floors.py refuses more */
#define FLOORS_DEFAULT "entrysign" /* below it a report can be forged */

/* The names, in the file's order. Returns how many. */
size_t floors_names(const char *ret_names[static FLOORS_MAX]);

/* Fills floors, floor_name and floor_date of the policy. False, and nothing written, when no floor has that name. */
bool floors_apply(struct policy *policy, const char *name);
