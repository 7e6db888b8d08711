/* SPDX-License-Identifier: Apache-2.0 */
#include "snp/crl.h"

#include <errno.h>
#include <openssl/err.h>
#include <openssl/x509v3.h>
#include <string.h>

#include "base/text.h"

/* NULL unless `der` is exactly one CRL. */
static X509_CRL *parse(struct bytes der)
{
	const unsigned char *at = der.data;
	X509_CRL *crl;

	if (der.size == 0 || der.size > INT32_MAX)
		return NULL;
	crl = d2i_X509_CRL(NULL, &at, (long)der.size);
	ERR_clear_error();
	if (crl && at != der.data + der.size) {
		X509_CRL_free(crl);
		return NULL;
	}
	return crl;
}

static bool time_read(const ASN1_TIME *time, int64_t *ret)
{
	struct reader r;
	unsigned char *der = NULL;
	int size = time ? i2d_ASN1_TIME(time, &der) : 0;

	reader_init(&r, bytes_of(der, size > 0 ? (size_t)size : 0));
	*ret = der_time(&r);
	OPENSSL_free(der);
	return reader_done(&r);
}

/* NULL unless the common name is there exactly once. */
static const ASN1_STRING *common_name(const X509_NAME *name)
{
	int at = X509_NAME_get_index_by_NID(name, NID_commonName, -1);

	if (at < 0 || X509_NAME_get_index_by_NID(name, NID_commonName, at) >= 0)
		return NULL;
	return X509_NAME_ENTRY_get_data(X509_NAME_get_entry(name, at));
}

static void read_issuer(const X509_CRL *crl, char to[static SNP_NAME_MAX])
{
	const ASN1_STRING *name = common_name(X509_CRL_get_issuer(crl));

	to[0] = '\0';
	if (name)
		text_printable(to, SNP_NAME_MAX, bytes_of(ASN1_STRING_get0_data(name), (size_t)ASN1_STRING_length(name)));
}

static bool read_window(const X509_CRL *crl, int64_t *ret_this, int64_t *ret_next)
{
	const ASN1_TIME *next = X509_CRL_get0_nextUpdate(crl);

	*ret_next = INT64_MIN;
	return time_read(X509_CRL_get0_lastUpdate(crl), ret_this) && (!next || time_read(next, ret_next));
}

static bool algorithm_good(const X509_CRL *crl)
{
	const X509_ALGOR *algorithm = NULL;
	unsigned char *der = NULL;
	struct bytes contents;
	struct reader r;
	bool good;
	int size;

	/* X509_CRL_verify() refuses a CRL whose inner and outer algorithms differ. */
	X509_CRL_get0_signature(crl, NULL, &algorithm);
	size = i2d_X509_ALGOR((X509_ALGOR *)(uintptr_t)algorithm, &der);
	reader_init(&r, bytes_of(der, size > 0 ? (size_t)size : 0));
	contents = der_read(&r, DER_SEQUENCE, NULL);
	good = reader_done(&r) && der_is_pss384(contents);
	OPENSSL_free(der);
	return good;
}

/* Any critical extension narrows or changes what the list means (delta, indirect, only some reasons); AMD's have none. */
static bool extensions_good(X509_CRL *crl, char to[static SNP_NAME_MAX])
{
	STACK_OF(X509_REVOKED) *revoked = X509_CRL_get_REVOKED(crl);

	for (int i = 0; i < X509_CRL_get_ext_count(crl); i++) {
		X509_EXTENSION *extension = X509_CRL_get_ext(crl, i);
		int nid = OBJ_obj2nid(X509_EXTENSION_get_object(extension));

		(void)OBJ_obj2txt(to, SNP_NAME_MAX, X509_EXTENSION_get_object(extension), 1);
		if (X509_EXTENSION_get_critical(extension) || nid == NID_delta_crl || nid == NID_issuing_distribution_point)
			return false;
	}
	for (int i = 0; i < sk_X509_REVOKED_num(revoked); i++) {
		const X509_REVOKED *entry = sk_X509_REVOKED_value(revoked, i);

		for (int j = 0; j < X509_REVOKED_get_ext_count(entry); j++) {
			X509_EXTENSION *extension = X509_REVOKED_get_ext(entry, j);

			(void)OBJ_obj2txt(to, SNP_NAME_MAX, X509_EXTENSION_get_object(extension), 1);
			if (X509_EXTENSION_get_critical(extension))
				return false;
		}
	}
	to[0] = '\0';
	return true;
}

