/* SPDX-License-Identifier: Apache-2.0 */
#include "io/kds_object.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/crypto.h"
#include "base/text.h"
#include "io/fetch_outcome.h"
#include "snp/certs.h"
#include "snp/crl.h"
#include "snp/vek.h"

static const enum snp_product products[] = {SNP_MILAN, SNP_GENOA, SNP_TURIN};
static const enum snp_signer signers[] = {SNP_SIGNER_VCEK, SNP_SIGNER_VLEK};

static bool is_path(const struct kds_object *object, const char *path)
{
	char made[SNP_KDS_PATH_MAX];

	return kds_object_path(object, made) == 0 && strcmp(made, path) == 0;
}

static const char *signer_name(enum snp_signer signer)
{
	return signer == SNP_SIGNER_VLEK ? "vlek" : "vcek";
}

static int parse_spl(const char **at, const char *name, uint8_t *ret)
{
	size_t size = strlen(name);
	char digits[4] = "";
	uint64_t value;
	size_t count;

	if (strncmp(*at, name, size) != 0)
		return -EINVAL;
	*at += size;
	count = strspn(*at, "0123456789");
	if (count == 0 || count >= sizeof(digits))
		return -EINVAL;
	memcpy(digits, *at, count);
	*at += count;
	if (text_to_u64(digits, UINT8_MAX, false, &value))
		return -EINVAL;
	*ret = (uint8_t)value;
	return 0;
}

/* "HWID?[fmcSPL=..&]blSPL=..&teeSPL=..&snpSPL=..&ucodeSPL=..", as snp_kds_vcek_path() writes it. */
static int parse_vcek(const char *at, struct kds_object *object)
{
	char hwid[2 * SNP_CHIP_ID_SIZE + 1] = "";
	int r;

	object->hwid_size = object->product == SNP_TURIN ? SNP_TURIN_HWID_SIZE : SNP_CHIP_ID_SIZE;
	if (strcspn(at, "?") != 2 * object->hwid_size)
		return -EINVAL;
	memcpy(hwid, at, 2 * object->hwid_size);
	r = hex_decode(object->hwid, object->hwid_size, hwid);
	at += 2 * object->hwid_size + (at[2 * object->hwid_size] ? 1 : 0);
	if (!r && object->product == SNP_TURIN)
		r = parse_spl(&at, "fmcSPL=", &object->tcb.fmc);
	if (!r && object->product == SNP_TURIN)
		r = *at++ == '&' ? 0 : -EINVAL;
	if (!r)
		r = parse_spl(&at, "blSPL=", &object->tcb.bootloader);
	if (!r)
		r = parse_spl(&at, "&teeSPL=", &object->tcb.tee);
	if (!r)
		r = parse_spl(&at, "&snpSPL=", &object->tcb.snp);
	return r ? r : parse_spl(&at, "&ucodeSPL=", &object->tcb.microcode);
}

int kds_object_parse(const char *path, struct kds_object *ret)
{
	for (size_t i = 0; i < ARRAY_SIZE(products); i++) {
		struct kds_object object = {.product = products[i], .kind = KDS_VCEK};
		char prefix[32];

		for (size_t j = 0; j < ARRAY_SIZE(signers); j++) {
			object.signer = signers[j];
			for (object.kind = KDS_CHAIN; object.kind <= KDS_CRL; object.kind++) {
				if (is_path(&object, path)) {
					*ret = object;
					return 0;
				}
			}
		}
		(void)snprintf(prefix, sizeof(prefix), "/vcek/v1/%s/", snp_product_name(products[i]));
		object = (struct kds_object){.product = products[i], .kind = KDS_VCEK, .signer = SNP_SIGNER_VCEK};
		/* What does not come out the same was written by somebody else. */
		if (text_starts_with(path, prefix) && parse_vcek(path + strlen(prefix), &object) == 0 && is_path(&object, path)) {
			*ret = object;
			return 0;
		}
	}
	return -EINVAL;
}

