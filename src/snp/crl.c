/* SPDX-License-Identifier: Apache-2.0 */
#include "snp/crl.h"

#include <errno.h>
#include <openssl/err.h>
#include <openssl/x509v3.h>
#include <string.h>

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

static bool read_window(const X509_CRL *crl, int64_t *ret_this, int64_t *ret_next)
{
	const ASN1_TIME *next = X509_CRL_get0_nextUpdate(crl);

	*ret_next = INT64_MIN;
	return snp_time_read(X509_CRL_get0_lastUpdate(crl), ret_this) && (!next || snp_time_read(next, ret_next));
}

static bool algorithm_good(const X509_CRL *crl)
{
	const X509_ALGOR *algorithm = NULL;

	/* X509_CRL_verify() refuses a CRL whose inner and outer algorithms differ. */
	X509_CRL_get0_signature(crl, NULL, &algorithm);
	return snp_algorithm_is_pss384(algorithm);
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

static bool lists(X509_CRL *crl, const struct snp_cert *cert)
{
	STACK_OF(X509_REVOKED) *revoked = X509_CRL_get_REVOKED(crl);
	const ASN1_INTEGER *serial = X509_get0_serialNumber(cert->x509);

	for (int i = 0; i < sk_X509_REVOKED_num(revoked); i++)
		if (ASN1_INTEGER_cmp(X509_REVOKED_get0_serialNumber(sk_X509_REVOKED_value(revoked, i)), serial) == 0)
			return true;
	return false;
}

static bool signed_by(X509_CRL *crl, const struct snp_cert *root)
{
	EVP_PKEY *key = X509_get0_pubkey(root->x509);
	bool good = key && X509_CRL_verify(crl, key) == 1 && (X509_get_key_usage(root->x509) & KU_CRL_SIGN);

	ERR_clear_error();
	return good;
}

static void judge(X509_CRL *crl, const struct snp_cert *root, const struct snp_cert *intermediate, struct snp_crl *to)
{
	snp_common_name(to->issuer, X509_CRL_get_issuer(crl));
	if (!read_window(crl, &to->this_update, &to->next_update)) {
		to->state = SNP_CRL_UNREADABLE;
		return;
	}
	if (X509_NAME_cmp(X509_CRL_get_issuer(crl), X509_get_subject_name(root->x509)) != 0) {
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
	snp_common_name(info.issuer, X509_CRL_get_issuer(crl));
	good = read_window(crl, &info.this_update, &info.next_update);
	info.revoked_count = (size_t)(X509_CRL_get_REVOKED(crl) ? sk_X509_REVOKED_num(X509_CRL_get_REVOKED(crl)) : 0);
	X509_CRL_free(crl);
	if (!good)
		return error_set(error, -EINVAL, "a CRL whose times cannot be read");
	*ret = info;
	return 0;
}
