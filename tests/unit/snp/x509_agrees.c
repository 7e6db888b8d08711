/* SPDX-License-Identifier: Apache-2.0 */
#include "x509_agrees.h"

#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/err.h>
#include <openssl/rsa.h>
#include <openssl/x509v3.h>
#include <string.h>
#include <time.h>

#include "snp/cert.h"

static bool same(struct bytes ours, const void *data, int size)
{
	return size >= 0 && bytes_equal(ours, bytes_of(data, (size_t)size));
}

static bool same_string(struct bytes ours, const ASN1_STRING *theirs)
{
	return same(ours, ASN1_STRING_get0_data(theirs), ASN1_STRING_length(theirs));
}

static bool same_time(int64_t ours, const ASN1_TIME *theirs)
{
	struct tm tm;

	return ASN1_TIME_to_tm(theirs, &tm) == 1 && timegm(&tm) == ours;
}

static bool same_name(struct bytes ours, const char *common, X509_NAME *theirs)
{
	const unsigned char *der = NULL;
	size_t size = 0;
	char text[SNP_NAME_MAX] = "";
	int at = X509_NAME_get_index_by_NID(theirs, NID_commonName, -1);

	if (X509_NAME_get0_der(theirs, &der, &size) != 1 || !bytes_equal(ours, bytes_of(der, size)))
		return false;
	if (at < 0 || X509_NAME_get_index_by_NID(theirs, NID_commonName, at) >= 0)
		return common[0] == '\0';
	(void)X509_NAME_get_text_by_NID(theirs, NID_commonName, text, sizeof(text));
	return strlen(common) >= SNP_NAME_MAX - 1 || strcmp(common, text) == 0;
}

static bool same_serial(struct bytes ours, const ASN1_INTEGER *theirs)
{
	BIGNUM *a = BN_bin2bn(ours.data, (int)ours.size, NULL), *b = ASN1_INTEGER_to_BN(theirs, NULL);
	bool good = a && b && BN_cmp(a, b) == 0;

	BN_free(a);
	BN_free(b);
	return good;
}

/* The decoded parameters, as OpenSSL sees them. */
static bool is_pss384(const X509 *x509)
{
	const X509_ALGOR *outer = NULL;
	const ASN1_OBJECT *object = NULL, *hash = NULL, *mask = NULL;
	const void *value = NULL;
	const unsigned char *at;
	RSA_PSS_PARAMS *pss;
	int type = V_ASN1_UNDEF;
	bool good;

	X509_get0_signature(NULL, &outer, x509);
	X509_ALGOR_get0(&object, &type, &value, outer);
	if (OBJ_obj2nid(object) != NID_rsassaPss || type != V_ASN1_SEQUENCE || X509_ALGOR_cmp(outer, X509_get0_tbs_sigalg(x509)) != 0)
		return false;
	at = ASN1_STRING_get0_data(value);
	pss = d2i_RSA_PSS_PARAMS(NULL, &at, ASN1_STRING_length(value));
	if (!pss || !pss->hashAlgorithm || !pss->maskGenAlgorithm || !pss->saltLength) {
		RSA_PSS_PARAMS_free(pss);
		return false;
	}
	X509_ALGOR_get0(&hash, NULL, NULL, pss->hashAlgorithm);
	X509_ALGOR_get0(&mask, NULL, NULL, pss->maskGenAlgorithm);
	good = OBJ_obj2nid(hash) == NID_sha384 && OBJ_obj2nid(mask) == NID_mgf1 && ASN1_INTEGER_get(pss->saltLength) == 48 &&
	       (!pss->trailerField || ASN1_INTEGER_get(pss->trailerField) == 1);
	RSA_PSS_PARAMS_free(pss);
	return good;
}

static bool same_rsa(struct bytes modulus, EVP_PKEY *key)
{
	BIGNUM *n = NULL, *e = NULL;
	uint8_t bytes[SNP_RSA_SIZE];
	bool good = key && EVP_PKEY_is_a(key, "RSA") && EVP_PKEY_get_bits(key) == 4096 && EVP_PKEY_get_bn_param(key, OSSL_PKEY_PARAM_RSA_N, &n) == 1 &&
		    EVP_PKEY_get_bn_param(key, OSSL_PKEY_PARAM_RSA_E, &e) == 1 && BN_is_word(e, 65537) &&
		    BN_bn2binpad(n, bytes, sizeof(bytes)) == (int)sizeof(bytes) && same(modulus, bytes, sizeof(bytes));

	BN_free(n);
	BN_free(e);
	return good;
}

static bool same_p384(const uint8_t point[static 96], EVP_PKEY *key)
{
	char group[32] = "";
	uint8_t theirs[97];
	size_t size = 0;

	return key && EVP_PKEY_is_a(key, "EC") && EVP_PKEY_get_group_name(key, group, sizeof(group), NULL) == 1 && strcmp(group, "secp384r1") == 0 &&
	       EVP_PKEY_get_octet_string_param(key, OSSL_PKEY_PARAM_PUB_KEY, theirs, sizeof(theirs), &size) == 1 && size == sizeof(theirs) &&
	       memcmp(theirs + 1, point, 96) == 0;
}

