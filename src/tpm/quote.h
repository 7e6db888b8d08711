/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* A TPM 2.0 quote: TPMS_ATTEST (TPM 2.0 part 2, 10.12.12) signed with RSASSA-PKCS1-v1_5 and SHA-256 by an attestation key, over PCRs of the SHA-256 bank. */
#include <stdint.h>

#include "base/bytes.h"
#include "base/finding.h"

#define QUOTE_PCRS 24
#define QUOTE_PCR_SIZE 32
#define QUOTE_AK_SIZE 256 /* RSA-2048, e = 65537 */
#define QUOTE_NAME_SIZE 34 /* of a key: algorithm and SHA-256 */

struct quote_input {
	struct bytes message;                   /* TPMS_ATTEST as marshalled */
	struct bytes signature;                 /* raw, 256 bytes */
	struct bytes pcrs[QUOTE_PCRS];          /* values by index; an empty view: not given */
	const uint8_t *ak_modulus;              /* QUOTE_AK_SIZE bytes, big endian */
	struct bytes nonce;                     /* qualifyingData must be exactly this, also when it is empty */
	bool azure_ak;                          /* the AK must be what the paravisor makes: quote.signer is judged as well */
	bool any_nonce;                         /* nobody said which: quote.nonce is `not checked`, and the quote may be a replay */
};

/* The checks of quote_check() in their order, NULL at the end. */
extern const char *const quote_check_names[];

/*
 * The findings quote.parse, magic, type, signature, nonce, selection, pcrs, pcr_digest; after the first failure the others are `not checked`. The selection must be one
 * bank, SHA-256, and cover every PCR given: a value outside the signed selection is nobody's word. With azure_ak quote.signer follows: qualifiedSigner must be the
 * name of a restricted signing key with this modulus that is a primary of the endorsement hierarchy, so it signs nothing but what the TPM itself made.
 */
bool quote_check(const struct quote_input *input, struct verdict *verdict);

/* The qualified name (TPM 2.0 part 1, 16) of the AK that Azure's paravisor makes, for a modulus. 0, -EIO. */
int quote_azure_signer(const uint8_t modulus[static QUOTE_AK_SIZE], uint8_t ret[static QUOTE_NAME_SIZE]) MUST_CHECK;
