/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * The simulated platform's own certification authority and chip, kept in one directory:
 *   platform.json       product and seed
 *   ark.pem ask.pem asvk.pem and *.key   the CA; nobody trusts it but who pins ark.pem
 * Certificates have the profile of AMD's genuine ones (spec: certificates, section 5). VEK keys are derived from the seed, as a chip
 * derives them from its fuses: the same chip and TCB give the same key for ever.
 */
#include <openssl/evp.h>
#include <openssl/x509.h>

#include "sim/state.h"

enum sim_ca { SIM_ARK, SIM_ASK, SIM_ASVK, SIM_CA_COUNT };

struct sim_platform {
	char dir[256];
	const struct sim_product *product;
	uint8_t seed[32];
	uint8_t chip_id[SIM_CHIP_ID_SIZE];
	EVP_PKEY *ca_key[SIM_CA_COUNT];
	X509 *ca[SIM_CA_COUNT];
};

/*
 * Makes DIR. `seed` is any text (NULL: random). With `ca_from`, the directory of another platform of the same product, its CA is copied:
 * two chips of one vendor. -EEXIST when DIR already holds another product; an equal one is left as it is.
 */
int sim_platform_make(const char *dir, const struct sim_product *product, const char *seed, const char *ca_from, int64_t now,
	struct error *error) MUST_CHECK;
int sim_platform_open(const char *dir, struct sim_platform *ret, struct error *error) MUST_CHECK;
void sim_platform_deinit(struct sim_platform *platform);

/* The CA certificate as DER or PEM, appended. */
int sim_ca_write(const struct sim_platform *platform, enum sim_ca which, bool pem, struct buf *to) MUST_CHECK;

/* The VEK that `state` says (signer, chip_id, csp_id) at `tcb`. */
int sim_vek_key(const struct sim_platform *platform, const struct sim_state *state, const struct sim_tcb *tcb, EVP_PKEY **ret) MUST_CHECK;
int sim_vek_certificate(const struct sim_platform *platform, const struct sim_state *state, const struct sim_tcb *tcb, int64_t now,
	struct buf *to) MUST_CHECK;

/* The ARK's CRL, DER; `state->revoke` names what it lists. */
int sim_crl(const struct sim_platform *platform, const struct sim_state *state, int64_t now, struct buf *to) MUST_CHECK;

/* Shared by pki.c, vek.c and pss.c: a fresh certificate with names, validity and key, and its signature. */
X509 *sim_certificate_new(const char *subject, const char *issuer, uint32_t serial, EVP_PKEY *key, int64_t not_before, unsigned years);
X509_NAME *sim_name_new(const char *common_name);
int sim_pss_context(EVP_MD_CTX *context, EVP_PKEY *key) MUST_CHECK;
int sim_pss_sign_spelled_out(X509 *certificate, EVP_PKEY *key) MUST_CHECK;

static inline void sim_pkey_freep(EVP_PKEY **key)
{
	EVP_PKEY_free(*key);
}
static inline void sim_x509_freep(X509 **certificate)
{
	X509_free(*certificate);
}
