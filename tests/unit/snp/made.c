/* SPDX-License-Identifier: Apache-2.0 */
#include "made.h"

#include <check.h>
#include <string.h>

#define CURRENT_TCB 0x38
#define KEY_INFO 0x48
#define REPORT_ID_MA 0x160
#define REPORTED_TCB 0x180
#define CPUID 0x188
#define COMMITTED_TCB 0x1e0
#define LAUNCH_TCB 0x1f0
#define MICROCODE 7

static void resign(struct made *made)
{
	pki_sign_report(made->report.data, "testpki/TEST-vcek.key.pem");
}

static void nothing(struct made *made)
{
	resign(made);
}

static void tcb_order(struct made *made)
{
	made->report.data[COMMITTED_TCB + MICROCODE] = (uint8_t)(made->report.data[CURRENT_TCB + MICROCODE] + 1);
	resign(made);
}

static void tcb_committed(struct made *made)
{
	made->report.data[COMMITTED_TCB + MICROCODE] = (uint8_t)(made->report.data[REPORTED_TCB + MICROCODE] - 1);
	resign(made);
}

static void tcb_reserved(struct made *made)
{
	made->report.data[0] = 2;
	memset(made->report.data + CPUID, 0, 3);
	made->report.data[LAUNCH_TCB + 4] = 1;
	resign(made);
}

static void migration_agent(struct made *made)
{
	made->report.data[REPORT_ID_MA] ^= 1;
	resign(made);
}

static void id_block(struct made *made)
{
	made->report.data[KEY_INFO] ^= 1; /* AUTHOR_KEY_EN without a digest, or the reverse */
	resign(made);
}

static void hollow_certificate(struct made *made)
{
	static const uint8_t hollow[] = {0x30, 4, 0x30, 2, 5, 0}; /* whole from outside, nothing inside */

	ck_assert_int_eq(snp_certs_add(&made->certs, bytes_of(hollow, sizeof(hollow)), NULL), 0);
	made->certs.items[made->certs.count - 1].kind = SNP_ITEM_CERTIFICATE;
}

static void no_root(struct made *made)
{
	snp_certs_deinit(&made->certs);
	pki_add(&made->certs, pki_certificate("testpki/TEST-vcek.der"));
	pki_add(&made->certs, pki_certificate("testpki/TEST-ask.der"));
}

static const struct {
	const char *name;
	void (*spoil)(struct made *made);
} table[] = {
	{"good", nothing},
	{"tcb-order", tcb_order},
	{"tcb-committed", tcb_committed},
	{"tcb-reserved-v2", tcb_reserved},
	{"migration-agent", migration_agent},
	{"id-block", id_block},
	{"hollow-certificate", hollow_certificate},
	{"no-root", no_root},
};

bool made_init(struct made *ret, const char *name)
{
	CLEANUP(buf_deinit) struct buf root = BUF_NULL;
	size_t which = 0;

	while (which < ARRAY_SIZE(table) && strcmp(table[which].name, name) != 0)
		which++;
	if (which == ARRAY_SIZE(table))
		return false;
	memset(ret, 0, sizeof(*ret));
	snp_certs_init(&ret->certs);
	vectors_read("controls/control-milan.bin", &ret->report);
	vectors_read("testpki/TEST-ark.pem", &root);
	ck_assert_int_eq(snp_pins_add_certificate(&ret->pins, buf_view(&root), NULL), 0);
	pki_add(&ret->certs, pki_certificate("testpki/TEST-vcek.der"));
	pki_add(&ret->certs, pki_certificate("testpki/TEST-ask.der"));
	pki_add(&ret->certs, pki_certificate("testpki/TEST-ark.der"));
	table[which].spoil(ret);
	ret->input = (struct snp_verify_input){.report = buf_view(&ret->report), .certs = &ret->certs, .extra_pins = &ret->pins, .now = PKI_NOW};
	return true;
}

void made_deinit(struct made *made)
{
	buf_deinit(&made->report);
	snp_certs_deinit(&made->certs);
}