int kds_object_path(const struct kds_object *object, char to[static SNP_KDS_PATH_MAX])
{
	if (object->kind == KDS_VLEK)
		return -EINVAL;
	if (object->kind == KDS_VCEK)
		return snp_kds_vcek_path(to, object->product, object->hwid, &object->tcb);
	return object->kind == KDS_CHAIN ? snp_kds_chain_path(to, object->product, object->signer)
					 : snp_kds_crl_path(to, object->product, object->signer);
}

static void lower_product(enum snp_product product, char to[static 16])
{
	(void)snprintf(to, 16, "%s", snp_product_name(product));
	to[0] = (char)tolower((unsigned char)to[0]);
}

void kds_object_file(const struct kds_object *object, char to[static KDS_FILE_NAME_MAX])
{
	const struct snp_tcb *tcb = &object->tcb;
	char hwid[2 * SNP_CHIP_ID_SIZE + 1], product[16], fmc[8] = "";

	lower_product(object->product, product);
	if (object->kind == KDS_CHAIN) {
		(void)snprintf(to, KDS_FILE_NAME_MAX, "chain-%s-%s.pem", signer_name(object->signer), product);
	} else if (object->kind == KDS_CRL) {
		(void)snprintf(to, KDS_FILE_NAME_MAX, "crl-%s-%s.crl", signer_name(object->signer), product);
	} else {
		hex_encode(hwid, object->hwid, object->hwid_size);
		if (object->product == SNP_TURIN)
			(void)snprintf(fmc, sizeof(fmc), "-%02x", tcb->fmc);
		(void)snprintf(to, KDS_FILE_NAME_MAX, "%s-%s-%s%s-%02x-%02x-%02x-%02x.der", signer_name(object->signer), product, hwid, fmc,
			tcb->bootloader, tcb->tee, tcb->snp, tcb->microcode);
	}
}

/* Two hex digits and the separator before them. */
static int file_spl(const char **at, uint8_t *ret)
{
	char digits[3] = "";

	if (**at != '-' || strlen(*at) < 3)
		return -EINVAL;
	memcpy(digits, *at + 1, 2);
	*at += 3;
	return hex_decode(ret, 1, digits);
}

static int file_vek(const char *at, struct kds_object *object)
{
	bool short_id = object->product == SNP_TURIN || object->kind == KDS_VLEK;
	char hwid[2 * SNP_CHIP_ID_SIZE + 1] = "";
	int r;

	object->hwid_size = short_id ? SNP_TURIN_HWID_SIZE : SNP_CHIP_ID_SIZE;
	if (strcspn(at, "-") != 2 * object->hwid_size)
		return -EINVAL;
	memcpy(hwid, at, 2 * object->hwid_size);
	at += 2 * object->hwid_size;
	r = hex_decode(object->hwid, object->hwid_size, hwid);
	if (!r && object->product == SNP_TURIN)
		r = file_spl(&at, &object->tcb.fmc);
	if (!r)
		r = file_spl(&at, &object->tcb.bootloader);
	if (!r)
		r = file_spl(&at, &object->tcb.tee);
	if (!r)
		r = file_spl(&at, &object->tcb.snp);
	return r ? r : file_spl(&at, &object->tcb.microcode);
}

static bool is_file(const struct kds_object *object, const char *name)
{
	char made[KDS_FILE_NAME_MAX];

	kds_object_file(object, made);
	return strcmp(made, name) == 0;
}

int kds_object_from_file(const char *name, struct kds_object *ret)
{
	for (size_t i = 0; i < ARRAY_SIZE(products); i++) {
		struct kds_object object = {.product = products[i]};
		char prefix[32], product[16];

		for (size_t j = 0; j < ARRAY_SIZE(signers); j++) {
			object.signer = signers[j];
			for (object.kind = KDS_CHAIN; object.kind <= KDS_CRL; object.kind++) {
				if (is_file(&object, name)) {
					*ret = object;
					return 0;
				}
			}
		}
		lower_product(products[i], product);
		for (size_t j = 0; j < ARRAY_SIZE(signers); j++) {
			object = (struct kds_object){.product = products[i], .signer = signers[j]};
			object.kind = signers[j] == SNP_SIGNER_VLEK ? KDS_VLEK : KDS_VCEK;
			(void)snprintf(prefix, sizeof(prefix), "%s-%s-", signer_name(signers[j]), product);
			if (text_starts_with(name, prefix) && file_vek(name + strlen(prefix), &object) == 0 && is_file(&object, name)) {
				*ret = object;
				return 0;
			}
		}
	}
	return -EINVAL;
}

