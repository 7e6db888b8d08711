/* SPDX-License-Identifier: Apache-2.0 */
#include "snp/check.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/hooks.h"

bool snp_failed(struct snp_failure *failure, const char *check, const char *fix, const char *why, ...)
{
	va_list arguments;

	if (hook_disabled(check))
		return false;
	memset(failure, 0, sizeof(*failure));
	failure->check = check;
	(void)snprintf(failure->fix, sizeof(failure->fix), "%s", fix ? fix : "");
	va_start(arguments, why);
	(void)vsnprintf(failure->why, sizeof(failure->why), why, arguments);
	va_end(arguments);
	return true;
}

void snp_failure_values(struct snp_failure *failure, const char *actual, const char *expected_format, ...)
{
	va_list arguments;

	(void)snprintf(failure->actual, sizeof(failure->actual), "%s", actual);
	va_start(arguments, expected_format);
	(void)vsnprintf(failure->expected, sizeof(failure->expected), expected_format, arguments);
	va_end(arguments);
}

/* What each check wants where the failure itself does not say it more exactly, and what it found where that is always the same. */
static const struct {
	const char *check, *expected, *actual;
} wanted[] = {
	{"report.tcb_reserved", "zeros", "other bytes"},
	{"report.signature", "a signature by the key of the certificate", "one by another key, or over other bytes"},
	{"report.id_block", "all of what an ID block says, or none", "a part of it"},
	{"cert.parse", "certificates as AMD issues them, X.509 version 3 in exact DER", "something else"},
	{"chain.missing", "VCEK or VLEK, its issuer (ASK or ASVK), AMD's root (ARK)", NULL},
	{"chain.names", "a VCEK or VLEK, issued by SEV-{product} or SEV-VLEK-{product}, issued by ARK-{product}", NULL},
	{"chain.ca", "a CA with an RSA key of 4096 bits that may sign certificates, but no CA below it", "another kind of certificate"},
	{"chain.extensions", "no extension twice, none critical but basicConstraints and keyUsage", "such an extension"},
	{"vek.key", "a key on the curve P-384", "another key"},
	{"vek.product", "one product in report, chain and certificate", "several"},
	{"crl.missing", "a list that AMD's root has signed", "none"},
	{"crl.parse", "an X.509 CRL in PEM or DER", "other bytes"},
	{"crl.issuer", "a list of the root in which the chain ends", "a list of another root"},
	{"crl.signature_algo", "RSASSA-PSS with SHA-384 and a salt of 48 bytes", "another algorithm"},
	{"crl.extensions", "a whole list: no delta, nothing critical", "a narrower one"},
	{"crl.signature", "a signature by AMD's root", "another one"},
	{"crl.revoked", "the issuer of the report's certificate not on the list", "it is listed"},
	{"vek.extensions", "each of AMD's extensions once, in exact DER, spl_4 to spl_7 zero", "other extensions"},
	{"vek.hwid", "the certificate of the chip that the report names (CHIP_ID)", "none that can be compared"},
	{"vek.csp", "the name of the cloud (csp_id) as a text", "none"},
};

static void add_wanted(const struct snp_failure *failure, struct finding *finding)
{
	for (size_t i = 0; i < ARRAY_SIZE(wanted); i++) {
		if (strcmp(wanted[i].check, failure->check) != 0)
			continue;
		finding_expected(finding, "%s", wanted[i].expected);
		if (wanted[i].actual)
			finding_actual(finding, "%s", wanted[i].actual);
	}
}

void snp_failure_add(const struct snp_failure *failure, enum finding_class class, struct verdict *verdict)
{
	struct finding *finding;

	verdict_fail(verdict, failure->check, class, "%s", failure->why);
	finding = verdict_last(verdict);
	if (failure->expected[0])
		finding_expected(finding, "%s", failure->expected);
	else
		add_wanted(failure, finding);
	if (failure->actual[0])
		finding_actual(finding, "%s", failure->actual);
	if (failure->fix[0])
		finding_fix(finding, "%s", failure->fix);
}

bool snp_settle(struct verdict *verdict, const char *check, bool failed, const struct snp_failure *failure)
{
	if (failed)
		snp_failure_add(failure, FINDING_EVIDENCE, verdict);
	else
		verdict_pass(verdict, check, FINDING_EVIDENCE);
	return !failed;
}
