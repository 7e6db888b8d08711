/* SPDX-License-Identifier: Apache-2.0 */
#include "snp/cert.h"

#include <errno.h>
#include <openssl/core_names.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/rsa.h>
#include <openssl/x509v3.h>
#include <string.h>
#include <time.h>

#include "base/crypto.h"
#include "base/text.h"

/* 1.3.6.1.4.1.3704.1 */
static const uint8_t amd_arc[] = {0x2b, 0x06, 0x01, 0x04, 0x01, 0x9c, 0x78, 0x01};

/* The octets of an extension's OID behind AMD's arc; empty for a foreign one. */
static struct bytes amd_oid(const X509_EXTENSION *extension)
{
	const ASN1_OBJECT *object = X509_EXTENSION_get_object((X509_EXTENSION *)(uintptr_t)extension);
	size_t size = OBJ_length(object);
	const uint8_t *data = OBJ_get0_data(object);

	if (size <= sizeof(amd_arc) || memcmp(data, amd_arc, sizeof(amd_arc)) != 0)
		return bytes_of(NULL, 0);
	return bytes_of(data + sizeof(amd_arc), size - sizeof(amd_arc));
}

void snp_common_name(char to[static SNP_NAME_MAX], const X509_NAME *name)
{
	int at = X509_NAME_get_index_by_NID(name, NID_commonName, -1);
	const ASN1_STRING *value;

	to[0] = '\0';
	if (at < 0 || X509_NAME_get_index_by_NID(name, NID_commonName, at) >= 0)
		return;
	value = X509_NAME_ENTRY_get_data(X509_NAME_get_entry(name, at));
	if (value)
		text_printable(to, SNP_NAME_MAX, bytes_of(ASN1_STRING_get0_data(value), (size_t)ASN1_STRING_length(value)));
}

static int64_t days_from_civil(int64_t year, int64_t month, int64_t day)
{
	int64_t y = month <= 2 ? year - 1 : year;
	int64_t era = (y >= 0 ? y : y - 399) / 400;
	int64_t year_of_era = y - era * 400;
	int64_t day_of_year = (153 * (month > 2 ? month - 3 : month + 9) + 2) / 5 + day - 1;

	return era * 146097 + year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year - 719468;
}

bool snp_time_read(const ASN1_TIME *time, int64_t *ret)
{
	struct tm tm;

	if (!time || ASN1_TIME_to_tm(time, &tm) != 1)
		return false;
	*ret = days_from_civil(tm.tm_year + 1900, tm.tm_mon + 1, tm.tm_mday) * 86400 + tm.tm_hour * 3600 + tm.tm_min * 60 + tm.tm_sec;
	return true;
}

static bool has_vek_extension(const X509 *x509)
{
	for (int i = 0; i < X509_get_ext_count(x509); i++)
		if (amd_oid(X509_get_ext(x509, i)).size > 0)
			return true;
	return false;
}

/* BER that is not DER comes out differently when it is encoded again. */
static bool is_exact(X509 *x509, struct bytes der)
{
	unsigned char *again = NULL;
	int size = i2d_X509(x509, &again);
	bool same = size > 0 && bytes_equal(bytes_of(again, (size_t)size), der);

	OPENSSL_free(again);
	return same;
}

static bool fill(struct snp_cert *cert)
{
	X509 *x = cert->x509;

	if (X509_get_version(x) != X509_VERSION_3 || !is_exact(x, cert->der))
		return false;
	if (!snp_time_read(X509_get0_notBefore(x), &cert->not_before) || !snp_time_read(X509_get0_notAfter(x), &cert->not_after))
		return false;
	snp_common_name(cert->subject, X509_get_subject_name(x));
	snp_common_name(cert->issuer, X509_get_issuer_name(x));
	if (has_vek_extension(x))
		cert->role = SNP_ROLE_VEK;
	else
		cert->role = text_starts_with(cert->subject, "ARK-") ? SNP_ROLE_ROOT : SNP_ROLE_INTERMEDIATE;
	return true;
}

