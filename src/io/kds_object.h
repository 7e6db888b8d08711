/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * One object of AMD's key service: what its path names, how its file in a cache is called, and whether an answer is that object at all.
 * Pure. An object that passes here is still worth nothing until it chains to a pin: this keeps half answers and other chips' certificates
 * out of caches, nothing else.
 */
#include <stdbool.h>
#include <stdint.h>

#include "base/bytes.h"
#include "base/error.h"
#include "io/kds_queue.h"
#include "snp/kds.h"
#include "snp/report.h"

/* A VLEK has no path: only the cloud that it was made for gets it. It is imported. */
enum kds_kind { KDS_VCEK, KDS_CHAIN, KDS_CRL, KDS_VLEK };

struct kds_object {
	enum kds_kind kind;
	enum snp_signer signer; /* whose chain or CRL */
	enum snp_product product;
	uint8_t hwid[SNP_CHIP_ID_SIZE]; /* on Turin the first 8 bytes, zeros behind; of a VLEK 8 bytes of the digest of its csp_id */
	size_t hwid_size;
	struct snp_tcb tcb; /* `raw` is not filled */
};

/* Takes a path of snp/kds.h apart. 0 or -EINVAL. */
int kds_object_parse(const char *path, struct kds_object *ret) MUST_CHECK;

#define KDS_FILE_NAME_MAX 224
/*
 * The name of its file: "vcek-milan-HWID-04-00-18-db.der" (SPLs in hex: bootloader, tee, snp, microcode; on Turin fmc first),
 * "vlek-milan-DIGEST-...der", "chain-vcek-milan.pem", "crl-vlek-genoa.crl".
 */
void kds_object_file(const struct kds_object *object, char to[static KDS_FILE_NAME_MAX]);
/* And back: 0, or -EINVAL for a name that kds_object_file() does not make. */
int kds_object_from_file(const char *name, struct kds_object *ret) MUST_CHECK;
/* And the path again. 0 or -EINVAL. */
int kds_object_path(const struct kds_object *object, char to[static SNP_KDS_PATH_MAX]) MUST_CHECK;

/* Is `answer` that object? 0, KDS_OBJECT_E_OTHER with a text, -ENOMEM. */
enum { KDS_OBJECT_E_OTHER = 1 };
int kds_object_check(const struct kds_object *object, struct bytes answer, struct error *error) MUST_CHECK;

/*
 * How a request for the object ended: `fetched` is what fetch() returned (0, FETCH_E_*, -errno) and `error` then has its text; with 0 status
 * and body are judged, and `error` gets a text unless the outcome is good.
 */
enum kds_outcome kds_object_judge(const struct kds_object *object, int fetched, unsigned status, struct bytes body, struct error *error);

/* The VCEK that a report needs, of this product. 0; -EINVAL: the chip id is masked, or the product unknown. */
int kds_object_of_report(const struct snp_report *report, enum snp_product product, struct kds_object *ret) MUST_CHECK;
/* What a VEK certificate is, by its extensions. 0; KDS_OBJECT_E_OTHER: they do not say it; -EIO. */
int kds_object_of_vek(struct bytes der, struct kds_object *ret) MUST_CHECK;
struct kds_object kds_object_chain(enum snp_product product, enum snp_signer signer);
struct kds_object kds_object_crl(enum snp_product product, enum snp_signer signer);

/* "the VCEK of chip 12ab..., TCB bootloader 4 tee 0 snp 24 microcode 219", for messages. */
#define KDS_OBJECT_TEXT_MAX 160
void kds_object_text(const struct kds_object *object, char to[static KDS_OBJECT_TEXT_MAX]);
