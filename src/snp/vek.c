/* SPDX-License-Identifier: Apache-2.0 */
#include "snp/vek.h"

#include <openssl/objects.h>
#include <stdio.h>
#include <string.h>

#define AMD_ARC "1.3.6.1.4.1.3704.1."
#define TAG_INTEGER 2
#define TAG_OCTET_STRING 4
#define TAG_IA5STRING 22

enum ext {
	EXT_STRUCT_VERSION,
	EXT_PRODUCT_NAME,
	EXT_BOOTLOADER,
	EXT_TEE,
	EXT_SNP,
	EXT_SPL4,
	EXT_SPL5,
	EXT_SPL6,
	EXT_SPL7,
	EXT_MICROCODE,
	EXT_FMC,
	EXT_HWID,
	EXT_CSP_ID,
	EXT_COUNT,
};

static const struct {
	const char *oid, *name;
} extensions[EXT_COUNT] = {
	[EXT_STRUCT_VERSION] = {"1", "structVersion"},
	[EXT_PRODUCT_NAME] = {"2", "productName"},
	[EXT_BOOTLOADER] = {"3.1", "blSPL"},
	[EXT_TEE] = {"3.2", "teeSPL"},
	[EXT_SNP] = {"3.3", "snpSPL"},
	[EXT_SPL4] = {"3.4", "spl_4"},
	[EXT_SPL5] = {"3.5", "spl_5"},
	[EXT_SPL6] = {"3.6", "spl_6"},
	[EXT_SPL7] = {"3.7", "spl_7"},
	[EXT_MICROCODE] = {"3.8", "ucodeSPL"},
	[EXT_FMC] = {"3.9", "fmcSPL"},
	[EXT_HWID] = {"4", "hwID"},
	[EXT_CSP_ID] = {"5", "csp_id"},
};

struct found {
	struct bytes value[EXT_COUNT];
	bool have[EXT_COUNT];
	const char *twice;
};

/* The part of the OID behind AMD's arc, or false. */
static bool amd_oid(const X509_EXTENSION *extension, char to[static 32])
{
	char oid[64];
	int size = OBJ_obj2txt(oid, sizeof(oid), X509_EXTENSION_get_object((X509_EXTENSION *)(uintptr_t)extension), 1);

	if (size <= 0 || (size_t)size >= sizeof(oid) || strncmp(oid, AMD_ARC, sizeof(AMD_ARC) - 1) != 0)
		return false;
	return snprintf(to, 32, "%s", oid + sizeof(AMD_ARC) - 1) < 32;
}

bool snp_vek_looks_like(const X509 *x509)
{
	for (int i = 0; i < X509_get_ext_count(x509); i++) {
		char oid[32];

		if (amd_oid(X509_get_ext(x509, i), oid))
			return true;
	}
	return false;
}

static void collect(const X509 *x509, struct found *found)
{
	for (int i = 0; i < X509_get_ext_count(x509); i++) {
		X509_EXTENSION *extension = X509_get_ext(x509, i);
		const ASN1_OCTET_STRING *data = X509_EXTENSION_get_data(extension);
		char oid[32];

		if (!amd_oid(extension, oid))
			continue;
		for (size_t e = 0; e < EXT_COUNT; e++) {
			if (strcmp(oid, extensions[e].oid) != 0)
				continue;
			if (found->have[e])
				found->twice = extensions[e].name;
			found->have[e] = true;
			found->value[e] = bytes_of(ASN1_STRING_get0_data(data), (size_t)ASN1_STRING_length(data));
		}
	}
}

/* Minimal DER INTEGER 0..255: 02 01 xx below 80h, 02 02 00 xx from there on. */
static bool der_u8(struct bytes value, uint8_t *ret)
{
	struct reader r;
	uint8_t size, number;

	reader_init(&r, value);
	if (reader_u8(&r) != TAG_INTEGER)
		return false;
	size = reader_u8(&r);
	if (size == 2 && reader_u8(&r) != 0)
		return false;
	number = reader_u8(&r);
	if (!reader_done(&r) || size < 1 || size > 2 || (size == 1) != (number < 0x80))
		return false;
	*ret = number;
	return true;
}

/* DER IA5String, at most `to_size` - 1 printable characters. */
static bool der_ia5(struct bytes value, char *to, size_t to_size)
{
	struct reader r;
	struct bytes text;

	reader_init(&r, value);
	if (reader_u8(&r) != TAG_IA5STRING)
		return false;
	text = reader_bytes(&r, reader_u8(&r));
	if (!reader_done(&r) || text.size == 0 || text.size >= to_size || text.size > 0x7f)
		return false;
	for (size_t i = 0; i < text.size; i++)
		if (text.data[i] < 0x20 || text.data[i] > 0x7e)
			return false;
	memcpy(to, text.data, text.size);
	to[text.size] = 0;
	return true;
}

