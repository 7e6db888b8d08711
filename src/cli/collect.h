/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * Evidence from this machine, for `report`, `attest` and `get`: what the provider gives, and the certificates that the host did not give,
 * from files or from AMD's key service. Nothing is verified here; whoever relies on the evidence does that.
 */
#include "cli/cli.h"
#include "evidence/evidence.h"
#include "io/kds.h"
#include "snp/certs.h"
#include "snp/report.h"

struct collect_options {
	const char *provider;
	const char *tsm_root;
	const char *sev_guest;
	struct option_u64 vmpl;
	struct option_texts certs;
	const char *kds;
	const char *kds_ca;
};

/* The rows of these options, for a verb's table. */
#define COLLECT_OPTION_ROWS(o)                                                                                                             \
	{"provider", 0, OPTION_TEXT, &(o).provider, "NAME", "where the report comes from: auto (default), tsm, sev-guest"},                \
		{"tsm-root", 0, OPTION_TEXT, &(o).tsm_root, "PATH", "configfs-tsm (/sys/kernel/config/tsm/report)"},                       \
		{"sev-guest", 0, OPTION_TEXT, &(o).sev_guest, "PATH", "the device (/dev/sev-guest)"},                                      \
		{"vmpl", 0, OPTION_U64, &(o).vmpl, "N", "VMPL to report, 0..3 (the guest's own)"},                                         \
		{"cert-dir", 0, OPTION_TEXTS, &(o).certs, "PATH", "certificates that the host did not give: file or directory"},           \
		{"kds", 0, OPTION_TEXT, &(o).kds, "URL", "fetch missing certificates from this key service (AMD: " KDS_BASE_URL ")"},      \
	{                                                                                                                                  \
		"kds-ca", 0, OPTION_TEXT, &(o).kds_ca, "FILE", "certification authority of that service, for https"                        \
	}

/* enum exit_code; everything but EXIT_YES comes with a text. Notes for people go to standard error as "sevattest VERB: ...". */
int collect(const struct collect_options *options, const char *verb, const uint8_t report_data[static 64], struct evidence *ret,
	struct error *error) MUST_CHECK;

/* The certificates of the evidence as PEM, VEK first; nothing when there are none. */
int collect_certs_pem(const struct evidence *evidence, struct buf *to) MUST_CHECK;

/*
 * collect_certs.c: how much of the report's chain is in the set: 0 without a VEK that fits the report, else up to 3. `product` is changed to
 * the VEK's, when there is one.
 */
size_t collect_chain_length(const struct snp_certs *certs, const struct snp_report *report, enum snp_product *product);

/* The chain as a certificate table in `to` (empty without a VEK that fits the report). */
int collect_table(const struct snp_report *report, const struct snp_certs *certs, struct buf *to) MUST_CHECK;
/* All of a set as PEM, appended. */
int collect_pem(const struct snp_certs *certs, struct buf *to) MUST_CHECK;
