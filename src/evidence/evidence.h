/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * The evidence envelope (RFC 9334): a report with whatever the host gave beside it, in every form in which it travels. Reading recognises the form by content;
 * nothing is judged before evidence_verify().
 */
#include "base/bytes.h"
#include "base/error.h"
#include "base/finding.h"
#include "snp/verify.h"

#define EVIDENCE_SIZE_MAX ((size_t)1 << 20) /* KBS evidence with its arrays of numbers has 30 KiB */
#define EVIDENCE_PCR_COUNT 24
#define EVIDENCE_PCR_SIZE 32

enum evidence_kind { EVIDENCE_NONE, EVIDENCE_SNP, EVIDENCE_AZ_SNP_VTPM };

enum {
	EVIDENCE_E_MALFORMED = 1,
	EVIDENCE_E_SIZE, /* binary, and not the 1184 bytes of a report: snp_verify() says it as report.size */
};

struct evidence {
	enum evidence_kind kind;
	struct buf report;     /* 1184 bytes when it is well formed: the bytes as they will be hashed */
	struct buf cert_table; /* the host's certificates as a GHCB table; empty: none */
	/* Azure only (KBS evidence az-snp-vtpm): the vTPM's side. */
	struct buf hcl, quote, quote_signature; /* NV 01400001h whole; TPMS_ATTEST; raw RSASSA */
	uint8_t pcrs[EVIDENCE_PCR_COUNT][EVIDENCE_PCR_SIZE];
	unsigned azure_version; /* 0, 1 or 2 */
};

void evidence_deinit(struct evidence *evidence);

/* From a provider: `cert_table` may be empty or all zero. 0, EVIDENCE_E_SIZE, -ENOMEM. */
int evidence_from_report(struct evidence *ret, struct bytes report, struct bytes cert_table) MUST_CHECK;

/*
 * Reads a binary report, an Azure HCL report, our JSON, a configfs-tsm answer as JSON, or KBS `tee-evidence` (primary_evidence) of `snp` and `az-snp-vtpm`
 * versions 0, 1 and 2. 0, EVIDENCE_E_MALFORMED or EVIDENCE_E_SIZE with the reason, -ENOMEM.
 */
int evidence_read(struct evidence *ret, struct bytes input, struct error *error) MUST_CHECK;

/* KBS primary_evidence as JSON text, appended (spec: virtee's serde form; no certificates give null). 0, EVIDENCE_E_MALFORMED, -ENOMEM. */
int evidence_write_kbs(const struct evidence *evidence, struct buf *to) MUST_CHECK;
/* The `tee` that belongs to it: "snp" or "az-snp-vtpm". */
const char *evidence_tee(const struct evidence *evidence);

/*
 * Our JSON: {"sevattest-evidence": 1, "report": base64, "certs": base64 of the table}; what came from a vTPM is written as KBS `az-snp-vtpm`, which holds all of it.
 * NULL without memory, or when there is nothing to write.
 */
struct json_object *evidence_to_json(const struct evidence *evidence);

struct evidence_verify_input {
	const struct snp_certs *extra_certs; /* beside the evidence's own: cache, directory; may be NULL */
	const struct snp_pins *pins;         /* the operator's; may be NULL */
	enum snp_revocation revocation;
	int64_t now;
	bool allow_masked_chip_id;           /* as in snp_verify_input */
	struct snp_vek_cache *cache;         /* may be NULL */
	struct bytes report_data;            /* what REPORT_DATA (Azure: the quote) must bind, at most 64 bytes; empty: a finding says NOT CHECKED */
};

/*
 * snp_verify() plus what binds the evidence: on Azure the HCL report and the quote, everywhere `report_data`. 0 when it ran; the verdict tells. <0 could not tell.
 */
int evidence_verify(const struct evidence *evidence, const struct evidence_verify_input *input, struct snp_verified *ret, struct verdict *verdict) MUST_CHECK;
