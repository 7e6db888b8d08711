/* SPDX-License-Identifier: Apache-2.0 */
#include "sim/report.h"

#include <errno.h>
#include <openssl/bio.h>
#include <openssl/ecdsa.h>
#include <openssl/pem.h>
#include <string.h>

#define SIGNED_SIZE 0x2a0
#define COMPONENT_SIZE 72

static void put_le(uint8_t *to, uint64_t value, size_t size)
{
	for (size_t i = 0; i < size; i++)
		to[i] = (uint8_t)(value >> (8 * i));
}

static void put_firmware(uint8_t *to, const uint8_t version[static 3])
{
	to[0] = version[2]; /* build, minor, major */
	to[1] = version[1];
	to[2] = version[0];
}

static void report_fill(const struct sim_state *state, uint32_t vmpl, const uint8_t *report_data, uint8_t *to)
{
	const struct sim_product *product = state->product;

	put_le(to, state->version, 4); /* 000h */
	put_le(to + 0x04, state->guest_svn, 4);
	put_le(to + 0x08, state->policy, 8);
	memcpy(to + 0x10, state->family_id, 16);
	memcpy(to + 0x20, state->image_id, 16);
	put_le(to + 0x30, vmpl, 4);
	put_le(to + 0x34, 1, 4); /* ECDSA P-384 with SHA-384 */
	sim_tcb_encode(to + 0x38, product, &state->current);
	put_le(to + 0x40, state->platform_info, 8);
	put_le(to + 0x48, (state->author_key ? 1U : 0U) | (state->mask_chip_key ? 2U : 0U) | (uint32_t)state->signer << 2, 4);
	memcpy(to + 0x50, report_data, SIM_REPORT_DATA_SIZE);
	memcpy(to + 0x90, state->measurement, 48);
	memcpy(to + 0xc0, state->host_data, 32);
	memcpy(to + 0xe0, state->id_key_digest, 48);
	memcpy(to + 0x110, state->author_key_digest, 48);
	memcpy(to + 0x140, state->report_id, 32);
	memset(to + 0x160, 0xff, 32); /* no migration agent */
	sim_tcb_encode(to + 0x180, product, &state->reported);
	if (state->version >= 3)
		memcpy(to + 0x188, state->cpuid, 3);
	if (!state->mask_chip_id && state->signer != SIM_SIGNER_VLEK)
		memcpy(to + 0x1a0, state->chip_id, SIM_CHIP_ID_SIZE);
	sim_tcb_encode(to + 0x1e0, product, &state->committed);
	put_firmware(to + 0x1e8, state->firmware);
	put_firmware(to + 0x1ec, state->committed_firmware);
	sim_tcb_encode(to + 0x1f0, product, &state->launch);
	if (state->version >= 5) {
		put_le(to + 0x1f8, state->launch_mit, 8);
		put_le(to + 0x200, state->current_mit, 8);
	}
}

/* DER signature to R and S, 72 bytes each, little-endian. */
static int signature_write(const uint8_t *der, size_t der_size, uint8_t *to)
{
	ECDSA_SIG *signature = d2i_ECDSA_SIG(NULL, &der, (long)der_size);
	int ok = signature && BN_bn2lebinpad(ECDSA_SIG_get0_r(signature), to, COMPONENT_SIZE) == COMPONENT_SIZE &&
		 BN_bn2lebinpad(ECDSA_SIG_get0_s(signature), to + COMPONENT_SIZE, COMPONENT_SIZE) == COMPONENT_SIZE;

	ECDSA_SIG_free(signature);
	return ok ? 0 : -EIO;
}

static int sign_with(EVP_PKEY *key, uint8_t *report)
{
	EVP_MD_CTX *context = EVP_MD_CTX_new();
	uint8_t der[128];
	size_t size = sizeof(der);
	int ok = context && EVP_DigestSignInit(context, NULL, EVP_sha384(), NULL, key) == 1 &&
		 EVP_DigestSign(context, der, &size, report, SIGNED_SIZE) == 1;

	EVP_MD_CTX_free(context);
	memset(report + SIGNED_SIZE, 0, SIM_REPORT_SIZE - SIGNED_SIZE);
	return ok ? signature_write(der, size, report + SIGNED_SIZE) : -EIO;
}

int sim_report_sign(const struct sim_platform *platform, const struct sim_state *state, uint8_t report[static SIM_REPORT_SIZE])
{
	CLEANUP(sim_pkey_freep) EVP_PKEY *key = NULL;
	struct sim_state signer = *state;
	struct sim_tcb tcb;
	int r;

	signer.signer = (enum sim_signer)(report[0x48] >> 2 & 7);
	if (signer.signer == SIM_SIGNER_NONE) {
		memset(report + SIGNED_SIZE, 0, SIM_REPORT_SIZE - SIGNED_SIZE);
		return 0;
	}
	if (!bytes_all_zero(report + 0x1a0, SIM_CHIP_ID_SIZE))
		memcpy(signer.chip_id, report + 0x1a0, SIM_CHIP_ID_SIZE);
	sim_tcb_decode(&tcb, platform->product, report + 0x180);
	r = sim_vek_key(platform, &signer, &tcb, &key);
	return r ? r : sign_with(key, report);
}

