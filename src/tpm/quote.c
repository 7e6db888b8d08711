/* SPDX-License-Identifier: Apache-2.0 */
#include "tpm/quote.h"

#include <errno.h>
#include <inttypes.h>
#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/param_build.h>
#include <openssl/rsa.h>
#include <string.h>

#include "base/crypto.h"
#include "base/text.h"
#include "tpm/row.h"

#define MAGIC 0xff544347U
#define TYPE_QUOTE 0x8018
#define ALG_SHA256 0x000b
#define TPM2B_MAX 128      /* names and nonces have at most 66 bytes */
#define SELECTIONS_MAX 16  /* banks that a TPM could have */
#define BITMAP_MAX 8
#define CLOCK_INFO_SIZE 17 /* clock, resetCount, restartCount, safe */

const char *const quote_check_names[] = {"quote.parse", "quote.magic", "quote.type", "quote.signature", "quote.nonce", "quote.selection", "quote.pcrs",
	"quote.pcr_digest", "quote.signer", NULL};

#define FIX_AGAIN "quote again in the VM with its attestation key; if it fails again, do not trust the sender"

/* What to do when the check of the same place fails. */
static const char *const fixes[] = {
	"send the TPMS_ATTEST as the TPM gave it, without its size in front and nothing behind",
	FIX_AGAIN,
	"send the answer of TPM2_Quote, not that of another command",
	FIX_AGAIN,
	"ask for a nonce, quote over exactly that one, and send it while it is valid",
	"quote PCRs of the SHA-256 bank only, all those whose values are sent",
	"send the PCR values of the SHA-256 bank, 32 bytes each",
	"read the PCRs again and quote at once: one was extended in between, or the values were altered",
	"quote with the attestation key that the paravisor made (81000003h), not with one of your own",
};

struct attest {
	uint32_t magic;
	uint16_t type;
	struct bytes signer, extra_data, pcr_digest;
	uint32_t selections, selected; /* number of banks; bit map of the first */
	uint16_t bank;
	bool header_good, body_good;
};

static struct bytes read_tpm2b(struct reader *r)
{
	uint16_t size = reader_u16be(r);

	if (size > TPM2B_MAX)
		reader_fail(r);
	return reader_bytes(r, size);
}

static void read_selections(struct reader *r, struct attest *to)
{
	to->selections = reader_u32be(r);
	if (to->selections > SELECTIONS_MAX)
		reader_fail(r);
	for (uint32_t i = 0; reader_ok(r) && i < to->selections; i++) {
		uint16_t bank = reader_u16be(r);
		uint8_t size = reader_u8(r);
		struct bytes bitmap = reader_bytes(r, size);

		if (size > BITMAP_MAX)
			reader_fail(r);
		if (i > 0)
			continue;
		to->bank = bank;
		for (size_t b = 0; b < bitmap.size && b < 4; b++)
			to->selected |= (uint32_t)bitmap.data[b] << (8 * b);
		/* A PCR past 31 does not exist. */
		if (bitmap.size > 4 && !bytes_all_zero(bitmap.data + 4, bitmap.size - 4))
			reader_fail(r);
	}
}

static void read_attest(struct bytes input, struct attest *to)
{
	struct reader r;

	reader_init(&r, input);
	to->magic = reader_u32be(&r);
	to->type = reader_u16be(&r);
	to->header_good = reader_ok(&r);
	if (to->type != TYPE_QUOTE)
		return;
	to->signer = read_tpm2b(&r); /* qualifiedSigner */
	to->extra_data = read_tpm2b(&r);
	reader_skip(&r, CLOCK_INFO_SIZE);
	reader_skip(&r, 8); /* firmwareVersion */
	read_selections(&r, to);
	to->pcr_digest = read_tpm2b(&r);
	to->body_good = reader_done(&r);
}

static void pkey_freep(EVP_PKEY **key)
{
	EVP_PKEY_free(*key);
}

static void pkey_context_freep(EVP_PKEY_CTX **context)
{
	EVP_PKEY_CTX_free(*context);
}

static EVP_PKEY *make_ak(const uint8_t modulus[static QUOTE_AK_SIZE])
{
	CLEANUP(pkey_context_freep) EVP_PKEY_CTX *context = EVP_PKEY_CTX_new_from_name(NULL, "RSA", NULL);
	OSSL_PARAM_BLD *builder = OSSL_PARAM_BLD_new();
	BIGNUM *n = BN_bin2bn(modulus, QUOTE_AK_SIZE, NULL);
	OSSL_PARAM *params = NULL;
	EVP_PKEY *key = NULL;

	if (builder && n && OSSL_PARAM_BLD_push_BN(builder, OSSL_PKEY_PARAM_RSA_N, n) == 1 &&
		OSSL_PARAM_BLD_push_ulong(builder, OSSL_PKEY_PARAM_RSA_E, 65537) == 1)
		params = OSSL_PARAM_BLD_to_param(builder);
	if (context && params && EVP_PKEY_fromdata_init(context) == 1)
		(void)EVP_PKEY_fromdata(context, &key, EVP_PKEY_PUBLIC_KEY, params);
	OSSL_PARAM_free(params);
	BN_free(n);
	OSSL_PARAM_BLD_free(builder);
	return key;
}

