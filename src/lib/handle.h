/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* What is behind the two opaque types of sevattest.h, which has the documentation. */
#include <sevattest.h>
#include <stdbool.h>

#include "appraise/policy.h"
#include "base/error.h"
#include "base/finding.h"
#include "snp/certs.h"
#include "snp/roots.h"
#include "snp/verify.h"

struct sevattest {
	struct snp_certs certs;
	struct snp_pins trust; /* of sevattest_add_trust(), without the policy's */
	struct policy *policy; /* may be NULL */
	bool revocation_stated;
	enum snp_revocation revocation;
	struct snp_vek_cache *cache; /* shared by all threads that verify with the handle */
	struct error error;
};

struct sevattest_verdict {
	struct verdict findings;
	enum sevattest_outcome outcome;
	bool appraised;
	char *json;
};

/* The verdict's JSON text. `handle` names the policy. 0, -ENOMEM. */
int sevattest_verdict_write(struct sevattest_verdict *verdict, const struct sevattest *handle, const struct snp_verified *verified) MUST_CHECK;
