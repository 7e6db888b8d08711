/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * Secrets live here and nowhere else: OpenSSL's secure heap (mlocked, left out of dumps, cleansed on free). They are moved, not copied,
 * and nothing prints them.
 */
#include <stddef.h>
#include <stdint.h>

#include "base/bytes.h"

#define SECRET_MAX ((size_t)1 << 20) /* LoadCredential's limit, and the largest resource that a broker stores */

struct secret {
	uint8_t *data;
	size_t size;
};

#define SECRET_NULL {NULL, 0}

/*
 * Call once in main(), before the first secret: sets up the secure heap with `heap_size` bytes (power of two; 4 MiB serves every program) and
 * makes the process undumpable. 0 or -errno. Without it secret_alloc() returns -ENOTRECOVERABLE.
 */
int secret_process_init(size_t heap_size) MUST_CHECK;

/* `size` zeroed bytes; 1..SECRET_MAX (0 gives a non-NULL empty secret). 0, -ENOMEM, -E2BIG, -ENOTRECOVERABLE. */
int secret_alloc(struct secret *ret, size_t size) MUST_CHECK;
int secret_copy_in(struct secret *ret, const void *data, size_t size) MUST_CHECK;
/* `size` fresh random bytes (private DRBG). */
int secret_random(struct secret *ret, size_t size) MUST_CHECK;
/* Cleanses and frees; may be called twice. */
void secret_deinit(struct secret *secret);
/* Shortens without moving; the cut-off part is cleansed. */
void secret_truncate(struct secret *secret, size_t size);

static inline struct secret secret_steal(struct secret *from)
{
	struct secret moved = *from;

	*from = (struct secret)SECRET_NULL;
	return moved;
}

static inline struct bytes secret_view(const struct secret *secret)
{
	return bytes_of(secret->data, secret->size);
}
