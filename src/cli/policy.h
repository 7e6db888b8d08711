/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* The verbs under `sevattest policy`, and the reading of a policy file that `verify` shares. */
#include "appraise/policy.h"
#include "base/error.h"

/* 0 and a policy, or -errno with the file's name, line and reason in `error`. */
int policy_file_read(const char *path, struct policy **ret, struct error *error) MUST_CHECK;

/* An unverified report. An enum exit_code; anything but EXIT_YES after a message. */
int policy_read_report(const char *path, struct snp_report *ret) MUST_CHECK;

int policy_new_main(int argc, char **argv);
int policy_explain_main(int argc, char **argv);
int policy_diff_main(int argc, char **argv);