static const char *compare_key(const struct snp_cert *cert, const X509 *x509)
{
	unsigned char *spki = NULL;
	int size = i2d_X509_PUBKEY(X509_get_X509_PUBKEY(x509), &spki);
	bool good = same(cert->spki, spki, size);
	uint8_t point[96];

	OPENSSL_free(spki);
	if (!good)
		return "the public key's encoding";
	if (cert->key_kind == SNP_KEY_RSA4096 && !same_rsa(cert->key, X509_get0_pubkey(x509)))
		return "the RSA key";
	if (snp_cert_key_p384(cert, point) && !same_p384(point, X509_get0_pubkey(x509)))
		return "the P-384 key";
	return NULL;
}

/* One by one, with our own iteration over the same view. */
static const char *compare_extensions(const struct snp_cert *cert, X509 *x509)
{
	struct reader list;
	int count = 0;

	reader_init(&list, cert->extensions);
	while (der_more(&list)) {
		struct reader e = der_enter(&list, DER_SEQUENCE);
		struct bytes oid = der_oid(&e);
		bool critical = der_next_is(&e, DER_BOOLEAN) && der_true(&e);
		struct bytes value = der_read(&e, DER_OCTET_STRING, NULL);
		X509_EXTENSION *theirs = X509_get_ext(x509, count++);

		if (!theirs || !same(oid, OBJ_get0_data(X509_EXTENSION_get_object(theirs)), (int)OBJ_length(X509_EXTENSION_get_object(theirs))) ||
			critical != (X509_EXTENSION_get_critical(theirs) == 1) || !same_string(value, X509_EXTENSION_get_data(theirs)))
			return "an extension";
	}
	return count == X509_get_ext_count(x509) ? NULL : "the number of extensions";
}

static const char *compare_authority(const struct snp_cert *cert, X509 *x509)
{
	uint32_t flags = X509_get_extension_flags(x509);
	char oid[SNP_NAME_MAX];

	/* Two of a kind, or broken ones, OpenSSL marks as invalid: such a certificate has to be no authority here, or be refused for the pair. */
	if (flags & EXFLAG_INVALID)
		return NULL;
	if (cert->constraints == SNP_CONSTRAINTS_CA && !(flags & EXFLAG_CA))
		return "basicConstraints";
	if ((cert->constraints == SNP_CONSTRAINTS_NO_CA || cert->constraints == SNP_CONSTRAINTS_ABSENT) && (flags & EXFLAG_CA) && (flags & EXFLAG_BCONS))
		return "basicConstraints";
	if (cert->constraints == SNP_CONSTRAINTS_CA && X509_get_pathlen(x509) != (cert->has_path_length ? (long)cert->path_length : -1))
		return "pathlen";
	if (cert->key_usage && !snp_cert_bad_extension(cert, oid) && (X509_get_key_usage(x509) & 0xff) != (uint32_t)0) {
		unsigned ours = (cert->key_usage & SNP_USAGE_CERT_SIGN ? KU_KEY_CERT_SIGN : 0U) | (cert->key_usage & SNP_USAGE_CRL_SIGN ? KU_CRL_SIGN : 0U);

		if (ours != (X509_get_key_usage(x509) & (KU_KEY_CERT_SIGN | KU_CRL_SIGN)))
			return "keyUsage";
	}
	return NULL;
}

static const char *compare(const struct snp_cert *cert, X509 *x509)
{
	const ASN1_BIT_STRING *signature = NULL;
	const char *difference;

	X509_get0_signature(&signature, NULL, x509);
	if (X509_get_version(x509) != X509_VERSION_3)
		return "the version";
	if (!same_serial(cert->serial, X509_get0_serialNumber(x509)))
		return "the serial number";
	if (!same_name(cert->issuer_name, cert->issuer, X509_get_issuer_name(x509)) ||
		!same_name(cert->subject_name, cert->subject, X509_get_subject_name(x509)))
		return "a name";
	if (!same_time(cert->not_before, X509_get0_notBefore(x509)) || !same_time(cert->not_after, X509_get0_notAfter(x509)))
		return "the validity";
	if (!same_string(cert->signature, signature))
		return "the signature";
	if (cert->algorithm_good && !is_pss384(x509))
		return "the signature's algorithm";
	difference = compare_key(cert, x509);
	if (!difference)
		difference = compare_extensions(cert, x509);
	return difference ? difference : compare_authority(cert, x509);
}

const char *x509_disagree(struct bytes der, enum x509_agreement *ret)
{
	const unsigned char *at = der.data;
	X509 *x509 = der.size ? d2i_X509(NULL, &at, (long)der.size) : NULL;
	bool whole = x509 && at == der.data + der.size;
	struct snp_cert cert;
	const char *difference = NULL;

	if (snp_cert_parse(der, &cert) == 0)
		difference = whole ? compare(&cert, x509) : "OpenSSL refuses it";
	else
		cert.der.size = 0;
	*ret = cert.der.size ? X509_BOTH : whole ? X509_OURS_REFUSES : X509_BOTH_REFUSE;
	X509_free(x509);
	ERR_clear_error();
	return difference;
}
