/* SPDX-License-Identifier: Apache-2.0 */
#include "snp/chain.h"

#include <errno.h>
#include <openssl/asn1t.h>
#include <openssl/err.h>
#include <openssl/rsa.h>
#include <openssl/x509v3.h>
#include <string.h>

#include "base/text.h"
#include "snp/hooks.h"

#define CA_KEY_BITS 4096

static void pss_freep(RSA_PSS_PARAMS **params)
{
	RSA_PSS_PARAMS_free(*params);
}

static bool is_digest(const X509_ALGOR *algorithm, int nid)
{
	const ASN1_OBJECT *object;

	if (!algorithm)
		return false;
	X509_ALGOR_get0(&object, NULL, NULL, algorithm);
	return OBJ_obj2nid(object) == nid;
}

static bool is_mgf1_sha384(const X509_ALGOR *algorithm)
{
	const ASN1_OBJECT *object;
	const void *value;
	X509_ALGOR *hash;
	bool good;
	int type;

	if (!algorithm)
		return false;
	X509_ALGOR_get0(&object, &type, &value, algorithm);
	if (OBJ_obj2nid(object) != NID_mgf1 || type != V_ASN1_SEQUENCE)
		return false;
	hash = ASN1_item_unpack(value, ASN1_ITEM_rptr(X509_ALGOR));
	good = is_digest(hash, NID_sha384);
	X509_ALGOR_free(hash);
	return good;
}

bool snp_is_amd_pss(const X509_ALGOR *algorithm)
{
	CLEANUP(pss_freep) RSA_PSS_PARAMS *params = NULL;
	const ASN1_OBJECT *object;
	const void *value;
	int type;

	X509_ALGOR_get0(&object, &type, &value, algorithm);
	if (OBJ_obj2nid(object) != NID_rsassaPss || type != V_ASN1_SEQUENCE)
		return false;
	params = ASN1_item_unpack(value, ASN1_ITEM_rptr(RSA_PSS_PARAMS));
	ERR_clear_error();
	if (!params || !is_digest(params->hashAlgorithm, NID_sha384) || !is_mgf1_sha384(params->maskGenAlgorithm))
		return false;
	/* AMD spells the trailer out in some certificates and leaves the default out in others. */
	return params->saltLength && ASN1_INTEGER_get(params->saltLength) == 48 && (!params->trailerField || ASN1_INTEGER_get(params->trailerField) == 1);
}

bool snp_time_in(const ASN1_TIME *not_before, const ASN1_TIME *not_after, int64_t now, int64_t skew)
{
	time_t late = (time_t)(now + skew), at = (time_t)now;

	/* X509_cmp_time(): -1 when the certificate's time is not after ours, 1 when it is, 0 when it is malformed. */
	return X509_cmp_time(not_before, &late) == -1 && X509_cmp_time(not_after, &at) == 1;
}

void snp_time_text(char to[static 32], const ASN1_TIME *time)
{
	struct tm tm;
	int days, seconds;
	ASN1_TIME *epoch = ASN1_TIME_set(NULL, 0);

	(void)memcpy(to, "unreadable", 11);
	if (epoch && ASN1_TIME_to_tm(time, &tm) == 1 && ASN1_TIME_diff(&days, &seconds, epoch, time) == 1)
		time_format(to, (int64_t)days * 86400 + seconds);
	ASN1_TIME_free(epoch);
}

static const X509_ALGOR *signature_algorithm(const X509 *x509)
{
	const X509_ALGOR *algorithm;

	X509_get0_signature(NULL, &algorithm, x509);
	return algorithm;
}

/* The kind from hwID and csp_id where it is clear; what has both or neither is left to vek.extensions and vek.csp. */
static bool kind_fits(const X509 *vek, enum snp_signer signer)
{
	struct snp_vek decoded;

	snp_vek_decode(vek, signer, &decoded);
	if (decoded.has_hwid == decoded.has_csp_id)
		return true;
	return decoded.has_hwid == (signer == SNP_SIGNER_VCEK);
}

/* The VEK's issuer must be named SEV-{product} for a VCEK, SEV-VLEK-{product} for a VLEK. */
static enum snp_product issuer_product(const char *cn, enum snp_signer signer)
{
	const char *prefix = signer == SNP_SIGNER_VLEK ? "SEV-VLEK-" : "SEV-";

