/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A quote: mode (u8), map of the PCRs that are given (u24, little endian), size of a nonce (u8), signature size (u16), modulus, nonce, signature, message.
 * Mode 1: a nonce is demanded. 2: the message is signed here, with a key made for it, so that what lies behind the signature is reached. 4: its last 32 bytes
 * become the digest of the PCRs that are given. 8: the given PCRs have 31 bytes.
 *
 * planted: reader read_attest
 */
#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <openssl/rsa.h>

#include "base/crypto.h"
#include "fuzz.h"
#include "tpm/quote.h"

enum { MODE_NONCE = 1, MODE_SIGN = 2, MODE_DIGEST = 4, MODE_SHORT = 8 };

static EVP_PKEY *key;
static uint8_t key_modulus[QUOTE_AK_SIZE];
static const uint8_t pcr[QUOTE_PCR_SIZE];

static void set_up(void)
{
	BIGNUM *n = NULL;

	if (key)
		return;
	key = EVP_RSA_gen(8 * QUOTE_AK_SIZE);
	if (!key || EVP_PKEY_get_bn_param(key, OSSL_PKEY_PARAM_RSA_N, &n) != 1 || BN_bn2binpad(n, key_modulus, QUOTE_AK_SIZE) < 0)
		abort();
	BN_free(n);
}

static void sign(struct bytes message, uint8_t ret[static QUOTE_AK_SIZE])
{
	EVP_PKEY_CTX *context = EVP_PKEY_CTX_new(key, NULL);
	uint8_t digest[SHA256_SIZE];
	size_t size = QUOTE_AK_SIZE;

	if (!context || sha256(digest, message) || EVP_PKEY_sign_init(context) != 1 || EVP_PKEY_CTX_set_rsa_padding(context, RSA_PKCS1_PADDING) != 1 ||
		EVP_PKEY_CTX_set_signature_md(context, EVP_sha256()) != 1 || EVP_PKEY_sign(context, ret, &size, digest, sizeof(digest)) != 1)
		abort();
	EVP_PKEY_CTX_free(context);
}

static void set_digest(struct bytes message, uint32_t map)
{
	uint8_t values[QUOTE_PCRS * QUOTE_PCR_SIZE] = {0};
	size_t count = 0;

	for (size_t i = 0; i < QUOTE_PCRS; i++)
		count += map >> i & 1;
	if (message.size >= SHA256_SIZE && sha256((uint8_t *)(uintptr_t)message.data + message.size - SHA256_SIZE, bytes_of(values, count * QUOTE_PCR_SIZE)))
		abort();
}

static void check(struct quote_input *input, uint8_t mode, uint32_t map)
{
	struct verdict verdict = VERDICT_NULL;
	uint8_t signature[QUOTE_AK_SIZE];

	for (size_t i = 0; i < QUOTE_PCRS; i++)
		if (map >> i & 1)
			input->pcrs[i] = bytes_of(pcr, mode & MODE_SHORT ? QUOTE_PCR_SIZE - 1 : QUOTE_PCR_SIZE);
	if (mode & MODE_DIGEST)
		set_digest(input->message, map);
	if (mode & MODE_SIGN) {
		sign(input->message, signature);
		input->ak_modulus = key_modulus;
		input->signature = bytes_of(signature, sizeof(signature));
	}
	(void)quote_check(input, &verdict);
	verdict_deinit(&verdict);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct quote_input input = {.any_nonce = true};
	struct bytes rest = bytes_of(data, size), modulus;
	size_t signature_size, nonce_size;
	uint32_t map;
	uint8_t mode = fuzz_u8(&rest);

	set_up();
	map = fuzz_u16(&rest);
	map |= (uint32_t)fuzz_u8(&rest) << 16;
	nonce_size = fuzz_u8(&rest);
	signature_size = fuzz_u16(&rest);
	modulus = fuzz_take(&rest, QUOTE_AK_SIZE);
	if (modulus.size < QUOTE_AK_SIZE)
		return 0;
	input.any_nonce = !(mode & MODE_NONCE);
	input.ak_modulus = modulus.data;
	input.nonce = fuzz_take(&rest, nonce_size);
	input.signature = fuzz_take(&rest, signature_size);
	input.message = fuzz_copy(rest);
	check(&input, mode, map);
	fuzz_free(input.message);
	return 0;
}
