/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * Built with -Dtest_hooks=true, a program that is about to narrow itself lets children of its own try what it must not do afterwards, each act
 * in one child that has narrowed itself and in one that has not. They run where the program runs: under its unit, as its user, with its
 * memory. Without the option there is nothing of this in a program.
 */
#include "io/sandbox.h"

/* Narrows the calling process as `request` says. */
typedef int (*sandbox_narrow_fn)(const void *request, struct error *error);

/*
 * With SEVATTEST_TEST_ACTS=DIRECTORY in the environment: writes DIRECTORY/PROGRAM.PROFILE, one line "ACT INSIDE OUTSIDE" per act: 0 for
 * done, else the errno, with the sandbox and without it; -1 when the child did not come so far.
 */
void sandbox_hooks_try(sandbox_narrow_fn narrow, const void *request, enum sandbox_profile profile);
