/* SPDX-License-Identifier: Apache-2.0 */
/* The chip's own keys, their certificates with AMD's extensions, and the CRL. */
#include <errno.h>
#include <openssl/core_names.h>
#include <openssl/ec.h>
#include <openssl/obj_mac.h>
#include <openssl/param_build.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <string.h>

#include "base/crypto.h"
#include "sim/pki.h"

#define DAY 86400
#define P384_SIZE 48

/* 48 bytes from seed, kind, chip and TCB: reduced below the group order they are the private key. */
static int vek_scalar(
	const struct sim_platform *platform, const struct sim_state *state, const struct sim_tcb *tcb, uint8_t to[static SHA384_SIZE])
{
	CLEANUP(buf_deinit) struct buf mix = BUF_NULL;
	uint8_t raw[8];
	int r;

	sim_tcb_encode(raw, platform->product, tcb);
	r = buf_append(&mix, platform->seed, sizeof(platform->seed));
	if (!r)
		r = buf_append(&mix, raw, sizeof(raw));
	if (!r && state->signer == SIM_SIGNER_VLEK)
		r = buf_append_text(&mix, state->csp_id);
	else if (!r)
		r = buf_append(&mix, state->chip_id, sizeof(state->chip_id));
	return r ? r : sha384(to, buf_view(&mix));
}

static int key_from_scalar(const EC_GROUP *group, const BIGNUM *scalar, EVP_PKEY **ret)
{
	OSSL_PARAM_BLD *builder = OSSL_PARAM_BLD_new();
	EVP_PKEY_CTX *context = EVP_PKEY_CTX_new_from_name(NULL, "EC", NULL);
	EC_POINT *point = EC_POINT_new(group);
	OSSL_PARAM *params = NULL;
	uint8_t public[1 + 2 * P384_SIZE];
	int ok = builder && context && point && EC_POINT_mul(group, point, scalar, NULL, NULL, NULL) &&
		 EC_POINT_point2oct(group, point, POINT_CONVERSION_UNCOMPRESSED, public, sizeof(public), NULL) == sizeof(public) &&
		 OSSL_PARAM_BLD_push_utf8_string(builder, OSSL_PKEY_PARAM_GROUP_NAME, SN_secp384r1, 0) &&
		 OSSL_PARAM_BLD_push_octet_string(builder, OSSL_PKEY_PARAM_PUB_KEY, public, sizeof(public)) &&
		 OSSL_PARAM_BLD_push_BN(builder, OSSL_PKEY_PARAM_PRIV_KEY, scalar);

	if (ok)
		params = OSSL_PARAM_BLD_to_param(builder);
	ok = params && EVP_PKEY_fromdata_init(context) == 1 && EVP_PKEY_fromdata(context, ret, EVP_PKEY_KEYPAIR, params) == 1;
	OSSL_PARAM_free(params);
	OSSL_PARAM_BLD_free(builder);
	EVP_PKEY_CTX_free(context);
	EC_POINT_free(point);
	return ok ? 0 : -EIO;
}

int sim_vek_key(const struct sim_platform *platform, const struct sim_state *state, const struct sim_tcb *tcb, EVP_PKEY **ret)
{
	EC_GROUP *group = EC_GROUP_new_by_curve_name(NID_secp384r1);
	BN_CTX *numbers = BN_CTX_new();
	BIGNUM *scalar = NULL, *limit = group ? BN_dup(EC_GROUP_get0_order(group)) : NULL;
	uint8_t raw[SHA384_SIZE];
	int r = vek_scalar(platform, state, tcb, raw);

	*ret = NULL;
	if (!r)
		scalar = BN_bin2bn(raw, sizeof(raw), NULL);
	/* 1 .. n-1 */
	if (!scalar || !limit || !numbers || !BN_sub_word(limit, 1) || !BN_mod(scalar, scalar, limit, numbers) || !BN_add_word(scalar, 1))
		r = r ? r : -EIO;
	if (!r)
		r = key_from_scalar(group, scalar, ret);
	BN_clear_free(scalar);
	BN_free(limit);
	BN_CTX_free(numbers);
	EC_GROUP_free(group);
	return r;
}

