/* SPDX-License-Identifier: Apache-2.0 */
#include "snp/report.h"

#include <string.h>

static struct snp_version read_version(struct reader *r)
{
	struct snp_version version;

	version.build = reader_u8(r);
	version.minor = reader_u8(r);
	version.major = reader_u8(r);
	reader_skip(r, 1);
	return version;
}

static void read_raw_tcb(struct reader *r, struct snp_tcb *tcb)
{
	reader_copy(r, tcb->raw, SNP_TCB_SIZE);
}

static void read_identity(struct reader *r, struct snp_report *out)
{
	out->version = reader_u32le(r);             /* 000h */
	out->guest_svn = reader_u32le(r);           /* 004h */
	out->policy = reader_u64le(r);              /* 008h */
	reader_copy(r, out->family_id, 16);         /* 010h */
	reader_copy(r, out->image_id, 16);          /* 020h */
	out->vmpl = reader_u32le(r);                /* 030h */
	out->signature_algo = reader_u32le(r);      /* 034h */
	read_raw_tcb(r, &out->current_tcb);         /* 038h */
	out->platform_info = reader_u64le(r);       /* 040h */
	out->key_info = reader_u32le(r);            /* 048h */
	reader_skip(r, 4);                          /* 04Ch reserved */
	reader_copy(r, out->report_data, 64);       /* 050h */
	reader_copy(r, out->measurement, 48);       /* 090h */
	reader_copy(r, out->host_data, 32);         /* 0C0h */
	reader_copy(r, out->id_key_digest, 48);     /* 0E0h */
	reader_copy(r, out->author_key_digest, 48); /* 110h */
	reader_copy(r, out->report_id, 32);         /* 140h */
	reader_copy(r, out->report_id_ma, 32);      /* 160h */
}

static void read_platform(struct reader *r, struct snp_report *out)
{
	read_raw_tcb(r, &out->reported_tcb);            /* 180h */
	out->cpuid_family = reader_u8(r);               /* 188h */
	out->cpuid_model = reader_u8(r);                /* 189h */
	out->cpuid_stepping = reader_u8(r);             /* 18Ah */
	reader_skip(r, 21);                             /* 18Bh reserved */
	reader_copy(r, out->chip_id, SNP_CHIP_ID_SIZE); /* 1A0h */
	read_raw_tcb(r, &out->committed_tcb);           /* 1E0h */
	out->current = read_version(r);                 /* 1E8h */
	out->committed = read_version(r);               /* 1ECh */
	read_raw_tcb(r, &out->launch_tcb);              /* 1F0h */
	out->launch_mit_vector = reader_u64le(r);       /* 1F8h */
	out->current_mit_vector = reader_u64le(r);      /* 200h */
	reader_skip(r, 152);                            /* 208h reserved */
	reader_copy(r, out->signature_r, 72);           /* 2A0h */
	reader_copy(r, out->signature_s, 72);           /* 2E8h */
	reader_skip(r, 368);                            /* 330h reserved */
}

int snp_report_decode(struct bytes input, struct snp_report *ret)
{
	struct snp_report out = {0};
	struct reader r;

	if (input.size != SNP_REPORT_SIZE)
		return SNP_E_SIZE;
	reader_init(&r, input);
	read_identity(&r, &out);
	read_platform(&r, &out);
	if (!reader_done(&r))
		return SNP_E_SIZE;
	out.has_cpuid = out.version >= 3;
	out.has_mit_vectors = out.version >= 5;
	if (out.has_cpuid)
		out.product = snp_product_of(out.cpuid_family, out.cpuid_model);
	snp_report_relayout(&out, out.product);
	*ret = out;
	return 0;
}

void snp_report_relayout(struct snp_report *report, enum snp_product product)
{
	struct snp_tcb *const fields[] = {&report->current_tcb, &report->reported_tcb, &report->committed_tcb, &report->launch_tcb};

	for (size_t i = 0; i < ARRAY_SIZE(fields); i++) {
		uint8_t raw[SNP_TCB_SIZE];

		memcpy(raw, fields[i]->raw, sizeof(raw));
		*fields[i] = snp_tcb_decode(raw, product);
	}
}

unsigned snp_report_signer(const struct snp_report *report)
{
	return report->key_info >> 2 & 7;
}
