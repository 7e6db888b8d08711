/* SPDX-License-Identifier: Apache-2.0 */
#include "appraise/appraise.h"

#include <errno.h>

#include "appraise/check.h"

int appraise(const struct policy *policy, const struct claims *claims, struct verdict *verdict)
{
	for (size_t i = 0; i < all_checks_count; i++) {
		const struct check *check = &all_checks[i];

		if (check->stated(policy))
			check->eval(check, policy, claims, verdict);
	}
	policy_warnings(policy, verdict);
	return verdict->out_of_memory ? -ENOMEM : 0;
}
