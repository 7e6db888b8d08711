/* SPDX-License-Identifier: Apache-2.0 */
#include "snp/roots.h"

#include <errno.h>
#include <openssl/crypto.h>
#include <string.h>

#include "base/crypto.h"
#include "snp/certs.h"

/* AMD's roots. Four public copies of each certificate agree bit for bit (2026-10). */
static const struct snp_pin amd[] = {
	{.label = "AMD ARK-Milan", .product = SNP_MILAN,
		.spki_sha256 = {0x9f, 0x05, 0x6b, 0xee, 0x44, 0x37, 0x7e, 0x29, 0x30, 0x8c, 0xb5, 0xff, 0xa8, 0x95, 0xbd, 0xfb, 0x62, 0xd1, 0x88, 0x81,
			0xfa, 0x6b, 0xed, 0x8d, 0x6f, 0x07, 0x5b, 0x02, 0x04, 0x08, 0x9c, 0xb9}},
	{.label = "AMD ARK-Genoa", .product = SNP_GENOA,
		.spki_sha256 = {0x42, 0x9a, 0x69, 0xc9, 0x42, 0x2a, 0xa2, 0x58, 0xee, 0x4d, 0x8d, 0xb5, 0xfc, 0xda, 0x9c, 0x64, 0x70, 0xef, 0x15, 0xf8,
			0xcd, 0x5a, 0x9c, 0xeb, 0xd6, 0xcb, 0xc7, 0xd9, 0x0b, 0x86, 0x36, 0x30}},
	{.label = "AMD ARK-Turin", .product = SNP_TURIN,
		.spki_sha256 = {0x4f, 0x12, 0x54, 0x10, 0x56, 0x3a, 0x2a, 0xb9, 0xa5, 0x03, 0x56, 0xf9, 0x24, 0x3f, 0x6f, 0xe0, 0xb6, 0xf7, 0x3d, 0xe9,
			0x86, 0x03, 0xf5, 0x3f, 0x90, 0x33, 0x9c, 0x70, 0xe9, 0xd7, 0xad, 0x08}},
};

int snp_spki_sha256(uint8_t ret[static SNP_PIN_SIZE], const X509 *x509)
{
	unsigned char *der = NULL;
	int size = i2d_X509_PUBKEY(X509_get_X509_PUBKEY(x509), &der), r;

	if (size <= 0)
		return -EIO;
	r = sha256(ret, bytes_of(der, (size_t)size));
	OPENSSL_free(der);
	return r;
}

int snp_pins_add_hash(struct snp_pins *pins, const uint8_t spki_sha256[static SNP_PIN_SIZE], const char *label, struct error *error)
{
	struct snp_pin *pin = &pins->items[pins->count];

	if (pins->count == SNP_PINS_MAX)
		return error_set(error, -E2BIG, "more than %d pins", SNP_PINS_MAX);
	*pin = (struct snp_pin){.product = SNP_PRODUCT_UNKNOWN};
	memcpy(pin->spki_sha256, spki_sha256, SNP_PIN_SIZE);
	memcpy(pin->label, label, strnlen(label, sizeof(pin->label) - 1));
	pins->count++;
	return 0;
}

int snp_pins_add_certificate(struct snp_pins *pins, struct bytes certificate, struct error *error)
{
	CLEANUP(snp_certs_deinit) struct snp_certs certs = {.count = 0};
	uint8_t hash[SNP_PIN_SIZE];
	char cn[sizeof(pins->items[0].label)];
	int r = snp_certs_add(&certs, certificate, error);

	if (r < 0)
		return r;
	if (r > 0 || certs.count != 1)
		return error_set(error, -EINVAL, "a trust anchor is exactly one certificate");
	r = snp_spki_sha256(hash, certs.items[0].x509);
	if (r < 0)
		return r;
	snp_name_cn(cn, sizeof(cn), X509_get_subject_name(certs.items[0].x509));
	return snp_pins_add_hash(pins, hash, cn, error);
}

const struct snp_pin *snp_pin_find(const uint8_t spki_sha256[static SNP_PIN_SIZE], const struct snp_pins *extra, bool *ret_operator)
{
	*ret_operator = false;
	for (size_t i = 0; i < ARRAY_SIZE(amd); i++)
		if (memcmp(amd[i].spki_sha256, spki_sha256, SNP_PIN_SIZE) == 0)
			return &amd[i];
	*ret_operator = true;
	for (size_t i = 0; extra && i < extra->count; i++)
		if (memcmp(extra->items[i].spki_sha256, spki_sha256, SNP_PIN_SIZE) == 0)
			return &extra->items[i];
	return NULL;
}
