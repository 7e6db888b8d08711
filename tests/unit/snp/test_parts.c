/* SPDX-License-Identifier: Apache-2.0 */
/* The small modules one by one: products, TCBs, names at KDS, pins, VEK extensions, certificates in every form, tables, revocation lists.
 */
#include <check.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "snp/crl.h"
#include "snp/kds.h"
#include "vectors.h"

START_TEST(products)
{
	static const struct {
		uint8_t family, model, stepping;
		enum snp_product product;
		enum snp_line line;
	} rows[] = {{0x19, 0x00, 0, SNP_MILAN, SNP_LINE_MILAN}, {0x19, 0x01, 1, SNP_MILAN, SNP_LINE_MILAN},
		{0x19, 0x01, 2, SNP_MILAN, SNP_LINE_MILAN_X}, {0x19, 0x0f, 0, SNP_MILAN, SNP_LINE_MILAN},
		{0x19, 0x10, 0, SNP_GENOA, SNP_LINE_GENOA}, {0x19, 0x11, 1, SNP_GENOA, SNP_LINE_GENOA},
		{0x19, 0x11, 2, SNP_GENOA, SNP_LINE_GENOA_X}, {0x19, 0x1f, 0, SNP_GENOA, SNP_LINE_GENOA},
		{0x19, 0x20, 0, SNP_PRODUCT_UNKNOWN, SNP_LINE_UNKNOWN}, {0x19, 0x9f, 0, SNP_PRODUCT_UNKNOWN, SNP_LINE_UNKNOWN},
		{0x19, 0xa0, 2, SNP_GENOA, SNP_LINE_BERGAMO}, {0x19, 0xaf, 0, SNP_GENOA, SNP_LINE_BERGAMO},
		{0x19, 0xb0, 0, SNP_PRODUCT_UNKNOWN, SNP_LINE_UNKNOWN}, {0x1a, 0x02, 1, SNP_TURIN, SNP_LINE_TURIN},
		{0x1a, 0x11, 0, SNP_TURIN, SNP_LINE_TURIN}, {0x1a, 0x12, 0, SNP_PRODUCT_UNKNOWN, SNP_LINE_UNKNOWN},
		{0x1a, 0x50, 0, SNP_PRODUCT_UNKNOWN, SNP_LINE_UNKNOWN}, {0x17, 0x01, 0, SNP_PRODUCT_UNKNOWN, SNP_LINE_UNKNOWN},
		{0, 0, 0, SNP_PRODUCT_UNKNOWN, SNP_LINE_UNKNOWN}};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		ck_assert_int_eq(snp_product_of(rows[i].family, rows[i].model), rows[i].product);
		ck_assert_int_eq(snp_line_of(rows[i].family, rows[i].model, rows[i].stepping), rows[i].line);
		ck_assert_int_eq(snp_line_product(rows[i].line), rows[i].product);
	}
	ck_assert(snp_line_same(SNP_LINE_BERGAMO, SNP_LINE_SIENA));
	ck_assert(!snp_line_same(SNP_LINE_BERGAMO, SNP_LINE_GENOA));
	ck_assert_int_eq(snp_product_from_name("Milan", 5), SNP_MILAN);
	ck_assert_int_eq(snp_product_from_name("MilanX", 6), SNP_PRODUCT_UNKNOWN);
	ck_assert_int_eq(snp_product_from_name("unknown", 7), SNP_PRODUCT_UNKNOWN);
	ck_assert_str_eq(snp_product_name(SNP_TURIN), "Turin");
	ck_assert_str_eq(snp_line_name(SNP_LINE_GENOA_X), "Genoa-X");
}
END_TEST

