/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Reading is total: whatever bytes an extension has, the outcome is a value or a bit in `bad`. The hwID decides by its length, never by its
 * first byte: raw chip ids may begin like a DER tag.
 */
#include "snp/vek.h"

#include <errno.h>
#include <string.h>

#include "base/json.h"
#include "base/text.h"
#include "snp/cert.h"

struct extension {
	enum snp_vek_has bit;
	const char *name; /* as KDS writes it */
	uint8_t oid[2];   /* behind 1.3.6.1.4.1.3704.1 */
	uint8_t oid_size;
};

static const struct extension extensions[] = {
	{SNP_VEK_STRUCT_VERSION, "structVersion", {1}, 1},
	{SNP_VEK_PRODUCT_NAME, "productName", {2}, 1},
	{SNP_VEK_BOOTLOADER, "blSPL", {3, 1}, 2},
	{SNP_VEK_TEE, "teeSPL", {3, 2}, 2},
	{SNP_VEK_SNP, "snpSPL", {3, 3}, 2},
	{SNP_VEK_SPL4, "spl_4", {3, 4}, 2},
	{SNP_VEK_SPL5, "spl_5", {3, 5}, 2},
	{SNP_VEK_SPL6, "spl_6", {3, 6}, 2},
	{SNP_VEK_SPL7, "spl_7", {3, 7}, 2},
	{SNP_VEK_MICROCODE, "ucodeSPL", {3, 8}, 2},
	{SNP_VEK_FMC, "fmcSPL", {3, 9}, 2},
	{SNP_VEK_HWID, "hwID", {4}, 1},
	{SNP_VEK_CSP_ID, "csp_id", {5}, 1},
};

const char *snp_vek_extension_name(unsigned mask)
{
	for (size_t i = 0; i < ARRAY_SIZE(extensions); i++)
		if (mask & extensions[i].bit)
			return extensions[i].name;
	return NULL;
}

/* INTEGER 0..255, minimal: 02 01 xx up to 7Fh, 02 02 00 xx above. */
static bool read_byte(struct bytes value, uint8_t *ret)
{
	const uint8_t *d = value.data;

	if (value.size == 3 && d[0] == DER_INTEGER && d[1] == 1 && d[2] < 0x80)
		*ret = d[2];
	else if (value.size == 4 && d[0] == DER_INTEGER && d[1] == 2 && d[2] == 0 && d[3] >= 0x80)
		*ret = d[3];
	else
		return false;
	return true;
}

/* IA5String with at least one character, all printable ASCII. */
static bool read_text(struct bytes value, char ret[static SNP_VEK_TEXT_MAX])
{
	size_t size = value.size < 2 ? 0 : value.size - 2;

	if (size == 0 || size >= SNP_VEK_TEXT_MAX || value.data[0] != DER_IA5_STRING || value.data[1] != size)
		return false;
	for (size_t i = 0; i < size; i++)
		if (value.data[2 + i] < 0x20 || value.data[2 + i] > 0x7e)
			return false;
	memcpy(ret, value.data + 2, size);
	ret[size] = '\0';
	return true;
}

/* 64 or 8 octets, raw or (in some certificates of 2023) inside an OCTET STRING of exactly that length. */
static bool read_hwid(struct bytes value, struct snp_vek *vek)
{
	const uint8_t *d = value.data;
	size_t size = value.size;

	if ((size == 66 && d[0] == DER_OCTET_STRING && d[1] == 64) || (size == 10 && d[0] == DER_OCTET_STRING && d[1] == 8)) {
		d += 2;
		size -= 2;
	}
	if (size != 64 && size != 8)
		return false;
	memcpy(vek->hwid, d, size);
	vek->hwid_size = size;
	return true;
}

/* "Milan-B0", "Genoa": the product is what stands before "-"; what stands behind it never agrees with the CPUID stepping and says nothing.
 */
static bool read_product(struct bytes value, struct snp_vek *vek)
{
	const char *dash;
	size_t size;

	if (!read_text(value, vek->product_name))
		return false;
	dash = strchr(vek->product_name, '-');
	size = dash ? (size_t)(dash - vek->product_name) : strlen(vek->product_name);
	vek->product = snp_product_from_name(vek->product_name, size);
	return true;
}

