/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * What one policy admits and another does not: member by member, by meaning. Order, labels, duplicates, spelling and the policy's name are not part of the meaning.
 */
#include "appraise/policy.h"

enum policy_effect {
	POLICY_STRICTER,  /* admits less than before */
	POLICY_LOOSER,    /* admits more */
	POLICY_DIFFERENT, /* admits something else */
};

/* Texts live until the callback returns. `before` and `after` are for people; "not checked" where a policy says nothing. */
struct policy_change {
	const char *member; /* as in the document: "snp.measurement" */
	enum policy_effect effect;
	const char *before, *after;
};

typedef int (*policy_diff_emit)(void *context, const struct policy_change *change);

const char *policy_effect_name(enum policy_effect effect); /* "stricter", "looser", "different" */

/* Calls `emit` for each change from `a` to `b`, in the order of sevattest-policy(5). 0, -ENOMEM, or what `emit` returned. */
int policy_diff(const struct policy *a, const struct policy *b, policy_diff_emit emit, void *context) MUST_CHECK;
