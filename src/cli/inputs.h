/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * What the command line names: files told apart by their content, directories of certificates, and the one call that verifies either
 * form.
 */
#include "appraise/claims.h"
#include "base/bytes.h"
#include "base/error.h"
#include "base/finding.h"
#include "snp/certs.h"
#include "snp/roots.h"
#include "snp/verify.h"

#define VERIFY_FILE_MAX ((size_t)4 << 20) /* evidence with an event log of 1 MiB in base64 */
#define CERTS_FILE_MAX ((size_t)1 << 20)  /* a certificate table has at most 64 KiB, a bundle of all of AMD's less */

enum input_kind { INPUT_UNKNOWN, INPUT_REPORT, INPUT_JSON, INPUT_PEM, INPUT_DER, INPUT_TABLE, INPUT_HCL };

/* A guess by the first bytes and the size; what the parser then says decides. */
enum input_kind input_recognise(struct bytes data);

/*
 * Adds the certificates, certificate tables and CRLs of a file, or of every regular file in a directory. Bytes that do not parse are
 * remembered in the set and fail the verification, because certificates are evidence; a file that cannot be read is -errno with a text.
 */
int inputs_add_certs(struct snp_certs *certs, const char *path, struct verdict *verdict, struct error *error) MUST_CHECK;
int inputs_add_crl(struct snp_certs *certs, const char *path, struct error *error) MUST_CHECK;

/* A PEM or DER root of --trust. A file that holds no certificate is usage: -EINVAL. */
int inputs_add_trust(struct snp_pins *pins, const char *path, struct error *error) MUST_CHECK;

/* A report or evidence, and with what to verify it. */
struct verify_subject {
	struct bytes data;
	const struct snp_certs *certs;
	const struct snp_pins *pins;
	enum snp_revocation revocation;
	int64_t now;
	bool allow_masked_chip_id;
	struct bytes report_data; /* expected; empty: none was given */

	bool report_data_done; /* the verdict has the finding already */
	struct claims claims;  /* for an appraisal; they mean nothing unless the verdict is good */

};

/* Binary: a report. JSON: evidence. 0: it ran; <0: could not tell. */
int inputs_verify(struct verify_subject *subject, struct snp_verified *ret, struct verdict *verdict, struct error *error) MUST_CHECK;

/* evidence.c: the same for what is not a bare report. */
int inputs_verify_evidence(struct verify_subject *subject, struct snp_verified *ret, struct verdict *verdict, struct error *error)
	MUST_CHECK;