/* "Milan-B0": the product is what stands before the dash; what follows is one letter and one digit. */
static enum snp_product product_of_name(const char *name)
{
	size_t size = strcspn(name, "-");
	const char *stepping = name + size;

	if (*stepping && (strlen(stepping) != 3 || stepping[1] < 'A' || stepping[1] > 'Z' || stepping[2] < '0' || stepping[2] > '9'))
		return SNP_PRODUCT_UNKNOWN;
	return snp_product_from_name(name, size);
}

static void complain(struct snp_vek *vek, const char *what, const char *name)
{
	if (!vek->text[0])
		(void)snprintf(vek->text, sizeof(vek->text), "extension %s %s", name, what);
}

static uint8_t spl(const struct found *found, enum ext e, bool wanted, struct snp_vek *vek)
{
	uint8_t value = 0;

	if (!found->have[e]) {
		if (wanted)
			complain(vek, "is missing", extensions[e].name);
		return 0;
	}
	if (!der_u8(found->value[e], &value))
		complain(vek, "is not a minimal DER INTEGER of 0 to 255", extensions[e].name);
	return value;
}

static void decode_spls(const struct found *found, struct snp_vek *vek)
{
	bool turin = vek->product == SNP_TURIN;
	static const enum ext zeros[] = {EXT_SPL4, EXT_SPL5, EXT_SPL6, EXT_SPL7};

	vek->struct_version = spl(found, EXT_STRUCT_VERSION, true, vek);
	vek->tcb.bootloader = spl(found, EXT_BOOTLOADER, true, vek);
	vek->tcb.tee = spl(found, EXT_TEE, true, vek);
	vek->tcb.snp = spl(found, EXT_SNP, true, vek);
	vek->tcb.microcode = spl(found, EXT_MICROCODE, true, vek);
	vek->tcb.has_fmc = found->have[EXT_FMC];
	vek->tcb.fmc = spl(found, EXT_FMC, turin, vek);
	if (found->have[EXT_FMC] && !turin)
		complain(vek, "exists on Turin only", extensions[EXT_FMC].name);
	for (size_t i = 0; i < ARRAY_SIZE(zeros); i++)
		if (spl(found, zeros[i], false, vek) != 0)
			complain(vek, "must be 0", extensions[zeros[i]].name);
}

static void decode_hwid(const struct found *found, struct snp_vek *vek)
{
	struct bytes value = found->value[EXT_HWID];
	size_t want = vek->product == SNP_TURIN ? SNP_TURIN_HWID_SIZE : SNP_CHIP_ID_SIZE;

	vek->has_hwid = found->have[EXT_HWID];
	/* The length decides, never the first byte: a raw hwID may begin with 02h or 04h. */
	if (value.size == want + 2 && value.data[0] == TAG_OCTET_STRING && value.data[1] == want)
		value = bytes_of(value.data + 2, want);
	vek->hwid = value;
	vek->hwid_form_good = vek->has_hwid && value.size == want;
}

void snp_vek_decode(const X509 *x509, enum snp_signer signer, struct snp_vek *ret)
{
	struct found found = {.twice = NULL};

	*ret = (struct snp_vek){.product = SNP_PRODUCT_UNKNOWN};
	collect(x509, &found);
	if (found.twice)
		complain(ret, "stands there twice", found.twice);
	if (!found.have[EXT_PRODUCT_NAME])
		complain(ret, "is missing", "productName");
	else if (!der_ia5(found.value[EXT_PRODUCT_NAME], ret->product_name, sizeof(ret->product_name)))
		complain(ret, "is not an IA5String", "productName");
	ret->product = product_of_name(ret->product_name);
	decode_spls(&found, ret);
	decode_hwid(&found, ret);
	ret->has_csp_id = found.have[EXT_CSP_ID];
	if (ret->has_csp_id && !der_ia5(found.value[EXT_CSP_ID], ret->csp_id, sizeof(ret->csp_id)))
		ret->csp_id[0] = 0;
	if (signer == SNP_SIGNER_VCEK && !ret->has_hwid)
		complain(ret, "is missing", "hwID");
	if (signer == SNP_SIGNER_VCEK && ret->has_csp_id)
		complain(ret, "has no place in a VCEK", "csp_id");
	if (signer == SNP_SIGNER_VLEK && ret->has_hwid)
		complain(ret, "has no place in a VLEK", "hwID");
}
