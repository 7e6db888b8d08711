/* SPDX-License-Identifier: Apache-2.0 */
/* Test-only: the over-reads of planted.c that only programs with snp/ in them can have. */
#include <openssl/x509.h>

#include "planted.h"
#include "snp/report.h"
#include "snp/vek.h"

/* "report": a report that is one byte short passes for whole. */
SEAM(int, snp_report_decode, struct bytes input, struct snp_report *ret)
{
	if (planted("report") && input.size == SNP_REPORT_SIZE - 1)
		input.size++;
	return __real_snp_report_decode(input, ret);
}

/* "vek": the content of an extension ends one byte too late. */
SEAM(void, snp_vek_read_extension, struct snp_vek *vek, struct bytes oid, struct bytes value)
{
	__real_snp_vek_read_extension(vek, oid, planted("vek") ? longer(value) : value);
}

/* "der": OpenSSL is told of one byte too many. */
SEAM(X509_CRL *, d2i_X509_CRL, X509_CRL **to, const unsigned char **at, long size)
{
	return __real_d2i_X509_CRL(to, at, planted("der") ? size + 1 : size);
}