START_TEST(tcbs)
{
	static const uint8_t raw[8] = {1, 2, 3, 4, 0, 0, 7, 8};
	struct snp_tcb milan = snp_tcb_decode(raw, SNP_MILAN), turin = snp_tcb_decode(raw, SNP_TURIN), lower;
	char text[SNP_TCB_TEXT_MAX];

	ck_assert(!milan.has_fmc && milan.bootloader == 1 && milan.tee == 2 && milan.snp == 7 && milan.microcode == 8);
	ck_assert(turin.has_fmc && turin.fmc == 1 && turin.bootloader == 2 && turin.tee == 3 && turin.snp == 4 && turin.microcode == 8);
	ck_assert(!snp_tcb_reserved_zero(raw, SNP_MILAN));
	ck_assert(!snp_tcb_reserved_zero(raw, SNP_TURIN));
	lower = milan;
	lower.snp--;
	ck_assert(snp_tcb_at_most(&lower, &milan) && !snp_tcb_at_most(&milan, &lower) && snp_tcb_at_most(&milan, &milan) &&
		  !snp_tcb_equal(&lower, &milan));
	lower.microcode++; /* neither is at most the other */
	ck_assert(!snp_tcb_at_most(&lower, &milan) && !snp_tcb_at_most(&milan, &lower));
	snp_tcb_text(text, &turin);
	ck_assert_str_eq(text, "fmc 1, bootloader 2, tee 3, snp 4, microcode 8");
}
END_TEST

START_TEST(kds_names)
{
	static const uint8_t raw[8] = {1, 1, 1, 4, 0, 0, 0, 0x51};
	struct snp_tcb turin = snp_tcb_decode(raw, SNP_TURIN), genoa = snp_tcb_decode(raw, SNP_GENOA);
	uint8_t chip[64] = {0xab, 1, 2, 3, 4, 5, 6, 7}, masked[64] = {0};
	char path[SNP_KDS_PATH_MAX], hwid[129], expected[SNP_KDS_PATH_MAX];

	ck_assert_int_eq(snp_kds_vcek_path(path, SNP_TURIN, chip, &turin), 0);
	ck_assert_str_eq(path, "/vcek/v1/Turin/ab01020304050607?fmcSPL=01&blSPL=01&teeSPL=01&snpSPL=04&ucodeSPL=81");
	ck_assert_int_eq(snp_kds_vcek_path(path, SNP_GENOA, chip, &genoa), 0);
	hex_encode(hwid, chip, sizeof(chip));
	(void)snprintf(expected, sizeof(expected), "/vcek/v1/Genoa/%s?blSPL=01&teeSPL=01&snpSPL=00&ucodeSPL=81", hwid);
	ck_assert_str_eq(path, expected);
	ck_assert_int_eq(snp_kds_vcek_path(path, SNP_GENOA, masked, &genoa), -EINVAL);
	ck_assert_int_eq(snp_kds_vcek_path(path, SNP_PRODUCT_UNKNOWN, chip, &genoa), -EINVAL);
	ck_assert_int_eq(snp_kds_chain_path(path, SNP_MILAN, SNP_SIGNER_VLEK), 0);
	ck_assert_str_eq(path, "/vlek/v1/Milan/cert_chain");
	ck_assert_int_eq(snp_kds_crl_path(path, SNP_MILAN, SNP_SIGNER_VCEK), 0);
	ck_assert_str_eq(path, "/vcek/v1/Milan/crl");
	ck_assert_int_eq(snp_kds_crl_path(path, SNP_PRODUCT_UNKNOWN, SNP_SIGNER_VCEK), -EINVAL);
}
END_TEST

static int pin_file(struct snp_pins *pins, const char *file)
{
	CLEANUP(buf_deinit) struct buf data = BUF_NULL;

	vectors_read(file, &data);
	return snp_pins_add_certificate(pins, buf_view(&data), NULL);
}

