/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Certificates and revocation lists made here, signed by the keys of the test PKI: one deviation each. Every maker is also run without a
 * deviation, and then the chain must be good, so that a refusal means something.
 */
#include <check.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "pki.h"

struct setting {
	struct buf report;
	struct snp_certs certs;
	struct snp_pins pins;
	enum snp_revocation revocation;
};

static void setting_deinit(struct setting *setting)
{
	buf_deinit(&setting->report);
	snp_certs_deinit(&setting->certs);
}

static void setting_init(struct setting *setting)
{
	CLEANUP(buf_deinit) struct buf root = BUF_NULL;

	memset(setting, 0, sizeof(*setting));
	snp_certs_init(&setting->certs);
	vectors_read("controls/control-milan.bin", &setting->report);
	vectors_read("testpki/TEST-ark.pem", &root);
	ck_assert_int_eq(snp_pins_add_certificate(&setting->pins, buf_view(&root), NULL), 0);
}

static const char *verify(const struct setting *setting)
{
	CLEANUP(verdict_deinit) struct verdict verdict = VERDICT_NULL;
	struct snp_verify_input input = {.report = buf_view(&setting->report),
		.certs = &setting->certs,
		.extra_pins = &setting->pins,
		.revocation = setting->revocation,
		.now = PKI_NOW};
	struct snp_verified verified;

	ck_assert_int_eq(snp_verify(&input, &verified, &verdict), 0);
	if (verdict_ok(&verdict))
		return "yes";
	return verdict_first_failed(&verdict) ? verdict_first_failed(&verdict)->check : "not checked";
}

/* An intermediate in the name and with the key of the test ASK. */
struct intermediate_row {
	const char *name, *constraints, *usage, *expected;
	void (*more)(X509 *x509);
};

static void unknown_critical(X509 *x509)
{
	pki_add_raw(x509, "1.2.3.4.5", "\x05\x00", 2, true);
}

static void unknown_twice(X509 *x509)
{
	pki_add_raw(x509, "1.2.3.4.5", "\x05\x00", 2, false);
	pki_add_raw(x509, "1.2.3.4.5", "\x05\x00", 2, false);
}

static void unknown_once(X509 *x509)
{
	pki_add_raw(x509, "1.2.3.4.5", "\x05\x00", 2, false);
}

static const struct intermediate_row intermediates[] = {
	{"SEV-Milan", "critical,CA:TRUE", "critical,keyCertSign", "yes", NULL},
	{"SEV-Milan", "critical,CA:TRUE,pathlen:0", "critical,keyCertSign", "yes", NULL},
	{"SEV-Milan", "critical,CA:TRUE", "critical,keyCertSign", "yes", unknown_once},
	{"SEV-Milan", "critical,CA:TRUE,pathlen:1", "critical,keyCertSign", "chain.ca", NULL},
	{"SEV-Milan", "critical,CA:TRUE", "critical,cRLSign", "chain.ca", NULL},
	{"SEV-Milan", "critical,CA:FALSE", "critical,keyCertSign", "chain.ca", NULL},
	{"SEV-Milan", NULL, "critical,keyCertSign", "chain.ca", NULL},
	{"SEV-Milan", "critical,CA:TRUE", "critical,keyCertSign", "chain.extensions", unknown_critical},
	{"SEV-Milan", "critical,CA:TRUE", "critical,keyCertSign", "chain.extensions", unknown_twice},
	{"SEV-Genoa", "critical,CA:TRUE", "critical,keyCertSign", "chain.names", NULL},
	{"SEV-Rome", "critical,CA:TRUE", "critical,keyCertSign", "chain.names", NULL},
	{"SEV-milan", "critical,CA:TRUE", "critical,keyCertSign", "chain.names", NULL},
	{"SEV-Milan-B0", "critical,CA:TRUE", "critical,keyCertSign", "chain.names", NULL},
	{"SEV-VLEK-Milan", "critical,CA:TRUE", "critical,keyCertSign", "chain.signature", NULL},
};

