/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* The test PKI of the vectors: its keys and certificates, and what is signed with them here. Everything asserts: there are no errors to handle. */
#include <openssl/evp.h>
#include <openssl/x509.h>

#include "vectors.h"

#define PKI_NOW INT64_C(1780272000) /* 2026-06-01: all of the PKI is valid */

EVP_PKEY *pki_key(const char *file);
X509 *pki_certificate(const char *file);
/* A context that signs with RSASSA-PSS as AMD does. */
EVP_MD_CTX *pki_pss(EVP_PKEY *key);
void pki_sign_certificate(X509 *x509, const char *key_file);

void pki_add_text(X509 *x509, int nid, const char *value);
void pki_add_raw(X509 *x509, const char *oid, const char *value, size_t size, bool critical);
void pki_drop(X509 *x509, const char *oid);

/* Adds the certificate to the set, and releases it. */
void pki_add(struct snp_certs *certs, X509 *x509);

/* Signs the first 672 of the report's 1184 bytes with a VEK's key. */
void pki_sign_report(uint8_t *report, const char *key_file);
