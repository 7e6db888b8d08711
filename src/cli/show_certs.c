/* SPDX-License-Identifier: Apache-2.0 */
/* sevattest show: certificates, CRLs and certificate tables. */
#include <errno.h>
#include <openssl/asn1.h>
#include <openssl/evp.h>
#include <openssl/x509.h>
#include <string.h>
#include <time.h>

#include "base/text.h"
#include "cli/inputs.h"
#include "cli/show.h"

static int add_time(struct json_object *object, const char *member, const ASN1_TIME *when)
{
	struct tm parts;
	char text[32];

	if (!when || ASN1_TIME_to_tm(when, &parts) != 1)
		return json_add_text(object, member, "malformed");
	time_format(text, timegm(&parts));
	return json_add_text(object, member, text);
}

static int add_serial(struct json_object *object, const char *member, const ASN1_INTEGER *serial)
{
	return json_add_hex(object, member, ASN1_STRING_get0_data(serial), (size_t)ASN1_STRING_length(serial));
}

static int add_names(struct json_object *object, X509 *x509)
{
	char name[256];
	int r;

	X509_NAME_oneline(X509_get_subject_name(x509), name, sizeof(name));
	r = json_add_text(object, "subject", name);
	X509_NAME_oneline(X509_get_issuer_name(x509), name, sizeof(name));
	return r < 0 ? r : json_add_text(object, "issuer", name);
}

/* The SHA-256 of the public key, and for a root of AMD's that it is one. */
static int add_pin(struct json_object *object, X509 *x509)
{
	uint8_t digest[32], *spki = NULL;
	const struct snp_pin *pin;
	int size = i2d_X509_PUBKEY(X509_get_X509_PUBKEY(x509), &spki), r;
	bool good = size > 0 && EVP_Digest(spki, (size_t)size, digest, NULL, EVP_sha256(), NULL) == 1;

	OPENSSL_free(spki);
	if (!good)
		return 0;
	r = json_add_hex(object, "spki_sha256", digest, sizeof(digest));
	pin = snp_pin_find(NULL, digest);
	return r < 0 || !pin ? r : json_add_text(object, "pinned_as", pin->label);
}

static int add_vek(struct json_object *object, struct bytes der)
{
	struct snp_vek vek;

	if (snp_vek_decode(der, &vek, NULL) < 0 || !vek.present)
		return 0;
	return json_add(object, "vek", snp_vek_to_json(&vek));
}

static int add_certificate(struct json_object *list, struct bytes der)
{
	struct json_object *object = json_object_new_object();
	const uint8_t *at = der.data;
	X509 *x509;
	int r;

	r = json_push(list, object);
	if (r < 0)
		return r;
	x509 = d2i_X509(NULL, &at, (long)der.size);
	if (!x509)
		return json_add_text(object, "objection", "this is not a certificate");
	r = add_names(object, x509);
	if (r == 0)
		r = add_serial(object, "serial", X509_get0_serialNumber(x509));
	if (r == 0)
		r = add_time(object, "not_before", X509_get0_notBefore(x509));
	if (r == 0)
		r = add_time(object, "not_after", X509_get0_notAfter(x509));
	if (r == 0)
		r = add_pin(object, x509);
	if (r == 0)
		r = add_vek(object, der);
	X509_free(x509);
	return r;
}

static int add_revoked(struct json_object *list, X509_CRL *crl)
{
	STACK_OF(X509_REVOKED) *entries = X509_CRL_get_REVOKED(crl);
	int r = 0;

	for (int i = 0; r == 0 && i < sk_X509_REVOKED_num(entries); i++) {
		const X509_REVOKED *entry = sk_X509_REVOKED_value(entries, i);
		struct json_object *item = json_object_new_object();

		r = json_push(list, item);
		if (r == 0)
			r = add_serial(item, "serial", X509_REVOKED_get0_serialNumber(entry));
		if (r == 0)
			r = add_time(item, "date", X509_REVOKED_get0_revocationDate(entry));
	}
	return r;
}

static int add_crl(struct json_object *list, struct bytes der)
{
	struct json_object *object = json_object_new_object(), *revoked = json_object_new_array();
	const uint8_t *at = der.data;
	char name[256];
	X509_CRL *crl;
	int r;

	r = json_push(list, object);
	if (json_add(object, "revoked", revoked) < 0 || r < 0)
		return -ENOMEM;
	crl = d2i_X509_CRL(NULL, &at, (long)der.size);
	if (!crl)
		return json_add_text(object, "objection", "this is not a CRL");
	X509_NAME_oneline(X509_CRL_get_issuer(crl), name, sizeof(name));
	r = json_add_text(object, "issuer", name);
	if (r == 0)
		r = add_time(object, "this_update", X509_CRL_get0_lastUpdate(crl));
	if (r == 0)
		r = add_time(object, "next_update", X509_CRL_get0_nextUpdate(crl));
	if (r == 0)
		r = add_revoked(revoked, crl);
	X509_CRL_free(crl);
	return r;
}

static int add_set(struct json_object *object, const struct snp_certs *certs)
{
	struct json_object *list = json_object_new_array(), *crls = json_object_new_array();
	int r;

	r = json_add(object, "certificates", list);
	if (json_add(object, "crls", crls) < 0)
		return -ENOMEM;
	for (size_t i = 0; r == 0 && i < certs->count; i++) {
		const struct snp_item *item = &certs->items[i];

		r = item->kind == SNP_ITEM_CRL ? add_crl(crls, item->der) : add_certificate(list, item->der);
	}
	return r;
}

int show_certificates(struct bytes data, struct json_object *object, struct verdict *verdict)
{
	CLEANUP(snp_certs_deinit) struct snp_certs certs;
	struct error error = ERROR_NULL;
	int r;

	snp_certs_init(&certs);
	r = snp_certs_add(&certs, data, &error);
	if (r < 0)
		return r;
	if (r > 0)
		verdict_fail(verdict, "cert.parse", FINDING_EVIDENCE, "%s", error_text(&error));
	r = json_add_text(object, "kind", "certificates");
	return r < 0 ? r : add_set(object, &certs);
}

static int add_entries(struct json_object *object, struct bytes data)
{
	static struct snp_table_entry entries[SNP_TABLE_ENTRIES_MAX];
	struct json_object *list = json_object_new_array();
	size_t count = 0;
	int r;

	r = json_add(object, "entries", list);
	if (r < 0 || snp_table_read(data, entries, &count, NULL) != 0)
		return r;
	for (size_t i = 0; r == 0 && i < count; i++) {
		struct json_object *item = json_object_new_object();

		r = json_push(list, item);
		if (r == 0)
			r = json_add_text(item, "name", snp_table_kind_name(entries[i].kind));
		if (r == 0)
			r = json_add_hex(item, "guid", entries[i].guid, sizeof(entries[i].guid));
		if (r == 0)
			r = json_add_u64(item, "length", entries[i].data.size);
	}
	return r;
}

int show_table(struct bytes data, struct json_object *object, struct verdict *verdict)
{
	CLEANUP(snp_certs_deinit) struct snp_certs certs;
	int r;

	snp_certs_init(&certs);
	r = json_add_text(object, "kind", "certificate-table");
	if (r == 0)
		r = add_entries(object, data);
	if (r == 0)
		r = snp_certs_add_table(&certs, data, verdict);
	if (r < 0)
		return r;
	if (certs.bad_certificate[0])
		verdict_fail(verdict, "cert.parse", FINDING_EVIDENCE, "%s", certs.bad_certificate);
	return add_set(object, &certs);
}