static X509 *make_intermediate(const struct intermediate_row *row)
{
	X509 *model = pki_certificate("testpki/TEST-ask.der"), *x509 = X509_new();
	X509_NAME *name = X509_NAME_dup(X509_get_subject_name(model));
	int at = X509_NAME_get_index_by_NID(name, NID_commonName, -1);

	X509_NAME_ENTRY_free(X509_NAME_delete_entry(name, at));
	ck_assert_int_eq(X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_UTF8, (const unsigned char *)row->name, -1, -1, 0), 1);
	ck_assert_int_eq(X509_set_version(x509, X509_VERSION_3), 1);
	ck_assert_int_eq(ASN1_INTEGER_set(X509_get_serialNumber(x509), 77), 1);
	ck_assert_int_eq(X509_set_subject_name(x509, name), 1);
	ck_assert_int_eq(X509_set_issuer_name(x509, X509_get_issuer_name(model)), 1);
	ck_assert_int_eq(X509_set1_notBefore(x509, X509_get0_notBefore(model)), 1);
	ck_assert_int_eq(X509_set1_notAfter(x509, X509_get0_notAfter(model)), 1);
	ck_assert_int_eq(X509_set_pubkey(x509, X509_get0_pubkey(model)), 1);
	if (row->constraints)
		pki_add_text(x509, NID_basic_constraints, row->constraints);
	pki_add_text(x509, NID_key_usage, row->usage);
	if (row->more)
		row->more(x509);
	pki_sign_certificate(x509, "testpki/TEST-ark.key.pem");
	X509_NAME_free(name);
	X509_free(model);
	return x509;
}

START_TEST(made_intermediate)
{
	CLEANUP(setting_deinit) struct setting setting;

	setting_init(&setting);
	pki_add(&setting.certs, pki_certificate("testpki/TEST-vcek.der"));
	pki_add(&setting.certs, make_intermediate(&intermediates[_i]));
	pki_add(&setting.certs, pki_certificate("testpki/TEST-ark.der"));
	ck_assert_msg(strcmp(verify(&setting), intermediates[_i].expected) == 0, "row %d: %s, expected %s", _i, verify(&setting),
		intermediates[_i].expected);
}
END_TEST

#define AMD "1.3.6.1.4.1.3704.1."

/* The test VCEK with one extension replaced or added (`value` of `size` bytes; NULL: taken away), signed anew. */
static const struct vek_row {
	const char *oid, *value;
	size_t size;
	const char *expected;
} veks[] = {
	{AMD "1", "\x02\x01\x00", 3, "yes"},
	{AMD "1", "\x02\x01\x01", 3, "vek.product"},
	{AMD "1", "\x02\x02\x00\x80", 4, "vek.product"},
	{AMD "1", "\x05\x00", 2, "vek.extensions"},
	{AMD "1", NULL, 0, "vek.extensions"},
	{AMD "2", "\x16\x08Milan-B1", 10, "yes"},
	{AMD "2", "\x16\x05Turin", 7, "vek.product"},
	{AMD "2", "\x16\x06Milan ", 8, "vek.product"},
	{AMD "3.4", "\x02\x01\x00", 3, "yes"},
	{AMD "3.5", "\x02\x01\x01", 3, "vek.extensions"},
	{AMD "3.7", "\x02\x01", 2, "vek.extensions"},
	{AMD "3.9", "\x02\x01\x00", 3, "vek.extensions"},
	{AMD "5", "\x16\x01x", 3, "vek.extensions"},
	{AMD "6", "\x05\x00", 2, "yes"}, /* of AMD, but not known: no reason to refuse */
	{"2.5.29.19", "\x30\x03\x01\x01\xff", 5, "chain.ca"},
	{"2.5.29.19", "\x30\x00", 2, "yes"},
	{"1.2.3.4.5", "\x05\x00", 2, "yes"},
};

