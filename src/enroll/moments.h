/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * Where a power cut may come: before and after each step, and after any byte that goes to the device. Builds with -Dtest_hooks die there, by SIGKILL, when the
 * environment names the moment (moments_hooks.c); all others link moments_none.c, which does nothing.
 *
 *     SEVATTEST_ENROLL_CUT=before:STEP | after:STEP | byte:N     (N bytes are written, the next is not)
 *     SEVATTEST_ENROLL_TRACE=FILE                                gets a line for each moment that was passed, so that a test knows them all
 */
#include <stddef.h>

void moment_before(const char *step);
void moment_after(const char *step);

/* Of `size` bytes that are about to be written: how many to write before moment_written(). */
size_t moment_allowed(size_t size);
void moment_written(size_t size);
