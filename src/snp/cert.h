/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* One X.509 certificate as this layer needs it; private to snp/. Parsing says nothing about trust. */
#include <openssl/evp.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/bytes.h"
#include "snp/der.h"
#include "snp/vek.h"

#define SNP_NAME_MAX 64 /* a common name, cut to fit */
#define SNP_RSA_SIZE 512

/*
 * A first sorting, by what the certificate says of itself; it only decides which certificate is tried in which place. A VEK is what carries
 * AMD's VEK extensions, a root what calls itself ARK-..., the rest may be intermediates.
 */
enum snp_cert_role { SNP_ROLE_INTERMEDIATE, SNP_ROLE_VEK, SNP_ROLE_ROOT };

/* The only two kinds of key that AMD certifies; `key` holds the modulus (exponent 65537), or x || y of a point of the curve. */
enum snp_key_kind { SNP_KEY_OTHER, SNP_KEY_RSA4096, SNP_KEY_P384 };

enum snp_constraints { SNP_CONSTRAINTS_ABSENT, SNP_CONSTRAINTS_CA, SNP_CONSTRAINTS_NO_CA, SNP_CONSTRAINTS_BAD };

/* Bits of keyUsage (RFC 5280, 4.2.1.3). */
#define SNP_USAGE_CERT_SIGN (1U << 5)
#define SNP_USAGE_CRL_SIGN (1U << 6)

/* Plain data: every view points into the caller's `der`. */
struct snp_cert {
	struct bytes der, tbs, algorithm, issuer_name, subject_name, spki, key, signature;
	struct bytes serial;     /* contents of the INTEGER */
	struct bytes extensions; /* their sequence's contents; each was read once and is well formed */
	bool algorithm_good;     /* signed as AMD signs: der_is_pss384(), and the same inside and outside of what is signed */
	enum snp_key_kind key_kind;
	enum snp_cert_role role;
	char subject[SNP_NAME_MAX], issuer[SNP_NAME_MAX]; /* common names, printable */
	int64_t not_before, not_after;
	enum snp_constraints constraints;
	bool has_path_length;
	uint32_t path_length;
	unsigned key_usage; /* 0 without the extension */
};

enum { SNP_CERT_E_PARSE = 1 };

/* 0; SNP_CERT_E_PARSE unless `der` is exactly one DER certificate of version 3 of the kind that AMD makes: see der.h. */
int snp_cert_parse(struct bytes der, struct snp_cert *ret) MUST_CHECK;
void snp_cert_read_vek(const struct snp_cert *cert, struct snp_vek *ret);

/* SHA-256 over the SubjectPublicKeyInfo. 0, -EIO. */
int snp_cert_spki(const struct snp_cert *cert, uint8_t ret[static 32]) MUST_CHECK;
/* True when the subject of `issuer` is, octet for octet, the issuer's name in `cert`. */
bool snp_cert_named_issuer(const struct snp_cert *cert, const struct snp_cert *issuer);
/* 1 when the RSA-4096 key of `issuer` made the signature on `cert`, in the one way in which AMD signs, else 0. */
bool snp_cert_signed_by(const struct snp_cert *cert, const struct snp_cert *issuer);
/* The RSA-4096 key as OpenSSL's object; NULL for another kind, or without memory. Caller frees. */
EVP_PKEY *snp_cert_rsa(const struct snp_cert *cert);
/* x || y of a P-384 key on the named curve. False for every other key, and for a point that is not of the curve. */
bool snp_cert_key_p384(const struct snp_cert *cert, uint8_t ret[static 96]);
/* An OID of a critical extension that is neither basicConstraints nor keyUsage, or of any extension outside AMD's arc that stands there
 * twice; NULL when there is none. */
const char *snp_cert_bad_extension(const struct snp_cert *cert, char to[static SNP_NAME_MAX]);
