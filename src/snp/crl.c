/* SPDX-License-Identifier: Apache-2.0 */
#include "snp/crl.h"

#include <openssl/err.h>
#include <openssl/x509v3.h>

#include "base/text.h"

static X509_CRL *find(const struct snp_certs *certs, const X509 *ark)
{
	X509_CRL *best = NULL;

	for (size_t i = 0; i < certs->crl_count; i++) {
		X509_CRL *crl = certs->crls[i];

		if (X509_NAME_cmp(X509_CRL_get_issuer(crl), X509_get_subject_name(ark)) != 0)
			continue;
		/* The newest of several: an older one may miss a revocation. */
		if (!best || ASN1_TIME_compare(X509_CRL_get0_lastUpdate(crl), X509_CRL_get0_lastUpdate(best)) > 0)
			best = crl;
	}
	return best;
}

static bool extensions_known(const X509_CRL *crl)
{
	for (int i = 0; i < X509_CRL_get_ext_count(crl); i++) {
		X509_EXTENSION *extension = X509_CRL_get_ext(crl, i);
		int nid = OBJ_obj2nid(X509_EXTENSION_get_object(extension));

		if (nid != NID_crl_number && nid != NID_authority_key_identifier && X509_EXTENSION_get_critical(extension))
			return false;
		/* These change what the list means, critical or not. */
		if (nid == NID_delta_crl || nid == NID_issuing_distribution_point)
			return false;
	}
	return true;
}

static bool entries_known(X509_CRL *crl)
{
	STACK_OF(X509_REVOKED) *entries = X509_CRL_get_REVOKED(crl);

	for (int i = 0; i < sk_X509_REVOKED_num(entries); i++) {
		const X509_REVOKED *entry = sk_X509_REVOKED_value(entries, i);

		for (int e = 0; e < X509_REVOKED_get_ext_count(entry); e++)
			if (X509_EXTENSION_get_critical(X509_REVOKED_get_ext(entry, e)))
				return false;
	}
	return true;
}

static bool is_pss(const X509_CRL *crl)
{
	const X509_ALGOR *algorithm;

	X509_CRL_get0_signature(crl, NULL, &algorithm);
	return snp_is_amd_pss(algorithm);
}

static bool verifies(X509_CRL *crl, const X509 *ark)
{
	bool good = X509_CRL_verify(crl, X509_get0_pubkey(ark)) == 1;

	ERR_clear_error();
	return good;
}

static bool revokes(X509_CRL *crl, const X509 *x509)
{
	X509_REVOKED *entry = NULL;

	/* The const is lost in OpenSSL's signature only. */
	return X509_CRL_get0_by_serial(crl, &entry, X509_get_serialNumber((X509 *)(uintptr_t)x509)) != 0;
}

static void check_fresh(struct column *column, const X509_CRL *crl, int64_t now)
{
	const ASN1_TIME *next = column_going(column) ? X509_CRL_get0_nextUpdate(crl) : NULL;
	bool fresh = next && snp_time_in(X509_CRL_get0_lastUpdate(crl), next, now, 0);
	char from[32], to[32];

	if (column_check(column, "crl.fresh", fresh, "the CRL is not valid at this time") || !column_failed(column))
		return;
	snp_time_text(from, X509_CRL_get0_lastUpdate(crl));
	snp_time_text(to, next);
	finding_expected(column_failed(column), "a time from %s until before %s", from, next ? to : "(no next update is named)");
	finding_fix(column_failed(column), "fetch the CRL of this product anew from AMD KDS, and check the clock");
}

static void judge(struct column *column, X509_CRL *crl, const struct snp_chain *chain, int64_t now)
{
	bool going = column_going(column);

	(void)column_check(column, "crl.issuer", crl, "the CRL is of another issuer than the ARK of this chain");
	going = going && crl;
	(void)column_check(column, "crl.signature_algo", going && is_pss(crl), "the CRL is not signed with RSASSA-PSS, SHA-384 and a salt of 48 bytes");
	(void)column_check(column, "crl.extensions", going && extensions_known(crl) && entries_known(crl),
		"the CRL has an unknown critical extension, or is partial");
	(void)column_check(column, "crl.signature", going && verifies(crl, chain->ark), "the CRL is not signed by the ARK");
	check_fresh(column, crl, now);
	if (!column_check(column, "crl.revoked", going && !revokes(crl, chain->intermediate) && !revokes(crl, chain->ark),
		    "AMD has revoked the intermediate or the root of this chain"))
		finding_fix(column_failed(column), "fetch the present chain from AMD KDS; a host that still hands out the old one needs an update");
}

void snp_crl_check(struct column *column, const struct snp_verify_input *input, const struct snp_chain *chain)
{
	X509_CRL *crl;

	if (input->revocation == SNP_REVOCATION_OFF) {
		column_note(column, "crl", "revocation is switched off");
		return;
	}
	(void)column_check(column, "crl.parse", !input->certs->bad_crl[0], "the CRL cannot be used: %s", input->certs->bad_crl);
	crl = column_going(column) ? find(input->certs, chain->ark) : NULL;
	if (!crl && input->revocation == SNP_REVOCATION_IF_PRESENT && column_going(column)) {
		column_note(column, "crl", "no CRL of this root was given, so revocation was not checked");
		return;
	}
	if (!column_check(column, "crl.missing", input->certs->crl_count > 0, "revocation must be checked, but there is no CRL"))
		finding_fix(column_failed(column), "give one with --crl: AMD KDS publishes it per product");
	judge(column, crl, chain, input->now);
}