int snp_cert_parse(struct bytes der, struct snp_cert *ret)
{
	struct snp_cert cert = {.der = der};
	const unsigned char *at = der.data;

	if (der.size == 0 || der.size > INT32_MAX)
		return SNP_CERT_E_PARSE;
	cert.x509 = d2i_X509(NULL, &at, (long)der.size);
	ERR_clear_error();
	if (!cert.x509)
		return SNP_CERT_E_PARSE;
	if (at != der.data + der.size || !fill(&cert)) {
		snp_cert_deinit(&cert);
		return SNP_CERT_E_PARSE;
	}
	*ret = cert;
	return 0;
}

/* OpenSSL 3.0 spends a quarter of a millisecond in looking for a decoder of the key, so a parsed certificate is worth keeping. */
int snp_cert_parse_known(struct bytes der, X509 *x509, struct snp_cert *ret)
{
	struct snp_cert cert = {.der = der, .x509 = x509};

	if (X509_up_ref(x509) != 1)
		return -ENOMEM;
	if (!fill(&cert)) {
		snp_cert_deinit(&cert);
		return SNP_CERT_E_PARSE;
	}
	*ret = cert;
	return 0;
}

void snp_cert_deinit(struct snp_cert *cert)
{
	X509_free(cert->x509);
	cert->x509 = NULL;
}

void snp_cert_read_vek(const struct snp_cert *cert, struct snp_vek *ret)
{
	memset(ret, 0, sizeof(*ret));
	ret->spl_reserved_zero = true;
	ret->not_before = cert->not_before;
	ret->not_after = cert->not_after;
	for (int i = 0; i < X509_get_ext_count(cert->x509); i++) {
		X509_EXTENSION *extension = X509_get_ext(cert->x509, i);
		const ASN1_OCTET_STRING *value = X509_EXTENSION_get_data(extension);
		struct bytes oid = amd_oid(extension);

		if (oid.size > 0 && value)
			snp_vek_read_extension(ret, oid, bytes_of(ASN1_STRING_get0_data(value), (size_t)ASN1_STRING_length(value)));
	}
}

static bool algorithm_is(const X509_ALGOR *algorithm, int nid)
{
	const ASN1_OBJECT *object = NULL;

	if (!algorithm)
		return false;
	X509_ALGOR_get0(&object, NULL, NULL, algorithm);
	return OBJ_obj2nid(object) == nid;
}

/* Absent parameters or NULL, as RFC 4055 allows for hash functions. */
static bool is_sha384(const X509_ALGOR *algorithm)
{
	int type = V_ASN1_UNDEF;

	if (!algorithm_is(algorithm, NID_sha384))
		return false;
	X509_ALGOR_get0(NULL, &type, NULL, algorithm);
	return type == V_ASN1_UNDEF || type == V_ASN1_NULL;
}

static bool is_mgf1_sha384(const X509_ALGOR *algorithm)
{
	const void *value = NULL;
	const ASN1_STRING *text;
	const unsigned char *at;
	X509_ALGOR *hash;
	int type = V_ASN1_UNDEF;
	bool good;

	if (!algorithm_is(algorithm, NID_mgf1))
		return false;
	X509_ALGOR_get0(NULL, &type, &value, algorithm);
	if (type != V_ASN1_SEQUENCE || !value)
		return false;
	text = value;
	at = ASN1_STRING_get0_data(text);
	hash = d2i_X509_ALGOR(NULL, &at, ASN1_STRING_length(text));
	good = hash && at == ASN1_STRING_get0_data(text) + ASN1_STRING_length(text) && is_sha384(hash);
	X509_ALGOR_free(hash);
	return good;
}

bool snp_algorithm_is_pss384(const X509_ALGOR *algorithm)
{
	const void *value = NULL;
	const ASN1_STRING *text;
	const unsigned char *at;
	RSA_PSS_PARAMS *pss;
	int type = V_ASN1_UNDEF;
	bool good;

	if (!algorithm_is(algorithm, NID_rsassaPss))
		return false;
	X509_ALGOR_get0(NULL, &type, &value, algorithm);
	if (type != V_ASN1_SEQUENCE || !value)
		return false;
	text = value;
	at = ASN1_STRING_get0_data(text);
	pss = d2i_RSA_PSS_PARAMS(NULL, &at, ASN1_STRING_length(text));
	good = pss && at == ASN1_STRING_get0_data(text) + ASN1_STRING_length(text) && is_sha384(pss->hashAlgorithm) &&
	       is_mgf1_sha384(pss->maskGenAlgorithm) && pss->saltLength && ASN1_INTEGER_get(pss->saltLength) == 48 &&
	       (!pss->trailerField || ASN1_INTEGER_get(pss->trailerField) == 1);
	RSA_PSS_PARAMS_free(pss);
	ERR_clear_error();
	return good;
}

