/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* KBS evidence `az-snp-vtpm`, versions 0 (arrays of numbers, PEM), 1 and 2 (hex and base64url with padding, DER). */
#include "base/json.h"
#include "evidence/evidence.h"

/* 0, EVIDENCE_E_MALFORMED, -ENOMEM. The embedded report is cut out of the HCL report where there is one; judging that is tpm/hcl's. */
int kbs_azure_read(struct json_object *object, struct evidence *ret, struct error *error) MUST_CHECK;
/*
 * Version 2 where the evidence says so, else 1: the quote binds the nonce in every version, and 1 is taken by every supported Trustee. 0, EVIDENCE_E_MALFORMED (no VCEK),
 * -ENOMEM.
 */
int kbs_azure_write(const struct evidence *evidence, struct json_object **ret) MUST_CHECK;
