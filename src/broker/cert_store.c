/* SPDX-License-Identifier: Apache-2.0 */
#include "broker/cert_store.h"

#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/files.h"
#include "base/log.h"
#include "base/text.h"
#include "io/kds_cache.h"
#include "snp/cert.h"
#include "snp/crl.h"

#define FILE_MAX ((size_t)1 << 20) /* a bundle of all that fits into a set */
#define CACHE_VLEKS_MAX 16 /* a cloud has one for each region and TCB; more than that belong into the directory of the machine that needs them */

struct cert_set *cert_set_unref(struct cert_set *set)
{
	if (set && __atomic_sub_fetch(&set->refs, 1, __ATOMIC_ACQ_REL) == 0) {
		snp_certs_deinit(&set->certs);
		free(set);
	}
	return NULL;
}

static struct cert_set *set_new(void)
{
	struct cert_set *set = calloc(1, sizeof(*set));

	if (set) {
		set->refs = 1;
		snp_certs_init(&set->certs);
	}
	return set;
}

/* A set that has met garbage never verifies: each file is tried on a set of its own first. */
static int add_file(struct cert_set *set, const char *path, bool crl)
{
	CLEANUP(buf_deinit) struct buf content = BUF_NULL;
	CLEANUP(cert_set_unrefp) struct cert_set *trial = set_new();
	struct error error = ERROR_NULL;
	int r;

	if (!trial)
		return -ENOMEM;
	r = file_read(path, FILE_MAX, &content, &error);
	if (!r)
		r = crl ? snp_certs_add_crl(&trial->certs, buf_view(&content), &error)
			: snp_certs_add(&trial->certs, buf_view(&content), &error);
	if (!r)
		r = crl ? snp_certs_add_crl(&set->certs, buf_view(&content), &error)
			: snp_certs_add(&set->certs, buf_view(&content), &error);
	if (r == -ENOMEM)
		return r;
	if (r)
		log_warning("%s is passed over: %s", path, error_text(&error));
	return 0;
}

static int by_name(const struct dirent **a, const struct dirent **b)
{
	return strcmp((*a)->d_name, (*b)->d_name);
}

static int not_hidden(const struct dirent *entry)
{
	return entry->d_name[0] != '.';
}

/* In the order of names, so that two starts see the same. */
static int add_directory(struct cert_set *set, const char *directory, bool crl)
{
	struct dirent **entries = NULL;
	int count = scandir(directory, &entries, not_hidden, by_name);
	int r = 0;

	if (count < 0) {
		if (errno != ENOENT)
			log_warning("%s: %s", directory, strerror(errno));
		return errno == ENOMEM ? -ENOMEM : 0;
	}
	for (int i = 0; i < count; i++) {
		char path[PATH_MAX];

		if (!r && snprintf(path, sizeof(path), "%s/%s", directory, entries[i]->d_name) < (int)sizeof(path))
			r = add_file(set, path, crl);
		free(entries[i]);
	}
	free(entries);
	return r;
}

/* Chains and lists of the cache are few; VCEKs are looked up when they are needed. */
static int add_cache(struct cert_set *set, const char *directory)
{
	struct kds_cached *cached;
	size_t count, vleks = 0;
	int r = kds_cache_list(directory, 0, &cached, &count, NULL);

	if (r)
		return r == -ENOMEM ? r : 0;
	for (size_t i = 0; i < count && !r; i++) {
		const struct kds_object *object = &cached[i].object;
		char path[PATH_MAX];

		if (object->kind == KDS_VCEK || (object->kind == KDS_VLEK && ++vleks > CACHE_VLEKS_MAX))
			continue;
		if (snprintf(path, sizeof(path), "%s/%s", directory, cached[i].name) < (int)sizeof(path))
			r = add_file(set, path, object->kind == KDS_CRL);
	}
	free(cached);
	return r;
}

static void note_name(struct cert_set *set, enum snp_product product, const char *name)
{
	const char *text = snp_product_name(product);
	const char *dash = strrchr(name, '-');

	if (!dash || strcmp(dash + 1, text) != 0)
		return;
	if (text_starts_with(name, "SEV-VLEK-"))
		set->has_asvk[product] = true;
	else if (text_starts_with(name, "SEV-"))
		set->has_ask[product] = true;
	else if (text_starts_with(name, "ARK-"))
		set->has_ark[product] = true;
}

/* Says what is there, so that nobody has to look again for each request. */
static void take_stock(struct cert_set *set)
{
	for (size_t i = 0; i < set->certs.count; i++) {
		const struct snp_item *item = &set->certs.items[i];
		struct snp_crl_info crl;
		struct snp_cert cert;
		char ark[16];

		for (int product = SNP_MILAN; product <= SNP_TURIN; product++) {
			(void)snprintf(ark, sizeof(ark), "ARK-%s", snp_product_name((enum snp_product)product));
			if (item->kind == SNP_ITEM_CERTIFICATE && snp_cert_parse(item->der, &cert) == 0)
				note_name(set, (enum snp_product)product, cert.subject);
			else if (item->kind == SNP_ITEM_CRL && snp_crl_decode(item->der, &crl, NULL) == 0 && strcmp(crl.issuer, ark) == 0)
				set->has_crl[product] = true;
		}
	}
}

bool cert_set_has_chain(const struct cert_set *set, enum snp_product product, enum snp_signer signer)
{
	return set->has_ark[product] && (signer == SNP_SIGNER_VLEK ? set->has_asvk[product] : set->has_ask[product]);
}

int cert_set_load(const struct broker_config *config, struct cert_set **ret, struct error *error)
{
	CLEANUP(cert_set_unrefp) struct cert_set *set = set_new();
	int r = set ? 0 : -ENOMEM;

	if (!r)
		r = add_directory(set, config->certificate_directory, false);
	if (!r)
		r = add_directory(set, config->crl_directory, true);
	if (!r)
		r = add_cache(set, config->cache_directory);
	if (r)
		return error_set(error, r, "certificates: %s", strerror(-r));
	take_stock(set);
	log_info("%zu certificates and revocation lists from the directories and the cache", set->certs.count);
	*ret = set;
	set = NULL;
	return 0;
}

int cert_set_with_chip(const struct broker_config *config, const struct cert_set *base, const struct kds_object *vcek, struct cert_set **ret)
{
	CLEANUP(cert_set_unrefp) struct cert_set *set = NULL;
	CLEANUP(buf_deinit) struct buf content = BUF_NULL;
	int r = kds_cache_get(config->cache_directory, vcek, 0, &content, NULL);

	if (!r && kds_object_check(vcek, buf_view(&content), NULL))
		r = -ENOENT;
	if (r)
		return r;
	set = set_new();
	if (!set)
		return -ENOMEM;
	r = snp_certs_add(&set->certs, buf_view(&content), NULL);
	for (size_t i = 0; i < base->certs.count && !r; i++)
		r = snp_certs_add(&set->certs, base->certs.items[i].der, NULL);
	if (r)
		return r < 0 ? r : -EBADMSG;
	memcpy(set->has_ask, base->has_ask, sizeof(set->has_ask));
	memcpy(set->has_asvk, base->has_asvk, sizeof(set->has_asvk));
	memcpy(set->has_ark, base->has_ark, sizeof(set->has_ark));
	memcpy(set->has_crl, base->has_crl, sizeof(set->has_crl));
	*ret = set;
	set = NULL;
	return 0;
}
