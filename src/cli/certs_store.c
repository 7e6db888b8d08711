/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/certs.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "base/text.h"
#include "cli/collect.h"
#include "snp/cert.h"
#include "snp/crl.h"

static const enum snp_product products[] = {SNP_MILAN, SNP_GENOA, SNP_TURIN};
static const enum snp_signer signers[] = {SNP_SIGNER_VCEK, SNP_SIGNER_VLEK};

/* The certificate that calls itself so; an empty view when there is none. */
static struct bytes named(const struct snp_certs *certs, const char *prefix, enum snp_product product)
{
	struct snp_cert cert;
	char wanted[64];

	(void)snprintf(wanted, sizeof(wanted), "%s-%s", prefix, snp_product_name(product));
	for (size_t i = 0; i < certs->count; i++)
		if (certs->items[i].kind == SNP_ITEM_CERTIFICATE && snp_cert_parse(certs->items[i].der, &cert) == 0 &&
			strcmp(cert.subject, wanted) == 0)
			return certs->items[i].der;
	return bytes_of(NULL, 0);
}

static int store_chain(const char *directory, const struct snp_certs *certs, enum snp_product product, enum snp_signer signer,
	struct certs_stored *stored, struct error *error)
{
	struct bytes parts[] = {named(certs, signer == SNP_SIGNER_VLEK ? "SEV-VLEK" : "SEV", product), named(certs, "ARK", product)};
	const struct kds_object object = kds_object_chain(product, signer);
	CLEANUP(snp_certs_deinit) struct snp_certs pair;
	CLEANUP(buf_deinit) struct buf pem = BUF_NULL;
	int r = 0;

	snp_certs_init(&pair);
	if (!parts[0].data || !parts[1].data)
		return 0;
	for (size_t i = 0; i < ARRAY_SIZE(parts) && !r; i++)
		r = snp_certs_add(&pair, parts[i], error);
	if (!r)
		r = collect_pem(&pair, &pem);
	if (r)
		return r < 0 ? r : -EBADMSG;
	stored->chains++;
	return kds_cache_put(directory, &object, buf_view(&pem), error);
}

/* Both lists of a product have one issuer, and nothing in them tells them apart: the name of the file may, else it is both. */
static int store_crl(const char *directory, struct bytes der, const char *hint, struct certs_stored *stored, struct error *error)
{
	bool vlek = hint && strcasestr(hint, "vlek"), vcek = hint && strcasestr(hint, "vcek");
	struct snp_crl_info info;
	int r = 0;

	if (snp_crl_decode(der, &info, NULL))
		return 0;
	for (size_t i = 0; i < ARRAY_SIZE(products); i++) {
		char issuer[64];

		(void)snprintf(issuer, sizeof(issuer), "ARK-%s", snp_product_name(products[i]));
		if (strcmp(info.issuer, issuer) != 0)
			continue;
		stored->crls++;
		for (size_t j = 0; j < ARRAY_SIZE(signers) && !r; j++) {
			const struct kds_object object = kds_object_crl(products[i], signers[j]);

			if (signers[j] == SNP_SIGNER_VLEK ? !vcek || vlek : !vlek || vcek)
				r = kds_cache_put(directory, &object, der, error);
		}
	}
	return r;
}

static int store_item(const char *directory, const struct snp_item *item, const char *hint, struct certs_stored *stored, struct error *error)
{
	struct kds_object object;
	int r;

	if (item->kind == SNP_ITEM_CRL)
		return store_crl(directory, item->der, hint, stored, error);
	r = kds_object_of_vek(item->der, &object);
	if (r)
		return r < 0 ? r : 0;
	stored->chips++;
	return kds_cache_put(directory, &object, item->der, error);
}

int certs_store(const char *directory, const struct snp_certs *certs, const char *hint, struct certs_stored *ret, struct error *error)
{
	struct certs_stored stored = {0};
	int r = 0;

	for (size_t i = 0; i < certs->count && !r; i++)
		r = store_item(directory, &certs->items[i], hint, &stored, error);
	for (size_t i = 0; i < ARRAY_SIZE(products) && !r; i++)
		for (size_t j = 0; j < ARRAY_SIZE(signers) && !r; j++)
			r = store_chain(directory, certs, products[i], signers[j], &stored, error);
	stored.others = certs->count > stored.chips + 2 * stored.chains + stored.crls ? certs->count - stored.chips - 2 * stored.chains - stored.crls : 0;
	if (!r)
		*ret = stored;
	return r;
}