bool snp_cert_algorithm_good(const struct snp_cert *cert)
{
	const X509_ALGOR *outer = NULL, *inner = X509_get0_tbs_sigalg(cert->x509);

	X509_get0_signature(NULL, &outer, cert->x509);
	return snp_algorithm_is_pss384(outer) && X509_ALGOR_cmp(inner, outer) == 0;
}

int snp_cert_spki(const struct snp_cert *cert, uint8_t ret[static 32])
{
	unsigned char *der = NULL;
	int size = i2d_X509_PUBKEY(X509_get_X509_PUBKEY(cert->x509), &der);
	int r = -EIO;

	if (size > 0)
		r = sha256(ret, bytes_of(der, (size_t)size));
	OPENSSL_free(der);
	return r;
}

bool snp_cert_named_issuer(const struct snp_cert *cert, const struct snp_cert *issuer)
{
	return X509_NAME_cmp(X509_get_issuer_name(cert->x509), X509_get_subject_name(issuer->x509)) == 0;
}

bool snp_cert_signed_by(const struct snp_cert *cert, const struct snp_cert *issuer)
{
	/* A stranger's key may be of any kind and size: only the one that AMD's have is worth the time. */
	bool good = snp_cert_key_is_rsa4096(issuer) && X509_verify(cert->x509, X509_get0_pubkey(issuer->x509)) == 1;

	ERR_clear_error();
	return good;
}

bool snp_cert_key_is_rsa4096(const struct snp_cert *cert)
{
	EVP_PKEY *key = X509_get0_pubkey(cert->x509);
	bool good = key && EVP_PKEY_is_a(key, "RSA") && EVP_PKEY_get_bits(key) == 4096;

	ERR_clear_error();
	return good;
}

bool snp_cert_key_p384(const struct snp_cert *cert, uint8_t ret[static 96])
{
	EVP_PKEY *key = X509_get0_pubkey(cert->x509);
	char group[32] = "";
	uint8_t point[1 + 96];
	size_t size = 0;
	bool good;

	good = key && EVP_PKEY_is_a(key, "EC") && EVP_PKEY_get_group_name(key, group, sizeof(group), NULL) == 1 &&
	       strcmp(group, "secp384r1") == 0 &&
	       EVP_PKEY_get_octet_string_param(key, OSSL_PKEY_PARAM_PUB_KEY, point, sizeof(point), &size) == 1 && size == sizeof(point) &&
	       point[0] == 4;
	ERR_clear_error();
	if (good)
		memcpy(ret, point + 1, 96);
	return good;
}

static bool stands_twice(const X509 *x509, int at)
{
	const ASN1_OBJECT *object = X509_EXTENSION_get_object(X509_get_ext(x509, at));

	return X509_get_ext_by_OBJ(x509, object, at) >= 0;
}

const char *snp_cert_bad_extension(const struct snp_cert *cert, char to[static SNP_NAME_MAX])
{
	for (int i = 0; i < X509_get_ext_count(cert->x509); i++) {
		X509_EXTENSION *extension = X509_get_ext(cert->x509, i);
		const ASN1_OBJECT *object = X509_EXTENSION_get_object(extension);
		int nid = OBJ_obj2nid(object);
		bool known = nid == NID_basic_constraints || nid == NID_key_usage;

		if ((X509_EXTENSION_get_critical(extension) && !known) || (amd_oid(extension).size == 0 && stands_twice(cert->x509, i))) {
			(void)OBJ_obj2txt(to, SNP_NAME_MAX, object, 1);
			return to;
		}
	}
	return NULL;
}
