/* SPDX-License-Identifier: Apache-2.0 */
#include "snp/roots.h"

#include <errno.h>
#include <string.h>

#include "base/text.h"
#include "snp/cert.h"
#include "snp/certs.h"

/* From AMD's cert_chain answers; four independent copies agree (openssl x509 -pubkey | openssl pkey -pubin -outform DER | sha256sum). */
const struct snp_pin snp_amd_pins[3] = {
	{{0x9f, 0x05, 0x6b, 0xee, 0x44, 0x37, 0x7e, 0x29, 0x30, 0x8c, 0xb5, 0xff, 0xa8, 0x95, 0xbd, 0xfb, 0x62, 0xd1, 0x88, 0x81, 0xfa,
		 0x6b, 0xed, 0x8d, 0x6f, 0x07, 0x5b, 0x02, 0x04, 0x08, 0x9c, 0xb9},
		"ARK-Milan", SNP_MILAN},
	{{0x42, 0x9a, 0x69, 0xc9, 0x42, 0x2a, 0xa2, 0x58, 0xee, 0x4d, 0x8d, 0xb5, 0xfc, 0xda, 0x9c, 0x64, 0x70, 0xef, 0x15, 0xf8, 0xcd,
		 0x5a, 0x9c, 0xeb, 0xd6, 0xcb, 0xc7, 0xd9, 0x0b, 0x86, 0x38, 0x31},
		"ARK-Genoa", SNP_GENOA},
	{{0x4f, 0x12, 0x54, 0x10, 0x56, 0x3a, 0x2a, 0xb9, 0xa5, 0x03, 0x56, 0xf9, 0x24, 0x3f, 0x6f, 0xe0, 0xb6, 0xf7, 0x3d, 0xe9, 0x86,
		 0x03, 0xf5, 0x3f, 0x90, 0x33, 0x9c, 0x70, 0xe9, 0xd7, 0xad, 0x08},
		"ARK-Turin", SNP_TURIN},
};

const struct snp_pin *snp_pin_find(const struct snp_pins *extra, const uint8_t spki_sha256[static 32])
{
	for (size_t i = 0; i < ARRAY_SIZE(snp_amd_pins); i++)
		if (memcmp(snp_amd_pins[i].spki_sha256, spki_sha256, 32) == 0)
			return &snp_amd_pins[i];
	for (size_t i = 0; extra && i < extra->count && i < SNP_PINS_MAX; i++)
		if (memcmp(extra->items[i].spki_sha256, spki_sha256, 32) == 0)
			return &extra->items[i];
	return NULL;
}

static int pin_of(struct bytes der, struct snp_pin *ret, struct error *error)
{
	struct snp_cert cert;
	int r = snp_cert_parse(der, &cert);

	if (r < 0)
		return r;
	if (r > 0)
		return error_set(error, -EINVAL, "not an X.509 certificate");
	if (cert.key_kind != SNP_KEY_RSA4096)
		return error_set(error, -EINVAL, "the key of %s is not RSA of 4096 bits (exponent 65537): no root (ARK) has another", cert.subject);
	r = snp_cert_spki(&cert, ret->spki_sha256);
	memcpy(ret->label, cert.subject, sizeof(ret->label));
	ret->product = SNP_PRODUCT_UNKNOWN;
	if (text_starts_with(cert.subject, "ARK-"))
		ret->product = snp_product_from_name(cert.subject + 4, strlen(cert.subject + 4));
	return r;
}

int snp_pins_add_certificate(struct snp_pins *pins, struct bytes pem_or_der, struct error *error)
{
	CLEANUP(snp_certs_deinit) struct snp_certs certs;
	struct snp_pin pin = {0};
	int r;

	snp_certs_init(&certs);
	r = snp_certs_add(&certs, pem_or_der, error);
	if (r != 0)
		return r < 0 ? r : -EINVAL;
	if (certs.count != 1 || certs.items[0].kind != SNP_ITEM_CERTIFICATE)
		return error_set(error, -EINVAL, "%zu objects where one root certificate is wanted", certs.count);
	if (pins->count >= SNP_PINS_MAX)
		return error_set(error, -ENOSPC, "more than %d pinned roots", SNP_PINS_MAX);
	r = pin_of(certs.items[0].der, &pin, error);
	if (r < 0)
		return r;
	pins->items[pins->count++] = pin;
	return 0;
}