START_TEST(pinned_roots)
{
	static const char *const files[] = {"certs/ca/milan-ark.der", "certs/ca/genoa-ark.der", "certs/ca/turin-ark.der"};
	struct snp_pins pins = {.count = 0};
	struct error error = ERROR_NULL;
	uint8_t digest[32] = {0};

	for (size_t i = 0; i < ARRAY_SIZE(files); i++) {
		ck_assert_int_eq(pin_file(&pins, files[i]), 0);
		ck_assert_mem_eq(pins.items[i].spki_sha256, snp_amd_pins[i].spki_sha256, 32);
		ck_assert_str_eq(pins.items[i].label, snp_amd_pins[i].label);
		ck_assert_int_eq(pins.items[i].product, snp_amd_pins[i].product);
		ck_assert_ptr_eq(snp_pin_find(&pins, pins.items[i].spki_sha256), &snp_amd_pins[i]);
	}
	ck_assert_ptr_null(snp_pin_find(&pins, digest));
	ck_assert_ptr_null(snp_pin_find(NULL, digest));
	ck_assert_int_eq(pin_file(&pins, "testpki/TEST-ark.pem"), 0);
	ck_assert_int_eq(pin_file(&pins, "testpki/TEST-vcek.der"), -EINVAL);
	ck_assert_int_eq(pin_file(&pins, "certs/ca/milan-vcek-chain.pem"), -EINVAL); /* two certificates */
	ck_assert_int_eq(pin_file(&pins, "crls/genoa-20241023.der"), -EINVAL);
	ck_assert_int_eq(snp_pins_add_certificate(&pins, bytes_of_text("nonsense"), &error), -EINVAL);
	ck_assert_uint_eq(pins.count, 4);
	pins.count = SNP_PINS_MAX;
	ck_assert_int_eq(pin_file(&pins, "testpki/TEST-ark.pem"), -ENOSPC);
}
END_TEST

/* One extension given alone: bit by its last arcs, value as hex text, and whether it is good. */
static void try_extension(const uint8_t *oid, size_t oid_size, const char *hex, enum snp_vek_has bit, bool good)
{
	CLEANUP(buf_deinit) struct buf value = BUF_NULL;
	struct snp_vek vek = {.spl_reserved_zero = true};

	ck_assert_int_eq(hex_decode_any(&value, 256, hex), 0);
	snp_vek_read_extension(&vek, bytes_of(oid, oid_size), buf_view(&value));
	ck_assert_uint_eq(vek.present, bit);
	ck_assert_msg((vek.bad == 0) == good, "%s %s", snp_vek_extension_name(bit), hex);
}

START_TEST(vek_integers)
{
	static const struct {
		const char *hex;
		bool good;
	} rows[] = {{"020100", true}, {"02017f", true}, {"02020080", true}, {"020200ff", true}, {"0201db", false}, {"0202007f", false},
		{"02020100", false}, {"02020000", false}, {"0200", false}, {"02", false}, {"", false}, {"db", false}, {"0201", false},
		{"02010000", false}, {"020200db00", false}, {"0401db", false}, {"010104", false}, {"02810104", false},
		{"0203000080", false}, {"027fdb", false}};
	static const uint8_t oids[][2] = {{3, 1}, {3, 2}, {3, 3}, {3, 4}, {3, 5}, {3, 6}, {3, 7}, {3, 8}, {3, 9}};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
		for (size_t j = 0; j < ARRAY_SIZE(oids); j++)
			try_extension(oids[j], 2, rows[i].hex, (enum snp_vek_has)(SNP_VEK_BOOTLOADER << j), rows[i].good);
}
END_TEST

START_TEST(vek_texts)
{
	static const struct {
		const char *hex;
		bool good;
	} rows[] = {{"16054d696c616e", true}, {"16084d696c616e2d4230", true}, {"1600", false}, {"16", false}, {"", false},
		{"0c054d696c616e", false}, {"16054d696c61", false}, {"16044d696c616e", false}, {"16064d696c616e00", false},
		{"16050000000000", false}, {"1605ff696c616e", false}, {"1681054d696c616e", false}};
	static const uint8_t name[] = {2}, csp[] = {5};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		try_extension(name, 1, rows[i].hex, SNP_VEK_PRODUCT_NAME, rows[i].good);
		try_extension(csp, 1, rows[i].hex, SNP_VEK_CSP_ID, rows[i].good);
	}
}
END_TEST

