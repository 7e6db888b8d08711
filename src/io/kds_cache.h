/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * The cache of certificates and revocation lists: one file for each object, named as io/kds_object.h says, in a directory that programs,
 * replicas and people share (/var/cache/sevattest). It is neither trusted nor protected: what does not verify is forgotten. Files are
 * replaced atomically; a file by another name is nobody's.
 */
#include <stdbool.h>
#include <stdint.h>

#include "base/bytes.h"
#include "base/error.h"
#include "io/kds_object.h"

#define KDS_ANSWER_MAX ((size_t)128 << 10) /* the largest genuine object, a chain in PEM, has 5 KiB; a CRL may grow */
#define KDS_CACHE_FILES_MAX 100000         /* a fleet of chips with a few TCBs each */

/* 0 and the bytes, the age in seconds (0 for a time stamp in the future) in `ret_age` if not NULL; -ENOENT; other -errno. */
int kds_cache_get(const char *directory, const struct kds_object *object, int64_t now, struct buf *ret, int64_t *ret_age) MUST_CHECK;
/* Makes the directory (not its parents) when it is missing. 0 or -errno with a text. */
int kds_cache_put(const char *directory, const struct kds_object *object, struct bytes bytes, struct error *error) MUST_CHECK;
void kds_cache_forget(const char *directory, const struct kds_object *object);

/* One file of the cache. */
struct kds_cached {
	struct kds_object object;
	char name[KDS_FILE_NAME_MAX];
	int64_t age;
};

/* All objects in the order of their names, free(3); files by other names are passed over. A missing directory is empty. 0, -errno. */
int kds_cache_list(const char *directory, int64_t now, struct kds_cached **ret, size_t *ret_count, struct error *error) MUST_CHECK;
/* Is there a file of this chip with any TCB? */
bool kds_cache_knows_chip(const char *directory, const struct kds_object *vcek);
