/* SPDX-License-Identifier: Apache-2.0 */
#include "snp/certs.h"

#include <errno.h>
#include <limits.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <stdio.h>
#include <string.h>

#include "base/text.h"
#include "snp/vek.h"

static void bio_freep(BIO **bio)
{
	BIO_free_all(*bio);
}

void snp_certs_init(struct snp_certs *certs)
{
	memset(certs, 0, sizeof(*certs));
}

void snp_certs_deinit(struct snp_certs *certs)
{
	for (size_t i = 0; i < certs->count; i++)
		X509_free(certs->items[i].x509);
	for (size_t i = 0; i < certs->crl_count; i++)
		X509_CRL_free(certs->crls[i]);
	snp_certs_init(certs);
}

void snp_name_cn(char *to, size_t size, const X509_NAME *name)
{
	int index = X509_NAME_get_index_by_NID(name, NID_commonName, -1);
	const ASN1_STRING *text;

	to[0] = 0;
	if (index < 0)
		return;
	text = X509_NAME_ENTRY_get_data(X509_NAME_get_entry(name, index));
	if (text)
		text_printable(to, size, bytes_of(ASN1_STRING_get0_data(text), (size_t)ASN1_STRING_length(text)));
}

static enum snp_cert_kind classify(const X509 *x509)
{
	char cn[64];

	if (snp_vek_looks_like(x509))
		return SNP_CERT_VEK;
	snp_name_cn(cn, sizeof(cn), X509_get_subject_name(x509));
	if (text_starts_with(cn, "ARK-"))
		return SNP_CERT_ARK;
	return text_starts_with(cn, "SEV-") ? SNP_CERT_INTERMEDIATE : SNP_CERT_OTHER;
}

/* Takes the reference in every case. */
static int put_cert(struct snp_certs *certs, X509 *x509)
{
	for (size_t i = 0; i < certs->count; i++) {
		if (X509_cmp(certs->items[i].x509, x509) == 0) {
			X509_free(x509);
			return 0;
		}
	}
	if (certs->count == SNP_CERTS_MAX) {
		X509_free(x509);
		return SNP_CERTS_E_FULL;
	}
	certs->items[certs->count++] = (struct snp_cert){x509, classify(x509)};
	return 0;
}

static int put_crl(struct snp_certs *certs, X509_CRL *crl)
{
	if (certs->crl_count == SNP_CRLS_MAX) {
		X509_CRL_free(crl);
		return SNP_CERTS_E_FULL;
	}
	certs->crls[certs->crl_count++] = crl;
	return 0;
}

static int remember(char memory[static 96], struct error *error, const char *what)
{
	if (!memory[0])
		(void)snprintf(memory, 96, "%s", what);
	return error_set(error, SNP_CERTS_E_PARSE, "%s", what);
}

static bool is_pem(struct bytes input)
{
	return input.size > 11 && memmem(input.data, input.size, "-----BEGIN ", 11);
}

static int add_der(struct snp_certs *certs, struct bytes input, struct error *error)
{
	const uint8_t *at = input.data;
	X509 *x509 = input.size && input.size <= SNP_CERT_SIZE_MAX ? d2i_X509(NULL, &at, (long)input.size) : NULL;

	ERR_clear_error();
	if (!x509)
		return remember(certs->bad_cert, error, input.size ? "not a DER certificate" : "an empty certificate");
	if (at != input.data + input.size) {
		X509_free(x509);
		return remember(certs->bad_cert, error, "bytes follow the DER certificate");
	}
	return put_cert(certs, x509);
}

static int add_der_crl(struct snp_certs *certs, struct bytes input, struct error *error)
{
	const uint8_t *at = input.data;
	X509_CRL *crl = input.size && input.size <= SNP_CRL_SIZE_MAX ? d2i_X509_CRL(NULL, &at, (long)input.size) : NULL;

	ERR_clear_error();
	if (!crl)
		return remember(certs->bad_crl, error, input.size ? "not a DER CRL" : "an empty CRL");
	if (at != input.data + input.size) {
		X509_CRL_free(crl);
		return remember(certs->bad_crl, error, "bytes follow the DER CRL");
	}
	return put_crl(certs, crl);
}

static int add_pem_block(struct snp_certs *certs, const char *name, struct bytes der, bool crl_wanted, struct error *error)
{
	if (strcmp(name, PEM_STRING_X509) == 0 && !crl_wanted)
		return add_der(certs, der, error);
	if (strcmp(name, PEM_STRING_X509_CRL) == 0)
		return add_der_crl(certs, der, error);
	return remember(crl_wanted ? certs->bad_crl : certs->bad_cert, error, "a PEM block of another kind");
}

static int add_pem(struct snp_certs *certs, struct bytes input, bool crl_wanted, struct error *error)
{
	CLEANUP(bio_freep) BIO *bio = input.size <= INT_MAX ? BIO_new_mem_buf(input.data, (int)input.size) : NULL;
	size_t blocks = 0;
	int r = 0;

	if (!bio)
		return -ENOMEM;
	while (r == 0) {
		char *name = NULL, *header = NULL;
		unsigned char *data = NULL;
		long size;

		if (PEM_read_bio(bio, &name, &header, &data, &size) != 1)
			break;
		blocks++;
		r = add_pem_block(certs, name, bytes_of(data, (size_t)size), crl_wanted, error);
		OPENSSL_free(name);
		OPENSSL_free(header);
		OPENSSL_free(data);
	}
	/* PEM_R_NO_START_LINE is how a good text ends; anything else broke a block. */
	if (r == 0 && (blocks == 0 || ERR_GET_REASON(ERR_peek_last_error()) != PEM_R_NO_START_LINE))
		r = remember(crl_wanted ? certs->bad_crl : certs->bad_cert, error, "PEM text that does not decode");
	ERR_clear_error();
	return r;
}

int snp_certs_add(struct snp_certs *certs, struct bytes input, struct error *error)
{
	return is_pem(input) ? add_pem(certs, input, false, error) : add_der(certs, input, error);
}

int snp_certs_add_crl(struct snp_certs *certs, struct bytes input, struct error *error)
{
	return is_pem(input) ? add_pem(certs, input, true, error) : add_der_crl(certs, input, error);
}

int snp_certs_add_all(struct snp_certs *certs, const struct snp_certs *from)
{
	int r = 0;

	for (size_t i = 0; r == 0 && i < from->count; i++)
		r = X509_up_ref(from->items[i].x509) == 1 ? put_cert(certs, from->items[i].x509) : -ENOMEM;
	for (size_t i = 0; r == 0 && i < from->crl_count; i++)
		r = X509_CRL_up_ref(from->crls[i]) == 1 ? put_crl(certs, from->crls[i]) : -ENOMEM;
	if (from->bad_cert[0] && !certs->bad_cert[0])
		memcpy(certs->bad_cert, from->bad_cert, sizeof(certs->bad_cert));
	if (from->bad_crl[0] && !certs->bad_crl[0])
		memcpy(certs->bad_crl, from->bad_crl, sizeof(certs->bad_crl));
	return r;
}