/* Lengths decide: raw chip ids that begin like DER tags are ids. */
START_TEST(vek_hwids)
{
	static const struct {
		size_t size;
		uint8_t first, second;
		size_t read; /* 0: bad */
	} rows[] = {{64, 0x04, 0x40, 64}, {64, 0x02, 0x3e, 64}, {64, 0xaa, 0, 64}, {8, 0x04, 0x06, 8}, {8, 0x02, 0x01, 8},
		{66, 0x04, 0x40, 64}, {66, 0x04, 0x41, 0}, {66, 0x02, 0x40, 0}, {10, 0x04, 0x08, 8}, {10, 0x04, 0x09, 0}, {63, 0, 0, 0},
		{65, 0, 0, 0}, {7, 0, 0, 0}, {9, 0, 0, 0}, {0, 0, 0, 0}, {128, 4, 0x7e, 0}};
	static const uint8_t oid[] = {4};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct snp_vek vek = {0};
		uint8_t value[128] = {rows[i].first, rows[i].second, 0x5a};

		snp_vek_read_extension(&vek, bytes_of(oid, 1), bytes_of(value, rows[i].size));
		ck_assert_uint_eq(vek.hwid_size, rows[i].read);
		ck_assert_uint_eq(vek.bad, rows[i].read ? 0 : SNP_VEK_HWID);
		if (rows[i].read)
			ck_assert_mem_eq(vek.hwid, value + (rows[i].size - rows[i].read), rows[i].read);
		snp_vek_read_extension(&vek, bytes_of(oid, 1), bytes_of(value, rows[i].size));
		ck_assert_uint_eq(vek.twice, SNP_VEK_HWID);
	}
}
END_TEST

START_TEST(vek_foreign)
{
	static const uint8_t oids[][3] = {{6}, {3, 10}, {3, 1, 1}, {1, 1}};
	static const size_t sizes[] = {1, 2, 3, 2};
	struct snp_vek vek = {0};

	for (size_t i = 0; i < ARRAY_SIZE(oids); i++)
		snp_vek_read_extension(&vek, bytes_of(oids[i], sizes[i]), bytes_of("\x02\x01\x01", 3));
	ck_assert_uint_eq(vek.present | vek.bad | vek.twice, 0);
	ck_assert_ptr_null(snp_vek_extension_name(0));
}
END_TEST

START_TEST(vek_decode)
{
	CLEANUP(buf_deinit) struct buf der = BUF_NULL, pem = BUF_NULL;
	struct error error = ERROR_NULL;
	struct snp_vek vek;

	vectors_read("certs/v5-turin-vcek-vmpl0-other-56b3ee54.vcek.der", &der);
	ck_assert_int_eq(snp_vek_decode(buf_view(&der), &vek, &error), 0);
	ck_assert_int_eq(vek.product, SNP_TURIN);
	ck_assert_uint_eq(vek.hwid_size, 8);
	ck_assert(vek.tcb.has_fmc);
	ck_assert_int_eq(snp_vek_decode(bytes_of(der.data, der.size - 1), &vek, &error), -EINVAL);
	ck_assert_int_eq(snp_vek_decode(bytes_of(NULL, 0), &vek, &error), -EINVAL);
	vectors_read("testpki/TEST-ark.pem", &pem);
	ck_assert_int_eq(snp_vek_decode(buf_view(&pem), &vek, &error), -EINVAL);
}
END_TEST

static void add_text(struct buf *to, const char *text)
{
	ck_assert_int_eq(buf_append_text(to, text), 0);
}