int sim_report(const struct sim_platform *platform, const struct sim_state *state, uint32_t vmpl,
	const uint8_t report_data[static SIM_REPORT_DATA_SIZE], uint8_t ret[static SIM_REPORT_SIZE])
{
	memset(ret, 0, SIM_REPORT_SIZE);
	report_fill(state, vmpl, report_data, ret);
	return sim_report_sign(platform, state, ret);
}

/* GUIDs in the byte order of RFC 4122 text. */
static const uint8_t guid_ark[16] = {0xc0, 0xb4, 0x06, 0xa4, 0xa8, 0x03, 0x49, 0x52, 0x97, 0x43, 0x3f, 0xb6, 0x01, 0x4c, 0xd0, 0xae};
static const uint8_t guid_ask[16] = {0x4a, 0xb7, 0xb3, 0x79, 0xbb, 0xac, 0x4f, 0xe4, 0xa0, 0x2f, 0x05, 0xae, 0xf3, 0x27, 0xc7, 0x82};
static const uint8_t guid_vcek[16] = {0x63, 0xda, 0x75, 0x8d, 0xe6, 0x64, 0x45, 0x64, 0xad, 0xc5, 0xf4, 0xb9, 0x3b, 0xe8, 0xac, 0xcd};
static const uint8_t guid_vlek[16] = {0xa8, 0x07, 0x4b, 0xc2, 0xa2, 0x5a, 0x48, 0x3e, 0xaa, 0xe6, 0x39, 0xc0, 0x45, 0xa0, 0xb8, 0xa1};

#define TABLE_ENTRY_SIZE 24

struct table {
	struct buf heads;
	struct buf data;
	size_t data_start;
};

static void table_deinit(struct table *table)
{
	buf_deinit(&table->heads);
	buf_deinit(&table->data);
}

static int table_add(struct table *table, const uint8_t guid[static 16], struct bytes datum)
{
	int r = buf_append(&table->heads, guid, 16);

	if (!r)
		r = buf_u32le(&table->heads, (uint32_t)(table->data_start + table->data.size));
	if (!r)
		r = buf_u32le(&table->heads, (uint32_t)datum.size);
	return r ? r : buf_append(&table->data, datum.data, datum.size);
}

static int to_pem(struct buf *der)
{
	BIO *bio = BIO_new(BIO_s_mem());
	char *text;
	long size;
	int r = -EIO;

	if (bio && PEM_write_bio(bio, "CERTIFICATE", "", der->data, (long)der->size) > 0 && (size = BIO_get_mem_data(bio, &text)) > 0) {
		buf_deinit(der);
		r = buf_append(der, text, (size_t)size);
	}
	BIO_free(bio);
	return r;
}

static int table_add_vek(struct table *table, const struct sim_platform *platform, const struct sim_state *state, int64_t now)
{
	CLEANUP(buf_deinit) struct buf vek = BUF_NULL;
	int r = sim_vek_certificate(platform, state, &state->reported, now, &vek);

	if (!r && state->aux_pem)
		r = to_pem(&vek);
	return r ? r : table_add(table, state->signer == SIM_SIGNER_VLEK ? guid_vlek : guid_vcek, buf_view(&vek));
}

static int table_add_ca(struct table *table, const struct sim_platform *platform, const struct sim_state *state)
{
	CLEANUP(buf_deinit) struct buf intermediate = BUF_NULL, ark = BUF_NULL;
	int r = sim_ca_write(platform, state->signer == SIM_SIGNER_VLEK ? SIM_ASVK : SIM_ASK, state->aux_pem, &intermediate);

	if (!r)
		r = sim_ca_write(platform, SIM_ARK, state->aux_pem, &ark);
	if (!r)
		r = table_add(table, guid_ask, buf_view(&intermediate));
	return r ? r : table_add(table, guid_ark, buf_view(&ark));
}

int sim_certificate_table(const struct sim_platform *platform, const struct sim_state *state, int64_t now, struct buf *to)
{
	bool full = state->aux == SIM_AUX_FULL;
	CLEANUP(table_deinit) struct table table = {BUF_NULL, BUF_NULL, ((full ? 3U : 1U) + 1) * TABLE_ENTRY_SIZE};
	static const uint8_t end[TABLE_ENTRY_SIZE];
	int r;

	if (state->aux == SIM_AUX_EMPTY)
		return 0;
	if (state->aux == SIM_AUX_JUNK)
		return buf_append_text(to, "this is not a certificate table, it is thirty and more bytes of text");
	r = table_add_vek(&table, platform, state, now);
	if (!r && full)
		r = table_add_ca(&table, platform, state);
	if (!r)
		r = buf_append(&table.heads, end, sizeof(end));
	if (!r)
		r = buf_append(to, table.heads.data, table.heads.size);
	return r ? r : buf_append(to, table.data.data, table.data.size);
}