/* OpenSSL keeps the magnitude without leading zeros, and the sign apart; a certificate's number is not negative. */
static bool is_serial(const ASN1_INTEGER *number, struct bytes serial)
{
	if (serial.size > 1 && serial.data[0] == 0)
		serial = bytes_from(serial, 1);
	return ASN1_STRING_type(number) == V_ASN1_INTEGER &&
	       bytes_equal(bytes_of(ASN1_STRING_get0_data(number), (size_t)ASN1_STRING_length(number)), serial);
}

static bool lists(X509_CRL *crl, const struct snp_cert *cert)
{
	STACK_OF(X509_REVOKED) *revoked = X509_CRL_get_REVOKED(crl);

	for (int i = 0; i < sk_X509_REVOKED_num(revoked); i++)
		if (is_serial(X509_REVOKED_get0_serialNumber(sk_X509_REVOKED_value(revoked, i)), cert->serial))
			return true;
	return false;
}

static bool signed_by(X509_CRL *crl, const struct snp_cert *root)
{
	EVP_PKEY *key = snp_cert_rsa(root);
	bool good = key && X509_CRL_verify(crl, key) == 1 && (root->key_usage & SNP_USAGE_CRL_SIGN);

	EVP_PKEY_free(key);
	ERR_clear_error();
	return good;
}

static bool is_name(const X509_NAME *name, struct bytes der)
{
	const unsigned char *data = NULL;
	size_t size = 0;

	return X509_NAME_get0_der(name, &data, &size) == 1 && bytes_equal(bytes_of(data, size), der);
}

static void judge(X509_CRL *crl, const struct snp_cert *root, const struct snp_cert *intermediate, struct snp_crl *to)
{
	read_issuer(crl, to->issuer);
	if (!read_window(crl, &to->this_update, &to->next_update)) {
		to->state = SNP_CRL_UNREADABLE;
		return;
	}
	if (!is_name(X509_CRL_get_issuer(crl), root->subject_name)) {
		to->state = SNP_CRL_OTHER_ISSUER;
		return;
	}
	if (!algorithm_good(crl)) {
		to->state = SNP_CRL_BAD_ALGORITHM;
		return;
	}
	if (!extensions_good(crl, to->extension)) {
		to->state = SNP_CRL_BAD_EXTENSION;
		return;
	}
	to->revoked = lists(crl, intermediate) || lists(crl, root);
	to->state = signed_by(crl, root) ? SNP_CRL_AUTHENTIC : SNP_CRL_BAD_SIGNATURE;
}

int snp_crl_judge(struct bytes der, const struct snp_cert *root, const struct snp_cert *intermediate, struct snp_crl *ret)
{
	struct snp_crl out = {.state = SNP_CRL_UNREADABLE};
	X509_CRL *crl = parse(der);

	if (crl)
		judge(crl, root, intermediate, &out);
	X509_CRL_free(crl);
	*ret = out;
	return 0;
}

int snp_crl_decode(struct bytes der, struct snp_crl_info *ret, struct error *error)
{
	struct snp_crl_info info = {0};
	X509_CRL *crl = parse(der);
	bool good;

	if (!crl)
		return error_set(error, -EINVAL, "%zu bytes that are no X.509 CRL in DER", der.size);
	read_issuer(crl, info.issuer);
	good = read_window(crl, &info.this_update, &info.next_update);
	info.revoked_count = (size_t)(X509_CRL_get_REVOKED(crl) ? sk_X509_REVOKED_num(X509_CRL_get_REVOKED(crl)) : 0);
	X509_CRL_free(crl);
	if (!good)
		return error_set(error, -EINVAL, "a CRL whose times cannot be read");
	*ret = info;
	return 0;
}
