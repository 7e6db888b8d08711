/* SPDX-License-Identifier: Apache-2.0 */
#include "base/secret.h"

#include <errno.h>
#include <openssl/crypto.h>
#include <openssl/rand.h>
#include <string.h>
#include <sys/prctl.h>

#define SECRET_GRAIN 64 /* the smallest block of the secure heap: a key and the allocator's alignment */

int secret_process_init(size_t heap_size)
{
	if (prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) < 0)
		return -errno;
	if (CRYPTO_secure_malloc_initialized())
		return 0;
	/* 2 means that the heap works but could not be locked: RLIMIT_MEMLOCK is too small. Say so; do not run with a swappable heap. */
	switch (CRYPTO_secure_malloc_init(heap_size, SECRET_GRAIN)) {
	case 1:
		return 0;
	case 2:
		return -EPERM;
	default:
		return -ENOMEM;
	}
}

int secret_alloc(struct secret *ret, size_t size)
{
	uint8_t *data;

	if (size > SECRET_MAX)
		return -E2BIG;
	/* Without the heap OPENSSL_secure_malloc() falls back to malloc() silently. */
	if (!CRYPTO_secure_malloc_initialized())
		return -ENOTRECOVERABLE;
	data = OPENSSL_secure_zalloc(size ? size : 1);
	if (!data)
		return -ENOMEM;
	*ret = (struct secret){data, size};
	return 0;
}

int secret_copy_in(struct secret *ret, const void *data, size_t size)
{
	int r = secret_alloc(ret, size);

	if (r == 0 && size)
		memcpy(ret->data, data, size);
	return r;
}

int secret_random(struct secret *ret, size_t size)
{
	struct secret fresh = SECRET_NULL;
	int r = secret_alloc(&fresh, size);

	if (r < 0)
		return r;
	if (size && RAND_priv_bytes(fresh.data, (int)size) != 1) {
		secret_deinit(&fresh);
		return -EIO;
	}
	*ret = fresh;
	return 0;
}

void secret_deinit(struct secret *secret)
{
	if (secret->data)
		OPENSSL_secure_clear_free(secret->data, secret->size ? secret->size : 1);
	*secret = (struct secret)SECRET_NULL;
}

void secret_truncate(struct secret *secret, size_t size)
{
	if (size >= secret->size)
		return;
	OPENSSL_cleanse(secret->data + size, secret->size - size);
	/* secure_clear_free() wipes the whole block whatever size it is told, so the shorter size is safe to keep. */
	secret->size = size;
}