START_TEST(made_vek)
{
	const struct vek_row *row = &veks[_i];
	CLEANUP(setting_deinit) struct setting setting;
	X509 *vek = pki_certificate("testpki/TEST-vcek.der");

	setting_init(&setting);
	pki_drop(vek, row->oid);
	if (row->value)
		pki_add_raw(vek, row->oid, row->value, row->size, false);
	pki_sign_certificate(vek, "testpki/TEST-ask.key.pem");
	pki_add(&setting.certs, vek);
	pki_add(&setting.certs, pki_certificate("testpki/TEST-ask.der"));
	pki_add(&setting.certs, pki_certificate("testpki/TEST-ark.der"));
	ck_assert_msg(strcmp(verify(&setting), row->expected) == 0, "%s: %s, expected %s", row->oid, verify(&setting), row->expected);
}
END_TEST

START_TEST(without_root)
{
	CLEANUP(setting_deinit) struct setting setting;

	setting_init(&setting);
	pki_add(&setting.certs, pki_certificate("testpki/TEST-vcek.der"));
	pki_add(&setting.certs, pki_certificate("testpki/TEST-ask.der"));
	ck_assert_str_eq(verify(&setting), "chain.missing");
	pki_add(&setting.certs, pki_certificate("certs/ca/milan-ark.der")); /* the name alone is not enough */
	ck_assert_str_eq(verify(&setting), "chain.signature");
}
END_TEST

struct list {
	bool without_end, delta, entry_critical;
	long serial; /* revoked; 0: none */
	int number;
};

static void add_revoked(X509_CRL *crl, const struct list *list)
{
	X509_REVOKED *entry = X509_REVOKED_new();
	ASN1_INTEGER *serial = ASN1_INTEGER_new();
	ASN1_TIME *time = ASN1_TIME_adj(NULL, PKI_NOW - 86400, 0, 0);

	ck_assert_int_eq(ASN1_INTEGER_set(serial, list->serial), 1);
	ck_assert_int_eq(X509_REVOKED_set_serialNumber(entry, serial), 1);
	ck_assert_int_eq(X509_REVOKED_set_revocationDate(entry, time), 1);
	if (list->entry_critical) {
		ASN1_OBJECT *object = OBJ_txt2obj("1.2.3.4.5", 1);
		ASN1_OCTET_STRING *octets = ASN1_OCTET_STRING_new();
		X509_EXTENSION *extension;

		ck_assert_int_eq(ASN1_OCTET_STRING_set(octets, (const unsigned char *)"\x05\x00", 2), 1);
		extension = X509_EXTENSION_create_by_OBJ(NULL, object, 1, octets);
		ck_assert_int_eq(X509_REVOKED_add_ext(entry, extension, -1), 1);
		X509_EXTENSION_free(extension);
		ASN1_OCTET_STRING_free(octets);
		ASN1_OBJECT_free(object);
	}
	ck_assert_int_eq(X509_CRL_add0_revoked(crl, entry), 1);
	ASN1_TIME_free(time);
	ASN1_INTEGER_free(serial);
}

static void add_number(X509_CRL *crl, int nid, int value)
{
	ASN1_INTEGER *number = ASN1_INTEGER_new();

	ck_assert_int_eq(ASN1_INTEGER_set(number, value), 1);
	ck_assert_int_eq(X509_CRL_add1_ext_i2d(crl, nid, number, 0, 0), 1);
	ASN1_INTEGER_free(number);
}

