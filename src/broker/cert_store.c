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

#define FILE_MAX ((size_t)1 << 20) /* a bundle of all that fits into a set */
#define CHIP_ID_AT 0x1a0
#define CHIP_ID_SIZE 64
#define REPORTED_TCB_AT 0x180
#define REPORTED_TCB_SIZE 8

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

int cert_set_load(const struct broker_config *config, struct cert_set **ret, struct error *error)
{
	CLEANUP(cert_set_unrefp) struct cert_set *set = set_new();
	int r = set ? 0 : -ENOMEM;

	if (!r)
		r = add_directory(set, config->certificate_directory, false);
	if (!r)
		r = add_directory(set, config->crl_directory, true);
	if (r)
		return error_set(error, r, "certificates: %s", strerror(-r));
	log_info("%zu certificates and revocation lists from the directories", set->certs.count);
	*ret = set;
	set = NULL;
	return 0;
}

int cert_set_with_chip(const struct broker_config *config, const struct cert_set *base, struct bytes report, struct cert_set **ret)
{
	CLEANUP(cert_set_unrefp) struct cert_set *set = NULL;
	CLEANUP(buf_deinit) struct buf content = BUF_NULL;
	char chip[2 * CHIP_ID_SIZE + 1];
	char tcb[2 * REPORTED_TCB_SIZE + 1];
	char path[PATH_MAX];
	int r;

	if (report.size < CHIP_ID_AT + CHIP_ID_SIZE)
		return -ENOENT;
	hex_encode(chip, report.data + CHIP_ID_AT, CHIP_ID_SIZE);
	hex_encode(tcb, report.data + REPORTED_TCB_AT, REPORTED_TCB_SIZE);
	if (snprintf(path, sizeof(path), "%s/vcek-%s-%s.der", config->cache_directory, chip, tcb) >= (int)sizeof(path))
		return -ENAMETOOLONG;
	r = file_read(path, FILE_MAX, &content, NULL);
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
	*ret = set;
	set = NULL;
	return 0;
}
