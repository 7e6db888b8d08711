/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Taking apart what was handed over. Only the outermost TLV is read here: whether it is a certificate worth anything is found out by
 * snp_verify(), which often need not look at all because it has seen the same bytes before.
 */
#include "snp/certs.h"

#include <errno.h>
#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "snp/der.h"

void snp_certs_init(struct snp_certs *certs)
{
	memset(certs, 0, sizeof(*certs));
}

void snp_certs_deinit(struct snp_certs *certs)
{
	for (size_t i = 0; i < certs->count; i++)
		free((void *)(uintptr_t)certs->items[i].der.data);
	snp_certs_init(certs);
}

/* The size of the SEQUENCE at the start of `input`, header included; 0 when there is none, or when its length is not DER. */
static size_t sequence_size(struct bytes input, size_t *ret_header)
{
	struct bytes whole, contents;
	struct reader r;

	reader_init(&r, input);
	contents = der_read(&r, DER_SEQUENCE, &whole);
	*ret_header = whole.size - contents.size;
	return whole.size;
}

/* tbsCertificate begins with [0] version, tbsCertList with an INTEGER or the algorithm. Certificates of version 1 do not concern us. */
static bool looks_like_certificate(struct bytes der, size_t header)
{
	size_t inner;
	struct bytes body = bytes_of(der.data + header, der.size - header);

	if (sequence_size(body, &inner) == 0)
		return false;
	return inner < body.size && body.data[inner] == DER_CONTEXT_0;
}

static bool holds(const struct snp_certs *certs, struct bytes der)
{
	for (size_t i = 0; i < certs->count; i++)
		if (bytes_equal(certs->items[i].der, der))
			return true;
	return false;
}

static int add_item(struct snp_certs *certs, enum snp_item_kind kind, struct bytes der)
{
	uint8_t *copy;

	if (holds(certs, der))
		return 0;
	if (certs->count == SNP_CERTS_MAX || der.size > SNP_CERT_SIZE_MAX || certs->size + der.size > SNP_CERTS_SIZE_MAX)
		return SNP_CERTS_E_LIMIT;
	copy = malloc(der.size);
	if (!copy)
		return -ENOMEM;
	memcpy(copy, der.data, der.size);
	certs->items[certs->count++] = (struct snp_item){kind, bytes_of(copy, der.size)};
	certs->size += der.size;
	return 0;
}

/* One DER object or several, nothing between or behind them. */
static int add_der(struct snp_certs *certs, struct bytes input, bool want_crl)
{
	do {
		size_t header = 0, size = sequence_size(input, &header);
		struct bytes der = bytes_of(input.data, size);
		bool certificate;
		int r;

		if (size == 0)
			return SNP_CERTS_E_PARSE;
		certificate = looks_like_certificate(der, header);
		if (want_crl && certificate)
			return SNP_CERTS_E_PARSE;
		r = add_item(certs, certificate ? SNP_ITEM_CERTIFICATE : SNP_ITEM_CRL, der);
		if (r != 0)
			return r;
		input = bytes_of(input.data + size, input.size - size);
	} while (input.size > 0);
	return 0;
}

struct block {
	char *name;
	char *header;
	unsigned char *data;
	long size;
};

static void block_deinit(struct block *block)
{
	OPENSSL_free(block->name);
	OPENSSL_free(block->header);
	OPENSSL_free(block->data);
}

static int add_block(struct snp_certs *certs, const struct block *block, bool want_crl)
{
	bool certificate = strcmp(block->name, PEM_STRING_X509) == 0 || strcmp(block->name, PEM_STRING_X509_OLD) == 0;
	bool crl = strcmp(block->name, PEM_STRING_X509_CRL) == 0;
	struct bytes der = bytes_of(block->data, (size_t)block->size);
	size_t header = 0, size = sequence_size(der, &header);

	if ((!certificate && !crl) || block->header[0] || size == 0 || size != der.size || (want_crl && !crl))
		return SNP_CERTS_E_PARSE;
	if (looks_like_certificate(der, header) != certificate)
		return SNP_CERTS_E_PARSE;
	return add_item(certs, certificate ? SNP_ITEM_CERTIFICATE : SNP_ITEM_CRL, der);
}

static int add_pem(struct snp_certs *certs, struct bytes input, bool want_crl)
{
	BIO *bio = BIO_new_mem_buf(input.data, (int)input.size);
	int r = SNP_CERTS_E_PARSE, blocks = 0;

	if (!bio)
		return -ENOMEM;
	ERR_clear_error();
	for (;;) {
		CLEANUP(block_deinit) struct block block = {0};

		if (PEM_read_bio(bio, &block.name, &block.header, &block.data, &block.size) != 1) {
			if (ERR_GET_REASON(ERR_peek_last_error()) != PEM_R_NO_START_LINE)
				r = SNP_CERTS_E_PARSE;
			break;
		}
		r = add_block(certs, &block, want_crl);
		if (r != 0 || ++blocks > SNP_CERTS_MAX)
			break;
	}
	ERR_clear_error();
	BIO_free(bio);
	return r;
}

static bool is_pem(struct bytes input)
{
	return input.size > 0 && input.data[0] != DER_SEQUENCE && memmem(input.data, input.size, "-----BEGIN ", 11);
}

static int add(struct snp_certs *certs, struct bytes input, bool want_crl, struct error *error)
{
	char *note = want_crl ? certs->bad_crl : certs->bad_certificate;
	const char *what = want_crl ? "CRL" : "certificate";
	int r;

	if (input.size > SNP_CERTS_SIZE_MAX)
		r = SNP_CERTS_E_LIMIT;
	else
		r = is_pem(input) ? add_pem(certs, input, want_crl) : add_der(certs, input, want_crl);
	if (r <= 0)
		return r < 0 ? error_set(error, r, "no memory for a %s", what) : 0;
	if (r == SNP_CERTS_E_LIMIT)
		(void)snprintf(note, sizeof(certs->bad_crl), "more than %d certificates and CRLs, or one that is too large", SNP_CERTS_MAX);
	else if (input.size == 0)
		(void)snprintf(note, sizeof(certs->bad_crl), "a %s without any bytes", what);
	else
		(void)snprintf(note, sizeof(certs->bad_crl), "%zu bytes that are not a whole %s in PEM or DER", input.size, what);
	return error_set(error, r, "%s", note);
}

int snp_certs_add(struct snp_certs *certs, struct bytes input, struct error *error)
{
	return add(certs, input, false, error);
}

int snp_certs_add_crl(struct snp_certs *certs, struct bytes input, struct error *error)
{
	return add(certs, input, true, error);
}