START_TEST(certificate_forms)
{
	CLEANUP(buf_deinit) struct buf pem = BUF_NULL, der = BUF_NULL, crl = BUF_NULL, mixed = BUF_NULL;
	CLEANUP(snp_certs_deinit) struct snp_certs certs;
	struct error error = ERROR_NULL;

	snp_certs_init(&certs);
	vectors_read("certs/ca/milan-vcek-chain.pem", &pem);
	vectors_read("certs/ca/milan-ask.der", &der);
	vectors_read("crls/genoa-20241023.der", &crl);
	ck_assert_int_eq(snp_certs_add(&certs, buf_view(&pem), &error), 0);
	ck_assert_uint_eq(certs.count, 2);
	ck_assert_int_eq(snp_certs_add(&certs, buf_view(&der), &error), 0); /* the same in DER counts once */
	ck_assert_uint_eq(certs.count, 2);
	ck_assert_int_eq(snp_certs_add(&certs, buf_view(&crl), &error), 0);
	ck_assert_uint_eq(certs.count, 3);
	ck_assert_int_eq(certs.items[2].kind, SNP_ITEM_CRL);
	add_text(&mixed, "subject=CN = somebody\n"); /* what openssl prints around PEM */
	ck_assert_int_eq(buf_append(&mixed, pem.data, pem.size), 0);
	add_text(&mixed, "\r\ntrailing words\n");
	ck_assert_int_eq(snp_certs_add(&certs, buf_view(&mixed), &error), 0);
	ck_assert_int_eq(buf_append(&der, crl.data, crl.size), 0); /* two DER objects, one behind the other */
	ck_assert_int_eq(snp_certs_add(&certs, buf_view(&der), &error), 0);
	ck_assert_uint_eq(certs.count, 3);
	ck_assert_str_eq(certs.bad_certificate, "");
	ck_assert_int_eq(snp_certs_add_crl(&certs, buf_view(&crl), &error), 0);
	ck_assert_int_eq(snp_certs_add_crl(&certs, buf_view(&pem), &error), SNP_CERTS_E_PARSE);
	ck_assert_str_ne(certs.bad_crl, "");
	ck_assert_str_eq(certs.bad_certificate, "");
}
END_TEST

START_TEST(certificate_rubbish)
{
	static const char *const texts[] = {"", "x", "-----BEGIN CERTIFICATE-----",
		"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n",
		"-----BEGIN PRIVATE KEY-----\nMAAwAA==\n-----END PRIVATE KEY-----\n", "0", "0\x80", "0\x81\x01x", "0\x84\xff\xff\xff\xff",
		"-----BEGIN "};

	for (size_t i = 0; i < ARRAY_SIZE(texts); i++) {
		CLEANUP(snp_certs_deinit) struct snp_certs certs;
		struct error error = ERROR_NULL;

		snp_certs_init(&certs);
		ck_assert_int_eq(snp_certs_add(&certs, bytes_of_text(texts[i]), &error), SNP_CERTS_E_PARSE);
		ck_assert_str_eq(error_text(&error), certs.bad_certificate);
		ck_assert_uint_eq(certs.count, 0);
	}
}
END_TEST

START_TEST(certificate_limits)
{
	CLEANUP(snp_certs_deinit) struct snp_certs certs;
	CLEANUP(buf_deinit) struct buf large = BUF_NULL;
	struct error error = ERROR_NULL;
	uint8_t der[6] = {0x30, 4, 0x30, 2, 5, 0};

	snp_certs_init(&certs);
	for (size_t i = 0; i < SNP_CERTS_MAX; i++) {
		der[5] = (uint8_t)i; /* whole from outside; that it is nothing will be found out later */
		ck_assert_int_eq(snp_certs_add(&certs, bytes_of(der, sizeof(der)), &error), 0);
	}
	der[5] = 255;
	ck_assert_int_eq(snp_certs_add(&certs, bytes_of(der, sizeof(der)), &error), SNP_CERTS_E_LIMIT);
	ck_assert_uint_eq(certs.count, SNP_CERTS_MAX);
	ck_assert_int_eq(buf_reserve(&large, SNP_CERTS_SIZE_MAX + 1), 0);
	memset(large.data, 0, SNP_CERTS_SIZE_MAX + 1);
	ck_assert_int_eq(snp_certs_add(&certs, bytes_of(large.data, SNP_CERTS_SIZE_MAX + 1), &error), SNP_CERTS_E_LIMIT);
}
END_TEST

