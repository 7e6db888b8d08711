/* SPDX-License-Identifier: Apache-2.0 */
#include "tpm/quote.h"

#include <errno.h>
#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/param_build.h>
#include <openssl/rsa.h>
#include <string.h>

#include "base/crypto.h"
#include "base/hooks.h"

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

static const char *judge_signature(const struct quote_input *input)
{
	CLEANUP(pkey_freep) EVP_PKEY *key = make_ak(input->ak_modulus);
	CLEANUP(pkey_context_freep) EVP_PKEY_CTX *context = key ? EVP_PKEY_CTX_new(key, NULL) : NULL;
	uint8_t digest[SHA256_SIZE];
	bool good;

	if (input->signature.size != QUOTE_AK_SIZE)
		return "the signature has not 256 bytes";
	good = context && sha256(digest, input->message) == 0 && EVP_PKEY_verify_init(context) == 1 &&
	       EVP_PKEY_CTX_set_rsa_padding(context, RSA_PKCS1_PADDING) == 1 && EVP_PKEY_CTX_set_signature_md(context, EVP_sha256()) == 1 &&
	       EVP_PKEY_verify(context, input->signature.data, input->signature.size, digest, sizeof(digest)) == 1;
	ERR_clear_error();
	return good ? NULL : "the attestation key of the hardware-bound claims did not sign it";
}

static const char *judge_selection(const struct quote_input *input, const struct attest *attest)
{
	if (attest->selections != 1 || attest->bank != ALG_SHA256)
		return "it does not select exactly one bank, SHA-256";
	if (attest->selected == 0)
		return "it selects no PCR";
	for (size_t i = 0; i < QUOTE_PCRS; i++)
		if (input->pcrs[i].size && !(attest->selected >> i & 1))
			return "a PCR value is given that the quote does not cover";
	return NULL;
}

static const char *judge_pcrs(const struct quote_input *input)
{
	for (size_t i = 0; i < QUOTE_PCRS; i++)
		if (input->pcrs[i].size && input->pcrs[i].size != QUOTE_PCR_SIZE)
			return "a PCR value has not 32 bytes";
	return NULL;
}

/* The digest is over the selected values in the order of their indexes, never in the order in which somebody sent them. */
static const char *judge_digest(const struct quote_input *input, const struct attest *attest)
{
	CLEANUP(buf_deinit) struct buf values = BUF_NULL;
	uint8_t digest[SHA256_SIZE];

	for (size_t i = 0; i < 32; i++) {
		if (!(attest->selected >> i & 1))
			continue;
		if (i >= QUOTE_PCRS || input->pcrs[i].size == 0)
			return "a PCR is selected whose value is not given";
		if (buf_append(&values, input->pcrs[i].data, input->pcrs[i].size) < 0)
			return "no memory";
	}
	if (sha256(digest, buf_view(&values)) < 0 || !bytes_equal(attest->pcr_digest, bytes_of(digest, sizeof(digest))))
		return "the PCR values are not those that were quoted";
	return NULL;
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

static const char *judge_signer(const struct quote_input *input, const struct attest *attest)
{
	uint8_t name[QUOTE_NAME_SIZE];

	if (quote_azure_signer(input->ak_modulus, name) < 0)
		return "the name of the attestation key could not be computed";
	if (!bytes_equal(attest->signer, bytes_of(name, sizeof(name))))
		return "its signer is not the restricted key that the paravisor makes in the endorsement hierarchy";
	return NULL;
}

static bool settle(struct verdict *verdict, size_t index, const char *why)
{
	if (!why || hook_disabled(quote_check_names[index])) {
		verdict_pass(verdict, quote_check_names[index], FINDING_EVIDENCE);
		return true;
	}
	verdict_fail(verdict, quote_check_names[index], FINDING_EVIDENCE, "the quote cannot be used: %s", why);
	finding_fix(verdict_last(verdict), "%s", fixes[index]);
	for (size_t i = index + 1; quote_check_names[i]; i++)
		verdict_skip(verdict, quote_check_names[i], FINDING_EVIDENCE, "not reached: %s failed", quote_check_names[index]);
	return false;
}

/* A caller who names no nonce learns what was quoted, not when. */
static bool settle_nonce(const struct quote_input *input, const struct attest *attest, struct verdict *verdict)
{
	if (!input->any_nonce)
		return settle(verdict, 4, bytes_equal(attest->extra_data, input->nonce) ? NULL : "it is over another nonce: a replay, or another session's");
	verdict_skip(verdict, quote_check_names[4], FINDING_ADVICE, "NOT CHECKED: nothing was said that the quote must be over, so this may be a replay");
	return true;
}

bool quote_check(const struct quote_input *input, struct verdict *verdict)
{
	struct attest attest = {0};
	bool readable, is_quote;

	read_attest(input->message, &attest);
	is_quote = attest.magic == MAGIC && attest.type == TYPE_QUOTE;
	/* Another structure has another body: that is said by magic and type, not by parse. */
	readable = attest.header_good && (attest.body_good || !is_quote);
	return settle(verdict, 0, readable ? NULL : "it is no TPMS_ATTEST, or bytes follow it") &&
	       settle(verdict, 1, attest.magic == MAGIC ? NULL : "no TPM made it: the magic is not FF544347h") &&
	       settle(verdict, 2, attest.type == TYPE_QUOTE ? NULL : "it attests something else than PCRs") && settle(verdict, 3, judge_signature(input)) &&
	       settle_nonce(input, &attest, verdict) && settle(verdict, 5, judge_selection(input, &attest)) && settle(verdict, 6, judge_pcrs(input)) &&
	       settle(verdict, 7, judge_digest(input, &attest)) && (!input->azure_ak || settle(verdict, 8, judge_signer(input, &attest)));
}
