/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Our reader of certificates: it must not crash, and what it accepts OpenSSL has to accept and to read in the same way.
 *
 * planted: reader snp_cert_parse
 */
#include <stdio.h>
#include <stdlib.h>

#include "../unit/snp/x509_agrees.h"
#include "fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	enum x509_agreement agreement;
	const char *difference = x509_disagree(bytes_of(data, size), &agreement);

	if (difference) {
		(void)fprintf(stderr, "we and OpenSSL differ in: %s\n", difference);
		abort();
	}
	return 0;
}
