/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* The few compiler attributes that the house uses. */

#define MUST_CHECK __attribute__((warn_unused_result))
#define PRINTF_LIKE(fmt, args) __attribute__((format(printf, fmt, args)))
#define CLEANUP(fn) __attribute__((cleanup(fn)))
#define UNUSED __attribute__((unused))

#define ARRAY_SIZE(a) (sizeof(a) / sizeof((a)[0]))

/*
 * Defines NAME##p, a cleanup for a variable of TYPE that FREE_FN releases.
 * FREE_FN takes NULL and returns NULL.
 */
#define DEFINE_CLEANUP(type, free_fn)                  \
	static inline void free_fn##p(type *variable)  \
	{                                              \
		if (*variable)                         \
			(void)free_fn(*variable);      \
	}
