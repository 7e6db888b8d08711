/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* The names of the checks, in the order of the verdict; private to snp/. */
#include <stdbool.h>

#include "base/finding.h"

/* What a failed check says; filled before it is known where in the verdict it will stand. */
struct snp_failure {
	const char *check; /* NULL: nothing failed */
	char why[320];
	char expected[192];
	char actual[192];
	char fix[448]; /* with the address of a certificate: 240 */
};

/* Fills `failure` and returns true; false when the test-only switch disables `check`. */
bool snp_failed(struct snp_failure *failure, const char *check, const char *fix, const char *why, ...) PRINTF_LIKE(4, 5);
/* "expected" and "actual" of a failure. */
void snp_failure_values(struct snp_failure *failure, const char *actual, const char *expected_format, ...) PRINTF_LIKE(3, 4);
/* Adds it as a failed finding. */
void snp_failure_add(const struct snp_failure *failure, enum finding_class class, struct verdict *verdict);
/* `failure` as a failed finding, or else `check` as passed. Returns true when it passed. */
bool snp_settle(struct verdict *verdict, const char *check, bool failed, const struct snp_failure *failure);
