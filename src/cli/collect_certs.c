/* SPDX-License-Identifier: Apache-2.0 */
/* The certificates of a report's chain: which of a set belong to it, which are missing, and the table that carries them. */
#include <errno.h>
#include <openssl/pem.h>
#include <string.h>

#include "cli/collect.h"
#include "evidence/chain.h"
#include "snp/vek.h"

int collect_table(const struct snp_report *report, const struct snp_certs *certs, struct buf *to)
{
	return evidence_chain_table(certs, report, to);
}

int collect_pem(const struct snp_certs *certs, struct buf *to)
{
	int r = 0;

	for (size_t i = 0; i < certs->count && !r; i++) {
		bool crl = certs->items[i].kind == SNP_ITEM_CRL;
		BIO *bio = BIO_new(BIO_s_mem());
		char *text;
		long size;

		r = -ENOMEM;
		if (bio &&
			PEM_write_bio(bio, crl ? PEM_STRING_X509_CRL : PEM_STRING_X509, "", certs->items[i].der.data,
				(long)certs->items[i].der.size) &&
			(size = BIO_get_mem_data(bio, &text)) > 0)
			r = buf_append(to, text, (size_t)size);
		BIO_free(bio);
	}
	return r;
}

size_t collect_chain_length(const struct snp_certs *certs, const struct snp_report *report, enum snp_product *product)
{
	struct bytes chain[EVIDENCE_CHAIN_MAX];
	size_t count = evidence_chain_find(certs, report, chain);
	struct snp_vek vek;

	if (count && snp_vek_decode(chain[0], &vek, NULL) == 0)
		*product = vek.product;
	return count;
}
