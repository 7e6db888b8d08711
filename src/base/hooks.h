/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * The test-only switch of DESIGN section 12: one check can be told to pass, so that a test can prove that it was this check and no other
 * that refused an object. Every layer that names checks asks here. Built for real only with -Dtest_hooks=true; otherwise the call is a
 * constant false.
 */
#include <stdbool.h>

bool hook_disabled(const char *check);
/* Names the check to disable, or NULL. No effect without test_hooks. */
void hook_disable(const char *check);