static int add_raw(X509 *certificate, const char *suffix, const void *data, size_t size)
{
	char oid[64];
	ASN1_OBJECT *object;
	ASN1_OCTET_STRING *value = ASN1_OCTET_STRING_new();
	X509_EXTENSION *extension = NULL;
	int ok;

	(void)snprintf(oid, sizeof(oid), "1.3.6.1.4.1.3704.1.%s", suffix);
	object = OBJ_txt2obj(oid, 1);
	ok = object && value && ASN1_OCTET_STRING_set(value, data, (int)size);
	if (ok)
		extension = X509_EXTENSION_create_by_OBJ(NULL, object, 0, value);
	ok = extension && X509_add_ext(certificate, extension, -1);
	X509_EXTENSION_free(extension);
	ASN1_OCTET_STRING_free(value);
	ASN1_OBJECT_free(object);
	return ok ? 0 : -EIO;
}

/* A DER INTEGER 0..255 in its shortest form. */
static int add_number(X509 *certificate, const char *suffix, uint8_t number)
{
	uint8_t der[4] = {0x02, 1, number, 0};

	if (number > 127) {
		der[1] = 2;
		der[2] = 0;
		der[3] = number;
	}
	return add_raw(certificate, suffix, der, number > 127 ? 4 : 3);
}

static int add_ia5(X509 *certificate, const char *suffix, const char *text)
{
	uint8_t der[2 + 127] = {0x16};
	size_t size = strlen(text);

	if (size > 127)
		return -EINVAL;
	der[1] = (uint8_t)size;
	for (size_t i = 0; i < size; i++)
		der[2 + i] = (uint8_t)text[i];
	return add_raw(certificate, suffix, der, 2 + size);
}

/* The SPLs in AMD's order, which differs by product. */
static int add_spls(X509 *certificate, const struct sim_product *product, const struct sim_tcb *tcb)
{
	const struct {
		const char *suffix;
		uint8_t value;
		bool with_fmc, without_fmc;
	} rows[] = {
		{"3.9", tcb->fmc, true, false},
		{"3.1", tcb->bootloader, true, true},
		{"3.2", tcb->tee, true, true},
		{"3.3", tcb->snp, true, false},
		{"3.4", 0, false, true},
		{"3.5", 0, true, true},
		{"3.6", 0, true, true},
		{"3.7", 0, true, true},
		{"3.3", tcb->snp, false, true},
		{"3.8", tcb->microcode, true, true},
	};
	int r = 0;

	for (size_t i = 0; i < ARRAY_SIZE(rows) && !r; i++) {
		if (product->has_fmc ? rows[i].with_fmc : rows[i].without_fmc)
			r = add_number(certificate, rows[i].suffix, rows[i].value);
	}
	return r;
}

static int vek_extensions(X509 *certificate, const struct sim_product *product, const struct sim_state *state, const struct sim_tcb *tcb)
{
	bool vlek = state->signer == SIM_SIGNER_VLEK;
	int r = add_number(certificate, "1", product->struct_version);

	if (!r)
		r = add_ia5(certificate, "2", vlek ? product->name : product->vcek_name);
	if (!r)
		r = add_spls(certificate, product, tcb);
	if (r)
		return r;
	return vlek ? add_ia5(certificate, "5", state->csp_id) : add_raw(certificate, "4", state->chip_id, product->hwid_size);
}

static int append_der(X509 *certificate, struct buf *to)
{
	uint8_t *der = NULL;
	int size = i2d_X509(certificate, &der), r;

	if (size <= 0)
		return -EIO;
	r = buf_append(to, der, (size_t)size);
	OPENSSL_free(der);
	return r;
}

