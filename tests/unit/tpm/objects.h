/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* How an HCL report or a quote of the vectors is judged: the check that failed first, or "yes". Everything asserts. */
#include "../snp/vectors.h"
#include "tpm/hcl.h"
#include "tpm/quote.h"

/* `passed` is what the function under test returned. */
const char *tpm_outcome(bool passed, const struct verdict *verdict);
/* The modulus of a public key in PEM. */
void tpm_modulus(const char *file, uint8_t ret[static QUOTE_AK_SIZE]);
/* An HCL report that passes has its hardware report verified as well. */
const char *tpm_run_hcl(struct json_object *entry, bool *ret_hcl);
/* `nonce` in hex, `ak` a file of the vectors. */
const char *tpm_run_quote(struct json_object *entry, const char *nonce, const char *ak);
/* `azure_ak`: the AK must be the paravisor's. */
const char *tpm_run_quote_of(struct json_object *entry, const char *nonce, const char *ak, bool azure_ak);
