/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * Trust anchors: SHA-256 over the DER SubjectPublicKeyInfo of AMD's root keys (ARK), compiled in, and the pins that an operator adds.
 * A chain ends in one of these or it is worth nothing.
 */
#include <stddef.h>
#include <stdint.h>

#include "base/bytes.h"
#include "base/error.h"
#include "snp/product.h"

#define SNP_PINS_MAX 16
#define SNP_PIN_LABEL_MAX 64

struct snp_pin {
	uint8_t spki_sha256[32];
	char label[SNP_PIN_LABEL_MAX];
	enum snp_product product; /* UNKNOWN: any */
};

struct snp_pins {
	struct snp_pin items[SNP_PINS_MAX];
	size_t count;
};

/* AMD's three. */
extern const struct snp_pin snp_amd_pins[3];

/*
 * Pins the public key of a root certificate (PEM or DER, exactly one). Its common name becomes the label; "ARK-Milan" and its like also
 * bind the product. 0; -EINVAL when it is not one certificate with an RSA-4096 key; -ENOSPC; -ENOMEM.
 */
int snp_pins_add_certificate(struct snp_pins *pins, struct bytes pem_or_der, struct error *error) MUST_CHECK;

/* The pin with this digest: first AMD's, then those of `extra` (NULL allowed). NULL when there is none. */
const struct snp_pin *snp_pin_find(const struct snp_pins *extra, const uint8_t spki_sha256[static 32]);