int sim_vek_certificate(
	const struct sim_platform *platform, const struct sim_state *state, const struct sim_tcb *tcb, int64_t now, struct buf *to)
{
	CLEANUP(sim_pkey_freep) EVP_PKEY *key = NULL;
	CLEANUP(sim_x509_freep) X509 *certificate = NULL;
	bool vlek = state->signer == SIM_SIGNER_VLEK;
	EVP_MD_CTX *context;
	char issuer[64];
	int r = sim_vek_key(platform, state, tcb, &key);

	if (r)
		return r;
	(void)snprintf(issuer, sizeof(issuer), vlek ? "SEV-VLEK-%s" : "SEV-%s", platform->product->name);
	certificate =
		sim_certificate_new(vlek ? "SEV-VLEK" : "SEV-VCEK", issuer, 0, key, now - (int64_t)state->vek_age_days * DAY, vlek ? 1 : 7);
	context = EVP_MD_CTX_new();
	r = certificate && context ? vek_extensions(certificate, platform->product, state, tcb) : -ENOMEM;
	if (!r)
		r = sim_pss_context(context, platform->ca_key[vlek ? SIM_ASVK : SIM_ASK]);
	if (!r && X509_sign_ctx(certificate, context) <= 0)
		r = -EIO;
	EVP_MD_CTX_free(context);
	return r ? r : append_der(certificate, to);
}

static int crl_revoke(X509_CRL *crl, X509 *certificate, int64_t when)
{
	X509_REVOKED *entry = X509_REVOKED_new();
	ASN1_TIME *time = ASN1_TIME_set(NULL, (time_t)when);
	int ok = entry && time && X509_REVOKED_set_serialNumber(entry, X509_get_serialNumber(certificate)) &&
		 X509_REVOKED_set_revocationDate(entry, time) && X509_CRL_add0_revoked(crl, entry);

	ASN1_TIME_free(time);
	if (!ok)
		X509_REVOKED_free(entry);
	return ok ? 0 : -EIO;
}

static int crl_extensions(X509_CRL *crl, X509 *ark)
{
	ASN1_INTEGER *number = ASN1_INTEGER_new();
	X509_EXTENSION *key_id;
	X509V3_CTX context;
	int ok;

	X509V3_set_ctx(&context, ark, NULL, NULL, crl, 0);
	key_id = X509V3_EXT_conf_nid(NULL, &context, NID_authority_key_identifier, "keyid:always");
	ok = key_id && X509_CRL_add_ext(crl, key_id, -1) && number && ASN1_INTEGER_set(number, 1) &&
	     X509_CRL_add1_ext_i2d(crl, NID_crl_number, number, 0, 0);
	X509_EXTENSION_free(key_id);
	ASN1_INTEGER_free(number);
	return ok ? 0 : -EIO;
}

static int crl_fill(X509_CRL *crl, const struct sim_platform *platform, const struct sim_state *state, int64_t now)
{
	ASN1_TIME *from = ASN1_TIME_set(NULL, (time_t)(now - DAY)), *to = ASN1_TIME_set(NULL, (time_t)(now + 365 * DAY));
	int ok = from && to && X509_CRL_set_version(crl, X509_CRL_VERSION_2) &&
		 X509_CRL_set_issuer_name(crl, X509_get_subject_name(platform->ca[SIM_ARK])) && X509_CRL_set1_lastUpdate(crl, from) &&
		 X509_CRL_set1_nextUpdate(crl, to);
	int r = ok ? crl_extensions(crl, platform->ca[SIM_ARK]) : -EIO;

	ASN1_TIME_free(from);
	ASN1_TIME_free(to);
	if (!r && !strcmp(state->revoke, "ask"))
		r = crl_revoke(crl, platform->ca[SIM_ASK], now - DAY);
	if (!r && !strcmp(state->revoke, "asvk"))
		r = crl_revoke(crl, platform->ca[SIM_ASVK], now - DAY);
	return r;
}

int sim_crl(const struct sim_platform *platform, const struct sim_state *state, int64_t now, struct buf *to)
{
	X509_CRL *crl = X509_CRL_new();
	EVP_MD_CTX *context = EVP_MD_CTX_new();
	uint8_t *der = NULL;
	int r = crl && context ? crl_fill(crl, platform, state, now) : -ENOMEM, size = 0;

	if (!r)
		r = sim_pss_context(context, platform->ca_key[SIM_ARK]);
	if (!r && X509_CRL_sign_ctx(crl, context) <= 0)
		r = -EIO;
	if (!r)
		size = i2d_X509_CRL(crl, &der);
	if (!r)
		r = size > 0 ? buf_append(to, der, (size_t)size) : -EIO;
	OPENSSL_free(der);
	EVP_MD_CTX_free(context);
	X509_CRL_free(crl);
	return r;
}
