/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* One X.509 certificate as this layer needs it; private to snp/. Parsing says nothing about trust. */
#include <openssl/x509.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/bytes.h"
#include "snp/vek.h"

#define SNP_NAME_MAX 64 /* a common name, cut to fit */

/*
 * A first sorting, by what the certificate says of itself; it only decides which certificate is tried in which place. A VEK is what carries
 * AMD's VEK extensions, a root what calls itself ARK-..., the rest may be intermediates.
 */
enum snp_cert_role { SNP_ROLE_INTERMEDIATE, SNP_ROLE_VEK, SNP_ROLE_ROOT };

struct snp_cert {
	X509 *x509;
	struct bytes der; /* the caller's */
	enum snp_cert_role role;
	char subject[SNP_NAME_MAX], issuer[SNP_NAME_MAX]; /* common names, printable */
	int64_t not_before, not_after;
};

enum { SNP_CERT_E_PARSE = 1 };

/* 0; SNP_CERT_E_PARSE unless `der` is exactly one DER certificate of version 3 with readable times; -ENOMEM. */
int snp_cert_parse(struct bytes der, struct snp_cert *ret) MUST_CHECK;
/* The same for bytes that were parsed before: `x509` came from exactly them. Takes a reference of its own. */
int snp_cert_parse_known(struct bytes der, X509 *x509, struct snp_cert *ret) MUST_CHECK;
void snp_cert_deinit(struct snp_cert *cert);
void snp_cert_read_vek(const struct snp_cert *cert, struct snp_vek *ret);

/* RSASSA-PSS with SHA-384, MGF1 with SHA-384, salt 48, trailer 1: the decoded parameters, not their encoding, of which two occur. */
bool snp_algorithm_is_pss384(const X509_ALGOR *algorithm);
bool snp_cert_algorithm_good(const struct snp_cert *cert);

/* The common name of a name that has exactly one, printable and cut; else "". */
void snp_common_name(char to[static SNP_NAME_MAX], const X509_NAME *name);
/* ASN1_TIME (UTCTime or GeneralizedTime, Z) to Unix seconds. */
bool snp_time_read(const ASN1_TIME *time, int64_t *ret);
/* SHA-256 over the SubjectPublicKeyInfo. 0, -EIO. */
int snp_cert_spki(const struct snp_cert *cert, uint8_t ret[static 32]) MUST_CHECK;
/* True when the subject of `issuer` is the issuer's name in `cert`. */
bool snp_cert_named_issuer(const struct snp_cert *cert, const struct snp_cert *issuer);
/* 1 when the key of `issuer` made the signature on `cert`, else 0. */
bool snp_cert_signed_by(const struct snp_cert *cert, const struct snp_cert *issuer);
/* RSA-4096 for roots and intermediates. */
bool snp_cert_key_is_rsa4096(const struct snp_cert *cert);
/* x || y of a P-384 key on the named curve. False for every other key. */
bool snp_cert_key_p384(const struct snp_cert *cert, uint8_t ret[static 96]);
/* An OID of a critical extension that is neither basicConstraints nor keyUsage, or of any extension outside AMD's arc that stands there
 * twice; NULL when there is none. */
const char *snp_cert_bad_extension(const struct snp_cert *cert, char to[static SNP_NAME_MAX]);
