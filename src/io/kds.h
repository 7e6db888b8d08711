/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * AMD's Key Distribution Service or a mirror of it: certificates and CRLs by the path names of snp/kds.h, with a small cache on disk.
 * What comes back is worth nothing until it chains to a pin: the cache is neither trusted nor protected.
 */
#include <stdbool.h>
#include <stdint.h>

#include "base/bytes.h"
#include "base/compiler.h"
#include "base/error.h"

#define KDS_BASE_URL "https://kdsintf.amd.com"
#define KDS_ANSWER_MAX ((size_t)128 << 10) /* the largest genuine object, a chain in PEM, has 5 KiB; a CRL may grow */

enum {
	KDS_E_UNREACHABLE = 1, /* also a 5xx answer */
	KDS_E_NOT_FOUND,       /* 404: no such chip, TCB or product */
	KDS_E_BUSY,            /* 429; see retry_after */
	KDS_E_REFUSED,         /* certificate of the server not accepted, a redirect, or another 4xx */
};

struct kds;

struct kds_config {
	const char *base_url;  /* NULL: KDS_BASE_URL; without a final slash */
	const char *ca_file;   /* for https */
	const char *cache_dir; /* NULL: no cache; made when missing */
	bool allow_http;
	unsigned total_timeout_ms;
};

int kds_new(const struct kds_config *config, struct kds **ret, struct error *error) MUST_CHECK;
struct kds *kds_free(struct kds *kds);
DEFINE_CLEANUP(struct kds *, kds_free)

/*
 * `path` as snp/kds.h makes it ("/vcek/v1/Milan/..."). A cached object younger than `max_age` seconds (at the time `now`) is taken
 * without a request; 0 always asks. `ret_retry_after` may be NULL. 0, KDS_E_*, -errno.
 */
int kds_get(struct kds *kds, const char *path, int64_t now, int64_t max_age, struct buf *ret, uint32_t *ret_retry_after,
	struct error *error) MUST_CHECK;
/* Removes what kds_get() cached: the content did not verify. */
void kds_forget(struct kds *kds, const char *path);
