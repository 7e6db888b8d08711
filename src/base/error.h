/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * How things fail (STYLE section 5).
 *   0   good
 *  <0   -errno: "we could not tell"; forwarded unchanged
 *  >0   an outcome of this one function, named by its own enum: "we looked, and no"
 * Both fail closed. What a person should read goes into a `struct error` beside the number.
 */
#include <stddef.h>

#include "base/compiler.h"

/* DESIGN section 10: the exit codes of every program. */
enum exit_code {
	EXIT_YES = 0,
	EXIT_INTERNAL = 1,
	EXIT_USAGE = 2,       /* also a malformed policy or configuration */
	EXIT_EVIDENCE = 3,    /* format, signature, chain, revoked */
	EXIT_POLICY = 4,      /* genuine, but the policy does not match */
	EXIT_UNREACHABLE = 5, /* or temporary */
	EXIT_REFUSED = 6,     /* by the broker */
	EXIT_UNSUPPORTED = 7, /* on this machine */
};

#define ERROR_TEXT_MAX 512 /* two lines of a terminal with room for a path */

/* The first explanation wins: error_set() on a filled error is ignored, so that the root cause survives. */
struct error {
	char text[ERROR_TEXT_MAX];
};

#define ERROR_NULL {{0}}

/* Fills `error` (NULL is allowed) and returns `code`, so that `return error_set(e, -EINVAL, ...)` reads well. */
int error_set(struct error *error, int code, const char *format, ...) PRINTF_LIKE(3, 4);

/* Puts "prefix: " before what is there. */
void error_prefix(struct error *error, const char *format, ...) PRINTF_LIKE(2, 3);
void error_clear(struct error *error);
const char *error_text(const struct error *error); /* never NULL */
