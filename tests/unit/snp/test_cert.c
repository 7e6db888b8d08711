/* SPDX-License-Identifier: Apache-2.0 */
/* Our reader of certificates against OpenSSL's: every certificate of the vectors, and seeded flips, cuts and splices of a chain for each product. */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "snp/cert.h"
#include "vectors.h"
#include "x509_agrees.h"

#define CERTIFICATES_MAX 512
#define CERTIFICATES_MIN 100 /* so many different ones the vectors have at least */
#define FLIPS 2000
#define SEED 20260601u

static struct buf certificates[CERTIFICATES_MAX];
static size_t certificate_count;

static uint32_t next_random(uint32_t *state)
{
	*state = *state * 1664525u + 1013904223u;
	return *state >> 8;
}

static void collect(const char *file)
{
	CLEANUP(buf_deinit) struct buf data = BUF_NULL;
	CLEANUP(snp_certs_deinit) struct snp_certs certs;

	snp_certs_init(&certs);
	vectors_read(file, &data);
	(void)!snp_certs_add(&certs, buf_view(&data), NULL);
	for (size_t i = 0; i < certs.count; i++) {
		bool known = certs.items[i].kind != SNP_ITEM_CERTIFICATE;

		for (size_t j = 0; j < certificate_count && !known; j++)
			known = bytes_equal(buf_view(&certificates[j]), certs.items[i].der);
		if (known)
			continue;
		ck_assert_uint_lt(certificate_count, CERTIFICATES_MAX);
		ck_assert_int_eq(buf_append(&certificates[certificate_count++], certs.items[i].der.data, certs.items[i].der.size), 0);
	}
}

static void collect_all(void)
{
	struct json_object *objects = vectors_objects();

	for (size_t i = 0; i < json_object_array_length(objects); i++) {
		struct json_object *entry = json_object_array_get_idx(objects, i), *list = json_get_array(entry, "certs");
		const char *kind = vectors_text(entry, "kind");

		for (size_t j = 0; list && j < json_object_array_length(list); j++)
			collect(json_object_get_string(json_object_array_get_idx(list, j)));
		if (strcmp(kind, "ca-certificate") == 0 || strcmp(kind, "ca-chain") == 0)
			collect(vectors_text(entry, "file"));
	}
}

static size_t outcomes[3];

static void agree(struct bytes der, const char *what, size_t number)
{
	enum x509_agreement agreement;
	const char *difference = x509_disagree(der, &agreement);

	ck_assert_msg(!difference, "%s %zu: %s", what, number, difference);
	outcomes[agreement]++;
}

START_TEST(as_they_are)
{
	collect_all();
	for (size_t i = 0; i < certificate_count; i++)
		agree(buf_view(&certificates[i]), "certificate", i);
	(void)printf("%zu certificates: both read %zu, only OpenSSL %zu, neither %zu\n", certificate_count, outcomes[X509_BOTH],
		outcomes[X509_OURS_REFUSES], outcomes[X509_BOTH_REFUSE]);
	ck_assert_uint_ge(certificate_count, CERTIFICATES_MIN);
	ck_assert_uint_ge(outcomes[X509_BOTH] + 10, certificate_count);
}
END_TEST

/* Flip, cut or overwrite with a piece of itself. */
static void spoil(struct buf *der, const struct buf *original, uint32_t *state)
{
	size_t at = next_random(state) % original->size, from = next_random(state) % original->size;
	size_t size = 1 + next_random(state) % 8;

	memcpy(der->data, original->data, original->size);
	der->size = original->size;
	switch (next_random(state) % 8) {
	case 0:
		der->size = at;
		break;
	case 1:
		for (size_t i = 0; i < size && at + i < der->size && from + i < original->size; i++)
			der->data[at + i] = original->data[from + i];
		break;
	default:
		der->data[at] ^= (uint8_t)(1U << next_random(state) % 8);
	}
}

