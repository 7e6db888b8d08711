/* SPDX-License-Identifier: Apache-2.0 */
#include "objects.h"

#include <check.h>
#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <string.h>

#include "base/text.h"

#define PCR_SIZE_MAX 64

static bool says_values(const char *check)
{
	static const char *const names[] = {"hcl.header", "hcl.runtime", "hcl.type", "hcl.binding", "quote.parse", "quote.magic", "quote.type", "quote.nonce",
		"quote.pcrs", "quote.pcr_digest", "quote.signer"};

	for (size_t i = 0; i < ARRAY_SIZE(names); i++)
		if (strcmp(names[i], check) == 0)
			return true;
	return false;
}

const char *tpm_outcome(bool passed, const struct verdict *verdict)
{
	const struct finding *failed = verdict_first_failed(verdict);

	ck_assert_int_eq(passed, verdict_ok(verdict));
	if (passed)
		return "yes";
	ck_assert_ptr_nonnull(failed);
	ck_assert_int_eq(verdict_exit(verdict), EXIT_EVIDENCE);
	ck_assert_ptr_nonnull(failed->why);
	ck_assert_ptr_nonnull(failed->fix);
	/* Where a value is wrong and not missing, both are said. */
	ck_assert_msg(!says_values(failed->check) || (failed->expected && failed->actual), "%s without expected and actual", failed->check);
	return failed->check;
}

void tpm_modulus(const char *file, uint8_t ret[static QUOTE_AK_SIZE])
{
	CLEANUP(buf_deinit) struct buf pem = BUF_NULL;
	EVP_PKEY *key;
	BIGNUM *n = NULL;
	BIO *bio;

	vectors_read(file, &pem);
	bio = BIO_new_mem_buf(pem.data, (int)pem.size);
	key = PEM_read_bio_PUBKEY(bio, NULL, NULL, NULL);
	ck_assert_ptr_nonnull(key);
	ck_assert_int_eq(EVP_PKEY_get_bn_param(key, OSSL_PKEY_PARAM_RSA_N, &n), 1);
	ck_assert_int_eq(BN_bn2binpad(n, ret, QUOTE_AK_SIZE), QUOTE_AK_SIZE);
	BN_free(n);
	EVP_PKEY_free(key);
	BIO_free(bio);
}

const char *tpm_run_hcl(struct json_object *entry, bool *ret_hcl)
{
	CLEANUP(verdict_deinit) struct verdict verdict = VERDICT_NULL, report_verdict = VERDICT_NULL;
	CLEANUP(vector_case_deinit) struct vector_case c;
	struct snp_verified verified;
	struct hcl hcl = {0};
	const char *got;

	vector_case_init(&c, entry);
	*ret_hcl = hcl_check(buf_view(&c.report), &hcl, &verdict);
	got = tpm_outcome(*ret_hcl, &verdict);
	if (!*ret_hcl)
		return got;
	c.input.report = hcl.report;
	ck_assert_int_eq(snp_verify(&c.input, &verified, &report_verdict), 0);
	return tpm_outcome(verdict_ok(&report_verdict), &report_verdict);
}

struct quote_case {
	struct buf message, signature, nonce, pcrs[QUOTE_PCRS];
	uint8_t modulus[QUOTE_AK_SIZE];
};

static void quote_case_deinit(struct quote_case *c)
{
	buf_deinit(&c->message);
	buf_deinit(&c->signature);
	buf_deinit(&c->nonce);
	for (size_t i = 0; i < QUOTE_PCRS; i++)
		buf_deinit(&c->pcrs[i]);
}

static void read_pcrs(const char *file, struct quote_case *c)
{
	CLEANUP(buf_deinit) struct buf text = BUF_NULL;
	JSON_AUTO root = NULL;

	vectors_read(file, &text);
	ck_assert_int_eq(json_read(buf_view(&text), &root, NULL), 0);
	json_object_object_foreach (json_get_object(root, "sha256"), index, value) {
		uint64_t i;

		ck_assert_int_eq(text_to_u64(index, QUOTE_PCRS - 1, false, &i), 0);
		ck_assert_int_eq(hex_decode_any(&c->pcrs[i], PCR_SIZE_MAX, json_object_get_string(value)), 0);
	}
}

const char *tpm_run_quote(struct json_object *entry, const char *nonce, const char *ak)
{
	return tpm_run_quote_of(entry, nonce, ak, false);
}

const char *tpm_run_quote_of(struct json_object *entry, const char *nonce, const char *ak, bool azure_ak)
{
	CLEANUP(verdict_deinit) struct verdict verdict = VERDICT_NULL;
	CLEANUP(quote_case_deinit) struct quote_case c = {0};
	struct quote_input input = {.ak_modulus = c.modulus, .azure_ak = azure_ak};

	vectors_read(vectors_text(entry, "file"), &c.message);
	vectors_read(vectors_text(entry, "signature"), &c.signature);
	if (vectors_text(entry, "pcrs"))
		read_pcrs(vectors_text(entry, "pcrs"), &c);
	ck_assert_ptr_nonnull(nonce);
	if (nonce[0])
		ck_assert_int_eq(hex_decode_any(&c.nonce, 64, nonce), 0);
	tpm_modulus(ak, c.modulus);
	input.message = buf_view(&c.message);
	input.signature = buf_view(&c.signature);
	input.nonce = buf_view(&c.nonce);
	for (size_t i = 0; i < QUOTE_PCRS; i++)
		input.pcrs[i] = buf_view(&c.pcrs[i]);
	return tpm_outcome(quote_check(&input, &verdict), &verdict);
}
