/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* KBS evidence `snp`: the report as the serde form of virtee's struct (every byte array an array of numbers), and the certificate chain. */
#include "base/json.h"
#include "evidence/evidence.h"

/* Rebuilds the 1184 bytes; what the JSON has no member for becomes zero, as at the sender. 0, EVIDENCE_E_MALFORMED, -ENOMEM. */
int kbs_snp_read(struct json_object *object, struct evidence *ret, struct error *error) MUST_CHECK;
/* A new object. 0, EVIDENCE_E_MALFORMED, -ENOMEM. */
int kbs_snp_write(const struct evidence *evidence, struct json_object **ret) MUST_CHECK;

/* An array of exactly `size` numbers 0..255. */
bool kbs_numbers(struct json_object *array, void *to, size_t size);