static bool judge_signature(const struct quote_input *input, struct row_fault *fault)
{
	CLEANUP(pkey_freep) EVP_PKEY *key = make_ak(input->ak_modulus);
	CLEANUP(pkey_context_freep) EVP_PKEY_CTX *context = key ? EVP_PKEY_CTX_new(key, NULL) : NULL;
	uint8_t digest[SHA256_SIZE];
	bool good;

	if (input->signature.size != QUOTE_AK_SIZE)
		return row_differs(fault, "the signature has not 256 bytes", "256", "%zu", input->signature.size);
	good = context && sha256(digest, input->message) == 0 && EVP_PKEY_verify_init(context) == 1 &&
	       EVP_PKEY_CTX_set_rsa_padding(context, RSA_PKCS1_PADDING) == 1 && EVP_PKEY_CTX_set_signature_md(context, EVP_sha256()) == 1 &&
	       EVP_PKEY_verify(context, input->signature.data, input->signature.size, digest, sizeof(digest)) == 1;
	ERR_clear_error();
	return good || row_fails(fault, "the attestation key of the hardware-bound claims did not sign it");
}

static bool judge_selection(const struct quote_input *input, const struct attest *attest, struct row_fault *fault)
{
	if (attest->selections != 1 || attest->bank != ALG_SHA256)
		return row_differs(fault, "it does not select exactly one bank, SHA-256", "1 bank, algorithm 000b", "%" PRIu32 " banks, the first of algorithm %04x",
			attest->selections, attest->bank);
	if (attest->selected == 0)
		return row_fails(fault, "it selects no PCR");
	for (size_t i = 0; i < QUOTE_PCRS; i++)
		if (input->pcrs[i].size && !(attest->selected >> i & 1))
			return row_differs(fault, "a PCR value is given that the quote does not cover", "values of quoted PCRs only", "PCR %zu", i);
	return true;
}

static bool judge_pcrs(const struct quote_input *input, struct row_fault *fault)
{
	for (size_t i = 0; i < QUOTE_PCRS; i++)
		if (input->pcrs[i].size && input->pcrs[i].size != QUOTE_PCR_SIZE)
			return row_differs(fault, "a PCR value has not 32 bytes", "32", "PCR %zu has %zu", i, input->pcrs[i].size);
	return true;
}

/* With both as hexadecimal digits; the TPM's may be of any size up to a TPM2B's. */
static bool digests_differ(struct row_fault *fault, const char *why, const uint8_t *expected, size_t size, struct bytes actual)
{
	char expected_hex[2 * QUOTE_NAME_SIZE + 1], actual_hex[2 * TPM2B_MAX + 1];

	hex_encode(expected_hex, expected, size);
	hex_encode(actual_hex, actual.data, actual.size < TPM2B_MAX ? actual.size : TPM2B_MAX);
	return row_differs(fault, why, expected_hex, "%s", actual.size ? actual_hex : "nothing");
}

/* The digest is over the selected values in the order of their indexes, never in the order in which somebody sent them. */
static bool judge_digest(const struct quote_input *input, const struct attest *attest, struct row_fault *fault)
{
	CLEANUP(buf_deinit) struct buf values = BUF_NULL;
	uint8_t digest[SHA256_SIZE];

	for (size_t i = 0; i < 32; i++) {
		if (!(attest->selected >> i & 1))
			continue;
		if (i >= QUOTE_PCRS || input->pcrs[i].size == 0)
			return row_differs(fault, "a PCR is selected whose value is not given", "the value of every quoted PCR", "none of PCR %zu", i);
		if (buf_append(&values, input->pcrs[i].data, input->pcrs[i].size) < 0)
			return row_fails(fault, "no memory");
	}
	if (sha256(digest, buf_view(&values)) < 0)
		return row_fails(fault, "the hash could not be computed");
	return bytes_equal(attest->pcr_digest, bytes_of(digest, sizeof(digest))) ||
	       digests_differ(fault, "the PCR values are not those that were quoted", digest, sizeof(digest), attest->pcr_digest);
}

/*
 * TPMT_PUBLIC up to the modulus: RSA, name by SHA-256; fixedTPM, fixedParent, sensitiveDataOrigin, userWithAuth, noDA, restricted, sign; no policy; no symmetric
 * cipher; RSASSA with SHA-256; 2048 bits, exponent 65537 (written as 0).
 */
static const uint8_t ak_template[] = {0x00, 0x01, 0x00, 0x0b, 0x00, 0x05, 0x04, 0x72, 0x00, 0x00, 0x00, 0x10, 0x00, 0x14, 0x00, 0x0b, 0x08, 0x00, 0x00, 0x00, 0x00,
	0x00, 0x01, 0x00};
static const uint8_t endorsement_hierarchy[] = {0x40, 0x00, 0x00, 0x0b};