static int other(struct error *error, const struct kds_object *object, const char *what)
{
	char text[KDS_OBJECT_TEXT_MAX];

	kds_object_text(object, text);
	return error_set(error, KDS_OBJECT_E_OTHER, "the answer is not %s: %s", text, what);
}

static bool same_tcb(const struct snp_tcb *a, const struct snp_tcb *b)
{
	return a->fmc == b->fmc && a->bootloader == b->bootloader && a->tee == b->tee && a->snp == b->snp && a->microcode == b->microcode;
}

static int check_vek(const struct kds_object *object, const struct snp_certs *certs, struct error *error)
{
	struct kds_object found;

	if (certs->count != 1 || certs->items[0].kind != SNP_ITEM_CERTIFICATE || kds_object_of_vek(certs->items[0].der, &found))
		return other(error, object, "not one certificate of a chip");
	if (found.product != object->product || found.kind != object->kind)
		return other(error, object, "a certificate of another product or kind");
	if (found.hwid_size != object->hwid_size || memcmp(found.hwid, object->hwid, found.hwid_size) != 0)
		return other(error, object, object->kind == KDS_VCEK ? "another chip's certificate" : "another cloud's certificate");
	return same_tcb(&found.tcb, &object->tcb) ? 0 : other(error, object, "a certificate for another TCB");
}

static int check_set(const struct kds_object *object, const struct snp_certs *certs, struct error *error)
{
	struct snp_crl_info info;

	if (object->kind == KDS_VCEK || object->kind == KDS_VLEK)
		return check_vek(object, certs, error);
	if (object->kind == KDS_CRL) {
		if (certs->count != 1 || certs->items[0].kind != SNP_ITEM_CRL || snp_crl_decode(certs->items[0].der, &info, NULL))
			return other(error, object, "not one revocation list");
		return 0;
	}
	if (certs->count != 2 || certs->items[0].kind != SNP_ITEM_CERTIFICATE || certs->items[1].kind != SNP_ITEM_CERTIFICATE)
		return other(error, object, "not an intermediate and a root");
	return 0;
}

int kds_object_check(const struct kds_object *object, struct bytes answer, struct error *error)
{
	CLEANUP(snp_certs_deinit) struct snp_certs certs;
	struct error detail = ERROR_NULL;
	int r;

	snp_certs_init(&certs);
	r = object->kind == KDS_CRL ? snp_certs_add_crl(&certs, answer, &detail) : snp_certs_add(&certs, answer, &detail);
	if (r < 0)
		return r;
	return r ? other(error, object, error_text(&detail)) : check_set(object, &certs, error);
}

void kds_object_text(const struct kds_object *object, char to[static KDS_OBJECT_TEXT_MAX])
{
	const struct snp_tcb *tcb = &object->tcb;
	const char *product = snp_product_name(object->product);
	char hwid[2 * 8 + 1], fmc[16] = "";

	if (object->kind == KDS_CHAIN || object->kind == KDS_CRL) {
		(void)snprintf(to, KDS_OBJECT_TEXT_MAX, "the %s of %s (%s)", object->kind == KDS_CHAIN ? "certificate chain" : "revocation list",
			product, object->signer == SNP_SIGNER_VLEK ? "VLEK" : "VCEK");
		return;
	}
	hex_encode(hwid, object->hwid, 8);
	if (object->product == SNP_TURIN)
		(void)snprintf(fmc, sizeof(fmc), "fmc %u ", tcb->fmc);
	(void)snprintf(to, KDS_OBJECT_TEXT_MAX, "the %s of %s %s %s%s, TCB %sbootloader %u tee %u snp %u microcode %u",
		object->kind == KDS_VLEK ? "VLEK" : "VCEK", product, object->kind == KDS_VLEK ? "cloud" : "chip", hwid, object->hwid_size > 8 ? "..." : "", fmc, tcb->bootloader, tcb->tee, tcb->snp, tcb->microcode);
}

