/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * The certificates and CRLs that somebody handed over: PEM or DER, one or many, or the host's certificate table (GHCB 4.1.8.1). They are
 * bytes in a bounded set, worth nothing until snp_verify() chains them to a pin. What does not parse is remembered, so that the verdict
 * names it.
 */
#include <stdbool.h>
#include <stddef.h>

#include "base/bytes.h"
#include "base/error.h"
#include "base/finding.h"

#define SNP_CERTS_MAX 64                       /* a table has 5 kinds, a directory of AMD's for every product 9, and CRLs */
#define SNP_CERTS_SIZE_MAX ((size_t)1 << 20)   /* all together */
#define SNP_CERT_SIZE_MAX ((size_t)256 << 10)  /* certificates have 2 KiB; a CRL may grow */
#define SNP_TABLE_ENTRIES_MAX 64               /* six GUIDs are known */
#define SNP_TABLE_SIZE_MAX ((size_t)256 << 10) /* Linux passes at most 16 KiB */

enum snp_certs_error {
	SNP_CERTS_E_PARSE = 1, /* not PEM, not DER, not the kind asked for, or bytes left over; remembered in the set */
	SNP_CERTS_E_LIMIT,     /* too many or too large; remembered likewise */
};

enum snp_item_kind { SNP_ITEM_CERTIFICATE, SNP_ITEM_CRL };

/* `der` is owned by the set and has been looked at only from outside: it is one DER SEQUENCE without bytes left over. */
struct snp_item {
	enum snp_item_kind kind;
	struct bytes der;
};

struct snp_certs {
	struct snp_item items[SNP_CERTS_MAX]; /* certificates in the order of adding, CRLs among them */
	size_t count;
	size_t size;
	char bad_certificate[160]; /* why something given as a certificate could not be taken; empty: all was */
	char bad_crl[160];
};

void snp_certs_init(struct snp_certs *certs);
void snp_certs_deinit(struct snp_certs *certs);

/*
 * Adds what `input` holds: PEM blocks (CERTIFICATE or X509 CRL; text around them is ignored), or DER objects one behind another. The same
 * object twice counts once. 0; SNP_CERTS_E_*, with a text in `error`, remembered so that cert.parse fails; -ENOMEM.
 */
int snp_certs_add(struct snp_certs *certs, struct bytes input, struct error *error) MUST_CHECK;

/* The same, but everything has to be a CRL; what is not makes crl.parse fail. */
int snp_certs_add_crl(struct snp_certs *certs, struct bytes input, struct error *error) MUST_CHECK;

/*
 * Adds the certificates and CRLs of a host's certificate table and the finding `cert.table` to `verdict`. Offsets outside the table or
 * inside its header, overlaps, duplicate GUIDs, a known entry without content, no terminator, and a table without a VEK are refused;
 * unknown GUIDs are passed over. Call it only for a table that is there: see snp_table_is_empty(). 0 (also after a failed finding; then
 * nothing was added); -ENOMEM.
 */
int snp_certs_add_table(struct snp_certs *certs, struct bytes table, struct verdict *verdict) MUST_CHECK;

/* No bytes, or zeros only: what a host gives that has no certificates. It is not a broken table. */
bool snp_table_is_empty(struct bytes table);

enum snp_table_kind { SNP_TABLE_OTHER, SNP_TABLE_ARK, SNP_TABLE_ASK, SNP_TABLE_VCEK, SNP_TABLE_VLEK, SNP_TABLE_CRL };
const char *snp_table_kind_name(enum snp_table_kind kind); /* "ARK", ... "other" */

struct snp_table_entry {
	uint8_t guid[16];
	enum snp_table_kind kind;
	struct bytes data; /* a view into the table */
};

enum { SNP_TABLE_E_MALFORMED = 1 };

/* Reads the table as above, but lists every entry. 0, or SNP_TABLE_E_MALFORMED with a text. `ret` has room for SNP_TABLE_ENTRIES_MAX. */
int snp_table_read(struct bytes table, struct snp_table_entry *ret, size_t *ret_count, struct error *error) MUST_CHECK;