static bool read_spl_reserved(struct bytes value, struct snp_vek *vek)
{
	uint8_t spl;

	if (!read_byte(value, &spl))
		return false;
	vek->spl_reserved_zero = vek->spl_reserved_zero && spl == 0;
	return true;
}

static bool read_value(struct snp_vek *vek, enum snp_vek_has bit, struct bytes value)
{
	switch (bit) {
	case SNP_VEK_STRUCT_VERSION:
		return read_byte(value, &vek->struct_version);
	case SNP_VEK_PRODUCT_NAME:
		return read_product(value, vek);
	case SNP_VEK_BOOTLOADER:
		return read_byte(value, &vek->tcb.bootloader);
	case SNP_VEK_TEE:
		return read_byte(value, &vek->tcb.tee);
	case SNP_VEK_SNP:
		return read_byte(value, &vek->tcb.snp);
	case SNP_VEK_SPL4:
	case SNP_VEK_SPL5:
	case SNP_VEK_SPL6:
	case SNP_VEK_SPL7:
		return read_spl_reserved(value, vek);
	case SNP_VEK_MICROCODE:
		return read_byte(value, &vek->tcb.microcode);
	case SNP_VEK_FMC:
		vek->tcb.has_fmc = true;
		return read_byte(value, &vek->tcb.fmc);
	case SNP_VEK_HWID:
		return read_hwid(value, vek);
	case SNP_VEK_CSP_ID:
		return read_text(value, vek->csp_id);
	default:
		return false;
	}
}

void snp_vek_read_extension(struct snp_vek *vek, struct bytes oid, struct bytes value)
{
	for (size_t i = 0; i < ARRAY_SIZE(extensions); i++) {
		const struct extension *e = &extensions[i];

		if (!bytes_equal(oid, bytes_of(e->oid, e->oid_size)))
			continue;
		if (vek->present & e->bit) {
			vek->twice |= e->bit;
			return;
		}
		vek->present |= e->bit;
		if (!read_value(vek, e->bit, value))
			vek->bad |= e->bit;
		return;
	}
}

int snp_vek_decode(struct bytes der, struct snp_vek *ret, struct error *error)
{
	struct snp_cert cert;
	int r = snp_cert_parse(der, &cert);

	if (r < 0)
		return r;
	if (r > 0)
		return error_set(error, -EINVAL, "%zu bytes that are no X.509 certificate in DER", der.size);
	snp_cert_read_vek(&cert, ret);
	return 0;
}

static int add_spls(struct json_object *to, const struct snp_vek *vek)
{
	const struct {
		const char *name;
		unsigned bit;
		uint8_t value;
	} spls[] = {{"fmc", SNP_VEK_FMC, vek->tcb.fmc}, {"bootloader", SNP_VEK_BOOTLOADER, vek->tcb.bootloader},
		{"tee", SNP_VEK_TEE, vek->tcb.tee}, {"snp", SNP_VEK_SNP, vek->tcb.snp},
		{"microcode", SNP_VEK_MICROCODE, vek->tcb.microcode}};
	unsigned good = vek->present & ~vek->bad;
	int r = 0;

	for (size_t i = 0; r == 0 && i < ARRAY_SIZE(spls); i++)
		if (good & spls[i].bit)
			r = json_add_u64(to, spls[i].name, spls[i].value);
	return r;
}

static int fill(struct json_object *to, const struct snp_vek *vek)
{
	unsigned good = vek->present & ~vek->bad;
	char time[32];
	int r = 0;

	time_format(time, vek->not_before);
	r = json_add_text(to, "not_before", time);
	time_format(time, vek->not_after);
	if (r == 0)
		r = json_add_text(to, "not_after", time);
	if (r == 0 && (good & SNP_VEK_PRODUCT_NAME))
		r = json_add_text(to, "product_name", vek->product_name);
	if (r == 0 && (good & SNP_VEK_HWID))
		r = json_add_hex(to, "hwid", vek->hwid, vek->hwid_size);
	if (r == 0 && (good & SNP_VEK_CSP_ID))
		r = json_add_text(to, "csp_id", vek->csp_id);
	return r < 0 ? r : add_spls(to, vek);
}

struct json_object *snp_vek_to_json(const struct snp_vek *vek)
{
	JSON_AUTO object = json_object_new_object();
	struct json_object *ret = object;

	if (!object || fill(object, vek) < 0)
		return NULL;
	object = NULL;
	return ret;
}