START_TEST(table)
{
	static const uint8_t zeros[4096] = {0};
	struct snp_table_entry entries[SNP_TABLE_ENTRIES_MAX];
	CLEANUP(buf_deinit) struct buf data = BUF_NULL;
	struct error error = ERROR_NULL;
	size_t count = 0, veks = 0;

	ck_assert(snp_table_is_empty(bytes_of(NULL, 0)));
	ck_assert(snp_table_is_empty(bytes_of(zeros, sizeof(zeros))));
	vectors_read("certtables/veraison-genoa-9e37aaf8.bin", &data);
	ck_assert(!snp_table_is_empty(buf_view(&data)));
	ck_assert_int_eq(snp_table_read(buf_view(&data), entries, &count, &error), 0);
	for (size_t i = 0; i < count; i++)
		veks += entries[i].kind == SNP_TABLE_VCEK;
	ck_assert_uint_eq(veks, 1);
	ck_assert_str_eq(snp_table_kind_name(SNP_TABLE_VLEK), "VLEK");
	ck_assert_str_eq(snp_table_kind_name(SNP_TABLE_OTHER), "other");
	for (size_t size = 0; size < 200; size++) /* every cut of the header */
		ck_assert_int_eq(snp_table_read(bytes_of(data.data, size), entries, &count, &error), SNP_TABLE_E_MALFORMED);
}
END_TEST

START_TEST(crls)
{
	struct json_object *objects = vectors_objects();
	struct error error = ERROR_NULL;
	struct snp_crl_info info;
	size_t count = 0;

	for (size_t i = 0; i < json_object_array_length(objects); i++) {
		struct json_object *entry = json_object_array_get_idx(objects, i);
		CLEANUP(buf_deinit) struct buf der = BUF_NULL;

		if (strcmp(vectors_text(entry, "kind"), "crl") != 0)
			continue;
		vectors_read(vectors_text(entry, "file"), &der);
		ck_assert_int_eq(snp_crl_decode(buf_view(&der), &info, &error), 0);
		ck_assert_int_eq(strncmp(info.issuer, "ARK-", 4), 0);
		ck_assert_int_gt(info.next_update, info.this_update);
		ck_assert_int_eq(snp_crl_decode(bytes_of(der.data, der.size - 1), &info, &error), -EINVAL);
		count++;
	}
	ck_assert_uint_eq(count, 4);
	ck_assert_int_eq(snp_crl_decode(bytes_of_text("x"), &info, &error), -EINVAL);
}
END_TEST

START_TEST(report_sizes)
{
	static const size_t sizes[] = {0, 1, 672, 1183, 1185, 2368, 4000};
	uint8_t bytes[4000] = {0};
	struct snp_report report;

	for (size_t i = 0; i < ARRAY_SIZE(sizes); i++)
		ck_assert_int_eq(snp_report_decode(bytes_of(bytes, sizes[i]), &report), SNP_E_SIZE);
	ck_assert_int_eq(snp_report_decode(bytes_of(bytes, SNP_REPORT_SIZE), &report), 0);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("parts");
	TCase *all = tcase_create("all");
	SRunner *runner;
	int failed;

	(void)vectors_folder();
	tcase_add_test(all, products);
	tcase_add_test(all, tcbs);
	tcase_add_test(all, kds_names);
	tcase_add_test(all, pinned_roots);
	tcase_add_test(all, vek_integers);
	tcase_add_test(all, vek_texts);
	tcase_add_test(all, vek_hwids);
	tcase_add_test(all, vek_foreign);
	tcase_add_test(all, vek_decode);
	tcase_add_test(all, certificate_forms);
	tcase_add_test(all, certificate_rubbish);
	tcase_add_test(all, certificate_limits);
	tcase_add_test(all, table);
	tcase_add_test(all, crls);
	tcase_add_test(all, report_sizes);
	suite_add_tcase(suite, all);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? 1 : 0;
}
