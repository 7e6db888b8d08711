/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* The attestation_report member of KBS `snp` evidence, both ways. */
#include "base/json.h"
#include "evidence/evidence.h"

int kbs_report_read(struct json_object *object, uint8_t ret[static SNP_REPORT_SIZE], struct error *error) MUST_CHECK;
int kbs_report_write(struct bytes report, struct json_object **ret) MUST_CHECK;