	if (!text_starts_with(cn, prefix))
		return SNP_PRODUCT_UNKNOWN;
	return snp_product_from_name(cn + strlen(prefix), strlen(cn + strlen(prefix)));
}

static bool is_ca(const X509 *x509, bool root)
{
	X509 *cert = (X509 *)(uintptr_t)x509; /* the getters cache the extensions */
	EVP_PKEY *key = X509_get0_pubkey(x509);
	uint32_t flags = X509_get_extension_flags(cert), usage = X509_get_key_usage(cert);
	long pathlen = X509_get_pathlen(cert);

	return key && EVP_PKEY_is_a(key, "RSA") && EVP_PKEY_get_bits(key) == CA_KEY_BITS && (flags & EXFLAG_BCONS) && (flags & EXFLAG_CA) &&
	       !(flags & EXFLAG_INVALID) && (flags & EXFLAG_KUSAGE) && (usage & KU_KEY_CERT_SIGN) && (root || pathlen == 0);
}

/* No critical extension but the two that this code judges, and none twice. */
static bool extensions_known(const X509 *x509)
{
	int count = X509_get_ext_count(x509);

	for (int i = 0; i < count; i++) {
		X509_EXTENSION *extension = X509_get_ext(x509, i);
		const ASN1_OBJECT *object = X509_EXTENSION_get_object(extension);
		int nid = OBJ_obj2nid(object);

		if (X509_EXTENSION_get_critical(extension) && nid != NID_basic_constraints && nid != NID_key_usage)
			return false;
		/* AMD's own are counted in vek.extensions, where the message can name them. */
		if (nid != NID_undef && X509_get_ext_by_OBJ(x509, object, i) >= 0)
			return false;
	}
	return true;
}

static bool verifies(const X509 *child, const X509 *issuer)
{
	EVP_PKEY *key = X509_get0_pubkey(issuer);
	bool good = key && X509_verify((X509 *)(uintptr_t)child, key) == 1;

	ERR_clear_error();
	return good;
}

static void check_missing(struct column *column, const struct snp_chain *chain, bool names_good, const char *vek_name)
{
	const char *what = !chain->vek ? vek_name : !chain->intermediate ? "intermediate (ASK or ASVK)" : "ARK";
	bool missing = !chain->vek || (names_good && (!chain->intermediate || !chain->ark));

	if (!column_check(column, "chain.missing", !missing, "no %s certificate came with the report", what))
		finding_fix(column_failed(column), "give it with --certs, or fetch it: the %s is published by AMD KDS", what);
}

static void check_validity(struct column *column, const struct snp_chain *chain, int64_t now)
{
	const struct {
		const X509 *x509;
		const char *name;
	} all[] = {{chain->vek, "VEK"}, {chain->intermediate, "intermediate"}, {chain->ark, "ARK"}};
	char from[32], to[32], at[32];

	time_format(at, now);
	for (size_t i = 0; column_going(column) && i < ARRAY_SIZE(all); i++) {
		const ASN1_TIME *before = X509_get0_notBefore(all[i].x509), *after = X509_get0_notAfter(all[i].x509);

		if (snp_time_in(before, after, now, SNP_CLOCK_SKEW))
			continue;
		if (!column_check(column, "chain.validity", false, "the %s certificate is not valid at %s", all[i].name, at)) {
			snp_time_text(from, before);
			snp_time_text(to, after);
			finding_expected(column_failed(column), "%s to %s", from, to);
			finding_fix(column_failed(column), "check the clock, or fetch the certificate anew; --time judges at another time");
		}
		return;
	}
	(void)column_check(column, "chain.validity", true, "unused");
}

