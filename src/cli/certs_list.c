/* SPDX-License-Identifier: Apache-2.0 */
/* sevattest certs list: what the cache holds, and how long it is good for. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "cli/certs.h"
#include "io/clock.h"
#include "snp/cert.h"
#include "snp/crl.h"
#include "snp/vek.h"

/* One object of the cache, as far as it can be read. */
struct row {
	const struct kds_cached *cached;
	bool readable;
	int64_t from, until; /* validity, or the window of a CRL */
	size_t revoked;
	char csp_id[SNP_VEK_TEXT_MAX];
};

static int64_t earlier(int64_t a, int64_t b)
{
	return a < b ? a : b;
}

/* A chain is good as long as its shortest part. */
static void read_certificates(struct row *row, const struct snp_certs *certs)
{
	for (size_t i = 0; i < certs->count; i++) {
		struct snp_cert cert;

		if (snp_cert_parse(certs->items[i].der, &cert)) {
			row->readable = false;
			return;
		}
		row->from = i == 0 || cert.not_before > row->from ? cert.not_before : row->from;
		row->until = i == 0 ? cert.not_after : earlier(row->until, cert.not_after);
	}
}

static void read_row(struct row *row, const char *directory, int64_t now)
{
	CLEANUP(snp_certs_deinit) struct snp_certs certs;
	CLEANUP(buf_deinit) struct buf bytes = BUF_NULL;
	const struct kds_object *object = &row->cached->object;
	struct snp_crl_info info;
	struct snp_vek vek;

	snp_certs_init(&certs);
	row->readable = kds_cache_get(directory, object, now, &bytes, NULL) == 0 && kds_object_check(object, buf_view(&bytes), NULL) == 0 &&
			snp_certs_add(&certs, buf_view(&bytes), NULL) == 0 && certs.count > 0;
	if (!row->readable)
		return;
	if (object->kind != KDS_CRL) {
		read_certificates(row, &certs);
		if (object->kind == KDS_VLEK && snp_vek_decode(certs.items[0].der, &vek, NULL) == 0)
			memcpy(row->csp_id, vek.csp_id, sizeof(row->csp_id));
	} else if (snp_crl_decode(certs.items[0].der, &info, NULL) == 0) {
		row->from = info.this_update;
		row->until = info.next_update;
		row->revoked = info.revoked_count;
	}
}

static const char *kind_text(const struct kds_object *object)
{
	bool vlek = object->signer == SNP_SIGNER_VLEK;

	switch (object->kind) {
	case KDS_VCEK:
		return "VCEK";
	case KDS_VLEK:
		return "VLEK";
	case KDS_CHAIN:
		return vlek ? "ASVK and ARK" : "ASK and ARK";
	case KDS_CRL:
		return vlek ? "CRL (VLEK)" : "CRL (VCEK)";
	}
	return "?";
}

static const char *state_text(const struct row *row, int64_t now)
{
	if (!row->readable)
		return "unreadable";
	if (now < row->from)
		return "not yet valid";
	return now < row->until ? "valid" : "expired";
}

static int add_tcb(struct json_object *object, const struct kds_object *what)
{
	struct json_object *tcb = json_object_new_object();
	int r = json_add_u64(tcb, "bootloader", what->tcb.bootloader);

	if (!r)
		r = json_add_u64(tcb, "tee", what->tcb.tee);
	if (!r)
		r = json_add_u64(tcb, "snp", what->tcb.snp);
	if (!r)
		r = json_add_u64(tcb, "microcode", what->tcb.microcode);
	if (!r && what->product == SNP_TURIN)
		r = json_add_u64(tcb, "fmc", what->tcb.fmc);
	if (r) {
		json_object_put(tcb);
		return r;
	}
	return json_add(object, "tcb", tcb);
}

static int add_row(struct json_object *list, const struct row *row, int64_t now)
{
	const struct kds_object *what = &row->cached->object;
	struct json_object *object = json_object_new_object();
	char time[32];
	int r = json_push(list, object);

	if (!r)
		r = json_add_text(object, "file", row->cached->name);
	if (!r)
		r = json_add_text(object, "kind", kind_text(what));
	if (!r)
		r = json_add_text(object, "product", snp_product_name(what->product));
	if (!r && what->kind == KDS_VCEK)
		r = json_add_hex(object, "chip_id", what->hwid, what->hwid_size);
	if (!r && what->kind == KDS_VLEK)
		r = json_add_text(object, "csp_id", row->csp_id);
	if (!r && (what->kind == KDS_VCEK || what->kind == KDS_VLEK))
		r = add_tcb(object, what);
	if (!r)
		r = json_add_text(object, "state", state_text(row, now));
	if (!r)
		r = json_add_u64(object, "age_seconds", (uint64_t)row->cached->age);
	time_format(time, row->from);
	if (!r && row->readable)
		r = json_add_text(object, what->kind == KDS_CRL ? "this_update" : "not_before", time);
	time_format(time, row->until);
	if (!r && row->readable)
		r = json_add_text(object, what->kind == KDS_CRL ? "next_update" : "not_after", time);
	if (!r && row->readable && what->kind == KDS_CRL)
		r = json_add_u64(object, "revoked", row->revoked);
	return r;
}

static void print_age(int64_t age)
{
	if (age >= 2 * 86400)
		printf("%lld days old", (long long)(age / 86400));
	else if (age >= 2 * 3600)
		printf("%lld hours old", (long long)(age / 3600));
	else
		printf("%lld minutes old", (long long)(age / 60));
}

static void print_row(const struct row *row, int64_t now)
{
	const struct kds_object *what = &row->cached->object;
	char hwid[2 * SNP_CHIP_ID_SIZE + 1], tcb[SNP_TCB_TEXT_MAX], until[32];
	struct snp_tcb shown = what->tcb;

	printf("%-13s %-6s %-13s ", kind_text(what), snp_product_name(what->product), state_text(row, now));
	time_format(until, row->until);
	if (row->readable)
		printf("%s %s, ", what->kind == KDS_CRL ? "next update" : "until", until);
	print_age(row->cached->age);
	if (what->kind == KDS_CRL && row->readable)
		printf(", %zu revoked", row->revoked);
	printf("\n");
	if (what->kind == KDS_CHAIN || what->kind == KDS_CRL)
		return;
	shown.has_fmc = what->product == SNP_TURIN;
	snp_tcb_text(tcb, &shown);
	hex_encode(hwid, what->hwid, what->hwid_size);
	printf("    %s %s\n    %s\n", what->kind == KDS_VLEK ? "cloud" : "chip ", what->kind == KDS_VLEK ? row->csp_id : hwid, tcb);
}

int certs_list(const char *directory, bool json, struct error *error)
{
	struct json_object *object = json ? json_object_new_object() : NULL, *list = json ? json_object_new_array() : NULL;
	struct kds_cached *cached = NULL;
	int64_t now = clock_now();
	size_t count = 0;
	int r = kds_cache_list(directory, now, &cached, &count, error);

	if (!r && json)
		r = json_add_text(object, "directory", directory);
	if (json) {
		int added = json_add(object, "objects", list);

		r = r ? r : added;
	}
	for (size_t i = 0; i < count && !r; i++) {
		struct row row = {.cached = &cached[i]};

		read_row(&row, directory, now);
		if (json)
			r = add_row(list, &row, now);
		else
			print_row(&row, now);
	}
	free(cached);
	if (r) {
		(void)json_object_put(object);
		return output_exit_of(r);
	}
	if (json)
		return output_json(object, EXIT_YES);
	printf("%s: %zu objects\n", directory, count);
	return EXIT_YES;
}