static void add_list(struct snp_certs *certs, const struct list *list)
{
	X509 *root = pki_certificate("testpki/TEST-ark.der");
	EVP_PKEY *key = pki_key("testpki/TEST-ark.key.pem");
	EVP_MD_CTX *context = pki_pss(key);
	ASN1_TIME *from = ASN1_TIME_adj(NULL, PKI_NOW - 86400, 0, 0), *to = ASN1_TIME_adj(NULL, PKI_NOW + 86400, 0, 0);
	X509_CRL *crl = X509_CRL_new();
	unsigned char *der = NULL;
	int size;

	ck_assert_int_eq(X509_CRL_set_version(crl, X509_CRL_VERSION_2), 1);
	ck_assert_int_eq(X509_CRL_set_issuer_name(crl, X509_get_subject_name(root)), 1);
	ck_assert_int_eq(X509_CRL_set1_lastUpdate(crl, from), 1);
	if (!list->without_end)
		ck_assert_int_eq(X509_CRL_set1_nextUpdate(crl, to), 1);
	add_number(crl, NID_crl_number, list->number);
	if (list->delta)
		add_number(crl, NID_delta_crl, 1);
	if (list->serial)
		add_revoked(crl, list);
	ck_assert_int_gt(X509_CRL_sign_ctx(crl, context), 0);
	size = i2d_X509_CRL(crl, &der);
	ck_assert_int_eq(snp_certs_add_crl(certs, bytes_of(der, (size_t)size), NULL), 0);
	OPENSSL_free(der);
	X509_CRL_free(crl);
	ASN1_TIME_free(from);
	ASN1_TIME_free(to);
	EVP_MD_CTX_free(context);
	EVP_PKEY_free(key);
	X509_free(root);
}

static void add_chain(struct setting *setting)
{
	pki_add(&setting->certs, pki_certificate("testpki/TEST-vcek.der"));
	pki_add(&setting->certs, make_intermediate(&intermediates[0])); /* serial 77 */
	pki_add(&setting->certs, pki_certificate("testpki/TEST-ark.der"));
	setting->revocation = SNP_REVOCATION_REQUIRE;
}

/* An entry with serial 0 is not about the VEK, which has serial 0 but another issuer. */
START_TEST(made_list)
{
	static const struct {
		struct list list;
		const char *expected;
	} rows[] = {{{.number = 1}, "yes"}, {{.serial = 78}, "yes"}, {{.serial = 77}, "crl.revoked"}, {{.without_end = true}, "crl.fresh"},
		{{.delta = true}, "crl.extensions"}, {{.serial = 78, .entry_critical = true}, "crl.extensions"},
		{{.serial = 77, .entry_critical = true}, "crl.extensions"}};
	CLEANUP(setting_deinit) struct setting setting;

	setting_init(&setting);
	add_chain(&setting);
	add_list(&setting.certs, &rows[_i].list);
	ck_assert_msg(strcmp(verify(&setting), rows[_i].expected) == 0, "row %d: %s", _i, verify(&setting));
}
END_TEST

START_TEST(many_lists)
{
	CLEANUP(setting_deinit) struct setting setting;

	setting_init(&setting);
	add_chain(&setting);
	for (int i = 1; i <= 9; i++) {
		struct list list = {.number = i};

		add_list(&setting.certs, &list);
		ck_assert_str_eq(verify(&setting), i <= 8 ? "yes" : "crl.parse");
	}
}
END_TEST

START_TEST(hollow_list)
{
	static const uint8_t hollow[] = {0x30, 4, 0x30, 2, 5, 0}; /* whole from outside, nothing inside */
	CLEANUP(setting_deinit) struct setting setting;
	struct list good = {.number = 1};

	setting_init(&setting);
	add_chain(&setting);
	add_list(&setting.certs, &good);
	ck_assert_int_eq(snp_certs_add_crl(&setting.certs, bytes_of(hollow, sizeof(hollow)), NULL), 0);
	ck_assert_str_eq(verify(&setting), "crl.parse");
	setting.revocation = SNP_REVOCATION_OFF;
	ck_assert_str_eq(verify(&setting), "yes");
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("made");
	TCase *all = tcase_create("all");
	SRunner *runner;
	int failed;

	(void)vectors_folder();
	tcase_set_timeout(all, 60);
	tcase_add_loop_test(all, made_intermediate, 0, (int)ARRAY_SIZE(intermediates));
	tcase_add_loop_test(all, made_vek, 0, (int)ARRAY_SIZE(veks));
	tcase_add_test(all, without_root);
	tcase_add_loop_test(all, made_list, 0, 7);
	tcase_add_test(all, many_lists);
	tcase_add_test(all, hollow_list);
	suite_add_tcase(suite, all);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? 1 : 0;
}