static void check_signatures(struct column *column, const struct snp_chain *chain, const struct snp_verify_input *input)
{
	bool going = column_going(column);

	(void)column_check(column, "chain.signature_algo",
		going && snp_is_amd_pss(signature_algorithm(chain->vek)) && snp_is_amd_pss(signature_algorithm(chain->intermediate)) &&
			snp_is_amd_pss(signature_algorithm(chain->ark)),
		"a certificate is not signed with RSASSA-PSS, SHA-384 and a salt of 48 bytes, as all of AMD's are");
	(void)column_check(column, "chain.ca", going && is_ca(chain->intermediate, false) && is_ca(chain->ark, true),
		"the intermediate or the ARK is no CA with a 4096 bit RSA key (basicConstraints, keyCertSign, path length 0)");
	(void)column_check(column, "chain.extensions",
		going && extensions_known(chain->vek) && extensions_known(chain->intermediate) && extensions_known(chain->ark),
		"a certificate has an unknown critical extension, or one twice");
	check_validity(column, chain, input->now);
	going = column_going(column);
	(void)column_check(column, "chain.signature",
		going && verifies(chain->ark, chain->ark) && verifies(chain->intermediate, chain->ark) && verifies(chain->vek, chain->intermediate),
		"a signature in the chain VEK, intermediate, ARK does not verify: the certificates do not belong together, or one was altered");
}

static bool issuers_agree(const struct snp_chain *chain, enum snp_signer signer)
{
	char intermediate[64], ark[64];

	snp_name_cn(intermediate, sizeof(intermediate), X509_get_subject_name(chain->intermediate));
	snp_name_cn(ark, sizeof(ark), X509_get_subject_name(chain->ark));
	return issuer_product(intermediate, signer) == chain->product && text_starts_with(ark, "ARK-") &&
	       strcmp(ark + 4, snp_product_name(chain->product)) == 0 &&
	       X509_NAME_cmp(X509_get_issuer_name(chain->vek), X509_get_subject_name(chain->intermediate)) == 0 &&
	       X509_NAME_cmp(X509_get_issuer_name(chain->intermediate), X509_get_subject_name(chain->ark)) == 0 &&
	       X509_NAME_cmp(X509_get_issuer_name(chain->ark), X509_get_subject_name(chain->ark)) == 0;
}

static int check_pin(struct column *column, const struct snp_verify_input *input, struct snp_chain *chain)
{
	uint8_t hash[SNP_PIN_SIZE] = {0};
	char hex[2 * SNP_PIN_SIZE + 1];
	int r = column_going(column) ? snp_spki_sha256(hash, chain->ark) : 0;

	if (r < 0)
		return r;
	if (column_going(column))
		chain->pin = snp_pin_find(hash, input->extra_pins, &chain->operator_trust);
	if (!column_check(column, "chain.pin", chain->pin, "the root key is none of AMD's, nor pinned by the operator") && column_failed(column)) {
		hex_encode(hex, hash, sizeof(hash));
		finding_actual(column_failed(column), "SPKI SHA-256 %s", hex);
		finding_fix(column_failed(column), "only a simulator or a test root may be added, with --trust or \"trust\" in one policy");
	}
	return 0;
}

int snp_chain_check(struct column *column, const struct snp_verify_input *input, const struct snp_report *report, struct snp_chain *chain)
{
	enum snp_signer signer = snp_report_signer(report) == SNP_SIGNER_VLEK ? SNP_SIGNER_VLEK : SNP_SIGNER_VCEK;
	const char *vek_name = signer == SNP_SIGNER_VLEK ? "VLEK" : "VCEK";
	char issuer[64] = "";
	int r;

	(void)column_check(column, "cert.parse", !input->certs->bad_cert[0], "a certificate cannot be used: %s", input->certs->bad_cert);
	if (chain->vek) {
		snp_name_cn(issuer, sizeof(issuer), X509_get_issuer_name(chain->vek));
		chain->product = issuer_product(issuer, signer);
	}
	check_missing(column, chain, chain->product != SNP_PRODUCT_UNKNOWN, vek_name);
	(void)column_check(column, "vek.kind", column_going(column) && kind_fits(chain->vek, signer),
		"the report says that a %s signed it, but the certificate is of the other kind", vek_name);
	(void)column_check(column, "chain.names", chain->product != SNP_PRODUCT_UNKNOWN,
		"the issuer of the VEK is '%s', not an ASK (SEV-{product}) for a VCEK or an ASVK (SEV-VLEK-{product}) for a VLEK", issuer);
	r = check_pin(column, input, chain);
	if (r < 0)
		return r;
	check_signatures(column, chain, input);
	(void)column_check(column, "chain.issuers", column_going(column) && issuers_agree(chain, signer),
		"the names in the chain do not lead from the VEK over the %s to the ARK of one product", signer == SNP_SIGNER_VLEK ? "ASVK" : "ASK");
	return 0;
}
