/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* Landlock by its system calls: the C library has no wrappers. Used by sandbox.c only. */
#include <stddef.h>
#include <stdint.h>

#include "base/compiler.h"
#include "base/error.h"
#include "io/sandbox.h"

/*
 * From now on the thread reaches only the given paths, connects by TCP to the given ports only and binds none (ABI 4) and signals nobody outside (ABI 6). `ret_abi` is
 * 0, and nothing happened, when the kernel has no Landlock. 0, or -errno with a message. PR_SET_NO_NEW_PRIVS must be set.
 */
int landlock_enter(const struct sandbox_path *paths, size_t count, const uint16_t *ports, size_t port_count, int *ret_abi, struct error *error)
	MUST_CHECK;
