/* SPDX-License-Identifier: Apache-2.0 */
#include "appraise/appraise.h"

#include <errno.h>

#include "appraise/check.h"
#include "base/hooks.h"

/* The test-only switch: the one check that a test disables passes whatever it found. */
static void apply_hook(struct verdict *verdict, size_t first)
{
	for (size_t i = first; i < verdict->count; i++) {
		if (hook_disabled(verdict->items[i].check))
			verdict->items[i].state = FINDING_PASSED;
	}
}

int appraise(const struct policy *policy, const struct claims *claims, struct verdict *verdict)
{
	for (size_t i = 0; i < all_checks_count; i++) {
		const struct check *check = &all_checks[i];
		size_t first = verdict->count;

		if (check->stated(policy))
			check->eval(check, policy, claims, verdict);
		apply_hook(verdict, first);
	}
	policy_warnings(policy, verdict);
	return verdict->out_of_memory ? -ENOMEM : 0;
}