enum kds_outcome kds_object_judge(const struct kds_object *object, int fetched, unsigned status, struct bytes body, struct error *error)
{
	char text[KDS_OBJECT_TEXT_MAX];

	/* A half answer concerns one object; whoever cannot be reached at all is away for all of them. */
	if (fetched == FETCH_E_PROTOCOL || fetched == FETCH_E_TOO_LARGE)
		return KDS_OUTCOME_BAD;
	if (fetched)
		return KDS_OUTCOME_DOWN;
	kds_object_text(object, text);
	if (status == 200)
		return kds_object_check(object, body, error) ? KDS_OUTCOME_BAD : KDS_OUTCOME_GOOD;
	if (status == 404 || status == 400) {
		(void)error_set(error, 0, "the key service does not have %s (%u)", text, status);
		return KDS_OUTCOME_ABSENT;
	}
	if (status == 429) {
		(void)error_set(error, 0, "the key service has too many requests (429)");
		return KDS_OUTCOME_BUSY;
	}
	(void)error_set(error, 0, "the key service answers with status %u", status);
	return KDS_OUTCOME_DOWN;
}

int kds_object_of_report(const struct snp_report *report, enum snp_product product, struct kds_object *ret)
{
	struct kds_object object = {.kind = KDS_VCEK, .signer = SNP_SIGNER_VCEK, .product = product};
	struct snp_report laid_out = *report;

	if (product == SNP_PRODUCT_UNKNOWN || bytes_all_zero(report->chip_id, sizeof(report->chip_id)))
		return -EINVAL;
	snp_report_relayout(&laid_out, product);
	object.hwid_size = product == SNP_TURIN ? SNP_TURIN_HWID_SIZE : SNP_CHIP_ID_SIZE;
	memcpy(object.hwid, report->chip_id, object.hwid_size);
	object.tcb = laid_out.reported_tcb;
	*ret = object;
	return 0;
}

int kds_object_of_vek(struct bytes der, struct kds_object *ret)
{
	struct kds_object object = {.kind = KDS_VCEK, .signer = SNP_SIGNER_VCEK};
	uint8_t digest[SHA256_SIZE];
	struct snp_vek vek;

	if (snp_vek_decode(der, &vek, NULL) || vek.bad || vek.product == SNP_PRODUCT_UNKNOWN || !(vek.present & SNP_VEK_MICROCODE) ||
		!(vek.present & (SNP_VEK_HWID | SNP_VEK_CSP_ID)))
		return KDS_OBJECT_E_OTHER;
	object.product = vek.product;
	object.tcb = vek.tcb;
	object.hwid_size = vek.hwid_size;
	memcpy(object.hwid, vek.hwid, vek.hwid_size);
	if (vek.present & SNP_VEK_CSP_ID) {
		if (sha256(digest, bytes_of_text(vek.csp_id)))
			return -EIO;
		object.kind = KDS_VLEK;
		object.signer = SNP_SIGNER_VLEK;
		object.hwid_size = SNP_TURIN_HWID_SIZE;
		memcpy(object.hwid, digest, SNP_TURIN_HWID_SIZE);
	}
	*ret = object;
	return 0;
}

struct kds_object kds_object_chain(enum snp_product product, enum snp_signer signer)
{
	return (struct kds_object){.kind = KDS_CHAIN, .signer = signer, .product = product};
}

struct kds_object kds_object_crl(enum snp_product product, enum snp_signer signer)
{
	return (struct kds_object){.kind = KDS_CRL, .signer = signer, .product = product};
}