START_TEST(spoiled)
{
	static const char *const files[] = {"certs/v3-milan-vcek-vmpl0-azure-cvm-14fd2b6e.vcek.der", "certs/ca/milan-ask.der", "certs/ca/milan-ark.der",
		"certs/v5-turin-vcek-vmpl0-other-56b3ee54.vcek.der", "certs/ca/genoa-ask.der", "certs/v3-milan-vlek-vmpl1-aws-decdab94.vlek.der"};
	CLEANUP(buf_deinit) struct buf original = BUF_NULL, der = BUF_NULL;
	uint32_t state = SEED + (uint32_t)_i;

	memset(outcomes, 0, sizeof(outcomes));
	vectors_read(files[_i], &original);
	ck_assert_int_eq(buf_reserve(&der, original.size), 0);
	for (size_t i = 0; i < FLIPS; i++) {
		spoil(&der, &original, &state);
		agree(buf_view(&der), files[_i], i);
	}
	(void)printf("%s, %d spoiled, seed %u: both read %zu, only OpenSSL %zu, neither %zu\n", files[_i], FLIPS, SEED + (uint32_t)_i,
		outcomes[X509_BOTH], outcomes[X509_OURS_REFUSES], outcomes[X509_BOTH_REFUSE]);
	ck_assert_uint_gt(outcomes[X509_BOTH], FLIPS / 4);
	ck_assert_uint_gt(outcomes[X509_BOTH_REFUSE], FLIPS / 20);
}
END_TEST

/* The certificates of every genuine chain are signed by each other, by our lights and by OpenSSL's; one bit of the signature changes both. */
START_TEST(signatures)
{
	static const char *const pairs[][2] = {{"milan-ask", "milan-ark"}, {"milan-asvk", "milan-ark"}, {"genoa-ask", "genoa-ark"},
		{"genoa-asvk", "genoa-ark"}, {"turin-ask", "turin-ark"}, {"turin-asvk", "turin-ark"}, {"milan-ark", "milan-ark"}};
	CLEANUP(buf_deinit) struct buf child = BUF_NULL, issuer = BUF_NULL;
	struct snp_cert a, b;
	char path[64];

	(void)snprintf(path, sizeof(path), "certs/ca/%s.der", pairs[_i][0]);
	vectors_read(path, &child);
	(void)snprintf(path, sizeof(path), "certs/ca/%s.der", pairs[_i][1]);
	vectors_read(path, &issuer);
	ck_assert_int_eq(snp_cert_parse(buf_view(&child), &a), 0);
	ck_assert_int_eq(snp_cert_parse(buf_view(&issuer), &b), 0);
	ck_assert(snp_cert_named_issuer(&a, &b));
	ck_assert(snp_cert_signed_by(&a, &b));
	ck_assert(_i == 6 || !snp_cert_signed_by(&b, &a));
	child.data[child.size - 1] ^= 1;
	ck_assert(!snp_cert_signed_by(&a, &b));
	child.data[child.size - 1] ^= 1;
	child.data[64] ^= 1; /* in what is signed */
	ck_assert(!snp_cert_signed_by(&a, &b));
}
END_TEST

START_TEST(oid_texts)
{
	static const struct {
		const char *octets, *text;
		size_t size;
	} rows[] = {{"\x2b\x06\x01\x04\x01\x9c\x78\x01\x04", "1.3.6.1.4.1.3704.1.4", 9}, {"\x55\x1d\x13", "2.5.29.19", 3}, {"\x00", "0.0", 1},
		{"\x88\x37", "2.999", 2}, {"\x78", "2.40", 1}};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		char text[DER_OID_TEXT_MAX];

		der_oid_text(text, bytes_of(rows[i].octets, rows[i].size));
		ck_assert_str_eq(text, rows[i].text);
	}
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("cert");
	TCase *all = tcase_create("all");
	SRunner *runner;
	int failed;

	(void)vectors_folder();
	tcase_set_timeout(all, 100);
	tcase_add_test(all, as_they_are);
	tcase_add_loop_test(all, spoiled, 0, 6);
	tcase_add_loop_test(all, signatures, 0, 7);
	tcase_add_test(all, oid_texts);
	suite_add_tcase(suite, all);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? 1 : 0;
}