/* nameAlg and the hash of what is in `of`. */
static int name_of(const struct buf *of, uint8_t ret[static QUOTE_NAME_SIZE])
{
	ret[0] = 0;
	ret[1] = ALG_SHA256;
	return sha256(ret + 2, buf_view(of));
}

int quote_azure_signer(const uint8_t modulus[static QUOTE_AK_SIZE], uint8_t ret[static QUOTE_NAME_SIZE])
{
	CLEANUP(buf_deinit) struct buf public = BUF_NULL, qualified = BUF_NULL;
	uint8_t name[QUOTE_NAME_SIZE];

	if (buf_append(&public, ak_template, sizeof(ak_template)) < 0 || buf_append(&public, modulus, QUOTE_AK_SIZE) < 0 || name_of(&public, name) < 0 ||
		buf_append(&qualified, endorsement_hierarchy, sizeof(endorsement_hierarchy)) < 0 || buf_append(&qualified, name, sizeof(name)) < 0 ||
		name_of(&qualified, ret) < 0)
		return -EIO;
	return 0;
}

static bool judge_signer(const struct quote_input *input, const struct attest *attest, struct row_fault *fault)
{
	uint8_t name[QUOTE_NAME_SIZE];

	if (quote_azure_signer(input->ak_modulus, name) < 0)
		return row_fails(fault, "the name of the attestation key could not be computed");
	return bytes_equal(attest->signer, bytes_of(name, sizeof(name))) ||
	       digests_differ(fault, "its signer is not the restricted key that the paravisor makes in the endorsement hierarchy", name, sizeof(name), attest->signer);
}

static bool judge_parse(const struct quote_input *input, const struct attest *attest, struct row_fault *fault)
{
	bool is_quote = attest->magic == MAGIC && attest->type == TYPE_QUOTE;

	/* Another structure has another body: that is said by magic and type, not by parse. */
	if (attest->header_good && (attest->body_good || !is_quote))
		return true;
	return row_differs(fault, "it is no TPMS_ATTEST, or bytes follow it", "a whole TPMS_ATTEST and nothing else", "%zu bytes that do not read as one",
		input->message.size);
}

static bool judge_magic(const struct attest *attest, struct row_fault *fault)
{
	return attest->magic == MAGIC || row_differs(fault, "no TPM made it: the magic is not FF544347h", "ff544347", "%08" PRIx32, attest->magic);
}

static bool judge_attest_type(const struct attest *attest, struct row_fault *fault)
{
	return attest->type == TYPE_QUOTE || row_differs(fault, "it attests something else than PCRs", "8018, TPM_ST_ATTEST_QUOTE", "%04x", attest->type);
}

static bool judge_nonce(const struct quote_input *input, const struct attest *attest, struct row_fault *fault)
{
	char expected[2 * TPM2B_MAX + 1], actual[2 * TPM2B_MAX + 1];

	if (bytes_equal(attest->extra_data, input->nonce))
		return true;
	hex_encode(expected, input->nonce.data, input->nonce.size < TPM2B_MAX ? input->nonce.size : TPM2B_MAX);
	hex_encode(actual, attest->extra_data.data, attest->extra_data.size < TPM2B_MAX ? attest->extra_data.size : TPM2B_MAX);
	return row_differs(fault, "it is over another nonce: a replay, or another session's", input->nonce.size ? expected : "none", "%s", attest->extra_data.size ? actual : "none");
}

static bool settle(struct verdict *verdict, size_t index, bool good, const struct row_fault *fault)
{
	static const struct rows rows = {quote_check_names, fixes, "the quote"};

	return rows_settle(&rows, verdict, index, good, fault);
}

/* A caller who names no nonce learns what was quoted, not when. */
static bool settle_nonce(const struct quote_input *input, const struct attest *attest, struct verdict *verdict, struct row_fault *fault)
{
	if (!input->any_nonce)
		return settle(verdict, 4, judge_nonce(input, attest, fault), fault);
	verdict_skip(verdict, quote_check_names[4], FINDING_ADVICE, "NOT CHECKED: nothing was said that the quote must be over, so this may be a replay");
	return true;
}

bool quote_check(const struct quote_input *input, struct verdict *verdict)
{
	struct row_fault fault = {.why = NULL};
	struct attest attest = {0};

	read_attest(input->message, &attest);
	return settle(verdict, 0, judge_parse(input, &attest, &fault), &fault) && settle(verdict, 1, judge_magic(&attest, &fault), &fault) &&
	       settle(verdict, 2, judge_attest_type(&attest, &fault), &fault) && settle(verdict, 3, judge_signature(input, &fault), &fault) &&
	       settle_nonce(input, &attest, verdict, &fault) && settle(verdict, 5, judge_selection(input, &attest, &fault), &fault) &&
	       settle(verdict, 6, judge_pcrs(input, &fault), &fault) && settle(verdict, 7, judge_digest(input, &attest, &fault), &fault) &&
	       (!input->azure_ak || settle(verdict, 8, judge_signer(input, &attest, &fault), &fault));
}
