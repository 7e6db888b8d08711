/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * AMD's Key Distribution Service, or a mirror of it, for a program that asks one thing after another and waits (the command line): the
 * policy of io/kds_queue, the cache of io/kds_cache, over io/fetch. What comes back is worth nothing until it chains to a pin.
 */
#include <stdbool.h>
#include <stdint.h>

#include "base/bytes.h"
#include "base/compiler.h"
#include "base/error.h"
#include "io/kds_cache.h"
#include "io/kds_object.h"

#define KDS_BASE_URL "https://kdsintf.amd.com"

enum {
	KDS_E_UNREACHABLE = 1, /* also a 5xx answer, or a certificate that is not accepted */
	KDS_E_NOT_FOUND,       /* 404 */
	KDS_E_BUSY,            /* 429, and the time to wait is up */
	KDS_E_BAD,             /* again and again something else than what was asked for */
};

struct kds;

struct kds_config {
	const char *base_url;  /* NULL: KDS_BASE_URL; without a final slash */
	const char *ca_file;   /* for https */
	const char *cache_dir; /* NULL: no cache; made when missing */
	bool allow_http;
	unsigned total_timeout_ms; /* of one request */
	unsigned wait_s;           /* how long kds_get() may wait for a service that is busy or away; 0: not at all */
	void (*progress)(void *context, const char *text); /* what it waits for, about once a second; may be NULL */
	void *context;
};

struct kds_source {
	bool cached;       /* no request was made */
	uint32_t retry_after; /* with KDS_E_BUSY: seconds */
};

/* The configuration's texts are copied. -EINVAL, -errno with a text. */
int kds_new(const struct kds_config *config, struct kds **ret, struct error *error) MUST_CHECK;
struct kds *kds_free(struct kds *kds);
DEFINE_CLEANUP(struct kds *, kds_free)

/*
 * A cached object younger than `max_age` seconds at the time `now` is taken without a request (INT64_MAX: any age; 0: always ask).
 * `ret_source` may be NULL. 0, KDS_E_*, -errno; with a text.
 */
int kds_get(struct kds *kds, const struct kds_object *object, int64_t now, int64_t max_age, struct buf *ret, struct kds_source *ret_source,
	struct error *error) MUST_CHECK;

/* Removes what kds_get() cached: the content did not verify. */
void kds_forget(struct kds *kds, const struct kds_object *object);

/*
 * The service has no VCEK of this chip and TCB: what is the matter? Looks whether it knows the chip with another TCB of the report, and
 * whether it serves the product at all. Fills `error` with what to tell people, and what to do.
 */
enum kds_absence { KDS_ABSENT_TCB = 1, KDS_ABSENT_CHIP, KDS_ABSENT_PRODUCT };
enum kds_absence kds_explain(struct kds *kds, const struct kds_object *object, const struct snp_report *report, int64_t now, struct error *error);
