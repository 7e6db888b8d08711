/* SPDX-License-Identifier: Apache-2.0 */
/* The table of a build without the broker's protocol and without providers. */
#include "cli/cli.h"
#include "cli/verbs.h"

const struct verb verbs[] = {
	{"show", show_main, "print reports, evidence, certificates, CRLs and policies in words"},
	{"verify", verify_main, "verify a report or evidence, and check it against a policy"},
	{"policy", policy_main, "check a policy, make one, explain what it says about a report"},
};

const size_t verbs_count = ARRAY_SIZE(verbs);
