/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/verbs.h"

#include "cli/cli.h"

const struct verb verbs[] = {
	{"report", report_main, "get a report of this guest from the hardware"},
	{"show", show_main, "print reports, evidence, certificates, CRLs and policies in words"},
	{"verify", verify_main, "verify a report or evidence, and check it against a policy"},
	{"certs", certs_main, "fetch, list and import certificates and revocation lists"},
	{"policy", policy_main, "check a policy, make one, explain what it says about a report"},
	{"attest", attest_main, "prove this guest to a broker"},
	{"get", get_main, "prove this guest to a broker and get a key"},
	{"enroll", enroll_main, "give a disk a random key that only the broker has"},
	{"recover", recover_main, "open a guarded disk with its recovery key"},
	{"doctor", doctor_main, "look at every precondition of this machine, each with its fix"},
	{"status", status_main, "is this machine proven, and which keys went to whom"},
	{"credential", credential_main, "give a unit a key of the broker as a credential"},
};

const size_t verbs_count = ARRAY_SIZE(verbs);
